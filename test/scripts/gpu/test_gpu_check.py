"""gpu-check as far as it goes without a GPU: structure, statistics, report, and a run on a stand-in."""

import json
import os
import select
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gpu import check, section
from gpu.check import run_check, steps
from gpu.kernel_sections import figures
from gpu.kit import MODEL, REFERENCE, subjects_of
from gpu.report import markdown, merge, report
from gpu.section import DONE, FAILED, NOT_RUN, SECTIONS, Settings, Step, run_section

from bisenet_core.errors import InputError

STEP = Step("network", "bisenetv2", "fp16")


@pytest.fixture
def settings(tmp_path):
    return Settings(kit=tmp_path / "kit", work=tmp_path / "work", subjects=("bisenetv2", "stdc1_seg"))


def measured(step):
    """What each section would find, with round numbers."""
    camera = {"wall_ms": {"p50": 1.0, "p99": 1.2}}
    cameras = {size: camera for size in ("1280x720", "1920x1080", "2048x1024")}
    ours_cameras = {
        size: {**camera, "stages_ms": {"network": 0.25}, "allocations": 0} for size in cameras
    }
    slower = {size: {"wall_ms": {"p50": 3.0, "p99": 3.3}} for size in cameras}
    rival = {"network_ms": {"p50": 0.5, "p99": 0.6}, **slower}
    return {
        "machine": {"device": "NVIDIA H200"}, "build": {"seconds": 61.0, "bytes": 11_000_000},
        "parity": {"equal_labels": 0.9991, "frames": 3},
        "network": {"wall_ms": {"p50": 0.3, "p99": 0.31}}, "segment": ours_cameras,
        "postprocess": figures((2048, 1024), 2_720_000, 4e12, 1.0),
    }.get(step.section, rival)


def everything(settings):
    return {step: {"status": DONE, "measured": measured(step)} for step in steps(settings)}


def test_the_main_network_is_measured_whole_before_any_other(settings):
    order = [step.subject for step in steps(settings)]
    assert order.index("stdc1_seg") > len(order) - 1 - order[::-1].index("bisenetv2")
    assert {step.section for step in steps(settings)} == set(SECTIONS)


def test_rivals_take_turns_with_ours(settings):
    order = [step.round for step in steps(settings) if step.section == "pytorch"]
    assert order == [0, 1, 2]
    names = [step.section for step in steps(settings) if step.round == 1]
    assert {"segment", "network", "pytorch", "onnxruntime"} <= set(names)


def test_the_first_check_asks_what_matters_most_and_each_once(settings):
    found = [step.section for step in steps(replace(settings, is_first=True))]
    assert found[:4] == ["machine", "kernels", "build", "parity"] and set(found) == set(SECTIONS)
    assert len(found) == len(set(found)) and found.index("racecheck") < found.index("pytorch")


def test_a_check_ends_with_its_budget_and_tells_what_it_did_not_reach(settings, monkeypatch, tmp_path):
    clock, limits = iter([0.0, 0.0, 40.0, 101.0]), []
    monkeypatch.setattr(check.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(check, "_in_a_process", lambda step, limited: (
        limits.append(limited.timeout), {"status": DONE, "measured": measured(step)})[1])
    run_check(replace(settings, budget=100.0, timeout=70.0), tmp_path / "out", "trial")
    assert limits == [70.0, 60.0]
    content = json.loads((tmp_path / "out" / "gpu_check_trial.json").read_text())
    assert {row["reason"] for row in content["summary"][2:]} == {"the check ended before"}


def test_names_of_steps_differ(settings):
    names = [str(step) for step in steps(settings)]
    assert len(names) == len(set(names))


def test_settings_survive_the_way_to_another_process(settings):
    given = replace(settings, pythons={"torch": "python3"}, cameras=((64, 48),))
    assert Settings.from_json(json.loads(json.dumps(given.to_json()))) == given


def test_rounds_become_medians_and_what_must_not_be_hidden_the_worst():
    rounds = [{"p50": 1.0, "allocations": 0, "equal_labels": 1.0, "device": "a"},
              {"p50": 2.0, "allocations": 3, "equal_labels": 0.9, "device": "a"},
              {"p50": 9.0, "allocations": 0, "equal_labels": 1.0, "device": "a"}]
    assert merge(rounds) == {"p50": 2.0, "allocations": 3, "equal_labels": 0.9, "device": "a"}


def test_nothing_is_made_of_what_a_backend_does_not_count():
    assert merge([{"allocations": None}, {"allocations": None}]) == {"allocations": None}


def test_a_round_that_failed_is_named_and_the_others_count(settings):
    step = Step("pytorch", "bisenetv2", "fp16")
    records = {step: {"status": DONE, "measured": measured(step)},
               step._replace(round=1): {"status": FAILED, "reason": "lost"}}
    row, = report(records, settings, "today")["summary"]
    assert row["rounds"] == 1 and row["incomplete"] == ["lost"]
    assert "a round | lost" in markdown(report(records, settings, "today"), settings)


def test_the_floor_is_bytes_over_bandwidth():
    found = figures((2048, 1024), 4_000_000, 4e12, kernel_us=1.5)
    assert found["floor_us"] == pytest.approx(1.0) and found["over_floor"] == pytest.approx(1.5)


def test_the_page_names_every_way_network_and_missing_section(settings):
    records = everything(settings)
    records[list(records)[5]] = {"status": NOT_RUN, "reason": "no | such\nlibrary"}
    page = markdown(report(records, settings, "today"), settings)
    for text in ("bisenetv2", "stdc1_seg", "pytorch", "onnxruntime", "1920x1080", "p99 1.2",
                 "no / such library", "NVIDIA H200"):  # fmt: skip
        assert text in page
    assert "stand-in" not in page


def test_rows_of_a_table_are_equally_long(settings):
    page = markdown(report(everything(settings), settings, "today"), settings)
    for table in page.split("\n\n"):
        lines = [line.count("|") for line in table.splitlines() if line.startswith("|")]
        assert len(set(lines)) <= 1


def test_the_report_is_json_even_when_nothing_ran(settings):
    records = {step: {"status": NOT_RUN, "reason": "no GPU"} for step in steps(settings)}
    content = report(records, settings, "today")
    assert "no GPU" in json.dumps(content, allow_nan=False)
    assert "no GPU" in markdown(content, settings)


def test_the_report_tells_nothing_of_the_machine_s_folders_and_names(settings):
    records = everything(settings)
    for record in records.values():
        record["traceback"] = "/home/someone/kit"
    content = report(records, replace(settings, pythons={"torch": "/home/someone/python"}), "today")
    text = json.dumps(content) + markdown(content, settings)
    assert "/home/someone" not in text and str(settings.kit.parent) not in text


@pytest.mark.parametrize("error, status, reason", [
    (InputError("no GPU\nhere"), NOT_RUN, "no GPU here"),
    (ModuleNotFoundError("No module named 'tensorrt'"), NOT_RUN, "ModuleNotFoundError: No module"),
    (ZeroDivisionError("x"), FAILED, "ZeroDivisionError: x"),
])  # fmt: skip
def test_whatever_a_section_raises_is_a_record(settings, monkeypatch, error, status, reason):
    def function(step, settings):
        raise error

    monkeypatch.setattr(section, "_find", lambda module, name: function)
    record = run_section(Step("network", "bisenetv2", "fp16"), settings)
    assert record["status"] == status and record["reason"].startswith(reason)


@pytest.fixture
def one_step(settings):
    """Runs one step in a process that a test writes itself, instead of Python with our section."""
    settings.work.mkdir()

    def run(script, **changes):
        program = settings.work.parent / "program"
        start = "import json, os, sys, time\nresult = sys.argv[4]"
        program.write_text(f"#!{sys.executable}\n{start}\n{script}\n")
        program.chmod(0o755)
        given = replace(settings, pythons={"tensorrt": str(program)}, **changes)
        return check._in_a_process(STEP, given)

    return run


def test_a_crash_costs_its_own_section_and_says_what_it_said_last(one_step):
    record = one_step('print("cuda: illegal address"); sys.stdout.flush(); os.abort()')
    assert record["status"] == FAILED
    assert record["reason"] == "ended with status -6: cuda: illegal address"


def test_a_section_that_hangs_is_ended_with_its_children(one_step, tmp_path):
    # the child holds a lock on the file that would be free if it had been ended
    script = ("import fcntl, subprocess\nlock = open(os.path.dirname(result) + '/lock', 'w')\n"
              "fcntl.flock(lock, fcntl.LOCK_EX)\n"
              "subprocess.Popen(['sleep', '60'], pass_fds=[lock.fileno()])\ntime.sleep(60)")
    record = one_step(script, timeout=3.0)
    assert record["status"] == FAILED and record["reason"] == "took more than 3 s"
    import fcntl

    with open(tmp_path / "work" / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # would wait for the child


def test_a_section_ends_with_a_check_that_is_killed(tmp_path):
    request = tmp_path / "request"
    os.mkfifo(request)  # the section waits until somebody writes into it
    command = [sys.executable, "-m", "gpu.section", str(request), str(tmp_path / "result")]
    starter = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True).wait()"
    check_process = subprocess.Popen([sys.executable, "-c", starter, *command], cwd=check._SCRIPTS)
    with request.open("w") as other_end:  # opens when the section reads
        check_process.kill()
        check_process.wait()
        ended = select.poll()
        ended.register(other_end, select.POLLERR)
        assert ended.poll(60_000), "the section still reads"


def test_a_python_that_is_not_there_is_named(settings):
    settings.work.mkdir()
    record = check._in_a_process(STEP, replace(settings, pythons={"tensorrt": "/no/python"}))
    assert record["status"] == FAILED and record["reason"].startswith("/no/python does not start")


def test_a_record_of_an_earlier_run_is_not_taken_for_this_ones(one_step):
    leave = 'json.dump({"status": "done", "measured": {}}, open(result, "w"))'
    assert one_step(leave)["status"] == DONE
    assert one_step("sys.exit(3)")["reason"] == "ended with status 3: it said nothing"


def test_a_check_that_is_ended_has_written_what_it_had_found(settings, monkeypatch, tmp_path):
    def find(step, settings):
        if step.section == "parity":
            raise KeyboardInterrupt
        return {"status": DONE, "measured": measured(step)}

    monkeypatch.setattr(check, "_in_a_process", find)
    with pytest.raises(KeyboardInterrupt):
        run_check(settings, tmp_path / "out", "trial")
    content = json.loads((tmp_path / "out" / "gpu_check_trial.json").read_text())
    status = [row["status"] for row in content["summary"]]
    assert status[:3] == [DONE, DONE, DONE] and set(status[3:]) == {NOT_RUN}
    page = (tmp_path / "out" / "gpu_check_trial.md").read_text()
    assert "| parity bisenetv2 fp16 | not run | the check ended before |" in page


def test_a_check_that_is_killed_in_its_first_section_has_written(settings, monkeypatch, tmp_path):
    def find(step, settings):
        raise SystemExit

    monkeypatch.setattr(check, "_in_a_process", find)
    with pytest.raises(SystemExit):
        run_check(settings, tmp_path / "out", "trial")
    content = json.loads((tmp_path / "out" / "gpu_check_trial.json").read_text())
    assert {row["status"] for row in content["summary"]} == {NOT_RUN}


def test_a_check_fails_when_nothing_could_be_measured(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(check, "steps", lambda _: [Step("machine", "", ""), STEP])
    gone = replace(settings, pythons={"tensorrt": "/no/python"})
    assert run_check(gone, tmp_path / "out", "trial") == 1
    assert "does not start" in (tmp_path / "out" / "gpu_check_trial.md").read_text()


def test_a_folder_without_networks_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="gpu_check_kit"):
        subjects_of(tmp_path)


@pytest.fixture
def tiny_kit(tmp_path, tiny_model_folder):
    """A kit of one tiny network, its references those of ONNX Runtime itself."""
    from bisenet_core.runtime.segmenter import Segmenter

    folder = tmp_path / "kit" / "tiny"
    folder.mkdir(parents=True)
    (folder / MODEL).symlink_to(tiny_model_folder)
    images = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), np.uint8)
    with Segmenter.open(str(tiny_model_folder), "onnxruntime") as segmenter:
        labels = np.stack([segmenter.segment(image, "rgb").labels for image in images])
    np.savez(folder / REFERENCE, images=images, labels=labels)
    return folder.parent


def test_a_whole_check_on_a_stand_in(tiny_kit, tmp_path):
    pytest.importorskip("onnxruntime")
    settings = Settings(
        kit=tiny_kit, work=tmp_path / "work", subjects=("tiny",), main="tiny", precisions=("fp32",),
        cameras=((64, 48),), frames=3, warm_up=1, rounds=1, backend="onnxruntime",
    )  # fmt: skip
    assert run_check(settings, tmp_path / "out", "trial") == 0
    content = json.loads((tmp_path / "out" / "gpu_check_trial.json").read_text())
    status = {row["section"]: row for row in content["summary"]}
    for name in ("machine", "parity", "network", "segment", "onnxruntime"):
        assert status[name]["status"] == DONE, status[name]
    assert status["parity"]["measured"]["equal_labels"] == 1.0
    for name in ("build", "kernels", "postprocess", "memcheck", "pytorch"):
        assert status[name]["status"] == NOT_RUN and status[name]["reason"]
    page = Path(tmp_path / "out" / "gpu_check_trial.md").read_text()
    assert "figures say nothing about one" in page

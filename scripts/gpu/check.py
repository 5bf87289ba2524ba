"""A whole gpu-check: every section in a process of its own, and the report written after each of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bisenet_core.files import replacing
from gpu.report import markdown, report
from gpu.section import (
    DONE,
    FAILED,
    NOT_RUN,
    SECTIONS,
    Settings,
    Step,
    write_request,
)

_SCRIPTS = Path(__file__).resolve().parents[1]  # what holds this package

#: What is compared, each in every round, so that no one profits from a cooler or quieter machine.
SIDE_BY_SIDE = ("network", "segment", "pytorch", "onnxruntime")
#: What a GPU that nobody has run on before should tell, the most important first.
FIRST = ("machine", "kernels", "build", "parity", "segment", "network", "postprocess", "memcheck",
         "racecheck", "pytorch", "onnxruntime")


def run_check(settings: Settings, output: Path, run: str) -> int:
    """Write ``output``/gpu_check_RUN.json and .md, first and after each section: it may be ended at any time.

    Returns 0 if something was measured and nothing failed; what this machine lacks is told, but no failure.
    A section gets no more time than what is left of ``settings.budget``.
    """
    ends = time.monotonic() + settings.budget if settings.budget else float("inf")
    settings.work.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    records = {step: {"status": NOT_RUN, "reason": "the check ended before"} for step in steps(settings)}
    _write(records, settings, output, run)
    for step in records:
        left = ends - time.monotonic()
        if left <= 0:
            break
        limited = replace(settings, timeout=min(settings.timeout, left))
        records[step] = record = _in_a_process(step, limited)
        print(f"{step}: {record['status']}: {record.get('reason', 'measured')}", file=sys.stderr, flush=True)
        _write(records, settings, output, run)
    print(f"written: {output / f'gpu_check_{run}'}.json and .md", file=sys.stderr)
    found = [record["status"] for step, record in records.items() if step.section != "machine"]
    return int(FAILED in found or DONE not in found)


def _write(records: dict[Step, dict[str, Any]], settings: Settings, output: Path, run: str) -> None:
    content = report(records, settings, run)
    texts = {"json": json.dumps(content, indent=1) + "\n", "md": markdown(content, settings)}
    for kind, text in texts.items():
        with replacing(output / f"gpu_check_{run}.{kind}") as unfinished:
            unfinished.write_text(text)


def steps(settings: Settings) -> Iterator[Step]:
    """The main network in FP16 first and each section once, since time may run out; then the rest."""
    for section in FIRST:
        yield Step(section, settings.main, _precisions(settings, section)[-1])
    if settings.is_first:
        return
    yield from _build_and_compare(settings, settings.main, settings.precisions[:-1])
    for round_ in range(settings.rounds):
        for section in SIDE_BY_SIDE:
            precisions = _precisions(settings, section)
            for precision in precisions if round_ else precisions[:-1]:
                yield Step(section, settings.main, precision, round_)
    for subject in settings.subjects:
        if subject != settings.main:
            yield from _build_and_compare(settings, subject, settings.precisions)
            for section in ("network", "segment"):
                for precision in settings.precisions:
                    yield Step(section, subject, precision)


def _build_and_compare(settings: Settings, subject: str, precisions: tuple[str, ...]) -> Iterator[Step]:
    for precision in reversed(precisions):  # fp16, which matters most, first
        yield Step("build", subject, precision)
        yield Step("parity", subject, precision)


def _precisions(settings: Settings, section: str) -> tuple[str, ...]:
    # ONNX Runtime takes the file as it is, which is FP32
    return {"onnxruntime": ("fp32",), "pytorch": ("fp16",)}.get(section, settings.precisions)


def _in_a_process(step: Step, settings: Settings) -> dict[str, Any]:
    files = write_request(step, settings, str(step))
    library, *_ = SECTIONS[step.section]
    python = settings.pythons.get(library, sys.executable)
    result, began = Path(files[1]), time.monotonic()
    try:
        ending = _run([python, "-m", "gpu.section", *files], settings,
                      settings.work / f"{step}.log")  # fmt: skip
    except OSError as error:
        ending = f"{python} does not start: {error.strerror}"
    record = json.loads(result.read_text()) if result.exists() else {"status": FAILED, "reason": ending}
    return {**record, "seconds": round(time.monotonic() - began, 2)}


def _run(command: list[str], settings: Settings, log: Path) -> str:
    """How the process ended, in words; what it printed is in ``log``."""
    # engines and kernels of the check do not mix with the user's own
    environment = {**os.environ, "XDG_CACHE_HOME": str((settings.work / "cache").resolve())}
    with log.open("w") as output:
        # -m looks in the working directory first, also in a Python that drops PYTHONPATH
        process = subprocess.Popen(
            command, cwd=_SCRIPTS, env=environment, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(settings.timeout)
        except BaseException as error:  # also Ctrl-C: nothing of ours must stay on the GPU
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return f"took more than {settings.timeout:.0f} s"
            raise
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"ended with status {status}: {lines[-1] if lines else 'it said nothing'}"

"""The page: whole without the network, safe with any name, and complete with and without truth."""

import builtins
import errno
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.reports.parts.classes import MOST_IN_MATRIX, confusion
from bisenet_core.reports.parts.formats import clock, count, duration, milliseconds, percent
from bisenet_core.reports.replay.page import render, write_report
from bisenet_core.reports.replay.pictures import take_pictures

pytest.importorskip("jinja2", reason="the report is a jinja2 template (pip install .[eval])")

_VOID = {"meta", "img", "col", "br"}


class _Tags(HTMLParser):
    """Collects tags and addresses, and checks that what is opened is closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.seen, self.addresses, self.text = [], [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def _page(results, rows, look):
    return render(results, rows, take_pictures(results, rows, look))


def _text(page):
    return re.sub(r"\s+", " ", " ".join(_Tags(page).text))


def test_a_score_on_images_of_the_training_is_marked_in_the_head(evaluation):
    results, rows = evaluation()
    results.update(trained_on="camvid train+val", seen_in_training="trained on these images (camvid val)")
    head = _text(render(results, rows, [])).split("Classes Intersection")[0]
    assert "· trained on camvid train+val" in head
    assert "The network was trained on these images (camvid val)." in head


def test_the_page_is_whole_in_itself(evaluation, look, tmp_path):
    results, rows = evaluation()
    path = write_report(tmp_path, results, rows, take_pictures(results, rows, look()))
    tags = _Tags(path.read_text(encoding="utf-8"))
    assert path.name == "report.html" and tags.addresses
    assert all(address.startswith("data:image/") for address in tags.addresses)
    assert not {"script", "link", "iframe"} & set(tags.seen)
    assert "url(" not in path.read_text(encoding="utf-8")


def test_a_report_is_replaced_by_a_whole_one_only(evaluation, look, tmp_path, monkeypatch):
    results, rows = evaluation()
    path = write_report(tmp_path, results, rows, [])
    before = path.read_bytes()

    def fill_disk(path, text, **options):
        path.write_bytes(text.encode()[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill_disk)
    with pytest.raises(InputError, match="No space left"):
        write_report(tmp_path, results, rows, [])
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before


def test_the_head_says_every_frame_and_live(evaluation, look):
    text = _text(_page(*evaluation(), look()))
    for expected in ("Mean IoU 73.1 % live 72.0 %, over 37 of 40 frames", "Reliability",
                     "Boundary score 60.0 % within 2 px", "Confusion matrix",
                     "Mean IoU 73.1 % 72.0 %", "bisenet replay 'my drive'"):
        assert expected in text


def test_without_truth_one_line_says_so_and_the_other_figures_lead(evaluation, look):
    text = _text(_page(*evaluation(truth=False), look(truth=False)))
    assert text.index("There is no ground truth") < text.index("Temporal consistency 93.0 %")
    for absent in ("of the ground truth", "Confusion matrix ", "Reliability", "Calibration of"):
        assert absent not in text
    for present in ("Flicker of each frame", "Latency of each frame", "Worst frames"):
        assert present in text


@pytest.mark.parametrize("scored, expected", [
    (0, "None of the ground truth could be used"), (23, "no pixel of a known class")])
def test_truth_of_no_use_is_not_called_absent(evaluation, look, scored, expected):
    results, rows = evaluation(truth=False)
    results["bags"][0]["truth"], results["scored"] = "23 labels on /labels", scored
    text = _text(_page(results, rows, look(truth=False)))
    assert expected in text and "There is no ground truth" not in text


def test_names_from_outside_stay_text(evaluation, look):
    results, rows = evaluation(bags=("<script>alert(1)</script>", "b"))
    results["classes"][0] = '"><img src=http://x.example/>'
    results["left_out"] = ["<b>frame 3</b>"]
    tags = _Tags(_page(results, rows, look()))
    assert "script" not in tags.seen
    assert all(address.startswith("data:") for address in tags.addresses)


def test_all_is_well_only_where_nothing_is_odd(evaluation, look):
    results, rows = evaluation()
    assert "every frame was read" in _text(_page(results, rows, look()))
    results["bags"][0]["notes"] = ["drive.mcap was cut off"]
    text = _text(_page(results, rows, look()))
    assert "every frame was read" not in text and "odd about the recordings, above" in text


def test_ten_minutes_stay_small(evaluation, look):
    results, rows = evaluation(frames=9000, rate=15.0)
    assert len(_page(results, rows, look())) < 1_000_000


def test_what_was_not_measured_is_left_out(evaluation):
    for key in ("boundary", "calibration", "temporal", "as_driven", "teacher", "stages_ms", "latency_ms",
                "versions", "command", "fps"):
        for truth in (True, False):
            results, rows = evaluation(truth=truth)
            results[key] = None
            _Tags(render(results, rows, []))


def test_no_frame_at_all_is_still_a_page(evaluation, look):
    results, _ = evaluation(frames=0, truth=False)
    assert "No frame was labelled" in _text(_page(results, [], look()))


def test_a_teacher_has_its_figures(evaluation, look):
    results, rows = evaluation(truth=False)
    results["teacher"] = {"model": "large", "miou": 0.61, "pixel_agreement": 0.87, "iou": {"Sky": 0.9}}
    text = _text(_page(results, [{**row, "teacher_agreement": 0.8} for row in rows], look(False)))
    assert "Agreement with the teacher 87.0 % mean IoU 61.0 %" in text and "large" in text


def test_many_classes_leave_the_rare_ones_to_a_column():
    counts = np.pad(np.diag(np.arange(1, 151)), ((0, 0), (0, 1)))
    counts[149, 0], counts[149, 150] = 50, 100
    matrix = confusion([f"c{i}" for i in range(150)], [[1, 2, 3]] * 150, counts.tolist())
    assert len(matrix.rows) == MOST_IN_MATRIX and matrix.hidden == 150 - MOST_IN_MATRIX
    assert matrix.columns[-2:] == ["no class", "others"]
    assert [cell["share"] for cell in matrix.rows[-1]["cells"]][-3:] == pytest.approx([0.5, 1 / 3, 1 / 6])


def test_a_folder_that_cannot_be_written_is_one_line(evaluation, tmp_path):
    with pytest.raises(InputError, match="cannot write .*report.html"):
        write_report(tmp_path / "absent", *evaluation(), [])


def test_without_jinja2_it_says_what_to_install(evaluation, tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name == "jinja2":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(InputError, match=r"bisenet_ros\[eval\]"):
        write_report(tmp_path, *evaluation(), [])


@pytest.mark.parametrize("text, expected", [
    (percent(0.7312), "73.1\u00a0%"), (percent(None), "–"), (percent(float("nan")), "–"),
    (milliseconds(4.564), "4.56\u00a0ms"), (milliseconds(35.21), "35.2\u00a0ms"),
    (milliseconds(1204.3), "1204\u00a0ms"), (count(9000), "9\u202f000"), (clock(75.25, 1), "1:15.2"),
    (clock(59.999), "0:59"), (clock(3723), "1:02:03"), (duration(40.8), "40.8\u00a0s"),
    (duration(600), "10\u00a0min 0\u00a0s"),
])
def test_numbers_as_people_write_them(text, expected):
    assert text == expected

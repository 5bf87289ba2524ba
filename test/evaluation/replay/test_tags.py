"""Tags: a CSV file says which frames have them; slices are scored by them, and requirements may name them."""

import csv
import json

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")

from recorded_bags import IMAGES, LABELS, RAW, START, STEP, Record, write_bag

from bisenet_core.cli import main
from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.measures import measure
from bisenet_core.evaluation.replay.tags import read_tags


@pytest.fixture
def tags(tmp_path):
    """``tags(text)``: the tags of a CSV file."""

    def read(text):
        (tmp_path / "tags.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_tags(tmp_path / "tags.csv")

    return read


def rows(count, step_s=0.5):
    return [{"index": index, "recorded_ns": 10**18 + int(index * step_s * 1e9)} for index in range(count)]


def test_a_line_names_bags_and_of_these_frames_or_seconds_and_the_last_counts(tags):
    found = tags("\ufeffbag, weather,place,first_frame,last_frame,first_second,last_second\n"
                 "night_*,dry,street,,,,\n\nnight_1,rain,,2,3,,\nnight_2,rain,,,,0.5,1\nnight_[2],fog,,4,,,\n")
    night_1, night_2, day = rows(5), rows(5), rows(2)
    assert not found.put_into([("night_1", night_1), ("night_2", night_2), ("day", day)])
    assert [row["weather"] for row in night_1] == ["dry", "dry", "rain", "rain", "dry"]
    assert [row["weather"] for row in night_2] == ["dry", "rain", "rain", "dry", "fog"]
    assert {row["place"] for row in night_1 + night_2} == {"street"} and day[0]["weather"] == ""


def test_a_bag_is_found_by_its_name_even_where_that_reads_as_a_pattern(tags):
    of_bag = rows(1)
    assert not tags("bag,weather\ndrive[1],rain\n").put_into([("drive[1]", of_bag)])
    assert of_bag[0]["weather"] == "rain"


@pytest.mark.parametrize("line, reason", [
    ("dusk,rain,,,,", "dusk is no evaluated bag"),
    ("day,rain,9,,,", "day has frames 0 to 4, 0 to 2.0 s"),
    ("day,rain,3,5,,", "day has frames 0 to 4"),
    ("day,rain,,,2.1,9", "day has frames 0 to 4"),
    ("day,rain,3,,0,1", "day has frames 0 to 4"),
])
def test_unknown_bags_and_frames_are_one_line_and_the_others_are_tagged(tags, line, reason):
    of_bag = rows(5)
    found = tags(f"bag,weather,first_frame,last_frame,first_second,last_second\nday,dry,0,1,,\n{line}\n")
    (told,) = found.put_into([("day", of_bag)])
    assert f"tags.csv: line 3: {reason}" in told and of_bag[0]["weather"] == "dry"


def test_many_unknown_bags_are_still_one_line(tags):
    (told,) = tags("bag,weather\n" + "elsewhere,dry\n" * 1000).put_into([("day", rows(1))])
    assert told.count("no evaluated bag") == 5 and told.endswith("; ...")


@pytest.mark.parametrize("text, words", [
    ("", "its head is ; expected bag and tags"),
    ("weather\nrain\n", "its head is weather; expected bag"),
    ("bag;weather\nday;rain\n", "its head is bag;weather; expected bag"),
    ("bag,first_frame\nday,3\n", "expected bag and tags"),
    ("bag,weather,weather\nday,dry,wet\n", "expected bag and tags"),
    ("bag,weather,\nday,dry,\n", "expected bag and tags"),
    ("bag,miou\nday,3\n", "miou has a meaning already"),
    ("bag,distance\nday,far\n", "distance has a meaning already"),
    ("bag,weather\nday\n", "line 2 has 1 cells; expected 2"),
    ("bag,weather\nday,dry,wet\n", "line 2 has 3 cells"),
    ("bag,weather\n,dry\n", "line 2 has 2 cells; expected 2, the bag among them"),
    ("bag,weather,first_frame\nday,dry,few\n", "line 2: could not convert string to float: 'few'"),
    ("bag,weather,last_second\nday,dry,nan\n", "line 2: the range must end after"),
    ("bag,weather,first_frame,last_frame\nday,dry,4,3\n", "line 2: the range must end after it begins"),
    ("bag,weather\n", "weather has 0 values"),
    ("bag,weather\nday,\n", "weather has 0 values"),
    ("bag,note\n" + "".join(f"day,{n}\n" for n in range(101)), "note has 101 values; expected 1 to 100"),
    ('bag,weather\nday,"dry\n', "unexpected end of data"),
    (b"bag,weather\nday,\xff\n", "invalid start byte"),
])
def test_a_file_of_anything_else_is_refused_in_one_line(tags, tmp_path, text, words):
    with pytest.raises(InputError) as error:
        tags(text)
    assert "tags.csv: " in str(error.value) and words in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_tags(tmp_path / "absent.csv")


@pytest.fixture(scope="module")
def drives(street, tmp_path_factory):
    """Two bags of the street: its first 12 frames, and the others upside down."""
    folder, bags = tmp_path_factory.mktemp("drives"), []
    for name, frames, turn in (("day", street[:12], 1), ("night", street[12:], -1)):
        of_bag = [Record(topic, START + place * STEP, np.ascontiguousarray(pixels[::turn]), RAW)
                  for place, pair in enumerate(frames) for topic, pixels in zip((IMAGES, LABELS), pair)]
        bags.append(write_bag(folder / name, of_bag))
    return bags


@pytest.fixture
def run(drives, tiny_model_folder, tmp_path):
    """``run(status, *options)``: results.json of an evaluation of ``drives``."""

    def evaluate(status, *options):
        given = [*drives, "--topic", IMAGES, "--label-topic", LABELS, "--model", tiny_model_folder,
                 "--precision", "fp32", "--output", tmp_path / "out", *options]
        assert main(["replay", *map(str, given)]) == status
        return json.loads((tmp_path / "out" / "results.json").read_text())

    return evaluate


def test_slices_have_the_figures_of_their_frames_and_the_worst_is_named(run, tmp_path, capsys):
    pytest.importorskip("jinja2", reason="writes the report")
    path = tmp_path / "tags.csv"
    path.write_text("bag,weather,=place,last_frame\n*,dry,x,\nday,rain,,5\n")
    slices = run(0, "--tags", path)["slices"]
    drive = EvaluatedDrive.load(tmp_path / "out")
    dry = (drive.bag == 1) | (drive.index > 5)
    masks = {("bag", "day"): drive.bag == 0, ("bag", "night"): drive.bag == 1, ("weather", "dry"): dry,
             ("weather", "rain"): ~dry, ("=place", "x"): np.ones(23, bool)}
    assert {(one["by"], one["value"]) for one in slices["slices"]} == set(masks)
    for one in slices["slices"]:
        frames = drive.take(masks[one["by"], one["value"]])
        measured = measure(frames)
        assert one["frames"] == len(frames) and one["scored"] == frames.scored.sum()
        assert {"iou", "boundary_score", "calibration_error", "consistency"} < set(one["figures"])
        for name in one["figures"]:
            assert one["figures"][name] == round(float(measured[name][0, 0]), 6)
        occurs = np.r_[False, frames.counts["truth"][:, 1].any(axis=0)]
        gap = measured["iou"][0, occurs] - measure(drive)["iou"][0, occurs]
        assert one["difference"] == pytest.approx(gap.mean(), abs=2e-6)
    worst = min((one for one in slices["slices"] if one["by"] == "bag"), key=lambda one: one["difference"])
    sentence = f"bag {worst['value']}: Mean IoU {100 * worst['figures']['iou']:.1f}\u00a0%, "
    assert slices["worst"][0].startswith(sentence) and " below all frames in its" in slices["worst"][0]
    assert len(slices["worst"]) == 2, "a tag of one value has no worst"
    printed, page = capsys.readouterr().out, (tmp_path / "out" / "report.html").read_text()
    for text in slices["worst"]:
        assert f"Worst {text}".replace("\u00a0", " ") in printed and f"Worst {text}." in page
    assert page.count("<td>weather dry</td>") == page.count("<td>bag night</td>") == 1
    with open(tmp_path / "out" / "frames.csv", newline="") as stream:
        tagged = list(csv.DictReader(stream))
    assert [row["weather"] for row in tagged] == ["rain"] * 6 + ["dry"] * 17
    assert {row["'=place"] for row in tagged} == {"x"}


def test_requirements_may_name_tags_and_unknown_ones_leave_the_others_judged(run, tmp_path, capfd):
    path, gate = tmp_path / "tags.csv", tmp_path / "gate.yaml"
    path.write_text("bag,weather,first_frame\n*,dry,\nnight,rain,3\ndusk,rain,\n")
    group = "  {0}: {{tags: {{weather: {0}}}, requirements: [{{figure: {1}}}]}}\n"
    gate.write_text("groups:\n" + group.format("rain", "frames_lost, at_most: 0")
                    + group.format("snow", "frames_lost, at_most: 0")
                    + group.format("dry", "iou, at_least: 100")
                    + "  late: {bags: [night], tags: {weather: dry},\n"
                    + "         requirements: [{figure: iou, at_least: 0}]}\n")
    results = run(2, "--tags", path, "--require", gate, "--no-report")
    verdicts = {one["group"]: one for one in results["requirements"]}
    assert {name: one["verdict"] for name, one in verdicts.items()} == {
        "rain": "met", "snow": "not judged", "dry": "missed", "late": "met"}
    assert "none of these frames has weather snow" in verdicts["snow"]["found"]
    dry = EvaluatedDrive.load(tmp_path / "out")
    dry = measure(dry.take((dry.bag == 1) & (dry.index < 3)))
    assert verdicts["late"]["value"] == float(dry["iou"][0, 0])
    assert results["slices"]["problems"] == [f"tags {path}: line 4: dusk is no evaluated bag"]
    (line,) = capfd.readouterr().err.splitlines()
    assert "line 4: dusk is no evaluated bag" in line and "weather snow" in line and "dry: Mean IoU" in line


def test_tags_may_change_with_resume_and_a_bad_file_is_refused_before_the_work(run, tmp_path):
    path = tmp_path / "tags.csv"
    path.write_text("bag,weather\nday,dry\n")
    first = run(0, "--tags", path, "--no-report")
    path.write_text("bag,time\nday,noon\nnight,midnight\n")
    second = run(0, "--tags", path, "--no-report", "--resume", "--jobs", 2)
    assert {one["by"] for one in second["slices"]["slices"]} == {"bag", "time"}
    bags = [[one for one in of["slices"]["slices"] if one["by"] == "bag"] for of in (first, second)]
    assert bags[0] == bags[1] and len(bags[0]) == 2
    path.write_text("bag\nday\n")
    assert run(2, "--tags", path, "--resume") == second

"""Requirements: what a file may say, which are met, and what is told where one cannot be judged."""

from xml.etree import ElementTree

import numpy as np
import pytest
from made_up_results import frames_of, matrices, write

from bisenet_core.errors import EvaluationError, InputError
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.judgement import judge, refuse_missed, write_junit
from bisenet_core.evaluation.replay.requirements import read_requirements


@pytest.fixture
def judged(tmp_path):
    """``judged(rows, folder, head)``: verdicts on lines of YAML about an evaluation, and the file's head."""

    def run(rows, results, head=""):
        path = tmp_path / "requirements.yaml"
        path.write_text(head + "requirements:\n" + "".join(f"  - {{{row}}}\n" for row in rows))
        return judge(read_requirements(path), EvaluatedDrive.load(results))

    return run


def told(verdicts):
    return [(one["verdict"], one["found"]) for one in verdicts]


def test_limits_are_per_cent_and_met_at_the_limit_itself(tmp_path, judged):
    a = write(tmp_path / "a", frames_of([80] * 20, others=5))  # IoU 80/105 and 5/10
    assert told(judged(["figure: iou, class: road, at_least: 76", "figure: iou, class: car, at_least: 50.01",
                        "figure: iou, class: car, at_least: 50", "figure: latency_p99, at_most: 49.9",
                        "figure: latency_p99, at_most: 50"], a)) == [
        ("met", "IoU of road is 76.19\u00a0%; required: at least 76 %"),
        ("missed", "IoU of car is 50.00\u00a0%; required: at least 50.01 %"),
        ("met", "IoU of car is 50.00\u00a0%; required: at least 50 %"),
        ("missed", "Latency, 99th percentile is 50.0\u00a0ms; required: at most 49.9 ms"),
        ("met", "Latency, 99th percentile is 50.0\u00a0ms; required: at most 50 ms")]


def test_with_confidence_the_worse_end_of_the_interval_decides(tmp_path, judged):
    a = write(tmp_path / "a", frames_of(np.random.default_rng(3).integers(50, 100, 80), others=10))
    figure = judged(["figure: pixel_accuracy, at_least: 1.5, confidence: 95"], a)[0]
    low, value, high = (100 * figure[key] for key in ("low", "value", "high"))
    assert low < value - 0.1 and high > value + 0.1
    rows = [f"figure: pixel_accuracy, {kind}: {limit:.4f}{sure}"
            for kind, limit in (("at_least", (low + value) / 2), ("at_most", (value + high) / 2))
            for sure in ("", ", confidence: 95")]
    assert [one["verdict"] for one in judged(rows, a)] == ["met", "missed", "met", "missed"]
    assert judged(rows, a) == judged(rows, a)
    assert [one["verdict"] for one in judged(rows, a, "confidence: 95\n")] == ["missed"] * 4


def test_against_another_evaluation_a_loss_up_to_the_limit_is_borne(tmp_path, judged):
    write(tmp_path / "before", frames_of([90] * 20, others=5), segment_ms=np.full(20, 30.0))
    now = write(tmp_path / "now", frames_of([89] * 20, others=5), segment_ms=np.full(20, 32.0))
    head = "against: before\n"
    limits = ("iou, class: road", 2), ("iou, class: road", 0.5), ("latency_p50", 2), ("latency_p50", 1)
    rows = [f"figure: {figure}, worse_by_at_most: {limit}" for figure, limit in limits]
    rows.append("figure: iou, class: car, worse_by_at_most: 0, confidence: 95")
    found = judged(rows, now, head)
    assert [one["verdict"] for one in found] == ["met", "missed", "met", "missed", "met"]
    assert found[1]["found"] == "IoU of road is 0.95 points worse; required: worse by at most 0.5 points"
    assert found[3]["found"].startswith("Latency, median is 2.00 ms worse; required: worse by at most 1 ms")


def test_groups_are_judged_by_their_own_bags(tmp_path, judged):
    bags = dict(bags=("day_1", "night_1", "night_2"), bag=np.repeat(np.arange(3, dtype=np.int32), 10))
    a = write(tmp_path / "a", frames_of([90] * 10 + [50] * 20, others=10), **bags)
    head = "groups:\n" + "".join(
        f"  {name}: {{bags: ['{bags}'], requirements: [{{figure: iou, class: road, at_least: 60}}]}}\n"
        for name, bags in (("night", "night_*"), ("day", "day_1"), ("dusk", "dusk")))
    head += "  half: {bags: [day_1, dusk], requirements: [{figure: iou, at_least: 2}]}\n"
    found = judged(["figure: iou, class: road, at_least: 60"], a, head)
    assert [(one["group"], one["verdict"]) for one in found] == [
        ("all", "met"), ("night", "missed"), ("day", "met"), ("dusk", "not judged"), ("half", "not judged")]
    for place in (3, 4):
        assert "no bag is called dusk; evaluated: day_1, night_1, night_2" in found[place]["found"]


def test_a_bag_is_named_by_its_name_even_where_it_looks_like_a_pattern(tmp_path, judged):
    bags = dict(bags=("drive[1]", "drive[2]"), bag=np.repeat(np.arange(2, dtype=np.int32), 10))
    a = write(tmp_path / "a", frames_of([90] * 10 + [50] * 10, others=10), **bags)
    head = "groups:\n" + "".join(
        f"  g{place}: {{bags: {names}, requirements: [{{figure: iou, class: road, at_least: 75}}]}}\n"
        for place, names in enumerate(("['drive[1]']", "['drive[2]']", "['drive[1]', 'drive[[]2]']")))
    found = judged(["figure: iou, at_least: 2"], a, head)
    assert [one["verdict"] for one in found] == ["met", "met", "missed", "missed"]


def test_what_was_not_read_is_not_judged(tmp_path, judged):
    a = write(tmp_path / "a", frames_of([80] * 20, others=5))
    (tmp_path / "gate.yaml").write_text("requirements: [{figure: iou, at_least: 2}]")
    found = judge(read_requirements(tmp_path / "gate.yaml"), EvaluatedDrive.load(a), lost=["tunnel is cut"])
    assert told(found)[0] == ("not judged", "tunnel is cut") and found[1]["verdict"] == "met"
    write_junit(tmp_path / "gate.xml", found)
    assert 'errors="1"' in (tmp_path / "gate.xml").read_text()
    with pytest.raises(InputError, match="tunnel is cut"):
        refuse_missed(found)


def test_a_group_of_tags_loses_against_the_same_frames_of_another_evaluation(tmp_path):
    write(tmp_path / "before", frames_of([90] * 20, others=5))
    now = EvaluatedDrive.load(write(tmp_path / "now", frames_of([90] * 10 + [80] * 10, others=5)))
    row = "{figure: iou, class: road, worse_by_at_most: 5}"
    (tmp_path / "gate.yaml").write_text("against: before\ngroups:\n" + "".join(
        f"  {name}: {{tags: {{{tags}}}, requirements: [{row}]}}\n"
        for name, tags in (("dry", "weather: dry"), ("rain", "weather: rain"),
                           ("wet night", "weather: rain, light: night"), ("snow", "weather: snow"))))
    rows = [{"weather": "dry" if place < 10 else "rain", "light": "day"} for place in range(20)]
    found = judge(read_requirements(tmp_path / "gate.yaml"), now, rows)
    assert [one["verdict"] for one in found] == ["met", "missed", "not judged", "not judged"]
    assert found[1]["value"] == pytest.approx(80 / 105 - 90 / 105)
    assert "none of these frames has weather rain, light night" in found[2]["found"]


@pytest.mark.parametrize("row, reason", [
    ("figure: iou, class: rode, at_least: 2", "there is no class rode: did you mean 'road'?"),
    ("figure: iou, class: sky, at_least: 2", "the class does not occur"),
    ("figure: boundary_score, at_least: 2", "it was not measured"),
    ("figure: object_recall, at_least: 2", "it was not measured"),
    ("figure: object_recall, class: road, at_least: 2", "it was not measured"),
    ("figure: object_recall, class: road, at_least: 2, confidence: 95", "it was not measured"),
    ("figure: flicker, class: road, at_most: 2", "it was not measured"),
    ("figure: fps, at_least: 2, confidence: 95", "it has no interval"),
    ("figure: iou, worse_by_at_most: 2", "cannot compare"),
])
def test_what_cannot_be_judged_says_why_and_the_others_are_judged(tmp_path, judged, row, reason):
    a = write(tmp_path / "a", frames_of([80] * 20, others=5))
    one, other = judged([row, "figure: iou, at_least: 2"], a, "against: absent\n")
    assert one["verdict"] == "not judged" and reason in one["found"] and other["verdict"] == "met"


@pytest.mark.parametrize("bag, reason", [
    (dict(stamp_ns=10**9 + np.arange(1, 21) * 10**8), "only 19 of these 20 frames"),
    (dict(bags=("elsewhere",)), "no frame in common"), (dict(classes=["x", "y", "z"]), "same classes")])
def test_an_evaluation_of_others_says_nothing_of_a_loss(tmp_path, judged, bag, reason):
    a = write(tmp_path / "a", frames_of([80] * 20, others=5))
    write(tmp_path / "b", frames_of([80] * 20, others=5), **bag)
    (one,) = judged(["figure: iou, worse_by_at_most: 2"], a, "against: b\n")
    assert one["verdict"] == "not judged" and reason in one["found"]


@pytest.mark.parametrize("text, words", [
    ("requirements: []\nrequirements: []", "the key 'requirements' occurs 2 times"),
    ("groups: {a: {bags: [x], bags: [y]}}", "the key 'bags' occurs 2 times"),
    ("requirement: []", "has the key requirement: did you mean 'requirements'?"),
    ("requirements: [{figure: miou, at_least: 3}]", ": requirement 1 has the figure miou: did you mean"),
    ("requirements: [{figure: iou, atleast: 3}]", "did you mean 'at_least'?"),
    ("requirements: [{figure: iou}]", "needs one number"),
    ("requirements: [{figure: iou, at_least: 3, at_most: 4}]", "needs one number"),
    ("requirements: [{figure: iou, at_least: many}]", "needs one number"),
    ("requirements: [{figure: iou, at_least: .nan}]", "needs one number"),
    ("requirements: [{figure: iou, at_least: 0.7}]", "write 70, not 0.7"),
    ("requirements: [{figure: fps, class: Car, at_least: 3}]", "fps has no classes; those that have: iou,"),
    ("requirements: [{figure: iou, at_least: 3, confidence: 0.95}]", "expected per cent, such as 95"),
    ("requirements: [{figure: iou, worse_by_at_most: 3}]", "needs `against: FOLDER`"),
    ("groups: {night: {bags: [a], requirements: [{figure: iou}]}}", ": requirement 1 of group night needs"),
    ("requirements: {figure: iou}", "requirements must be a list"),
    ("requirements: [iou]", "must have keys and values"),
    ("groups: {night: {requirements: [{figure: iou, at_least: 3}]}}", "group night needs bags"),
    ("groups: {night: {bags: [], requirements: [{figure: iou, at_least: 3}]}}", "group night needs bags"),
    ("groups: {wet: {tags: [rain], requirements: [{figure: iou, at_least: 3}]}}", "tags of group wet"),
    ("groups: {wet: {tags: {wet: on}, requirements: [{figure: iou, at_least: 3}]}}", "put quotes around"),
    ("groups: [night]", "groups must have keys and values"),
    ("", "must have keys and values"),
    ("requirements: []", "it has no requirements"),
    ("requirements: [", "expected"),
])
def test_a_file_that_says_anything_else_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "requirements.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_requirements(path)
    assert str(path) in str(error.value) and words in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_requirements(tmp_path / "absent.yaml")


def test_a_ci_system_is_told_and_the_status_follows(tmp_path, judged):
    a = write(tmp_path / "a", matrices(20, 0.8))
    good, bad, strange = (f"figure: {row}" for row in ("iou, at_least: 2", "iou, at_least: 99",
                                                       "boundary_score, at_most: 3"))
    refuse_missed(judged([good], a))
    with pytest.raises(EvaluationError, match="1 of 2 requirements missed: all: Mean IoU is "):
        refuse_missed(judged([good, bad], a))
    verdicts = judged([good, bad, strange], a)
    with pytest.raises(InputError, match="1 of 3 requirements could not be judged: .*1 of 3 .* missed"):
        refuse_missed(verdicts)
    verdicts[0]["group"] = "a <b>\x07 & \ud800"
    write_junit(tmp_path / "requirements.xml", verdicts)
    suite = ElementTree.parse(tmp_path / "requirements.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[part.tag for part in case] for case in suite] == [["system-out"], ["failure"], ["error"]]
    assert suite[1][0].get("message") == verdicts[1]["found"].replace("\u00a0", " ")
    assert suite[0].get("classname").startswith("a <b>")

import json

import numpy as np
import pytest
import typer
from made_up_results import frames_of, matrices, write
from typer.testing import CliRunner

from bisenet_core.commands import replay as replay_command
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.bootstrap import draws, interval
from bisenet_core.evaluation.replay.compare import compare
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.measures import measure
from bisenet_core.reports.replay.comparison import figure_rows


def test_a_case_worked_by_hand(tmp_path):
    # two frames of 10 pixels of class 0; a has 5 and 10 of them right, b 10 and 7 (3 unlabelled)
    def frames(*right):
        return np.array([[[n, other, 10 - n - other], [0, 0, 0]] for n, other in right])

    a = write(tmp_path / "a", frames((5, 5), (10, 0)), classes=["x", "y"], driven=np.array([True, False]))
    b = write(tmp_path / "b", frames((10, 0), (7, 0)), classes=["x", "y"])
    result = compare(a, b, tmp_path / "out", block=1)
    # class y is in no truth, so the mean is that of x: 15 of 20 and 17 of 20
    assert {k: result["metrics"]["miou"][k] for k in ("a", "b", "difference")} == {
        "a": 0.75, "b": 0.85, "difference": 0.1}
    # the four resamples (equally likely) have differences -0.3, 0.1, 0.1, 0.5
    assert (result["metrics"]["miou"]["low"], result["metrics"]["miou"]["high"]) == (-0.3, 0.5)
    assert [result["metrics"]["as_driven_miou"][name] for name in "ab"] == [0.5, 0.85]
    assert result["iou"]["y"]["a"] == 0.0 and result["iou"]["y"]["b"] is None
    assert result["iou"]["y"]["difference"] is None
    assert [(f["bag"], f["path"], f["index"], f["difference"]) for f in result["most_different"]] == [
        ("drive", "/bags/drive", 0, 0.5), ("drive", "/bags/drive", 1, -0.3)]
    assert result["whole"]["latency_p50_ms"] == {"a": 35.0, "b": 35.0}
    assert result["whole"]["boundary_f"] == {"a": None, "b": None}
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == result


def test_an_evaluation_does_not_differ_from_itself(tmp_path):
    path = write(tmp_path / "a", matrices(20, 0.8))
    result = compare(path, path.parent)
    measured = [*result["metrics"].values(), *result["iou"].values()]
    assert all(each["difference"] == each["low"] == each["high"] == 0 for each in measured)
    assert result["most_different"] == [] and result["common_frames"] == result["scored_frames"] == 20


def test_a_clear_difference_is_told_from_chance_and_repeats_exactly(tmp_path):
    a, b, c = (write(tmp_path / n, matrices(40, right, seed)) for n, right, seed in
               (("a", 0.7, 1), ("b", 0.8, 2), ("c", 0.8, 3)))
    better, alike = compare(a, b), compare(b, c)
    assert better["metrics"]["miou"]["low"] > 0
    assert alike["metrics"]["miou"]["low"] < 0 < alike["metrics"]["miou"]["high"]
    assert compare(a, b) == better
    assert compare(a, b, seed=1)["metrics"] != better["metrics"]
    turned = compare(b, a)["metrics"]["miou"]
    assert turned["difference"] == -better["metrics"]["miou"]["difference"]


def test_the_interval_holds_the_truth_as_often_as_it_says():
    # 200 drives of 50 frames whose pixel accuracies differ by 0.1 at the mean
    rng, held = np.random.default_rng(0), 0
    for drive in range(200):
        right = rng.binomial(100, rng.beta(8, 2, (50, 1)) - [0.0, 0.1])
        drawn = draws(np.zeros(50, int), np.arange(50), 300, drive, block=1).astype(float)
        accuracies = (drawn @ right) / 5000
        low, high = interval(accuracies[:, 1] - accuracies[:, 0])
        held += low <= -0.1 <= high
    assert 180 <= held <= 199


@pytest.mark.parametrize("frames, block", [(2, 1), (7, 1), (7, 3)])
def test_resamples_are_sums_of_whole_frames(frames, block):
    drawn = draws(np.zeros(frames, int), np.arange(frames), 500, 0, block)
    assert drawn.shape == (500, frames) and (drawn.sum(axis=1) == frames).all() and (drawn >= 0).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(frames), abs=0.2)


@pytest.mark.parametrize("frames, block", [(1, None), (1, 1), (7, 7), (7, 20)])
def test_nothing_is_sure_where_every_draw_would_be_the_whole(frames, block):
    assert draws(np.zeros(frames, int), np.arange(frames), 500, 0, block).shape == (0, frames)


@pytest.mark.parametrize("stamps", [np.zeros(160), np.arange(160)[::-1], np.arange(160) // 2 * 10**9])
def test_blocks_are_long_where_stamps_do_not_say_how_long(stamps):
    drawn = draws(np.zeros(160, int), stamps.astype(np.int64), 20).astype(bool)
    changes = np.count_nonzero(drawn[:, 1:] != drawn[:, :-1], axis=1)
    assert (changes <= 2 * 8 + 1).all()  # eight blocks of twenty; single frames would change at seventy


def test_a_block_holds_successive_frames():
    drawn = draws(np.zeros(6, int), np.arange(6), 50, 0, block=3)
    pairs = {tuple(np.flatnonzero(row)) for row in drawn if row.max() == 1}
    assert pairs and pairs <= {tuple(range(6))}  # two blocks that do not overlap are the whole drive
    assert all((row[np.arange(6)] + row[np.arange(-1, 5)] > 0).any() for row in drawn)


def test_too_few_frames_and_other_images_are_said(tmp_path, caplog):
    topics = [[{"path": "/bags/drive", "name": "drive", "topic": topic}] for topic in ("/left", "/right")]
    found = compare(*(write(tmp_path / name, matrices(1, right), bags=of)
                      for name, right, of in zip("ab", (0.9, 0.5), topics)))
    assert found["verdict"].startswith("Neither is surely better: B - A is -")
    assert "interval unknown" in found["verdict"] and found["figures"]["iou"]["low"] is None
    assert "drive: A has the images of /left, B of /right" in caplog.text


def test_chunks_do_not_change_the_figures(monkeypatch, tmp_path):
    drive = EvaluatedDrive.load(write(tmp_path / "a", matrices(9, 0.8)))
    drawn = draws(drive.bag, drive.stamp_ns, 50)
    whole = measure(drive, drawn)
    monkeypatch.setattr("bisenet_core.evaluation.replay.measures._CHUNK_BYTES", 8 * 9 * 7)
    np.testing.assert_equal(measure(drive, drawn), whole)


def test_drives_are_drawn_and_of_each_blocks_of_two_seconds():
    # three drives at 10, 1 and 10 Hz; the last is so short that its blocks are an eighth of it
    lengths, step = (200, 30, 40), (10**8, 10**9, 10**8)
    bag = np.repeat(np.arange(3), lengths)
    stamps = np.concatenate([np.arange(n) * s for n, s in zip(lengths, step)])
    drawn = draws(bag, stamps, 300, seed=4)
    assert (drawn == draws(bag, stamps, 300, seed=4)).all()
    assert (drawn != draws(bag, stamps, 300, seed=5)).any()
    of_drive = [drawn[:, bag == place].sum(axis=1) for place in range(3)]
    times = np.stack([of / length for of, length in zip(of_drive, lengths)])
    assert (times.sum(axis=0) == 3).all() and {0, 1, 2, 3} == set(times.ravel())
    for place, block in enumerate((20, 2, 5)):
        rows = drawn[times[place] == 1][:, bag == place].astype(int)
        starts = (np.diff(rows, axis=1, prepend=rows[:, -1:]) > 0).sum(axis=1)
        assert 1 <= starts.max() <= lengths[place] // block and (starts > 1).any()


def test_the_interval_of_frames_that_repeat_one_another_is_as_wide_as_that_of_the_moments():
    # ten moments, of which each was recorded twenty times in a second: single frames seem to tell more
    rng = np.random.default_rng(2)
    value = np.repeat(rng.normal(size=10), 20)
    stamps, bag = np.arange(200) * 10**8, np.zeros(200, int)
    width = {}
    for block in (1, None):
        low, high = interval(draws(bag, stamps, 1000, block=block) @ value / 200)
        width[block] = high - low
    assert width[None] > 3 * width[1]


def test_frames_listed_as_different_are_no_neighbours(tmp_path):
    a, b = write(tmp_path / "a", matrices(100, 0.9)), write(tmp_path / "b", matrices(100, 0.5, 1))
    places = sorted(frame["index"] for frame in compare(a, b)["most_different"])
    assert len(places) == 12 and (np.diff(places) > 3).all()


def test_frames_are_paired_by_bag_and_stamp(tmp_path):
    confusion = matrices(6, 0.8)
    stamps = 10**9 + np.arange(6) * 10**8
    a = write(tmp_path / "a", confusion, bags=("one", "two"), bag=np.array([0, 0, 0, 1, 1, 1]),
              index=np.array([0, 1, 2, 0, 1, 2]), stamp_ns=stamps)
    # b has the bags in other order, and bag two without its first frame, so that its indices differ
    chosen = [4, 5, 0, 1, 2]
    b = write(tmp_path / "b", confusion[chosen], bags=("two", "one"), bag=np.array([0, 0, 1, 1, 1]),
              index=np.array([0, 1, 0, 1, 2]), stamp_ns=stamps[chosen])
    result = compare(a, b)
    assert result["common_frames"] == 5 and result["metrics"]["miou"]["difference"] == 0
    assert (result["a"]["not_in_other"], result["b"]["not_in_other"]) == (1, 0)


def test_frames_whose_stamps_repeat_are_paired_by_index(tmp_path):
    confusion = matrices(4, 0.8)
    a = write(tmp_path / "a", confusion, stamp_ns=np.zeros(4, np.int64))
    b = write(tmp_path / "b", confusion[::-1], stamp_ns=np.zeros(4, np.int64), index=np.arange(4)[::-1])
    result = compare(a, b)
    assert result["common_frames"] == 4 and result["metrics"]["miou"]["high"] == 0


def test_bags_of_one_name_are_told_apart(tmp_path):
    confusion, bag = matrices(4, 0.8), np.array([0, 0, 1, 1])
    same = dict(bags=("drive", "drive"), bag=bag, index=np.array([0, 1, 0, 1]))
    result = compare(write(tmp_path / "a", confusion, **same),
                     write(tmp_path / "b", np.concatenate([confusion[:3], matrices(4, 0.2)[3:]]), **same))
    assert result["common_frames"] == 4
    assert [(f["bag"], f["index"]) for f in result["most_different"]] == [("drive#2", 1)]


def test_only_frames_that_both_scored_count(tmp_path):
    confusion, spoilt = matrices(4, 0.8), matrices(4, 0.8)
    spoilt[2] = 0
    a = write(tmp_path / "a", confusion)
    b = write(tmp_path / "b", spoilt, scored=np.array([True, True, False, True]))
    result = compare(a, b)
    assert result["scored_frames"] == 3 and result["metrics"]["miou"]["difference"] == 0


def test_without_truth_what_remains_is_compared(tmp_path):
    none = dict(confusion=np.zeros((4, 3, 4), np.int64), scored=np.zeros(4, bool))
    result = compare(*(write(tmp_path / name, **none) for name in "ab"))
    assert result["metrics"] is result["iou"] is None and result["common_frames"] == 4
    assert ("Throughput", "28.0\u00a0fps", "28.0\u00a0fps", "+0.0", "–", "") in figure_rows(result)
    assert result["verdict"] == "Nothing that both have measured says which is better."


def test_rows_mark_an_interval_without_0(tmp_path):
    a, b = write(tmp_path / "a", matrices(40, 0.6)), write(tmp_path / "b", matrices(40, 0.9, 1))
    table = {row[0]: row[1:] for row in figure_rows(compare(a, b))}
    assert table["Mean IoU"][2].startswith("+")
    assert table["Mean IoU"][4] == "B" and "Boundary score" not in table
    assert table["Latency, median"] == ("35.0\u00a0ms", "35.0\u00a0ms", "+0.0", "–", "")


def test_the_verdict_says_who_wins_and_by_how_much(tmp_path):
    a = write(tmp_path / "a", frames_of([60, 62, 61, 60] * 10, others=2))
    b = write(tmp_path / "b", frames_of([80, 82, 81, 80] * 10, others=2))
    found = compare(a, b)["figures"]["iou"]
    low, high = (f"{100 * found[key]:.1f}" for key in ("low", "high"))
    points = f"{100 * found['difference']:.1f} points of mean IoU, 95% interval {low} to {high}"
    assert compare(a, b)["verdict"] == f"B is better by {points}, over 40 frames of 1 drive."
    assert compare(b, a)["verdict"] == f"A is better by {points}, over 40 frames of 1 drive."


def test_the_verdict_names_the_classes_on_which_the_better_one_is_worse(tmp_path):
    a = write(tmp_path / "a", np.array([[[50, 0, 0, 50], [0, 9, 0, 1], [0, 0, 0, 0]]] * 30))
    b = write(tmp_path / "b", np.array([[[90, 0, 0, 10], [0, 6, 0, 4], [0, 0, 0, 0]]] * 30))
    assert compare(a, b)["verdict"] == (
        "B is better by 5.0 points of mean IoU, 95% interval 5.0 to 5.0, over 30 frames of 1 drive; "
        "worse on car.")
    assert compare(a, a)["verdict"] == "A and B have the same mean IoU, over 30 frames of 1 drive."


def test_where_chance_may_decide_nobody_wins(tmp_path):
    b, c = (write(tmp_path / name, matrices(40, 0.8, seed)) for name, seed in (("b", 2), ("c", 3)))
    assert compare(b, c)["verdict"].startswith("Neither is surely better: B - A is ")
    assert "interval -" in compare(b, c)["verdict"]


def test_figures_of_an_evaluation_of_old_have_no_interval(tmp_path):
    a = write(tmp_path / "a", matrices(20, 0.6), boundary={"f_score": 0.5}, calibration={"ece": 0.02})
    b = write(tmp_path / "b", matrices(20, 0.7, 1), boundary={"f_score": 0.6})
    figures = compare(a, b)["figures"]
    assert figures["boundary_score"] == {"a": 0.5, "b": 0.6, "difference": 0.1, "low": None, "high": None}
    assert figures["calibration_error"]["b"] is None and figures["iou"]["low"] is not None


def refused(tmp_path, message, b, **options):
    a = write(tmp_path / "a", matrices(4, 0.8))
    with pytest.raises(InputError, match=message) as error:
        compare(a, b, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("message, changes", [
    ("only models of the same classes", {"classes": ["road", "car", "tree"]}),
    ("no frame in common", {"stamp_ns": np.arange(4)}),
    ("no frame in common", {"bags": ("another",)}),
    ("schema 1", {"schema": 2}),
    ("one row for each frame", {"driven": np.ones(3, bool)}),
    ("names a bag", {"bag": np.ones(4, np.int32)}),
    ("allow_pickle", {"scored": np.array([None] * 4)}),
    ("counts of other classes", {"boundary": np.zeros((4, 5, 4))}),
])
def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path, message, changes):
    refused(tmp_path, message, write(tmp_path / "b", matrices(4, 0.8), **changes))


def test_other_ground_truth_is_refused(tmp_path):
    other = matrices(4, 0.8)
    other[2, [0, 1]] = other[2, [1, 0]]
    refused(tmp_path, "1 frames had other ground truth.* frame 2 of drive", write(tmp_path / "b", other))


def test_files_that_are_missing_or_damaged_are_refused(tmp_path):
    b = write(tmp_path / "b", matrices(4, 0.8))
    b.with_name("frames.npz").write_bytes(b"PK\x03\x04 damaged")
    refused(tmp_path, "cannot compare .*expected results.json", b)
    for damage, message in ((lambda: b.with_name("frames.npz").unlink(), "frames.npz: No such file"),
                            (lambda: b.write_text("{"), "Expecting property name"),
                            (lambda: b.unlink(), "results.json: No such file")):
        damage()
        with pytest.raises(InputError, match=message):
            compare(tmp_path / "a", b)


@pytest.mark.parametrize("changes", [
    {"bags": 3}, {"bags": [3]}, {"bags": [{"path": "/bags/drive"}]}, {"classes": 3}, {"classes": None}])
def test_results_of_another_shape_are_refused(tmp_path, changes):
    b = write(tmp_path / "b", matrices(4, 0.8))
    b.write_text(json.dumps({**json.loads(b.read_text()), **changes}))
    refused(tmp_path, "it names no classes or no bags", b)


def test_no_damage_to_the_arrays_ends_in_a_traceback(tmp_path):
    b, random = write(tmp_path / "b", matrices(4, 0.8)), np.random.default_rng(1)
    arrays = b.with_name("frames.npz")
    np.savez_compressed(arrays, **np.load(arrays))
    whole, refusals = arrays.read_bytes(), 0
    for _ in range(200):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(0, len(whole), 3)] = random.integers(0, 256, 3)
        arrays.write_bytes(damaged)
        try:
            EvaluatedDrive.load(b)
        except InputError as error:
            assert "expected results.json" in str(error)
            refusals += 1
    assert refusals > 100


@pytest.mark.parametrize("options", [{"resamples": 0}, {"block": 0}])
def test_a_bootstrap_of_nothing_is_refused(tmp_path, options):
    refused(tmp_path, "at least one of each", write(tmp_path / "b", matrices(4, 0.8)), **options)


def test_the_command_prints_tables_and_writes_json(tmp_path):
    app = typer.Typer()
    app.command()(replay_command.compare)
    a, b = write(tmp_path / "a", matrices(9, 0.6)), write(tmp_path / "b", matrices(9, 0.9, 1))
    printed = CliRunner().invoke(app, [str(a), str(b), "--json", str(tmp_path / "printed.json")])
    assert printed.exit_code == 0 and "9 frames in common, 9 of them with ground truth" in printed.stdout
    assert "road" in printed.stdout and "Frames that decide" in printed.stdout
    assert printed.stdout.startswith("B is better by ")
    assert "bootstrap over blocks of 2 s" in printed.stdout
    assert json.loads((tmp_path / "printed.json").read_text()) == compare(a, b)

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from bisenet_core.commands import replay_compare
from bisenet_core.commands.replay_compare import rows
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.bootstrap import figures, interval, resampled
from bisenet_core.evaluation.replay.compare import compare
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.labels.metrics import ConfusionMatrix

NAMES = ["road", "car", "sky"]


def matrices(count, right, seed=0, classes=3):
    """Confusion of ``count`` frames of 400 pixels with one truth, of which about ``right`` are right."""
    rng, truth_of = np.random.default_rng([seed, 7]), np.random.default_rng(1)
    result = []
    for _ in range(count):
        truth = truth_of.integers(0, classes, 400).astype(np.uint8)
        labels = np.where(rng.random(400) < right, truth, (truth + 1) % classes).astype(np.uint8)
        result.append(ConfusionMatrix(classes).update(labels, truth).counts)
    return np.array(result)


def write(folder, confusion, bags=("drive",), **changes):
    """An evaluation as `bisenet replay` writes it; ``changes`` are arrays of frames.npz or results."""
    count = len(confusion)
    arrays = {
        "confusion": confusion, "scored": np.ones(count, bool), "driven": np.ones(count, bool),
        "bag": np.zeros(count, np.int32), "index": np.arange(count),
        "stamp_ns": 10**9 + np.arange(count) * 10**8}
    results = {
        "schema": 1, "model": folder.name, "classes": NAMES, "latency_ms": {"p50": 35.0, "p99": 50.0},
        "bags": [{"path": f"/bags/{name}", "name": name} for name in bags], "boundary": None, "fps": 28.0}
    for name, value in changes.items():
        (arrays if name in arrays else results)[name] = value
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(results))
    np.savez(folder / "frames.npz", **arrays)
    return folder / "results.json"


def test_a_case_worked_by_hand(tmp_path):
    # two frames of 10 pixels of class 0; a has 5 and 10 of them right, b 10 and 7 (3 unlabelled)
    def frames(*right):
        return np.array([[[n, other, 10 - n - other], [0, 0, 0]] for n, other in right])

    a = write(tmp_path / "a", frames((5, 5), (10, 0)), classes=["x", "y"], driven=np.array([True, False]))
    b = write(tmp_path / "b", frames((10, 0), (7, 0)), classes=["x", "y"])
    result = compare(a, b, tmp_path / "out")
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
        counts = np.zeros((50, 2, 2, 3, 1), np.int64)
        counts[:, :, :, 0, 0], counts[:, :, :, 1, 0] = right[:, :, None], 100
        drawn = np.concatenate([figures(sums) for sums in resampled(counts, 300, drive)])
        low, high = interval(drawn[:, 1, 1] - drawn[:, 0, 1])
        held += low <= -0.1 <= high
    assert 180 <= held <= 199


@pytest.mark.parametrize("frames, block", [(1, 1), (7, 1), (7, 3), (7, 20)])
def test_resamples_are_sums_of_whole_frames(frames, block):
    counts = np.eye(frames, dtype=np.int64)  # so that a sum says how often each frame was drawn
    drawn = np.concatenate(list(resampled(counts, 500, 0, block)))
    assert drawn.shape == (500, frames) and (drawn.sum(axis=1) == frames).all() and (drawn >= 0).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(frames), abs=0.2)


def test_a_block_holds_successive_frames():
    drawn = np.concatenate(list(resampled(np.eye(6, dtype=np.int64), 50, 0, block=3)))
    pairs = {tuple(np.flatnonzero(row)) for row in drawn if row.max() == 1}
    assert pairs and pairs <= {tuple(range(6))}  # two blocks that do not overlap are the whole drive
    assert all((row[np.arange(6)] + row[np.arange(-1, 5)] > 0).any() for row in drawn)


def test_chunks_do_not_change_the_resamples(monkeypatch):
    counts = matrices(9, 0.8)
    whole = np.concatenate(list(resampled(counts, 50, 3)))
    monkeypatch.setattr("bisenet_core.evaluation.metrics.bootstrap._CHUNK_BYTES", 8 * 9 * 7)
    parts = list(resampled(counts, 50, 3))
    assert len(parts) == 8 and (np.concatenate(parts) == whole).all()


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
    assert ("fps", "28", "28", "", "") in list(rows(result))


def test_rows_mark_an_interval_without_0(tmp_path):
    a, b = write(tmp_path / "a", matrices(40, 0.6)), write(tmp_path / "b", matrices(40, 0.9, 1))
    table = {row[0]: row[1:] for row in rows(compare(a, b))}
    assert table["miou"][2].startswith("+") and table["miou"][2].endswith(" *")
    assert table["boundary_f"] == ("-", "-", "", "") and "IoU car" in table


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
    app.command()(replay_compare.compare)
    a, b = write(tmp_path / "a", matrices(9, 0.6)), write(tmp_path / "b", matrices(9, 0.9, 1))
    printed = CliRunner().invoke(app, [str(a), str(b), "--json", str(tmp_path / "printed.json")])
    assert printed.exit_code == 0 and "9 frames in common, 9 of them with ground truth" in printed.stdout
    assert "IoU road" in printed.stdout and "Frames that differ most" in printed.stdout
    assert json.loads((tmp_path / "printed.json").read_text()) == compare(a, b)

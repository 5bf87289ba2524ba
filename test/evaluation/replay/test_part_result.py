"""What is saved of a part is what is read; a file that is damaged or of something else is no result."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.evaluation.replay.frame_result import COUNTS, STAGES, FrameResult
from bisenet_core.evaluation.replay.part_result import PartResult

_INT64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def frame_results(draw):
    shapes = dict(zip(COUNTS, ((3, 4), (3, 4), (256, 2), (3, 2), (3, 4), (5, 3, 3), (5, 3, 4))))
    present = draw(st.sets(st.sampled_from(COUNTS)))
    counts = {name: np.full(shapes[name], draw(_INT64)) for name in present}
    times = draw(st.dictionaries(st.sampled_from(STAGES), st.floats(0, 1e9)))
    numbers = draw(_INT64), draw(_INT64), draw(_INT64), 640, 480
    return FrameResult(*numbers, draw(st.text()), times, **counts)


@given(st.lists(frame_results(), max_size=4), st.lists(st.binary(), max_size=3))
def test_round_trip(tmp_path_factory, frames, labels):
    path = tmp_path_factory.mktemp("parts") / "part.npz"
    PartResult("print", frames, "a CPU", 2, 1.5, tuple(labels)).save(path)
    found = PartResult.load(path, "print")
    assert (found.device, found.cores, found.seconds, found.labels) == ("a CPU", 2, 1.5, tuple(labels))
    assert len(found.frames) == len(frames)
    for one, two in zip(found.frames, frames):
        assert one.timings_ms == two.timings_ms
        assert (one.index, one.recorded_ns, one.stamp_ns) == (two.index, two.recorded_ns, two.stamp_ns)
        assert (one.width, one.height, one.problem) == (two.width, two.height, two.problem)
        for name in COUNTS:
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_nothing_unfinished_is_left_behind(tmp_path):
    PartResult("print", []).save(tmp_path / "part.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["part.npz"]
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        PartResult("print", []).save(tmp_path / "taken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.npz", "taken"]


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped", "another", "text"])
def test_what_is_no_result_of_it_is_none(tmp_path, damage):
    path = tmp_path / "part.npz"
    frame = FrameResult(0, 1, 2, confusion=np.arange(12).reshape(3, 4))
    PartResult("another" if damage == "another" else "print", [frame] * 50).save(path)
    data = path.read_bytes()
    flipped = data[:200] + bytes(byte ^ 255 for byte in data[200:260]) + data[260:]
    changed = {"empty": b"", "cut": data[: len(data) // 2], "flipped": flipped, "text": b"{}"}
    path.write_bytes(changed.get(damage, data))
    if damage == "missing":
        path.unlink()
    assert PartResult.load(path, "print") is None

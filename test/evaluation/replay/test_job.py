"""A bag's parts are all of it once; a result is used again only for exactly what it was made of."""

import os
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.job import Part, ReplayJob, fingerprint, split, state_of

JOB = ReplayJob("/m", "0" * 64, "1" * 64, "openvino", "fp32", "1")
PART = Part("/bag", "/image", "state", 0, 10)


@given(st.integers(1, 400), st.integers(1, 150))
def test_parts_are_all_frames_once(frames, size):
    parts = split(Path(__file__), "/image", frames, size=size)
    assert [index for part in parts for index in range(part.start, part.stop)] == list(range(frames))
    assert all(0 < len(part) <= size for part in parts)


@pytest.mark.parametrize("subject", [JOB, PART], ids=["job", "part"])
def test_every_field_is_in_the_fingerprint(subject):
    prints = {fingerprint(JOB, PART)}
    for field in fields(subject):
        changed = replace(subject, **{field.name: f"{getattr(subject, field.name)}1"})
        pair = (changed, PART) if subject is JOB else (JOB, changed)
        prints.add(fingerprint(*pair))
    assert len(prints) == 1 + len(fields(subject))


@pytest.mark.parametrize("change", ["content", "time", "name", "more"])
def test_a_changed_folder_has_another_state(tmp_path, change):
    file = tmp_path / "a.mcap"
    file.write_bytes(b"1")
    before = state_of(tmp_path)
    if change == "content":
        file.write_bytes(b"12")
        os.utime(file, ns=(0, 0))
    elif change == "time":
        os.utime(file, ns=(0, 1))
    elif change == "name":
        file.rename(tmp_path / "b.mcap")
    else:
        (tmp_path / "b.mcap").touch()
    assert state_of(tmp_path) != before


def test_a_log_beside_a_file_is_of_its_state(tmp_path):
    file = tmp_path / "a.db3"
    file.write_bytes(b"1")
    before = state_of(file)
    (tmp_path / "a.db3-wal").write_bytes(b"1")
    assert state_of(file) != before


def test_what_is_gone_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="gone"):
        state_of(tmp_path / "gone")

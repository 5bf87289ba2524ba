"""A short run of scripts/fuzz_readers: damaged files are read or refused in one line, by every reader."""

import random

import pytest

pytest.importorskip("rosbags", reason="reading bags needs rosbags: pip install bisenet_ros[eval]")
from reader_fuzz import READERS, one_case, samples


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_read_or_refused(tmp_path, name):
    originals = samples(name, tmp_path)
    outcomes = {one_case(name, originals, tmp_path, random.Random(seed)) for seed in range(60)}
    assert False in outcomes or name == "metadata"  # without which a bag is read by the names of its files

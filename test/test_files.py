"""Files that are replaced whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from bisenet_core.files import replacing, user_cache


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("before")
    return path


@pytest.mark.parametrize("options", [{}, {"shared": True}, {"durable": True}], ids=str)
def test_a_file_is_replaced_at_the_end_only(path, options):
    with replacing(path, **options) as unfinished:
        assert unfinished.parent == path.parent
        unfinished.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("ending", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_what_interrupts_the_writing_leaves_the_file_that_was_there(path, ending):
    with pytest.raises(type(ending)), replacing(path) as unfinished:
        unfinished.write_text("half")
        raise ending
    assert path.read_text() == "before" and list(path.parent.iterdir()) == [path]


def test_a_disk_that_is_full_at_the_end_leaves_the_file_that_was_there(path, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError), replacing(path, durable=True) as unfinished:
        unfinished.write_text("after")
    assert path.read_text() == "before" and list(path.parent.iterdir()) == [path]


def test_durable_waits_for_the_content_and_then_for_the_name(path, monkeypatch):
    synced, sync = [], os.fsync

    def record(descriptor):
        kind = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append(("folder" if kind else "file", path.read_text()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    with replacing(path, durable=True) as unfinished:
        unfinished.write_text("after")
    assert synced == [("file", "before"), ("folder", "after")]


def test_what_a_killed_process_left_is_written_over(path):
    with replacing(path) as unfinished:
        unfinished.write_text("of a process that was killed, and long")
        os.rename(str(unfinished), str(path.parent / "kept"))
        unfinished.write_text("x")
    os.rename(str(path.parent / "kept"), str(unfinished))
    with replacing(path) as unfinished:
        unfinished.write_text("after")
    assert path.read_text() == "after" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("planted", ["results.json", ".results.json.part"])
def test_links_are_replaced_and_not_what_they_lead_to(path, planted):
    other = path.parent / "other"
    other.write_text("mine")
    path.unlink()
    (path.parent / planted).symlink_to(other)
    with replacing(path) as unfinished:
        unfinished.write_text("after")
    assert (path.read_text(), path.is_symlink(), other.read_text()) == ("after", False, "mine")


def test_a_name_as_long_as_may_be_will_do(tmp_path):
    path = tmp_path / ("é" * 127)
    with replacing(path, shared=True) as unfinished:
        unfinished.write_text("new")
    assert path.read_text() == "new"


def test_two_processes_that_share_a_path_do_not_meet(path, monkeypatch):
    with replacing(path, shared=True) as one:
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with replacing(path, shared=True) as two:
            assert one != two
            two.write_text("two")
        one.write_text("one")
    assert path.read_text() == "one" and list(path.parent.iterdir()) == [path]


def test_others_may_read_the_file_as_far_as_the_umask_lets_them(path):
    before = os.umask(0o027)
    try:
        with replacing(path) as unfinished:
            unfinished.write_text("after")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_user_without_a_home_is_one_error_in_every_python(monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 1234")  # as Python 3.6 does

    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", unknown)
    with pytest.raises(RuntimeError, match="no home directory is known.*1234"):
        user_cache("tuned")

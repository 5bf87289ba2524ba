"""What a run says of its code: the commit where it is known, and nothing else."""

import subprocess

import pytest

pytest.importorskip("torch", reason="training needs PyTorch (pip install .[train])")
pytest.importorskip("lightning_fabric", reason="training needs Lightning Fabric (pip install .[train])")

from bisenet_core.learning.run_report.run_record import git_state, hardware, versions


def _git(folder, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *who, "-C", folder, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    package = tmp_path / "checkout" / "package"
    package.mkdir(parents=True)
    (package / "code.py").write_text("1")
    _git(package, "init", "-q")
    _git(package, "add", ".")
    _git(package, "commit", "-qm", "one")
    return package


def test_the_commit_and_whether_the_code_is_that_of_it(checkout):
    commit = _git(checkout, "rev-parse", "HEAD")
    (checkout / "notes.txt").write_text("mine")
    assert git_state(checkout) == {"commit": commit, "dirty": False}
    (checkout / "code.py").write_text("2")
    assert git_state(checkout) == {"commit": commit, "dirty": True}


def test_outside_a_checkout_it_is_unknown(checkout, tmp_path, monkeypatch):
    installed = checkout / "venv" / "site-packages"
    installed.mkdir(parents=True)
    assert git_state(installed) is None, "the checkout is of something else"
    assert git_state(tmp_path) is None and git_state(tmp_path / "absent") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(checkout) is None, "there is no git"


def test_versions_and_hardware_are_words():
    assert {"bisenet", "torch", "lightning"} <= set(versions())
    assert "cores" in hardware(1, False) and hardware(2, False).endswith("2 processes")

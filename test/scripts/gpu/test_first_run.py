"""scripts/gpu_first_run on the host's side: pieces that arrive one by one, and what is then run."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "gpu_first_run"
RUN_GPU_CHECK = """#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >> calls
"""


@pytest.fixture
def first_run(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [str(SCRIPT), *map(str, arguments)], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT, check=False,
            env={**os.environ, "FIRST_RUN": str(tmp_path / "kept")},
        )  # fmt: skip
    return run


@pytest.fixture
def pieces(tmp_path):
    """A bundle of one program, in three pieces, and their sums."""
    program = tmp_path / "run_gpu_check"
    program.write_text(RUN_GPU_CHECK)
    program.chmod(0o755)
    with tarfile.open(tmp_path / "bundle.tar.gz", "w:gz") as bundle:
        bundle.add(program, "bisenet_gpu/run_gpu_check")
    content = (tmp_path / "bundle.tar.gz").read_bytes()
    third = -(-len(content) // 3)
    files = [tmp_path / f"piece.0{index}" for index in range(3)]
    for index, path in enumerate(files):
        path.write_bytes(content[index * third:(index + 1) * third])
    sums = tmp_path / "piece.sums"
    digests = (hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    sums.write_text("".join(f"{digest}  {path.name}\n" for digest, path in zip(digests, files)))
    return [*files, sums]


def test_pieces_arrive_one_by_one_and_the_check_has_the_time_that_is_left(first_run, pieces, tmp_path):
    for piece in pieces:
        assert first_run("take", piece).returncode == 0
    done = first_run("go", 500, "results", "--frames", 20)
    assert done.returncode == 0, done.stdout
    unpack, check = (tmp_path / "kept" / "bisenet_gpu" / "calls").read_text().splitlines()
    assert unpack == "--help" and check.startswith(f"--first --output {tmp_path}/results --budget ")
    assert check.endswith(" --frames 20") and 400 < int(check.split("--budget ")[1].split()[0]) <= 500


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"other")])
def test_a_piece_that_is_missing_or_damaged_is_named(first_run, pieces, spoil, tmp_path):
    first_run("take", *pieces)
    spoil(tmp_path / "kept" / "piece.01")
    done = first_run("go", 500, "results")
    assert done.returncode and "piece.01" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("come",), ("go", "500")])
def test_other_words_show_the_usage(first_run, arguments):
    done = first_run(*arguments)
    assert done.returncode == 2 and "gpu_first_run take PIECE" in done.stdout


MIB = 1 << 20
HOST_BUNDLE = """#!/bin/sh
echo content > "$1/bisenet_gpu.tar"
"""


@pytest.fixture
def repository(tmp_path):
    """``run(*command)`` in a working tree of 20 MiB with the script and a kit in a folder that is ignored."""
    root = tmp_path / "tree"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(SCRIPT, root / "scripts")
    (root / "weights").write_bytes(bytes(20 * MIB))
    (root / ".gitignore").write_text("out/\n")
    (root / "out" / "kit").mkdir(parents=True)
    bundle = root / "scripts" / "gpu_host_bundle"
    bundle.write_text(HOST_BUNDLE)
    bundle.chmod(0o755)

    def run(*command):
        return subprocess.run(
            command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )  # fmt: skip

    for command in ("init -q", "add .", "-c user.name=a -c user.email=a commit -qm a"):
        assert not run("git", *command.split()).returncode
    return run


def test_the_plan_says_what_each_call_sends_and_what_to_leave_out_where_that_is_too_much(repository):
    packed = repository("scripts/gpu_first_run", "pack", "out")
    assert packed.stdout.startswith("21 MiB with the working tree: take out/piece.00\n"), packed.stdout
    repository("truncate", "-s", "60M", "out/piece.00")
    repository("truncate", "-s", "10M", "out/piece.01")
    planned = repository("scripts/gpu_first_run", "plan", "out")
    assert planned.returncode == 1
    first, second, last, *advice = planned.stdout.splitlines()
    # 60 + 20, and the script's bytes
    assert first == "81 MiB with the working tree, too much: take out/piece.00"
    assert second == "31 MiB with the working tree: take out/piece.01"
    assert last == "21 MiB with the working tree: take out/piece.sums, and go SECONDS RESULTS"
    assert not repository(*advice[-1].split()).returncode
    planned = repository("scripts/gpu_first_run", "plan", "out")
    assert planned.returncode == 0, planned.stdout
    assert planned.stdout.splitlines()[0] == "61 MiB with the working tree: take out/piece.00"
    repository("mv", "out", "seen")  # where git does not ignore it, all pieces travel with each
    assert repository("scripts/gpu_first_run", "plan", "seen").returncode == 1


def test_a_piece_fits_beside_what_the_plan_keeps_of_this_repository(tmp_path):
    text = SCRIPT.read_text()
    kept = sum((SCRIPT.parents[1] / name).stat().st_size for name in (".gitignore", "scripts/gpu_first_run"))
    assert "limit=64 piece=60 " in text and 60 * MIB + kept < 64 * MIB


def test_a_piece_of_an_earlier_run_does_not_matter(first_run, pieces, tmp_path):
    first_run("take", *pieces)
    (tmp_path / "kept" / "piece.03").write_text("of a larger bundle")
    assert first_run("go", 500, "results").returncode == 0

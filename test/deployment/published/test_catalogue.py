"""The table of published checkpoints."""

import json
import re
import subprocess
import sys

import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")

from bisenet_core.cli import main
from bisenet_core.deployment.data_set_terms import DATA_SET_TERMS
from bisenet_core.deployment.published.catalogue import CATALOGUE, find_published, is_installed, recognise
from bisenet_core.errors import InputError


def test_names_and_addresses_are_distinct():
    for key in ("name", "url", "folder"):
        assert len({getattr(entry, key) for entry in CATALOGUE}) == len(CATALOGUE)
    for entry in CATALOGUE:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", entry.name)
        assert entry.url.startswith("https://") and entry.file.endswith((".pth", ".pt"))
        assert 0 < entry.miou < 100 and entry.dataset in DATA_SET_TERMS


def test_the_preset_s_model_is_the_one_that_the_launch_file_names():
    entry = find_published("cityscapes-bisenetv2")
    assert entry.folder == "cityscapes_bisenetv2"
    assert (entry.format, entry.architecture, entry.miou) == ("mmseg", "bisenetv2", 75.76)
    assert entry.sha256_prefix == "e1a2eed6"


def test_mmsegmentation_s_names_end_in_their_hash_and_the_others_have_none():
    for entry in CATALOGUE:
        assert len(entry.sha256_prefix) == (8 if entry.format == "mmseg" else 0)
        assert recognise(entry.sha256_prefix + "0" * 56) in (entry, None)
    assert recognise("e1a2eed6" + "f" * 56) is find_published("cityscapes-bisenetv2")
    assert recognise("f" * 64) is None


def test_every_entry_can_be_imported():
    pytest.importorskip("torch", reason="import needs PyTorch (pip install .[train])")
    from bisenet_core.models.weights.renamings import renaming_of

    for entry in CATALOGUE:
        assert entry.dataset in renaming_of(entry.format, entry.architecture).statistics


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'cityscapes-stdc2-seg'"):
        find_published("cityscapes-stdc2")
    with pytest.raises(InputError, match="`bisenet weights list`"):
        find_published("zzz")


def test_list_shows_all_and_what_is_in_the_cache(cache, write_model_folder, tmp_path, capsys):
    write_model_folder(cache / "cityscapes_bisenetv2")
    write_model_folder(cache / "cityscapes_stdc1_seg")
    (cache / "cityscapes_stdc1_seg" / "model.onnx").write_bytes(b"cut short")
    assert main(["weights", "list", "--json", str(tmp_path / "list.json")]) == 0
    shown = capsys.readouterr().out
    rows = json.loads((tmp_path / "list.json").read_text())["checkpoints"]
    assert [row["name"] for row in rows] == [entry.name for entry in CATALOGUE]
    assert [row["name"] for row in rows if row["installed"]] == ["cityscapes-bisenetv2"]
    for row in rows:
        assert row["name"] in shown and f"{row['miou']:.2f}" in shown
        assert row["url"] and row["publisher"] and row["data_terms"] and row["evaluated_at"]
    assert is_installed(find_published("cityscapes-bisenetv2"))


def test_list_needs_no_torch():
    program = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; "
        "from bisenet_core.cli import main; sys.exit(main(sys.argv[1:]))"
    )

    def run(*arguments):
        command = [sys.executable, "-c", program, "weights", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run("list").returncode == 0
    fetching = run("fetch", "cityscapes-bisenetv2")
    assert fetching.returncode == 2 and "pip install 'bisenet_ros[train]'" in fetching.stderr

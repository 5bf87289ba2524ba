"""A checkpoint is read whole and unharmed, or one line says what the file is."""

import zipfile

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")

from tiny_checkpoint import write_tiny_checkpoint  # noqa: E402

from bisenet_core.cli import main  # noqa: E402
from bisenet_core.errors import InputError  # noqa: E402
from bisenet_core.models.weights.torch_file import load_torch_file  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A sound one; not to be changed."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("sound"))


def _with_flipped_bit(checkpoint, path, part):
    """A copy of ``checkpoint`` in which one bit amidst the largest ``part`` of the archive is another."""
    with zipfile.ZipFile(checkpoint) as archive:
        largest = max((i for i in archive.infolist() if part in i.filename), key=lambda i: i.file_size)
        content = archive.read(largest)
    data = bytearray(checkpoint.read_bytes())
    data[data.index(content) + len(content) // 2] ^= 0x40
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("part", ["/data/", "/data.pkl"])
def test_one_bit_that_has_flipped_is_found(checkpoint, tmp_path, part):
    bad = _with_flipped_bit(checkpoint, tmp_path / "bad.ckpt", part)
    with pytest.raises(InputError, match=rf"bad.ckpt is damaged: the checksum of \S*{part}\S* in it"):
        load_torch_file(bad)


def test_no_command_takes_a_damaged_checkpoint(checkpoint, tmp_path, capfd):
    bad, recipe = _with_flipped_bit(checkpoint, tmp_path / "bad.ckpt", "/data/"), tmp_path / "recipe.yaml"
    recipe.write_text("{name: tiny, dataset: camvid, options: {alpha: 0.25}, iterations: 1}")
    train = ["train", "--config", recipe, "--root", tmp_path, "--output", tmp_path / "run"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.ckpt").write_bytes(bad.read_bytes())
    published = ["--from", "coincheung", "--architecture", "bisenetv2", "--dataset", "cityscapes"]
    commands = [
        ["export", bad, "--output", tmp_path / "model"],
        ["weights", "import", bad, *published, "--output", tmp_path / "model"],
        [*train, "--resume"],
    ]
    for command in commands:
        assert main([str(one) for one in command]) == 2
        assert "ckpt is damaged: the checksum of" in capfd.readouterr().err
    assert not (tmp_path / "model").exists()


KINDS = {
    "empty": (b"", "empty"),
    "page": (b"\n<!DOCTYPE html><html>Quota exceeded</html>", "a web page"),
    "page without a type": (b"\xef\xbb\xbf<HTML><body>", "a web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "text": ("Größe: zu viele Zugriffe".encode(), r"a text, which begins with \['Größe:', 'zu'"),
    "json": (b'{"error": 404}', "a text"),
    "gzip": (b"\x1f\x8b\x08\x00\x00", "gzip"),
    "binary": (b"\x00\x01\x02" * 99, "no file of torch.save"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_another_file_says_what_it_is(tmp_path, kind):
    content, message = KINDS[kind]
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(InputError, match=f"a.pth is not a checkpoint: it is .*{message}"):
        load_torch_file(tmp_path / "a.pth")


def test_a_part_of_a_file_and_an_archive_of_others(checkpoint, tmp_path):
    (tmp_path / "part.ckpt").write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(InputError, match="part.ckpt is damaged or only a part of a file"):
        load_torch_file(tmp_path / "part.ckpt")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(checkpoint, "best.ckpt")
    with pytest.raises(InputError, match="an archive .zip. of other files; unpack it"):
        load_torch_file(tmp_path / "all.zip")
    with pytest.raises(InputError, match=r"none.ckpt cannot be read: No such file"):
        load_torch_file(tmp_path / "none.ckpt")


def test_files_without_checksums_are_read(tmp_path):
    tensors = {"w": torch.arange(3.0)}
    torch.save(tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    kept = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(tensors, tmp_path / "without.pth")
    finally:
        torch.serialization.set_crc32_options(kept)
    for name in ("old.pth", "without.pth"):
        assert torch.equal(load_torch_file(tmp_path / name)["w"], tensors["w"])

import locale
import logging
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from bisenet_core.errors import BackendUnavailable, InputError
from bisenet_core.runtime.cuda import compiler
from bisenet_core.runtime.cuda.compiler import compile_kernels
from bisenet_core.runtime.cuda.nvrtc import Nvrtc

#: files that the kernels are made of
SOURCES = {path.name for path in compiler._FOLDER.iterdir() if path.suffix in (".cu", ".h")}
FAKE_NVCC = """#!/bin/sh
if [ "$1" = --version ]; then cat {folder}/version; exit; fi
echo "$@" >> {folder}/calls
[ ! -e {folder}/fails ] || {{ echo kernels.cu; echo "nvcc fatal : Unsupported gpu architecture"; exit 1; }}
while [ "$1" != -o ]; do shift; done
printf 'image of a kernel' > "$2"
"""


@pytest.fixture
def nvcc(tmp_path, monkeypatch):
    """The folder of a CUDA toolkit whose nvcc notes its calls; NVRTC is not to be found."""
    folder = tmp_path / "toolkit"
    (folder / "bin").mkdir(parents=True)
    (folder / "version").write_text("nvcc\nBuild 1\n")
    program = folder / "bin" / "nvcc"
    program.write_text(FAKE_NVCC.format(folder=folder))
    program.chmod(0o755)
    monkeypatch.setenv("CUDA_HOME", str(folder))
    monkeypatch.setattr(Nvrtc, "find", lambda home: None)
    return folder


def calls(nvcc):
    path = nvcc / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_kernels_are_compiled_once_for_each_gpu_and_compiler(nvcc, tmp_path):
    images = [compile_kernels((6, 2), tmp_path / "cache") for _ in range(2)]
    assert images == [b"image of a kernel"] * 2
    assert len(calls(nvcc)) == 1 and "-arch=sm_62" in calls(nvcc)[0] and "--fmad=false" in calls(nvcc)[0]
    compile_kernels((9, 0), tmp_path / "cache")
    (nvcc / "version").write_text("nvcc\nBuild 2\n")
    compile_kernels((9, 0), tmp_path / "cache")
    assert len(calls(nvcc)) == 3


@pytest.mark.parametrize("variables", [{"PATH": ":/usr/bin:", "CUDA_HOME": ""}, {"CUDA_HOME": "."},
                                       {"PATH": "bin:.", "CUDA_PATH": "bin"}], ids=str)
def test_no_program_of_the_current_folder_is_run(nvcc, monkeypatch, variables):
    for name, value in {"PATH": "", "CUDA_HOME": "", "CUDA_PATH": "", **variables}.items():
        monkeypatch.setenv(name, value)
    for folder in (nvcc / "bin", nvcc):
        monkeypatch.chdir(folder)
        assert compiler._find_nvcc() is None or "toolkit" not in compiler._find_nvcc()


def test_other_sources_are_compiled_again(nvcc, tmp_path, monkeypatch):
    compile_kernels((6, 2), tmp_path / "cache")
    sources = tmp_path / "sources"
    sources.mkdir()
    for name in SOURCES:
        (sources / name).write_text("// changed")
    monkeypatch.setattr(compiler, "_FOLDER", sources)
    compile_kernels((6, 2), tmp_path / "cache")
    assert len(calls(nvcc)) == 2


def test_what_is_kept_is_the_users_alone(nvcc, tmp_path):
    compile_kernels((6, 2), tmp_path / "cache")
    kept, = (tmp_path / "cache").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(b""), lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.chmod(0o666)])
def test_a_spoilt_file_is_compiled_again_with_one_warning(nvcc, tmp_path, caplog, spoil):
    compile_kernels((6, 2), tmp_path / "cache")
    kept, = (tmp_path / "cache").iterdir()
    spoil(kept)
    with caplog.at_level(logging.WARNING):
        assert compile_kernels((6, 2), tmp_path / "cache") == b"image of a kernel"
    assert len(calls(nvcc)) == 2 and len(caplog.records) == 1 and "compiled again" in caplog.text
    compile_kernels((6, 2), tmp_path / "cache")
    assert len(calls(nvcc)) == 2


def test_a_folder_that_others_write_into_is_refused(nvcc, tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(InputError, match="written by others"):
        compile_kernels((6, 2), folder)


@pytest.mark.parametrize("folder", ["a file/kernels", 300 * "n"])
def test_a_folder_that_cannot_be_made_costs_a_warning(nvcc, tmp_path, caplog, folder):
    (tmp_path / "a file").write_text("")
    assert compile_kernels((6, 2), tmp_path / folder) == b"image of a kernel"
    assert [record.levelname for record in caplog.records] == ["WARNING"] and "cannot be kept" in caplog.text


def test_a_compiler_that_refuses_is_quoted_in_one_line(nvcc, tmp_path):
    (nvcc / "fails").touch()
    with pytest.raises(BackendUnavailable) as error:
        compile_kernels((6, 2), tmp_path / "cache")
    assert "bin/nvcc: nvcc fatal : Unsupported gpu architecture; install" in str(error.value)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("nowhere_to_write", [False, True])
def test_nvrtc_is_taken_where_nvcc_fails(nvcc, tmp_path, monkeypatch, nowhere_to_write):
    class FakeNvrtc:
        identity = "NVRTC 1.2"

        def compile(self, source, headers, capability, options):
            assert "preprocess" in source and {"kernels.cu", *headers} == SOURCES and capability == (6, 2)
            return b"by NVRTC"

    def no_folder():
        raise FileNotFoundError("No usable temporary directory found")

    if nowhere_to_write:
        monkeypatch.setattr(compiler.tempfile, "TemporaryDirectory", no_folder)
    else:
        (nvcc / "fails").touch()
    monkeypatch.setattr(Nvrtc, "find", lambda home: FakeNvrtc())
    assert compile_kernels((6, 2), tmp_path / "cache") == b"by NVRTC"


def test_no_compiler_is_said_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(Nvrtc, "find", lambda home: None)
    with pytest.raises(BackendUnavailable, match="no nvcc .* no libnvrtc found; install the CUDA toolkit"):
        compile_kernels((6, 2), tmp_path / "cache")


def newest_architecture(nvcc):
    """A compute capability that this nvcc compiles for; each version drops old ones."""
    listed = subprocess.run([nvcc, "--list-gpu-code"], stdout=subprocess.PIPE, universal_newlines=True,
                            check=False).stdout.split()
    known = [int(name[3:]) for name in listed if name[3:].isdigit()]
    return divmod(max(known), 10) if known else (6, 2)  # 10.2, JetPack 4's, cannot list them


def test_nvcc_compiles_the_kernels(tmp_path):
    nvcc = compiler._find_nvcc()
    if not nvcc:
        pytest.skip("nvcc is not installed")
    image = compiler._run_nvcc(nvcc, newest_architecture(nvcc))
    assert image[:4] == b"\x7fELF" and b"preprocess" in image and b"postprocess" in image


def test_nvrtc_compiles_the_kernels():
    nvrtc = Nvrtc.find(compiler._cuda_home())
    if not nvrtc:
        pytest.skip("libnvrtc is not installed (pip install nvidia-cuda-nvrtc-cu12)")
    encoding = locale.getpreferredencoding(False)
    image = compiler._run_nvrtc(nvrtc, (7, 5))
    assert b"preprocess" in image and b"postprocess" in image
    assert locale.getpreferredencoding(False) == encoding  # or Python would read files in another one


def test_nvrtcs_builtins_are_loaded_from_beside_it(tmp_path, monkeypatch):
    folder, loaded = tmp_path / "nvidia" / "cu13" / "lib", []
    folder.mkdir(parents=True)
    for name in ("libnvrtc.so.13", "libnvrtc-builtins.so.13.0", "libnvrtc-builtins.alt.so.13.0"):
        (folder / name).touch()

    def load(path):
        loaded.append(os.path.basename(path))
        if len(loaded) == 2:
            raise OSError("not a library")

    monkeypatch.setattr("ctypes.CDLL", load)
    assert Nvrtc._load(str(folder / "libnvrtc.so.13")) is None
    assert loaded == ["libnvrtc-builtins.so.13.0", "libnvrtc.so.13"]


def test_sources_are_installed_with_the_package():
    setup = Path(__file__).resolve().parents[3] / "setup.py"
    assert '"*.cu"' in setup.read_text() and '"*.h"' in setup.read_text()
    assert set(path.suffix for path in map(Path, SOURCES)) == {".cu", ".h"}


def test_every_source_that_is_included_is_part_of_the_key_and_handed_to_nvrtc():
    included = {name for path in SOURCES for name in re.findall(
        '#include "(.*)"', (compiler._FOLDER / path).read_text())}
    assert {"kernels.cu"} | included == SOURCES == {compiler._SOURCE, *compiler._HEADERS}


def test_an_nvcc_that_does_not_start_is_said(nvcc, tmp_path):
    (nvcc / "bin" / "nvcc").write_text("#!/no/such/shell\n")
    with pytest.raises(BackendUnavailable, match="bin/nvcc: .*No such file or directory"):
        compile_kernels((6, 2), tmp_path / "cache")

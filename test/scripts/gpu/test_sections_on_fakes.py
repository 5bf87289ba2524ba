"""The sections that need TensorRT, on fakes of three of its generations: calls, order, frees; no figure."""

import sys

import numpy as np
import pytest
from gpu import kernel_sections, segmenter_sections
from gpu.kit import MODEL, REFERENCE
from gpu.section import DONE, FAILED, NOT_RUN, Settings, Step, run_section


@pytest.fixture
def settings(tmp_path, tiny_model_folder):
    folder = tmp_path / "kit" / "tiny"
    folder.mkdir(parents=True)
    (folder / MODEL).symlink_to(tiny_model_folder)
    images = np.random.default_rng(0).integers(0, 256, (1, 48, 64, 3), np.uint8)
    np.savez(folder / REFERENCE, images=images, labels=_labels(tiny_model_folder, images))
    return Settings(kit=folder.parent, work=tmp_path / "work", subjects=("tiny",), main="tiny",
                    cameras=((64, 48), (130, 70)), frames=3, warm_up=1)


def _labels(model, images):
    from bisenet_core.runtime.segmenter import Segmenter

    pytest.importorskip("onnxruntime")
    with Segmenter.open(str(model), "onnxruntime", "fp32") as segmenter:
        return np.stack([segmenter.segment(image, "rgb").labels for image in images])


def run(section, settings, precision="fp32"):
    record = run_section(Step(section, "tiny", precision), settings)
    assert record["status"] == DONE, record.get("traceback", record)
    return record["measured"]


def test_machine(gpu, settings):
    found = run("machine", settings)
    assert found["device"] == "NVIDIA Fake" and found["bandwidth"] > 0
    assert not gpu.live


def test_build_and_what_follows_use_one_engine(gpu, settings):
    assert run("build", settings)["bytes"] > 0
    import tensorrt

    run("network", settings)
    assert len(tensorrt.builds) == 1 and not gpu.live


def test_parity(gpu, settings):
    assert run("parity", settings)["equal_labels"] > 0.999


def test_labels_that_are_not_those_of_the_reference_fail(gpu, settings, monkeypatch):
    assert segmenter_sections.NEEDED == {"fp32": 0.999, "fp16": 0.995}
    monkeypatch.setitem(segmenter_sections.NEEDED, "fp32", 1.1)
    record = run_section(Step("parity", "tiny", "fp32"), settings)
    assert record["status"] == FAILED and "of a frame's labels equal the reference's" in record["reason"]


def test_segment_counts_no_allocation_after_its_warm_up(gpu, settings):
    found = run("segment", settings)
    assert set(found) == {"64x48", "130x70"}
    assert {row["allocations"] for row in found.values()} == {0}
    assert all(set(row["stages_ms"]) >= {"preprocess", "network", "postprocess"} for row in found.values())
    assert not gpu.live


def test_postprocess(gpu, settings):
    found = run("postprocess", settings, "fp32")
    assert found["camera"] == "130x70" and found["bytes"] == 2 * 11 * 8 * 12 + 130 * 70
    assert found["over_floor"] == pytest.approx(found["kernel_us"] / found["floor_us"])
    assert not gpu.live


def test_the_kernels_give_what_the_cpu_gives(gpu, settings, monkeypatch):
    assert run("kernels", settings) == {size: {"input": True, "labels": True} for size in ("64x48", "130x70")}
    assert not gpu.live
    monkeypatch.setattr(kernel_sections, "fit_image", lambda image, order, network_order, out: out.fill(0))
    record = run_section(Step("kernels", "tiny", "fp16"), settings)
    assert record["status"] == FAILED and "do not give what the CPU gives" in record["reason"]


SANITIZER = """#!{python}
import subprocess, sys
tool, code, command = sys.argv[2], sys.argv[4], sys.argv[5:]
assert sys.argv[1::2][:2] == ["--tool", "--error-exitcode"] and command[1] == "-m", sys.argv
print("========= " + tool.upper() + " SUMMARY: {errors} errors")
sys.exit(int(code) if {errors} else 0)
"""


@pytest.mark.parametrize("errors", [0, 3])
@pytest.mark.parametrize("tool", ["memcheck", "racecheck"])
def test_the_sanitizer_s_verdict(gpu, settings, monkeypatch, tmp_path, tool, errors):
    settings.work.mkdir()
    program = tmp_path / "compute-sanitizer"
    program.write_text(SANITIZER.format(python=sys.executable, errors=errors))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if not errors:
        assert run(tool, settings) == {"summary": tool.upper() + " SUMMARY: 0 errors"}
    else:
        record = run_section(Step(tool, "tiny", "fp16"), settings)
        assert record["status"] == FAILED and "SUMMARY: 3 errors" in record["reason"]
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(kernel_sections.shutil, "which", lambda name, path: None)
    assert run_section(Step(tool, "tiny", "fp16"), settings)["status"] == NOT_RUN


@pytest.fixture
def cuda_session(monkeypatch):
    """ONNX Runtime with a CUDA provider, which computes on the CPU."""
    onnxruntime = pytest.importorskip("onnxruntime")
    from test_onnxruntime_cuda import CudaSession

    session = type("CudaSession", (CudaSession,), {})
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr("bisenet_core.runtime.cuda.libcuda.gpu_name", lambda: "NVIDIA Fake")
    monkeypatch.setattr("bisenet_core.runtime.candidates.DRIVER", "libc.so.6")
    return session


def test_onnxruntime_on_cuda(cuda_session, settings):
    found = run("onnxruntime", settings)
    assert found["device"] == "NVIDIA Fake (CUDA)" and found["version"]
    assert set(found["64x48"]["stages_ms"]) >= {"preprocess", "network", "postprocess"}


def test_onnxruntime_that_is_not_on_cuda_says_why(cuda_session, settings, monkeypatch):
    def reason():
        record = run_section(Step("onnxruntime", "tiny", "fp32"), settings)
        assert record["status"] == NOT_RUN and "\n" not in record["reason"], record
        return record["reason"]

    cuda_session.fails = True
    assert "runs on CPU" in reason() and "CUDA failure 2: out of memory" in reason()
    cuda_session.refused = ("CUDAExecutionProvider",)
    assert "CUDA or cuDNN libraries are missing" in reason()
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    assert "pip install onnxruntime-gpu" in reason()


def test_a_gpu_that_is_lost_is_a_failed_section(gpu, settings):
    from fake_pycuda import LaunchError

    run("build", settings)
    gpu.failures["launch"] = LaunchError("cuLaunchKernel failed: unspecified launch failure")
    record = run_section(Step("segment", "tiny", "fp32"), settings)
    assert record["status"] == FAILED and "unspecified launch failure" in record["reason"]


def test_without_a_gpu_every_section_says_so(monkeypatch, settings):
    for name in ("tensorrt", "pycuda", "pycuda.driver"):
        monkeypatch.setitem(sys.modules, name, None)
    for section in ("machine", "build", "parity", "network", "segment", "postprocess", "kernels"):
        record = run_section(Step(section, "tiny", "fp16"), settings)
        assert record["status"] == NOT_RUN and record["reason"], (section, record)

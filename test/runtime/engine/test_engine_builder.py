import hashlib
from dataclasses import replace
from types import SimpleNamespace

import fake_tensorrt
import pytest
from test_prepared_onnx import tensors_of
from wire_onnx import node, small_network

from bisenet_core.errors import BackendUnavailable, InputError
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.engine import builder as builder_module
from bisenet_core.runtime.engine.builder import EngineBuilder
from bisenet_core.runtime.engine.callbacks import attach_progress
from bisenet_core.runtime.engine.options import CacheKey, EngineOptions, available_precisions
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.quantised_file import QuantisedFile

FP32, FP16, INT8 = [EngineOptions(precision, (64, 32)) for precision in ("fp32", "fp16", "int8")]
QUANTISE = node("QuantizeLinear", ["image", "s"], ["q"])
EXTERNAL = ("CUBLAS", "CUBLAS_LT", "CUDNN")
PREVIEW = "DISABLE_EXTERNAL_TACTIC_SOURCES_FOR_CORE_0805"


@pytest.fixture
def trt(fake_trt, monkeypatch):
    """TensorRT of each generation in turn, with a current context; its networks are built but not run."""
    monkeypatch.setattr(fake_tensorrt, "network_shape", lambda onnx, tensor: (1, 11, 32, 64))
    with CudaDevice.open().current():
        yield fake_trt


@pytest.fixture
def builder(trt, tmp_path):
    return EngineBuilder(trt, tmp_path / "timing.cache")


@pytest.fixture
def open_card(tmp_path, write_model_folder):
    """``open_card(onnx bytes)``: the card of a model folder that holds them."""
    folder = tmp_path / "net"
    return lambda content=None: ModelCard.load(write_model_folder(folder, content or small_network()))


@pytest.fixture
def converted(monkeypatch):
    """The networks that were written in FP16, which the converter here only marks."""
    seen = []
    monkeypatch.setattr(builder_module, "to_half", lambda content: seen.append(content) or content)
    return seen


def test_fp32_means_float32_not_tf32(trt, builder, open_card):
    plan = builder.build(open_card(), FP32)
    assert trt.builds[-1].flags == set()
    assert list(tensors_of(fake_tensorrt._read_plan(plan, trt)[1])) == ["kernel32"]


def test_fp16_is_a_flag_where_there_is_one_and_in_the_network_where_not(trt, builder, open_card, converted):
    builder.build(open_card(), FP16)
    has_flag = hasattr(trt.BuilderFlag, "FP16")
    assert trt.builds[-1].flags == ({"FP16", "TF32"} if has_flag else {"TF32"})
    assert len(converted) == (0 if has_flag else 1)


def test_int8_needs_a_network_that_says_where(trt, builder, open_card):
    with pytest.raises(InputError, match=r"no QuantizeLinear.*or use precision fp16"):
        builder.build(open_card(), INT8)
    builder.build(open_card(small_network([QUANTISE])), INT8)
    has_flag = hasattr(trt.BuilderFlag, "INT8")
    assert trt.builds[-1].flags == ({"FP16", "INT8", "TF32"} if has_flag else {"TF32"})


def test_the_workspace_is_limited(trt, builder, open_card):
    builder.build(open_card(), FP32._replace(workspace_mib=64))
    assert trt.builds[-1].workspace == 64 << 20


def test_the_optimization_level_is_set_where_there_is_one(trt, builder, open_card):
    builder.build(open_card(), FP32._replace(optimization_level=5))
    assert getattr(trt.builds[-1], "builder_optimization_level", 5) == 5


@pytest.mark.parametrize("external, works, kept", [
    (None, False, False), (None, True, True), (True, False, True), (False, True, False)])
def test_external_tactics_are_used_where_they_work(
        trt, builder, open_card, monkeypatch, external, works, kept):
    monkeypatch.setattr(builder_module, "library_works", lambda name, function: works)
    builder.build(open_card(), FP32._replace(external_tactics=external))
    config = trt.builds[-1]
    chosen = {source.name for source in trt.TacticSource if config.sources >> int(source) & 1}
    external_sources = {source.name for source in trt.TacticSource} & set(EXTERNAL)
    assert chosen & set(EXTERNAL) == (external_sources if kept else set())
    assert chosen >= {source.name for source in trt.TacticSource} - set(EXTERNAL)
    switchable = hasattr(getattr(trt, "PreviewFeature", None), PREVIEW)
    assert config.previews == ({PREVIEW} if switchable and not kept else set())


def test_a_library_that_is_not_there_does_not_work():
    assert not builder_module.library_works("bisenet_no_such_library", "version")


@pytest.mark.parametrize("versions, works", [
    ({11: 8906}, True), ({13: 130000, 11: 110902}, True), ({11: 1}, False), ({13: 130000, 11: 1}, False)])
def test_a_library_of_empty_functions_does_not_work(monkeypatch, versions, works):
    def load(path):
        major = int(path.rsplit(".", 1)[1])
        if major not in versions:
            raise OSError(path + ": cannot open shared object file")
        return type("Library", (), {"cudnnGetVersion": lambda: versions[major]})

    monkeypatch.setattr(builder_module.ctypes, "CDLL", load)
    assert builder_module.library_works("cudnn", "cudnnGetVersion") == works


def test_progress_is_reported_where_tensorrt_does(trt, builder, open_card, caplog):
    seen = []
    builder.build(open_card(), FP32, lambda *step: seen.append(step))
    if hasattr(trt, "IProgressMonitor"):
        assert seen[0] == ("Building", 0, 2) and seen[-1] == ("Building", 2, 2)
    assert ("this takes minutes" in caplog.text) != bool(seen)


def test_of_phases_within_phases_the_outermost_counts(trt):
    if not hasattr(trt, "IProgressMonitor"):
        pytest.skip("this TensorRT reports no progress")
    seen = []
    monitor = attach_progress(trt, trt.IBuilderConfig(), lambda *step: seen.append(step))
    monitor.phase_start("Building", None, 1)
    monitor.phase_start("Timing", "Building", 7)
    assert monitor.step_complete("Timing", 0)
    monitor.phase_finish("Timing")
    assert monitor.step_complete("Building", 0)
    monitor.phase_finish("Building")
    assert seen == [("Building", 0, 1), ("Building", 1, 1), ("Building", 1, 1)]


def test_progress_can_end_a_build(trt, builder, open_card):
    def interrupt(phase, done, steps):
        raise KeyboardInterrupt

    if not hasattr(trt, "IProgressMonitor"):
        pytest.skip("this TensorRT reports no progress")
    with pytest.raises(KeyboardInterrupt):
        builder.build(open_card(), FP32, interrupt)


def test_timings_are_kept_for_the_next_build(trt, open_card, tmp_path):
    path = tmp_path / "timing.cache"
    EngineBuilder(trt, path).build(open_card(), FP32)
    assert path.read_bytes() == b"timings" and trt.builds[-1].cache.content == b""
    EngineBuilder(trt, path).build(open_card(), FP32)
    assert trt.builds[-1].cache.content == b"timings"
    path.write_bytes(b"foreign")
    EngineBuilder(trt, path).build(open_card(), FP32)
    assert path.read_bytes() == b"timings" and trt.builds[-1].cache.content == b""


def test_what_the_parser_refuses_is_one_line(trt, builder, open_card, monkeypatch):
    def refuse(parser, model):
        raise ValueError("In node 3 (importUnsupported):\nno importer registered")

    monkeypatch.setattr(fake_tensorrt.OnnxParser, "_read", refuse)
    with pytest.raises(InputError) as caught:
        builder.build(open_card(), FP32)
    message = str(caught.value)
    assert trt.__version__ in message and "model.onnx" in message and "\n" not in message
    assert "In node 3 (importUnsupported): no importer registered" in message


def test_what_cannot_be_built_says_tensorrts_own_reason(trt, builder, open_card):
    trt.failures.add("build_serialized_network")
    with pytest.raises(InputError, match="built no engine of .*: Could not find any implementation for node"):
        builder.build(open_card(), FP32)


def test_without_a_gpu_the_backend_is_unavailable(trt, builder, open_card, monkeypatch):
    monkeypatch.setattr(trt.driver.Device, "count", lambda: 0)
    with pytest.raises(BackendUnavailable, match=r"finds no usable GPU: CUDA initialization .* 100$"):
        builder.build(open_card(), FP32)


def test_a_network_that_was_changed_since_is_refused(trt, builder, open_card):
    card = open_card()
    card.onnx_path.write_bytes(small_network([QUANTISE]))
    assert hashlib.sha256(card.onnx_path.read_bytes()).hexdigest() != card.onnx_sha256
    with pytest.raises(InputError, match="changed since"):
        builder.build(card, FP32)


@pytest.mark.parametrize("changes", [
    {"precision": "bf16"}, {"input_size": (0, 32)}, {"workspace_mib": 0}, {"optimization_level": 6}])
def test_options_that_no_tensorrt_takes_are_refused(trt, builder, open_card, changes):
    with pytest.raises(InputError):
        builder.build(open_card(), FP32._replace(**changes))


@pytest.mark.parametrize("capability, quantised, expected", [
    ((5, 0), False, ["fp32"]), ((6, 1), True, ["fp32", "int8"]), ((6, 2), True, ["fp16", "fp32"]),
    ((7, 0), True, ["fp16", "fp32", "int8"]), ((9, 0), False, ["fp16", "fp32"])])
def test_precisions_are_those_a_gpu_is_fast_in(capability, quantised, expected):
    assert available_precisions(capability, quantised) == expected


def test_int8_is_built_of_the_quantised_file(trt, builder, open_card):
    card = open_card()
    content = small_network([QUANTISE])
    (card.folder / "model.int8.onnx").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    entry = QuantisedFile(sha256, card.onnx_sha256, {}, {"differing_pixels": 0.0})
    quantised = replace(card, int8=entry)
    builder.build(quantised, INT8)
    builder.build(quantised, FP32)
    device = SimpleNamespace(name="GPU", compute_capability=(8, 6))
    keys = [CacheKey(quantised, options, device, trt).content["onnx_sha256"] for options in (INT8, FP32)]
    assert keys == [sha256, card.onnx_sha256]
    (card.folder / "model.int8.onnx").write_bytes(content + b"x")
    with pytest.raises(InputError, match="model.int8.onnx is damaged"):
        builder.build(quantised, INT8)

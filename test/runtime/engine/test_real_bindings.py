"""The TensorRT that NVIDIA ships has every name that our code uses, of the four kinds of API it has had."""

import sys
from pathlib import Path

import pytest
from real_bindings import REAL, ROOT, UsedNames, accepts, inventory, run_with_bindings

pytestmark = pytest.mark.skipif(sys.version_info < (3, 8), reason="run by a newer Python, for 3.6 too")

RUNTIME = ROOT / "bisenet_core" / "runtime"
FILES = sorted(path for path in [*(RUNTIME / "engine").glob("*.py"), *RUNTIME.glob("*.py")]
               if "trt" in path.read_text())
#: names that only some have, each behind a hasattr: where they are
SOME = {
    "IBuilderConfig.max_workspace_size": {"8.6"},
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH": {"8.6", "10.3"},
    "BuilderFlag.FP16": {"8.6", "10.3"},
    "IProgressMonitor": {"10.3", "11.4"},
    "IBuilderConfig.progress_monitor": {"10.3", "11.4"},
    **{f"ICudaEngine.{name}": {"8.6"} for name in (
        "num_bindings", "binding_is_input", "get_binding_name", "get_binding_index", "get_binding_shape",
        "get_binding_dtype")},
    **{f"IExecutionContext.{name}": {"8.6"} for name in (
        "set_binding_shape", "get_binding_shape", "execute_async_v2")},
}


@pytest.fixture(scope="module", params=sorted(REAL))
def real(request):
    """(name of the TensorRT without its Python, what it has)."""
    return request.param.split()[0], inventory(request.param)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_name_that_is_used_is_there(real, path):
    version, names = real
    for holder, name, arguments in sorted(UsedNames(path).used, key=str):
        full = f"{holder}.{name}".lstrip(".")
        there = name in names.get(holder, ())
        assert there == (version in SOME.get(full, {version})), f"{path.name} uses {full}"
        if there and arguments is not None:
            assert accepts(names[holder][name], arguments), f"{path.name}: {full} with {arguments} arguments"


def test_the_names_are_found_in_the_code():
    used = {f"{holder}.{name}".lstrip(".") for path in FILES for holder, name, _ in UsedNames(path).used}
    assert used >= {"Builder", "Builder.create_network", "BuilderFlag.TF32", "IBuilderConfig.set_flag",
                    "ILogger.Severity.ERROR", "IProgressMonitor", "OnnxParser.get_error", *SOME}


def test_a_name_or_a_call_that_is_wrong_would_be_found(tmp_path):
    path = tmp_path / "code.py"
    path.write_text("flags = self._trt.BuilderFlag\nconfig.set_flag(flags.NEW, 1)\nhasattr(trt, 'Old')\n"
                    "engine = ours.open()\nengine.plan\n")
    assert UsedNames(path).used == {
        ("", "BuilderFlag", None), ("BuilderFlag", "NEW", None), ("", "Old", None),
        ("IBuilderConfig", "set_flag", None), ("IBuilderConfig", "set_flag", 2)}
    documentation = "set_flag(self: trt.IBuilderConfig, flag: trt.BuilderFlag, on: bool = True) -> None"
    assert [accepts(documentation, count) for count in range(4)] == [False, True, True, False]


# what of the builder runs without a GPU, with the real classes under it
WITHOUT_GPU = """
import sys
from pathlib import Path
import tensorrt_bindings as trt
from bisenet_core.errors import BackendUnavailable
from bisenet_core.runtime.engine.builder import EngineBuilder
from bisenet_core.runtime.engine.callbacks import _make_monitor, shared_logger
from bisenet_core.runtime.engine.options import EngineOptions
from bisenet_core.runtime.model_card import ModelCard

log = shared_logger(trt)
for severity in (log.Severity.ERROR, log.Severity.WARNING, log.Severity.VERBOSE):
    log.log(severity, "message of {}".format(severity))
assert "ERROR" in log.take_errors() and log.take_errors() == ""
if hasattr(trt, "IProgressMonitor"):
    seen = []
    monitor = _make_monitor(trt, lambda *step: seen.append(step))
    monitor.phase_start("build", None, 1)
    assert isinstance(monitor, trt.IProgressMonitor) and monitor.step_complete("build", 0) is True
    assert seen == [("build", 0, 1), ("build", 1, 1)]
card = ModelCard.load("weights/camvid_bisenetv2")
try:
    EngineBuilder(trt, Path("timing.cache")).build(card, EngineOptions("fp32", (128, 64)))
except BackendUnavailable as error:
    print(error)
"""


@pytest.mark.parametrize("name", sorted(REAL))
def test_the_real_builder_is_unavailable_without_a_gpu(name):
    code = "import os; os.chdir({!r})\n".format(str(ROOT)) + WITHOUT_GPU
    output = run_with_bindings(name, code)
    assert output.startswith(f"TensorRT {REAL[name][0]} finds no usable GPU: ")


@pytest.mark.parametrize("generation", ["8.6", "10.3", "11.4"])
def test_the_fake_lacks_what_the_real_one_lacks(generation):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    fake_tensorrt, fake_pycuda = pytest.importorskip("fake_tensorrt"), pytest.importorskip("fake_pycuda")
    fake, names = fake_tensorrt.make_tensorrt(generation, fake_pycuda.FakeDriver()), inventory(generation)
    for holder, name, _ in sorted({use for path in FILES for use in UsedNames(path).used}, key=str):
        thing = fake
        for part in filter(None, holder.split(".")):
            thing = getattr(thing, part, None)
        assert hasattr(thing, name) == (name in names.get(holder, ())), f"{holder}.{name}"

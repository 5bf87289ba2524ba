"""`bisenet build-engine`: a model's TensorRT engine for this GPU, into the cache where the node finds it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from bisenet_core.commands.options import JsonFile, Model, NetworkSize, parse_size
from bisenet_core.errors import BackendUnavailable
from bisenet_core.reports.console import progress_bar, show_result
from bisenet_core.runtime.backend import choose_precision
from bisenet_core.runtime.cuda.device import CudaDevice
from bisenet_core.runtime.engine.cache import EngineCache
from bisenet_core.runtime.engine.callbacks import Progress as BuildProgress
from bisenet_core.runtime.engine.options import EngineOptions, available_precisions
from bisenet_core.runtime.model_card import ModelCard, resolve_model

EnginePrecision = Annotated[
    str, typer.Option("--precision", help="auto (fp16 where the GPU is fast in it), fp32, fp16 or int8.")
]
Workspace = Annotated[int, typer.Option(metavar="MIB", min=1, help="Scratch memory of a layer, at most.")]
Cache = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where engines are kept.", show_default="~/.cache/bisenet/engines"),
]
Level = Annotated[
    int | None,
    typer.Option(min=0, max=5, help="How long TensorRT 8.6 and later may search.", show_default="its own"),
]
External = Annotated[
    bool | None,
    typer.Option(help="Kernels of cuDNN and cuBLAS.", show_default="where these libraries work"),
]
Force = Annotated[bool, typer.Option("--force", help="Build even if the engine is there.")]


def build_engine(
    model: Model, precision: EnginePrecision = "auto", input_size: NetworkSize = None,
    workspace: Workspace = EngineOptions._field_defaults["workspace_mib"], optimization_level: Level = None,
    external_tactics: External = None, engine_cache: Cache = None, force: Force = False,
    json: JsonFile = None
) -> None:
    """Build the TensorRT engine of a model, so that the first start of the node does not wait for it."""
    card = ModelCard.load(resolve_model(model))
    size = parse_size(input_size, "--input-size") if input_size else (card.input_width, card.input_height)
    trt, device = _tensorrt(), CudaDevice.open()
    try:
        # whether the network is quantised is seen when it is built
        available = available_precisions(device.compute_capability, quantised=precision == "int8")
        chosen = choose_precision(precision, available, f"TensorRT on {device.name}")
        options = EngineOptions(chosen, size, workspace, external_tactics, optimization_level)
        with device.current(), progress_bar() as bar:
            cache = EngineCache(engine_cache)
            engine = cache.get_or_build(card, options, device, trt, _reporter(bar), force=force)
        summary = {
            "engine": str(engine.path), "seconds": round(engine.seconds, 1), "bytes": len(engine.plan),
            "built": engine.seconds > 0, "model": str(model), "precision": options.precision,
            "input_size": "{}x{}".format(*size), "tensorrt": trt.__version__, "gpu": device.name,
        }
    finally:
        device.close()
    show_result("bisenet build-engine", summary, json)


def _tensorrt() -> Any:
    try:
        import tensorrt
    except ImportError as error:
        raise BackendUnavailable(
            f"TensorRT does not import ({error}): pip install 'bisenet_ros[gpu-cu12]' (docs/gpu.md); "
            "a Jetson has it in JetPack"
        ) from error
    return tensorrt


def _reporter(bar: Progress) -> BuildProgress | None:
    """Shows the outermost phase of a build as one bar; None where there is no terminal to draw it on."""
    if bar.disable:
        return None
    task = bar.add_task("building", total=None, note="")

    def report(phase: str, done: int, steps: int) -> None:
        bar.update(task, description=phase, completed=done, total=steps)

    return report

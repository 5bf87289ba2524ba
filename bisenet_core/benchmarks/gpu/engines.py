"""Section build: an engine made anew, how long that takes and how large it is."""

from typing import Any

from bisenet_core.benchmarks.gpu.kit import Subject
from bisenet_core.benchmarks.gpu.plan import Step
from bisenet_core.benchmarks.gpu.settings import Settings
from bisenet_core.errors import InputError


def measure(step: Step, settings: Settings) -> dict[str, Any]:
    """``seconds`` and ``bytes``. The engine stays in the cache for the sections that follow."""
    if settings.is_stand_in:
        raise InputError(f"{settings.backend} stands in for TensorRT, and builds no engines")
    import tensorrt as trt

    from bisenet_core.benchmarks.gpu.engine_session import open_device
    from bisenet_core.runtime.engine.cache import EngineCache
    from bisenet_core.runtime.engine.options import EngineOptions

    card = Subject(settings.kit / step.subject).card
    options = EngineOptions(step.precision, (card.input_width, card.input_height))
    with open_device() as device:
        built = EngineCache().get_or_build(card, options, device, trt, force=True)
    return {"seconds": round(built.seconds, 2), "bytes": len(built.plan), "engine": built.path.name}

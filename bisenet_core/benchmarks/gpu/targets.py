"""The figures that the GPU path is meant to reach on an H200-class GPU, and what was found."""

from collections.abc import Callable, Mapping
from typing import Any

from bisenet_core.benchmarks.gpu.parity import NEEDED
from bisenet_core.benchmarks.gpu.section import DONE
from bisenet_core.benchmarks.gpu.settings import Settings

NETWORK_MS, SEGMENT_MS, P99_OVER_P50 = 0.35, 1.2, 1.5
OVER_PYTORCH, OVER_PLAIN, OVER_FLOOR = 2.0, 1.5, 2.0
CAMERA = "2048x1024"

#: (section, subject, precision) -> what was found
Summary = Mapping[tuple[str, str, str], dict[str, Any]]

_NOT_MEASURED = "not measured"


class _NotMeasuredError(Exception):
    """A figure that was not measured; the message says why."""


def judge(summary: Summary, settings: Settings) -> list[dict[str, Any]]:
    """``target``, ``limit``, ``found`` and ``verdict`` (met, missed, not measured: ``reason``) of each."""
    look = _Figures(summary, settings.main)
    camera = ("segment", "fp16", CAMERA)
    checks: list[tuple[str, str, Callable[[], float], Callable[[float], bool]]] = [
        ("network alone, FP16, p50 ms", f"<= {NETWORK_MS}",
         lambda: look("network", "fp16", "wall_ms", "p50"), lambda x: x <= NETWORK_MS),
        (f"host to host, {CAMERA} camera, FP16, p50 ms", f"<= {SEGMENT_MS}",
         lambda: look(*camera, "wall_ms", "p50"), lambda x: x <= SEGMENT_MS),
        ("the same, p99 / p50", f"<= {P99_OVER_P50}",
         lambda: look(*camera, "wall_ms", "p99") / look(*camera, "wall_ms", "p50"),
         lambda x: x <= P99_OVER_P50),
        ("PyTorch FP16 with a CUDA graph / ours, host to host", f">= {OVER_PYTORCH}",
         lambda: look.times_slower("pytorch"), lambda x: x >= OVER_PYTORCH),
        ("plain TensorRT / ours, host to host", f">= {OVER_PLAIN}",
         lambda: look.times_slower("plain_tensorrt"), lambda x: x >= OVER_PLAIN),
        ("post-processing kernel / its memory floor", f"<= {OVER_FLOOR}",
         lambda: look("postprocess", "fp16", "over_floor"), lambda x: x <= OVER_FLOOR),
        ("allocations after warm-up", "0",
         lambda: look(*camera, "allocations"), lambda x: x == 0),
    ]  # fmt: skip
    for subject, precision in _parities(summary):
        checks.append(_parity_check(summary, subject, precision))
    return [_verdict(*check) for check in checks]


def _parities(summary: Summary) -> list[tuple[str, str]]:
    return [(subject, precision) for section, subject, precision in summary if section == "parity"]


def _parity_check(summary: Summary, subject: str, precision: str) -> Any:
    look, needed = _Figures(summary, subject), NEEDED[precision]
    return (f"{subject} {precision.upper()}, labels equal to ONNX Runtime's", f">= {needed}",
            lambda: look("parity", precision, "equal_labels"), lambda x: x >= needed)  # fmt: skip


def _verdict(
    target: str, limit: str, figure: Callable[[], float], is_met: Callable[[float], bool]
) -> dict[str, Any]:
    try:
        found = figure()
    except _NotMeasuredError as error:
        reason = str(error)
        return {"target": target, "limit": limit, "found": None, "verdict": _NOT_MEASURED, "reason": reason}
    verdict = "met" if is_met(found) else "missed"
    return {"target": target, "limit": limit, "found": round(found, 4), "verdict": verdict}


class _Figures:
    """Figures of one subject by section, precision and keys; raises _NotMeasuredError for others."""

    def __init__(self, summary: Summary, subject: str) -> None:
        self._summary, self._subject = summary, subject

    def __call__(self, section: str, precision: str, *keys: str) -> float:
        value = self._section(section, precision)["measured"]
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                raise _NotMeasuredError(f"{section} has no {key}")
            value = value[key]
        if value is None:
            raise _NotMeasuredError(f"{section} has no {keys[-1]} on this backend")
        return value

    def times_slower(self, rival: str) -> float:
        """p50 of ``rival`` over ours, host to host, if both come from one run on one machine."""
        ours, theirs = self._section("segment", "fp16"), self._section(rival, "fp16")
        if ours["runs"] != theirs["runs"]:
            raise _NotMeasuredError(f"ours and {rival} are of different runs; run both again with --fresh")
        times = (self(section, "fp16", CAMERA, "wall_ms", "p50") for section in (rival, "segment"))
        return next(times) / next(times)

    def _section(self, section: str, precision: str) -> dict[str, Any]:
        found = self._summary.get((section, self._subject, precision))
        if found is None:
            raise _NotMeasuredError(f"{section} {precision} is no part of this run")
        if found["status"] != DONE:
            raise _NotMeasuredError(f"{section} {precision} {found['status']}: {found['reason']}")
        return found

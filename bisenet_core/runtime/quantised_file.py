"""QuantisedFile: what a model's card says of its model.int8.onnx; and where a CPU may run one."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from bisenet_core.errors import InputError

INT8_NAME = "model.int8.onnx"

#: What may be lost for "auto" to choose INT8: points of mIoU or, where there was no ground truth, per cent of
#: the pixels.
MAX_POINTS_LOST, MAX_PERCENT_DIFFERING = 0.5, 1.0

CPU_INFO = Path("/proc/cpuinfo")
#: Instructions that multiply and add bytes; without one of them, INT8 gains little and may overflow.
_INT8_INSTRUCTIONS = {"avx512_vnni", "avx_vnni", "amx_int8"}


@dataclass(frozen=True)
class QuantisedFile:
    """model.int8.onnx, the network of a model.onnx in INT8. Raises InputError for a value of the wrong kind.

    ``sha256`` and ``onnx_sha256``: of the file, and of the model.onnx it was made of. ``calibration``: the
    images that it was made with, and the layers left in float. ``cost``: a comparison with FP32:
    ``measured_on``, ``images``, ``differing_pixels`` (share), and where there was ground truth ``miou`` and
    ``miou_fp32`` (shares).
    """

    sha256: str
    onnx_sha256: str
    calibration: Dict[str, Any]
    cost: Dict[str, Any]

    def __post_init__(self) -> None:
        for digest in (self.sha256, self.onnx_sha256):
            if not isinstance(digest, str) or not re.match(r"[0-9a-f]{64}\Z", digest):
                raise InputError("sha256 must be 64 lower-case hexadecimal digits")
        if not isinstance(self.calibration, dict) or not isinstance(self.cost, dict):
            raise InputError("calibration and cost must be JSON objects")
        with_truth = "miou" in self.cost or "miou_fp32" in self.cost
        for key in ("miou", "miou_fp32") if with_truth else ("differing_pixels",):
            value = self.cost.get(key)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise InputError(f"cost: {key} is {value!r}; expected a number")

    @property
    def points_gained(self) -> Optional[float]:
        """Points of mIoU by which it is better than FP32, below 0 where it is worse; None without truth."""
        if "miou" not in self.cost:
            return None
        return 100 * (self.cost["miou"] - self.cost["miou_fp32"])

    @property
    def loss(self) -> float:
        """Points of mIoU that it loses; without ground truth, per cent of the pixels that it changes."""
        return 100 * self.cost["differing_pixels"] if self.points_gained is None else -self.points_gained

    @property
    def acceptable_loss(self) -> float:
        """What ``loss`` may be for "auto" to choose it."""
        return MAX_PERCENT_DIFFERING if self.points_gained is None else MAX_POINTS_LOST

    def __str__(self) -> str:
        """What it costs, such as "int8 changes mIoU by -0.03 points (camvid test)"."""
        where = f" ({self.cost['measured_on']})" if "measured_on" in self.cost else ""
        if self.points_gained is not None:
            return f"int8 changes mIoU by {self.points_gained:+.2f} points{where}"
        return f"int8 changes {self.cost['differing_pixels']:.2%} of the pixels{where}"


def int8_obstacle(quantised: Optional[QuantisedFile]) -> str:
    """Why a model, whose card has this, does not run in INT8 on this CPU; "" where it does."""
    if quantised is None:
        return "the model has no model.int8.onnx (`bisenet quantize` makes it)"
    if not cpu_computes_int8():
        return "this CPU has no instructions for it (VNNI, AMX)"
    return ""


def cpu_info() -> List[str]:
    """The lines of /proc/cpuinfo; none where there is no such file."""
    try:
        return CPU_INFO.read_text().splitlines()
    except OSError:
        return []


def cpu_computes_int8() -> bool:
    """Whether this CPU has instructions that make INT8 fast and exact."""
    flags = next((line for line in cpu_info() if line.startswith("flags")), "")
    return bool(_INT8_INSTRUCTIONS & set(flags.split()))


def with_int8(quantised: Optional[QuantisedFile], floats: List[str]) -> List[str]:
    """``floats``, the precisions that a CPU has, and INT8 where it runs: first, if it loses little."""
    if quantised is None or int8_obstacle(quantised):
        return floats
    return ["int8"] + floats if quantised.loss <= quantised.acceptable_loss else floats + ["int8"]

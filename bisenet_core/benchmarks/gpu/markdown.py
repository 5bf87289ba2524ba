"""The report as Markdown tables, for people."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bisenet_core.benchmarks.gpu.section import DONE
from bisenet_core.benchmarks.gpu.settings import Settings, size_text

#: Section -> how its figures are headed where ways are compared.
_WAYS = {
    ("segment", "fp16"): "ours, TensorRT FP16",
    ("plain_tensorrt", "fp16"): "plain TensorRT FP16: upsampling and argmax in the engine, float input",
    ("pytorch", "fp16"): "PyTorch FP16, channels_last, CUDA graph",
    ("onnxruntime", "fp32"): "ONNX Runtime CUDA, FP32, with our backend",
    ("segment", "fp32"): "ours, TensorRT FP32",
}


def markdown(report: dict[str, Any], settings: Settings) -> str:
    """The whole page. Whatever was not measured stands there with its reason."""
    table = _Table(report, settings)
    parts = [
        table.heading(),
        "## Targets\n\n" + _rows(("what", "limit", "found", ""), table.targets()),
        "## Networks\n\nMilliseconds, p50 / p99. \"Network\" starts and ends on the GPU; the cameras' "
        "columns are host to host.\n\n" + _rows(table.network_headings(), table.networks()),
        f"## Side by side: {settings.main}\n\nMilliseconds, p50 / p99, medians of {settings.rounds} rounds "
        "in turn.\n\n" + _rows(("", "network", *table.cameras), table.ways()),
        "## Stages\n\nMedians in milliseconds, as our backend times them.\n\n"
        + _rows(("precision, camera", "stages", "allocations after warm-up"), table.stages()),
        table.postprocessing(),
        "## Not measured\n\n" + _rows(("section", "", "why"), table.missing()),
    ]
    return "\n\n".join(parts) + "\n"


class _Table:
    def __init__(self, report: dict[str, Any], settings: Settings) -> None:
        self._report, self._settings = report, settings
        self._summary = {
            (row["section"], row["subject"], row["precision"]): row for row in report["summary"]
        }
        self.cameras = [size_text(camera) for camera in settings.cameras]

    def heading(self) -> str:
        machine = self._report["machine"]
        facts = machine.get("measured", {"not measured": machine.get("reason")})
        listed = ", ".join(f"{key} {value}" for key, value in facts.items())
        warning = (
            "**A trial of the check with a stand-in, not on a GPU: its figures say nothing about one.**\n\n"
            if self._report["stand_in"]
            else ""
        )
        return f"# gpu-check {self._report['run']}\n\n{warning}{_clean(listed)}"

    def targets(self) -> Iterator[tuple[str, ...]]:
        for row in self._report["targets"]:
            found = "" if row["found"] is None else f"{row['found']:.4g}"
            verdict = ": ".join(filter(None, (row["verdict"], row.get("reason"))))
            yield row["target"], row["limit"], found, verdict

    def network_headings(self) -> tuple[str, ...]:
        return ("network", "", "build s", "MB", "equal labels", "network", *self.cameras)

    def networks(self) -> Iterator[tuple[str, ...]]:
        for subject in self._settings.subjects:
            for precision in self._settings.precisions:
                megabytes = self._figure("build", subject, precision, "bytes")
                seconds = self._figure("build", subject, precision, "seconds")
                yield (
                    subject, precision.upper(), _number(seconds, ".0f"),
                    _number(megabytes and megabytes / 1e6, ".1f"),
                    _number(self._figure("parity", subject, precision, "equal_labels"), ".4%"),
                    _pair(self._figure("network", subject, precision, "wall_ms")),
                    *self._camera_times("segment", subject, precision),
                )  # fmt: skip

    def ways(self) -> Iterator[tuple[str, ...]]:
        main = self._settings.main
        for (section, precision), words in _WAYS.items():
            source = "network" if section == "segment" else section
            key = "wall_ms" if section == "segment" else "network_ms"
            network = _pair(self._figure(source, main, precision, key))
            yield (words, network, *self._camera_times(section, main, precision))

    def stages(self) -> Iterator[tuple[str, ...]]:
        for precision in self._settings.precisions:
            for camera in self.cameras:
                found = self._figure("segment", self._settings.main, precision, camera)
                if found is not None:
                    stages = ", ".join(f"{name} {value:.3f}" for name, value in found["stages_ms"].items())
                    count = found["allocations"]
                    yield f"{precision}, {camera}", stages, "not counted" if count is None else str(count)

    def postprocessing(self) -> str:
        measured = self._figure("postprocess", self._settings.main, "fp16")
        facts = (measured or {"not measured": "see below"}).items()
        return "## Post-processing kernel\n\n" + _rows(
            ("what", ""), [(key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
                           for key, value in facts])  # fmt: skip

    def missing(self) -> Iterator[tuple[str, ...]]:
        for (section, subject, precision), row in self._summary.items():
            name = " ".join(filter(None, (section, subject, precision)))
            if row["status"] != DONE:
                yield name, row["status"], row["reason"]
            for reason in row.get("incomplete", ()):
                yield name, "a round", reason

    def _camera_times(self, section: str, subject: str, precision: str) -> Iterator[str]:
        for camera in self.cameras:
            yield _pair(self._figure(section, subject, precision, camera, "wall_ms"))

    def _figure(self, section: str, subject: str, precision: str, *keys: str) -> Any:
        value = self._summary.get((section, subject, precision), {}).get("measured")
        for key in keys:
            value = None if value is None else value.get(key)
        return value


def _pair(percentiles: dict[str, float] | None) -> str:
    return "-" if percentiles is None else "{p50:.3f} / {p99:.3f}".format(**percentiles)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(_clean, line)) + " |" for line in lines)


def _clean(text: str) -> str:
    return " ".join(text.replace("|", "/").split())

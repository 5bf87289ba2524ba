"""From the records of single sections to one report: a JSON object, and Markdown tables for people."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bisenet_core.benchmarks.gpu.section import DONE, Settings, Step, size_text

Record = dict[str, Any]

#: What is no median of the rounds, but the worst of them.
_WORST: dict[str, Callable[[Sequence[float]], float]] = {"allocations": max, "equal_labels": min}

#: What a page that is published leaves out: folders of the machine.
_OF_THE_MACHINE = ("kit", "work", "pythons")

#: Section -> how its figures are headed where ways are compared.
_WAYS = {
    ("segment", "fp16"): "ours, TensorRT FP16",
    ("plain_tensorrt", "fp16"): "plain TensorRT FP16: upsampling and argmax in the engine, float input",
    ("pytorch", "fp16"): "PyTorch FP16, channels_last, CUDA graph",
    ("onnxruntime", "fp32"): "ONNX Runtime CUDA, FP32, with our backend",
    ("segment", "fp32"): "ours, TensorRT FP32",
}


def report(records: Mapping[Step, Record], settings: Settings, run: str) -> Record:
    """``summary`` over the rounds of each section, and each of the ``sections`` itself."""
    rounds: dict[tuple[str, str, str], list[Record]] = {}
    for step, record in records.items():
        rounds.setdefault(step[:3], []).append(record)
    return {
        "run": run,
        "stand_in": settings.is_stand_in,
        "settings": {key: value for key, value in settings.to_json().items() if key not in _OF_THE_MACHINE},
        "summary": [
            {"section": section, "subject": subject, "precision": precision, **_over_rounds(found)}
            for (section, subject, precision), found in rounds.items()
        ],
        "sections": [
            {"step": list(step), **{key: value for key, value in record.items() if key != "traceback"}}
            for step, record in records.items()
        ],
    }


def _over_rounds(found: list[Record]) -> Record:
    """``measured`` over the ``rounds`` that were done and why others were not, or a ``reason``."""
    done = [record["measured"] for record in found if record["status"] == DONE]
    if not done:
        return {"status": found[0]["status"], "reason": found[0]["reason"]}
    incomplete = [record["reason"] for record in found if record["status"] != DONE]
    return {"status": DONE, "measured": merge(done), "rounds": len(done), "incomplete": incomplete}


def merge(values: Sequence[Any], key: str = "") -> Any:
    """Median of numbers, dictionaries key by key, of anything else the first."""
    first = values[0]
    if isinstance(first, dict):
        return {name: merge([value[name] for value in values], name) for name in first}
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        if key in _WORST:
            return _WORST[key](values)
        return first if len(values) == 1 else round(float(np.median(values)), 4)
    return first


def markdown(content: Record, settings: Settings) -> str:
    """The whole page. Whatever was not measured stands there with its reason."""
    table = _Table(content, settings)
    parts = [
        table.heading(),
        "## Networks\n\nMilliseconds, p50 / p99. \"Network\" starts and ends on the GPU; the cameras' "
        "columns are host to host.\n\n" + _rows(table.network_headings(), table.networks()),
        f"## Side by side: {settings.main}\n\nMilliseconds, p50 / p99, medians of {settings.rounds} rounds "
        "in turn.\n\n" + _rows(("", "network", *table.cameras), table.ways()),
        "## Stages\n\nMedians in milliseconds, as our backend times them.\n\n"
        + _rows(("precision, camera", "stages", "allocations after warm-up"), table.stages()),
        "## Post-processing kernel\n\n" + _rows(("what", ""), table.postprocessing()),
        "## Failed, or not measured\n\n" + _rows(("section", "", "why"), table.missing()),
    ]
    return "\n\n".join(parts) + "\n"


class _Table:
    def __init__(self, content: Record, settings: Settings) -> None:
        self._content, self._settings = content, settings
        self._summary = {
            (row["section"], row["subject"], row["precision"]): row for row in content["summary"]
        }
        self.cameras = [size_text(camera) for camera in settings.cameras]

    def heading(self) -> str:
        facts = self._figure("machine", "", "") or {"not measured": "see below"}
        listed = ", ".join(f"{key} {value}" for key, value in facts.items())
        warning = (
            "**A trial of the check with a stand-in, not on a GPU: its figures say nothing about one.**\n\n"
            if self._content["stand_in"]
            else ""
        )
        return f"# gpu-check {self._content['run']}\n\n{warning}{_clean(listed)}"

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
            source, key = ("network", "wall_ms") if section == "segment" else (section, "network_ms")
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

    def postprocessing(self) -> Iterator[tuple[str, ...]]:
        measured = self._figure("postprocess", self._settings.main, "fp16")
        for key, value in (measured or {"not measured": "see below"}).items():
            yield key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value)

    def missing(self) -> Iterator[tuple[str, ...]]:
        for key, row in self._summary.items():
            name = " ".join(filter(None, key))
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

"""Draw the benchmark's results: latency, and CPU by process."""

from pathlib import Path
from typing import Any

from bisenet_core.reports.figures import BLUE, GREEN, GREY, PALE, RED, write_figure

_COLOURS = {"cameras": "#e69f00", "node's own": GREEN, "Segmenter": GREY, "planner": RED}
_ABOVE, _BELOW = 0.4, 0.9  # inches around the bars


def draw_benchmark(folder: Path, rows: list[dict[str, Any]], title: str) -> list[Path]:
    """node_benchmark.png and .svg: latency, and CPU by process, of each row. May raise InputError."""
    places = range(len(rows))
    bars = 0.45 * len(rows)  # inches, as are the margins
    height = _ABOVE + bars + _BELOW

    def draw(figure: Any) -> None:
        figure.suptitle(title, x=0.01, y=1 - 0.1 / height, ha="left", va="top", fontsize=9)
        latency, cpu = figure.subplots(1, 2, sharey=True)
        latency.barh(places, [row["latency_ms"]["p99"] for row in rows], color=PALE, label="p99")
        latency.barh(places, [row["latency_ms"]["p50"] for row in rows], color=BLUE, label="p50")
        latency.barh(places, [row["node_ms"]["segment"]["p50"] for row in rows], height=0.3, color=GREY,
                     label="of it the Segmenter, p50")
        latency.set_xlabel("publish to label receipt, ms")
        latency.set_yticks(places, ["{cameras} x {transport}".format(**row) for row in rows])
        latency.invert_yaxis()
        _stack(cpu, [_shares(row["cpu_percent"]) for row in rows])
        cpu.set_xlabel("CPU, % of one core")
        for panel in (latency, cpu):
            panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.45 / bars), ncols=4, frameon=False,
                         columnspacing=1.2, handlelength=1.2)
        figure.subplots_adjust(left=0.13, right=0.98, top=1 - _ABOVE / height, bottom=_BELOW / height,
                               wspace=0.08)

    return write_figure(folder, "node_benchmark", (9.0, height), draw)


def _stack(panel: Any, rows: list[dict[str, float]]) -> None:
    left = [0.0] * len(rows)
    for name, colour in _COLOURS.items():
        widths = [row[name] for row in rows]
        panel.barh(range(len(rows)), widths, left=left, color=colour, label=name)
        left = [start + width for start, width in zip(left, widths)]


def _shares(cpu: dict[str, float]) -> dict[str, float]:
    """By what is drawn; all cameras are one."""
    cameras = sum(value for process, value in cpu.items() if process.startswith("camera"))
    return {"cameras": cameras, "node's own": cpu["node_without_segmenter"],
            "Segmenter": cpu["node"] - cpu["node_without_segmenter"], "planner": cpu["planner"]}

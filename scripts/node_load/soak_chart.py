"""Draw the samples of a soak: memory, threads, open files, rates and latency."""

from pathlib import Path
from typing import Any

from soak_samples import Sample

from bisenet_core.reports.figures import BLUE, GREEN, GREY, RED, write_figure


def draw_soak(folder: Path, samples: list[Sample], title: str) -> list[Path]:
    """soak.png and soak.svg: memory, threads, open files, images a second, latency. May raise InputError."""
    def draw(figure: Any) -> None:
        minutes = [one.seconds / 60 for one in samples]
        panels = figure.subplots(4, 1, sharex=True)
        figure.suptitle(title, x=0.01, ha="left", fontsize=9)
        panels[0].plot(minutes, [one.memory_mib for one in samples], color=BLUE)
        panels[0].set_ylabel("memory, MiB")
        panels[1].plot(minutes, [one.threads for one in samples], color=BLUE, label="threads")
        panels[1].plot(minutes, [one.files for one in samples], color=RED, label="file descriptors",
                       linestyle="--")
        panels[1].set_ylabel("count")
        for name, colour in (("received", GREY), ("published", GREEN), ("failed", RED)):
            _steps(panels[2], minutes, _rates(samples, name), colour, name)
        panels[2].set_ylabel("images/s")
        for name, colour in (("max", GREY), ("p50", BLUE)):
            _steps(panels[3], minutes, [getattr(one, "latency_ms_" + name) for one in samples], colour, name)
        panels[3].set_ylabel("latency, ms")
        panels[3].set_xlabel("minutes")
        for panel in panels:
            panel.set_xlim(left=0)
            panel.set_ylim(0, 1.08 * panel.get_ylim()[1])
            if panel.get_legend_handles_labels()[0]:
                panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        figure.subplots_adjust(left=0.1, right=0.8, top=0.93, bottom=0.08, hspace=0.15)

    return write_figure(folder, "soak", (8.0, 7.0), draw)


def _steps(panel: Any, minutes: list[float], values: list[Any], colour: str, name: str) -> None:
    """Draw values that each hold from the sample before: a line would invent others between them."""
    panel.plot([0.0] * bool(minutes) + minutes, values[:1] + values, color=colour, label=name,
               drawstyle="steps-pre")


def _rates(samples: list[Sample], name: str) -> list[float]:
    """Of a count, by the second, from the start or the sample before to each sample."""
    counts = [0] + [getattr(one, name) for one in samples]
    times = [0.0] + [one.seconds for one in samples]
    return [(counts[i + 1] - counts[i]) / max(times[i + 1] - times[i], 1e-3) for i in range(len(samples))]

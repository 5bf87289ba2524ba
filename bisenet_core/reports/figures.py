"""Write figures for the documentation in one look, with the same bytes for the same content."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError, explain_os_errors

SUFFIXES = (".png", ".svg")
INK, GREY, PALE = "#222222", "#6b6b6b", "#d9d9d9"
#: Told apart with any colour vision (Okabe and Ito).
BLUE, RED, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"

_STYLE = {
    "font.family": "sans-serif",
    # the first comes with matplotlib, so that a PNG is the same everywhere; who looks at an SVG may lack it
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "bisenet",
    "savefig.dpi": 200,
}
_NO_DATES: dict[str, dict[str, None]] = {".png": {"Software": None}, ".svg": {"Date": None, "Creator": None}}


def require_matplotlib() -> None:
    """Raise InputError, saying what to install, where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(
            "drawing needs matplotlib, which is not installed: pip install 'bisenet_ros[train]'"
        ) from None


def write_figure(
    folder: Path, name: str, size: tuple[float, float], draw: Callable[[Any], None]
) -> list[Path]:
    """Have ``draw`` fill a matplotlib figure of ``size`` in inches; write ``folder``/``name`` as PNG and SVG.

    Returns what was written. Raises InputError without matplotlib, or where the folder cannot be written.
    """
    paths = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
    draw_files(paths, size, draw, "--plot")
    return paths


def draw_files(paths: Sequence[Path], size: tuple[float, float], draw: Callable[[Any], None],
               option: str, **how: Any) -> None:
    """Have ``draw`` fill a matplotlib figure of ``size`` in inches; write it to each of ``paths``.

    Their suffixes are of ``SUFFIXES``; ``how`` is for ``Figure.savefig``. Raises InputError without
    matplotlib, or, naming the command's ``option``, where a file cannot be written.
    """
    require_matplotlib()
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(["default", _STYLE]):  # whatever the user's own matplotlibrc says
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)  # measures text while the figure is being drawn
        draw(figure)
        with explain_os_errors(f"cannot write to {paths[0].parent}",
                               f"give {option} a folder that can be written"):
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                figure.savefig(path, metadata=_NO_DATES[path.suffix], **how)

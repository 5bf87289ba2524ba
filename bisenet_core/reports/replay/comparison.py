"""The verdict and the tables of a comparison, as the terminal and compare.html show them."""

from collections.abc import Iterator
from typing import Any

from bisenet_core.reports.parts.formats import is_known, plural
from bisenet_core.reports.replay.figure_names import FIGURES

HEADINGS = ("", "A", "B", "B - A", "95% interval", "better")


#: By the first of these that both have, one is said to be better.
_DECIDING = ("iou", "teacher_iou", "consistency")


def verdict(result: dict[str, Any]) -> str:
    """Which of the two is better, by how much and how surely, in one sentence."""
    name = next((each for each in _DECIDING if result["figures"][each]["difference"] is not None), None)
    if name is None:
        return "Nothing that both have measured says which is better."
    found, better = result["figures"][name], clearly_better(result["figures"][name], name)
    title = FIGURES[name].title[0].lower() + FIGURES[name].title[1:]
    frames = result["scored_frames"] if name == "iou" else result["common_frames"]
    over = f"over {plural(frames, 'frame')} of {plural(result['drives'], 'drive')}"
    change, low, high = (100 * (found[key] or 0.0) for key in ("difference", "low", "high"))
    if better:
        low, high = (low, high) if better == "B" else (-high, -low)
        text = (f"{better} is better by {abs(change):.1f} points of {title}, "
                f"95% interval {low:.1f} to {high:.1f}")
    elif change == low == high == 0:
        text = f"A and B have the same {title}"
    else:
        known = f"95% interval {low:+.1f} to {high:+.1f}" if is_known(found["low"]) else "interval unknown"
        text = f"Neither is surely better: B - A is {change:+.1f} points of {title}, {known}"
    return f"{text}, {over}{_on_classes(result['by_class'].get(name, {}), name, better)}."


def _on_classes(by_class: dict[str, Any], name: str, better: str) -> str:
    """On which classes the better one is worse; without a better one, on which B is better and worse."""
    of = {each: clearly_better(found, name) for each, found in by_class.items()}
    more = [each for each in of if of[each] == "B" and not better]
    less = [each for each in of if of[each] and of[each] != (better or "B")]
    text = f"; B is better on {', '.join(more)}" if more else ""
    return text + (f"; {'' if better else 'B is '}worse on {', '.join(less)}" if less else "")


def figure_rows(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Rows of the figures that either of the two has, for the result of ``compare``."""
    for name, found in result["figures"].items():
        if is_known(found["a"]) or is_known(found["b"]):
            yield _row(FIGURES[name].title, found, name)


def part_tables(result: dict[str, Any]) -> dict[str, list[tuple[str, ...]]]:
    """Title -> rows, such as "IoU by class": of figures that classes have, then by distance or size."""
    tables = {f"{FIGURES[name].of_class} by class": [_row(each, found, name) for each, found in of.items()
                                       if is_known(found["a"]) or is_known(found["b"])]
              for name, of in result["by_class"].items()}
    for one in result["slices"]:
        rows = tables.setdefault(f"{FIGURES[one['figure']].title} by {one['by']}", [])
        rows.append(_row(one["value"], one, one["figure"]))
    return {title: rows for title, rows in tables.items() if rows}


def clearly_better(found: dict[str, Any], name: str) -> str:
    """"A" or "B" where the interval of a difference leaves out 0, else empty."""
    low, high = found["low"], found["high"]
    if low is None or high is None or low <= 0 <= high:
        return ""
    return "B" if (low > 0) == FIGURES[name].larger_is_better else "A"


def _row(title: str, found: dict[str, Any], name: str) -> tuple[str, ...]:
    figure, low, high = FIGURES[name], found["low"], found["high"]
    between = f"{figure.change(low)} to {figure.change(high)}" if is_known(low) else "–"
    values = figure.text(found["a"], 2), figure.text(found["b"], 2), figure.change(found["difference"])
    return (title, *values, between, clearly_better(found, name))

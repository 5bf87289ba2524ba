"""The figures and facts at the head of the replay report, and its tables of times and slices."""

from typing import Any

from bisenet_core.reports.parts.formats import count, duration, is_known, milliseconds, plural, points
from bisenet_core.reports.parts.page import Figure
from bisenet_core.reports.replay.figure_names import FIGURES

#: Title, headings and rows.
SliceTable = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
#: Columns beside the figure by which slices are compared.
_BESIDE = {"iou": ("pixel_accuracy", "boundary_score"), "object_recall": ("object_pixel_recall",)}


def has_truth(results: dict[str, Any]) -> bool:
    """Whether anything was compared with ground truth."""
    return bool(results.get("scored")) and is_known(results.get("miou"))


def why_no_truth(results: dict[str, Any]) -> str:
    """What kept the frames from being compared with ground truth; for where nothing was."""
    if results.get("scored"):
        return "The ground truth of these frames has no pixel of a known class."
    if any(bag.get("truth") for bag in results["bags"]):
        return "None of the ground truth could be used; the reasons stand below, under what was left out."
    return "There is no ground truth for these frames."


def requirements_met(verdicts: list[dict[str, Any]]) -> str:
    """How many requirements are met, missed and not judged."""
    found = [one["verdict"] for one in verdicts]
    told = [f"{found.count(kind)} {kind}" for kind in ("met", "missed", "not judged") if kind in found]
    return f"{plural(len(found), 'requirement')}: {', '.join(told)}"


def figures(results: dict[str, Any]) -> list[Figure]:
    """The head's figures, the most telling first; those that need ground truth only where there is some."""
    boundary, temporal = results.get("boundary"), results.get("temporal")
    truth, teacher = has_truth(results), bool(results.get("teacher"))
    details = {
        "iou": live_detail(results, "iou_live"),
        "pixel_accuracy": live_detail(results, "pixel_accuracy_live"),
        "boundary_score": f"within {boundary['tolerance_px']:g} px" if boundary else "not measured",
        "calibration_error": "of the confidence" if results.get("calibration") else "not measured",
    } if truth else {}
    pairs = f"over {plural(temporal['pairs'], 'pair')} of frames" if temporal else "not measured"
    details |= {"consistency": pairs}
    details |= {"teacher_agreement": f"mean IoU {_text(results, 'teacher_iou')}"} if teacher else {}
    details |= {"latency_p50": f"p99 {_text(results, 'latency_p99')}", "labelled_live": _dropped(results)}
    details |= {"fps": "offline, every frame"} if not (truth and teacher) else {}
    shown = [Figure(FIGURES[name].title, _text(results, name), detail) for name, detail in details.items()]
    age = (results.get("as_driven") or {}).get("age_ms") or {}
    published = Figure(
        "Age when published", milliseconds(age.get("p50")), f"p99 {milliseconds(age.get('p99'))}")
    return [*shown, published] if teacher and not truth else shown


def live_detail(results: dict[str, Any], name: str) -> str:
    """A figure over the frames that would have been labelled live, and how many of all frames these are."""
    driven = results.get("as_driven") or {}
    frames = driven.get("scored", driven.get("labelled"))
    return f"live {_text(results, name)}, over {count(frames)} of {plural(results.get('scored'), 'frame')}"


def _text(results: dict[str, Any], name: str) -> str:
    return FIGURES[name].text(FIGURES[name].of(results))


def _dropped(results: dict[str, Any]) -> str:
    rates = sorted({round(bag["rate_hz"], 1) for bag in results["bags"] if is_known(bag.get("rate_hz"))})
    pace = f" at {rates[0]:g}\u00a0Hz" if len(rates) == 1 else ""
    lost = (results.get("as_driven") or {}).get("superseded")
    return f"simulated{pace}: {plural(lost, 'frame')} dropped" if is_known(lost) else "not simulated"


def facts(results: dict[str, Any]) -> list[tuple[str, str]]:
    """What was evaluated, and on what: name and value."""
    asked = any(bag.get("truth") for bag in results["bags"])
    scored = count(results["scored"]) if asked else "none, no ground truth"
    recorded = sum(bag.get("duration_s") or 0 for bag in results["bags"])
    named = {
        "Model": results.get("model"),
        "Trained on": results.get("trained_on"),
        "Classes": f"{len(results['classes'])} ({results.get('label_space')})",
        "Input size": results.get("input_size"),
        "Backend": ", ".join(str(results[key]) for key in ("backend", "precision") if results.get(key)),
        "Device": results.get("device"),
        "Bags": f"{count(len(results['bags']))}, {duration(recorded)} recorded",
        "Frames labelled": count(results.get("frames")),
        "Frames scored": scored,
    }
    return [(name, str(value)) for name, value in named.items() if value]


def stages(results: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows of what each stage of labelling took: its name, then p50, p90, p99 and max."""
    return [(name, *(milliseconds(times.get(column)) for column in ("p50", "p90", "p99", "max")))
            for name, times in (results.get("stages_ms") or {}).items()]


def comparison(results: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of every frame against live: what, every frame, live. Empty where not simulated."""
    driven = results.get("as_driven")
    if not driven:
        return []
    rows = [("Frames labelled", count(results.get("frames")), count(driven.get("labelled"))),
            ("Frames dropped", "0", count(driven.get("superseded")))]
    if has_truth(results):
        rows += [("Frames scored", count(results.get("scored")), count(driven.get("scored")))]
        rows += [(FIGURES[name].title, _text(results, name), _text(results, f"{name}_live"))
                 for name in ("iou", "pixel_accuracy")]
    age = driven.get("age_ms") or {}
    rows += [(f"Age when published, {name}", "", milliseconds(age.get(name)))
             for name in ("p50", "p99", "max") if name in age]
    return rows


def slice_tables(slices: dict[str, Any] | None) -> list[SliceTable]:
    """Title, headings and rows of a table for each figure by which slices are compared."""
    shown = (slices or {}).get("slices", [])
    names = dict.fromkeys(one["figure"] for one in shown if one["figure"])
    return [_slice_table(name, [one for one in shown if one["figure"] == name]) for name in names]


def _slice_table(name: str, slices: list[dict[str, Any]]) -> SliceTable:
    counted = "objects" if name == "object_recall" else "frames"
    columns = [each for each in (name, *_BESIDE.get(name, ())) if any(each in of["figures"] for of in slices)]
    recall = [one["object_recall"] if counted == "objects" else {} for one in slices]
    classes = [each for each in recall[0] if any(is_known(of[each]) for of in recall)]
    kinds = dict.fromkeys(one["by"] for one in slices)
    rows = [(one["value"] if len(kinds) == 1 else f"{one['by']} {one['value']}", count(one[counted]),
             FIGURES[name].change(one["difference"]), *(points(one["figures"].get(each)) for each in columns),
             *(points(of[each]) for each in classes)) for one, of in zip(slices, recall)]
    headings = "", counted.title(), "Against all", *(FIGURES[each].title for each in columns), *classes
    return f"By {', '.join(kinds)}", headings, rows

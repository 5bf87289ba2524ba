"""What live.json says: the keys of results.json that apply, and what only a live run knows."""

from datetime import datetime, timezone
from typing import Any, NamedTuple

from bisenet_core.evaluation.metrics.latency import spread
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.replay.live_account import LiveFigures

SCHEMA = 1


class Outcome(NamedTuple):
    """A run, or what there is of it so far."""

    figures: LiveFigures
    counts: FrameCounts  # of the node, since the run began
    scores: Scores
    unscored: dict[str, int]


def facts_of_run(node: Any) -> dict[str, Any]:
    """What is known of a ReplayNode's run before it begins."""
    card, recording, settings = node.card, node.recording, node.settings
    seconds = float(recording.times_ns[-1] - recording.times_ns[0]) / 1e9
    return {
        "schema": SCHEMA,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": card.name,
        "model_sha256": card.onnx_sha256,
        "label_space": card.label_space.name,
        "classes": list(card.label_space.classes),
        "palette": [list(map(int, color)) for color in card.label_space.palette],
        "bag": {
            "path": str(recording.path),
            "name": recording.name,
            "topic": recording.topic,
            "frames": len(recording),
            "duration_s": round(seconds, 3),
            "rate_hz": recording.rate_hz and round(recording.rate_hz, 3),
            "truth": node.truth.description if node.truth else None,
            "notes": node.notes,
        },
        "rate": settings.rate,
        "loop": settings.loop,
        "clock": settings.clock,
    }


def live_results(outcome: Outcome) -> dict[str, Any]:
    """Every published frame has one fate: published = frames + dropped + failed + lost."""
    figures, scores = outcome.figures, outcome.scores.as_json()
    counts = outcome.counts
    passed_over = sum(counts.dropped.values()) + sum(counts.failed.values())
    return {
        "published": figures.published,
        "frames": figures.labelled,
        "dropped": counts.dropped,
        "failed": counts.failed,
        "lost": figures.published - figures.labelled - passed_over,
        "scored": scores["images"],
        "miou": scores["miou"],
        "iou": scores["iou"],
        "pixel_accuracy": scores["pixel_accuracy"],
        "confusion_matrix": outcome.scores.matrix.counts.tolist(),
        "latency_ms": spread(figures.latency_ms),
        "late_ms": spread(figures.late_ms),
        "as_driven": {
            "labelled": figures.labelled,
            "superseded": counts.dropped.get("superseded", 0),
            "failed": sum(counts.failed.values()),
            "share_labelled": round(figures.labelled / figures.published, 6) if figures.published else None,
            "age_ms": spread(figures.age_ms),
            "miou": scores["miou"],
            "pixel_accuracy": scores["pixel_accuracy"],
        },
        "left_out": _left_out(outcome),
    }


def _left_out(outcome: Outcome) -> list[str]:
    lines = [f"{_images(count)} not played: {why}" for why, count in outcome.figures.unreadable.items()]
    lines += [f"{_images(count)} not scored: {why}" for why, count in outcome.unscored.items()]
    if outcome.figures.strays:
        lines.append(f"{outcome.figures.strays} labels came of images that were not played here: "
                     "does another camera publish on this topic?")
    return lines


def _images(count: int) -> str:
    return f"{count} image" + ("s" if count > 1 else "")

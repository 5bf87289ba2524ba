"""What came of a playing: live.json, and the same in words."""

from datetime import datetime, timezone
from typing import Any

from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.evaluation.trained_images import seen_by_name, seen_note, trained_on
from bisenet_core.reports.measurement import spread
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.harness.live_account import LiveFigures

SCHEMA = 1


def facts_of_run(node: Any) -> dict[str, Any]:
    """What is known of a ReplayNode's run before it begins."""
    card, recording, settings = node.card, node.recording, node.settings
    seconds = float(recording.times_ns[-1] - recording.times_ns[0]) / 1e9
    return {
        "schema": SCHEMA,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": card.name,
        "model_sha256": card.onnx_sha256,
        "trained_on": trained_on(card),
        "seen_in_training": seen_note(card, seen_by_name(card, [settings.labels or settings.bag])),
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


def live_results(figures: LiveFigures, counts: FrameCounts, scores: Scores,
                 unscored: dict[str, int]) -> dict[str, Any]:
    """The figures of a run, or of what there is of it so far. published = frames + dropped + failed + lost.

    ``counts`` are the node's since the run began; ``unscored`` counts labelled images by reason.
    """
    scored = scores.as_json()
    failed = sum(counts.failed.values())
    return {
        "published": figures.published,
        "frames": figures.labelled,
        "dropped": counts.dropped,
        "failed": counts.failed,
        "lost": figures.published - figures.labelled - sum(counts.dropped.values()) - failed,
        "scored": scored["images"],
        "miou": scored["miou"],
        "iou": scored["iou"],
        "pixel_accuracy": scored["pixel_accuracy"],
        "confusion_matrix": scores.matrix.counts.tolist(),
        "latency_ms": spread(figures.latency_ms),
        "late_ms": spread(figures.late_ms),
        "as_driven": {
            "labelled": figures.labelled,
            "superseded": counts.dropped.get("superseded", 0),
            "failed": failed,
            "share_labelled": round(figures.labelled / figures.published, 6) if figures.published else None,
            "age_ms": spread(figures.age_ms),
            "miou": scored["miou"],
            "pixel_accuracy": scored["pixel_accuracy"],
        },
        "left_out": _left_out(figures, unscored),
    }


def _left_out(figures: LiveFigures, unscored: dict[str, int]) -> list[str]:
    lines = [f"{_images(count)} not played: {why}" for why, count in figures.unreadable.items()]
    lines += [f"{_images(count)} not scored: {why}" for why, count in unscored.items()]
    if figures.strays:
        lines.append(f"{figures.strays} labels came of images that were not played here: "
                     "does another camera publish on this topic?")
    return lines


def _images(count: int) -> str:
    return f"{count} image" + ("s" if count > 1 else "")


# Half of the images later than that, and the drive was another than the one recorded.
LATE_MS = 50.0


def progress_line(results: dict[str, Any]) -> str:
    """One line on how the playing goes."""
    return "; ".join(filter(None, [_frames(results), _latency(results), _accuracy(results)]))


def summary_lines(results: dict[str, Any]) -> list[str]:
    """A few lines on the results, the most important first."""
    lines = [_frames(results), _losses(results), _latency(results), _accuracy(results), _lateness(results)]
    return [line for line in lines + results["left_out"] if line]


def nothing_done(results: dict[str, Any]) -> str:
    """Why a playing has shown nothing, one line: no image played, none labelled, or no ground truth scored.

    Empty where it has shown something.
    """
    if not results["published"]:
        text = "none of the images could be played"
    elif not results["frames"]:
        text = "none of the {published} images came back labelled".format(**results)
    elif results["bag"]["truth"] and results["miou"] is None:
        text = "no pixel could be scored with this ground truth"
    else:
        return ""
    return "; ".join([text, *results["left_out"][:1]])


def _frames(results: dict[str, Any]) -> str:
    published, labelled = results["published"], results["frames"]
    share = f" ({100 * labelled / published:.0f}%)" if published else ""
    return f"{published} images published, {labelled} labelled{share}"


def _losses(results: dict[str, Any]) -> str:
    losses = [f"{count} dropped ({reason})" for reason, count in results["dropped"].items()]
    losses += [f"{count} failed ({reason})" for reason, count in results["failed"].items()]
    if results["lost"]:
        losses.append(f"{results['lost']} lost (on the way, or with the node)")
    return ", ".join(losses)


def _latency(results: dict[str, Any]) -> str:
    latency = results["latency_ms"]
    if not latency:
        return ""
    return "publication to labels p50 {p50:.0f}, p99 {p99:.0f}, max {max:.0f} ms".format(**latency)


def _accuracy(results: dict[str, Any]) -> str:
    if results["miou"] is None:
        return ""
    seen = f"; {results['seen_in_training']}" if results["seen_in_training"] else ""
    return (f"as driven: mIoU {100 * results['miou']:.1f}%, pixel accuracy "
            f"{100 * results['pixel_accuracy']:.1f}% over {results['scored']} images{seen}")


def _lateness(results: dict[str, Any]) -> str:
    late = results["late_ms"]
    if not late or late["p50"] < LATE_MS:
        return ""
    return ("this machine cannot play so fast: half of the images went out "
            f"{late['p50']:.0f} ms late or more")

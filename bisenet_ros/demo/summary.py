"""What became of every frame of the demo, for people (a table) and for programs (summary.json)."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_ros.demo.session import Recording

VIDEO_NAME = "overlay.mp4"
SHEET_NAME = "contact_sheet.png"


def latencies_ms(recording: Recording) -> Dict[int, float]:
    """Publish to label receipt by frame index, milliseconds."""
    return {
        index: 1e3 * (recording.receipts[sent.stamp].received - sent.sent)
        for index, sent in recording.published.items()
        if sent.stamp in recording.receipts
    }


def account_of_frames(recording: Recording) -> Dict[str, Any]:
    """frames_published = labelled + unwritten + dropped + failed + lost.

    Unwritten are those whose labels came but could not be kept; ``disagreements`` says where some were lost.
    """
    labelled = len(latencies_ms(recording))
    dropped = dict(recording.account.counts.dropped) if recording.account else {}
    failed = dict(recording.account.counts.failed) if recording.account else {}
    known = labelled + recording.unwritten + sum(dropped.values()) + sum(failed.values())
    return {
        "frames_published": len(recording.published),
        "frames_labelled": labelled,
        "frames_dropped": sum(dropped.values()),
        "frames_failed": sum(failed.values()),
        "frames_unwritten": recording.unwritten,
        "frames_lost": len(recording.published) - known,
        "dropped_by_reason": dropped,
        "failed_by_reason": failed,
    }


def disagreements(recording: Recording) -> List[str]:
    """Where the counts of the player and the recorder differ from what the node says of itself."""
    if recording.account is None:
        return ["the node gave no account of its frames"] if recording.published else []
    counts, came = recording.account.counts, len(recording.receipts) + recording.unwritten
    compared = (
        (len(recording.published), counts.received, "{} images were sent, the node received {}"),
        (counts.published, came, "the node published labels of {} images, {} arrived"),
    )
    result = [text.format(theirs, ours) for theirs, ours, text in compared if theirs != ours]
    if counts.pending:
        result.append("{} images were still in work at the end".format(counts.pending))
    return result


def unaccounted(recording: Recording) -> Optional[str]:
    """One line where no labels came of a drive that was played, or a frame has no fate; otherwise None."""
    account = account_of_frames(recording)
    if account["frames_published"] and not account["frames_labelled"]:
        text = "not one label came back for {} frames".format(account["frames_published"])
    elif account["frames_lost"]:
        text = "frames unaccounted for: {}".format(account["frames_lost"])
    else:
        return None
    return "; ".join([text] + disagreements(recording))


def timing_of_frames(recording: Recording) -> Dict[str, Any]:
    """``fps`` from the first image sent to the last label received, and ``latency_ms`` p50 and p99."""
    latencies = list(latencies_ms(recording).values())
    if not latencies:
        return {"fps": 0.0, "latency_ms": None}
    first = min(sent.sent for sent in recording.published.values())
    last = max(receipt.received for receipt in recording.receipts.values())
    p50, p99 = np.percentile(latencies, [50, 99])
    return {
        "fps": round(len(latencies) / (last - first), 3),
        "latency_ms": {"p50": round(float(p50), 2), "p99": round(float(p99), 2)},
    }


def summarise(recording: Recording, scores: Optional[Scores], output: Path) -> Dict[str, Any]:
    """The content of summary.json as far as it comes from the recording; plain values."""
    summary = dict(account_of_frames(recording), **timing_of_frames(recording))
    result = scores.as_json() if scores else {}
    pictures = summary["frames_labelled"] > 0
    summary.update(
        disagreements=disagreements(recording),
        miou=result.get("miou"),
        iou=result.get("iou"),
        interrupted=recording.interrupted,
        node=recording.account.facts if recording.account else None,
        labels=str(output / "labels"),
        video=str(output / VIDEO_NAME) if pictures else None,
        contact_sheet=str(output / SHEET_NAME) if pictures else None,
    )
    return summary


def rows(summary: Dict[str, Any]) -> List[Tuple[str, str]]:
    """The summary as rows of a table."""
    result = [
        (name.replace("_", " "), str(summary[name]))
        for name in (
            "frames_published",
            "frames_labelled",
            "frames_dropped",
            "frames_failed",
            "frames_lost",
        )
    ]
    if summary["frames_unwritten"]:
        result.append(("frames unwritten", str(summary["frames_unwritten"])))
    result += [("  note", text) for text in summary["disagreements"]]
    for kind in ("dropped", "failed"):
        result += [
            ("  {}: {}".format(kind, reason), str(count))
            for reason, count in sorted(summary[kind + "_by_reason"].items())
            if count
        ]
    result.append(("labels per second", "{:.1f}".format(summary["fps"])))
    if summary["latency_ms"]:
        result.append(
            ("publish to label", "p50 {p50:.0f} ms, p99 {p99:.0f} ms".format(**summary["latency_ms"]))
        )
    if summary["miou"] is not None:
        result.append(("mean IoU", "{:.1f}%".format(100 * summary["miou"])))
    result.append(("model", "{model} ({label_space})".format(**summary)))
    return result + [
        (name.replace("_", " "), summary[name]) for name in ("video", "contact_sheet") if summary[name]
    ]

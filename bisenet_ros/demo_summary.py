"""What became of every frame of the demo, for people (a table) and for programs (summary.json)."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from bisenet_core.evaluation.scoring import Scores
from bisenet_ros.demo_session import Recording

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
    """frames_published = labelled + dropped + failed + lost, the latter on the way or with a process."""
    labelled = len(latencies_ms(recording))
    dropped = dict(recording.account.counts.dropped) if recording.account else {}
    failed = dict(recording.account.counts.failed) if recording.account else {}
    lost = len(recording.published) - labelled - sum(dropped.values()) - sum(failed.values())
    return {
        "frames_published": len(recording.published),
        "frames_labelled": labelled,
        "frames_dropped": sum(dropped.values()),
        "frames_failed": sum(failed.values()),
        "frames_lost": lost,
        "dropped_by_reason": dropped,
        "failed_by_reason": failed,
    }


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

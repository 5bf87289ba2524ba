"""Show what became of every frame of the demo: rows of a table, summary.json, a video, a contact sheet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bisenet_core.drives.drive import Drive
from bisenet_core.drives.truth.label_images import read_labels
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.drive_pictures import ContactSheet, OverlayVideo
from bisenet_core.reports.measurement import percentiles
from bisenet_ros.demo.session import Playing

VIDEO_NAME = "overlay.mp4"
SHEET_NAME = "contact_sheet.png"


def account_of_frames(playing: Playing) -> dict[str, Any]:
    """frames_published = labelled + unwritten + dropped + failed + lost.

    Unwritten are those whose labels came but could not be kept; ``disagreements`` says where some were lost.
    """
    labelled = len(playing.latency_ms)
    dropped = dict(playing.account.counts.dropped) if playing.account else {}
    failed = dict(playing.account.counts.failed) if playing.account else {}
    known = labelled + playing.unwritten + sum(dropped.values()) + sum(failed.values())
    return {
        "frames_published": playing.published,
        "frames_labelled": labelled,
        "frames_dropped": sum(dropped.values()),
        "frames_failed": sum(failed.values()),
        "frames_unwritten": playing.unwritten,
        "frames_lost": playing.published - known,
        "dropped_by_reason": dropped,
        "failed_by_reason": failed,
    }


def disagreements(playing: Playing) -> list[str]:
    """Where the counts of images sent and labels received differ from those in the node's diagnostics."""
    if playing.account is None:
        return ["the node gave no account of its frames"] if playing.published else []
    counts = playing.account.counts
    compared = (
        (playing.published, counts.received, "{} images were sent, the node received {}"),
        (counts.published, playing.received, "the node published labels of {} images, {} arrived"),
    )
    result = [text.format(theirs, ours) for theirs, ours, text in compared if theirs != ours]
    if counts.pending:
        result.append(f"{counts.pending} images were still in work at the end")
    return result


def unaccounted(playing: Playing) -> str | None:
    """One line where no image of a drive could be played, no labels came, or frames were lost."""
    account = account_of_frames(playing)
    if playing.left_out and not account["frames_published"]:
        text = f"none of its {len(playing.left_out)} images can be read"
    elif account["frames_published"] and not account["frames_labelled"]:
        text = "not one label came back for {} frames".format(account["frames_published"])
    elif account["frames_lost"]:
        text = "frames unaccounted for: {}".format(account["frames_lost"])
    else:
        return None
    return "; ".join([text, *disagreements(playing)])


def timing_of_frames(playing: Playing) -> dict[str, Any]:
    """``fps`` from the first image sent to the last label received, and ``latency_ms`` p50 and p99."""
    latencies = list(playing.latency_ms.values())
    if not latencies:
        return {"fps": 0.0, "latency_ms": None}
    rounded = {name: round(value, 2) for name, value in percentiles(latencies).items()}
    return {"fps": round(len(latencies) / playing.seconds, 3), "latency_ms": rounded}


def summarise(playing: Playing, scores: Scores | None, output: Path) -> dict[str, Any]:
    """The content of summary.json as far as it comes from the playing; plain values."""
    result = scores.as_json() if scores else {}
    pictures = len(playing.latency_ms) > 0
    return {
        **account_of_frames(playing),
        **timing_of_frames(playing),
        "disagreements": disagreements(playing),
        "left_out": playing.left_out,
        "miou": result.get("miou"),
        "iou": result.get("iou"),
        "interrupted": playing.interrupted,
        "node": playing.account.facts if playing.account else None,
        "labels": str(output / "labels"),
        "video": str(output / VIDEO_NAME) if pictures else None,
        "contact_sheet": str(output / SHEET_NAME) if pictures else None,
    }


def what_limited(node: dict[str, str], rate: float | None) -> list[tuple[str, str]]:
    """What kept the node from labelling every frame that came at ``rate`` hertz, and what would help.

    ``node``: its last diagnostics. Nothing is said without the times of its stages, or without a rate.
    """
    if not rate or "segment_ms_p50" not in node or "precision" not in node:
        return []
    takes, period = float(node["segment_ms_p50"]), 1e3 / rate
    pace = f"a frame takes {takes:.0f} ms (p50) in {node['precision']}, and one came every {period:.0f} ms"
    if takes < period:
        pace += "; at times other programs kept the processors"
    slower = max(1, min(int(900 / takes), int(0.9 * rate)))
    helps = [f'DEMO_ARGS="--rate {slower}"']
    if takes >= period:
        helps.append("a smaller input (the node's input_width and input_height)")
    if node["precision"] == "fp32":
        helps.append("precision bf16 or int8, where the CPU and the model have it (docs/node.md)")
    return [("what limited it", pace), ("what would help", ", ".join(helps))]


def _what_ran(node: dict[str, str]) -> list[tuple[str, str]]:
    if "precision" not in node:
        return []
    ran = "{precision} on {backend}, {device}".format(**node)
    return [("ran in", ran), ("  why", node["backend_reason"])]


def rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """The summary as rows of a table."""
    names = ["frames_published", "frames_labelled", "frames_dropped", "frames_failed", "frames_lost"]
    names += ["frames_unwritten"] if summary["frames_unwritten"] else []
    result = [(name.replace("_", " "), str(summary[name])) for name in names]
    result += [("images left out", str(len(summary["left_out"])))] if summary["left_out"] else []
    result += [("  note", text) for text in summary["disagreements"]]
    for kind in ("dropped", "failed"):
        result += [(f"  {kind}: {reason}", str(count))
                   for reason, count in sorted(summary[kind + "_by_reason"].items()) if count]
    result.append(("labels per second", "{:.1f}".format(summary["fps"])))
    if summary["latency_ms"]:
        result.append(
            ("publish to label", "p50 {p50:.0f} ms, p99 {p99:.0f} ms".format(**summary["latency_ms"])))
    if summary["miou"] is not None:
        seen = "; {}".format(summary["seen_in_training"]) if summary["seen_in_training"] else ""
        result.append(("mean IoU", "{:.1f}%{}".format(100 * summary["miou"], seen)))
    result.append(("model", "{model} ({label_space})".format(**summary)))
    result += _what_ran(summary["node"] or {})
    if summary["dropped_by_reason"].get("superseded"):
        result += what_limited(summary["node"] or {}, summary["rate"])
    return result + [
        (name.replace("_", " "), summary[name]) for name in ("video", "contact_sheet") if summary[name]]


def write_pictures(drive: Drive, playing: Playing, label_space: LabelSpace, output: Path,
                   on_frame: Callable[[], None] = lambda: None) -> Scores | None:
    """Write the overlay video and the contact sheet; return the scores where the drive has ground truth.

    Frames are read again from the drive and labels from disk, one at a time. Raises InputError for a frame
    or ground truth that cannot be read; call it again with a drive without truth to have the pictures.
    """
    latency_ms = playing.latency_ms
    if not latency_ms:
        return None
    scores = Scores(label_space) if drive.has_truth else None
    sheet, drawn = ContactSheet(label_space, total=len(latency_ms)), 0
    # Frames that were dropped are not in the video; at this rate it still takes as long as the drive did.
    rate = (drive.rate_hz or 10.0) * len(latency_ms) / playing.published
    with OverlayVideo(output / VIDEO_NAME, label_space, rate) as video:
        for frame in drive.frames():
            if frame.index not in latency_ms:
                continue
            if frame.image is None or frame.problem:
                raise InputError(drive.explain(frame))
            labels = read_labels(output / "labels" / f"{frame.name}.png")
            if scores:
                scores.add(labels, frame.truth, f"ground truth of {frame.name}")
            video.add(frame.image, labels)
            sheet.offer(drawn, frame.image, labels, f"{frame.name}   {latency_ms[frame.index]:.0f} ms")
            on_frame()
            drawn += 1
            if drawn == len(latency_ms):  # what comes after may be what ended the drive
                break
    sheet.write(output / SHEET_NAME)
    return scores

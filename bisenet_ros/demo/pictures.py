"""Draw the demo's pictures: an overlay video and a contact sheet."""

from collections.abc import Callable
from pathlib import Path

from bisenet_core.drives.drive import Drive
from bisenet_core.drives.truth.label_images import read_labels
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.drive_pictures import ContactSheet, OverlayVideo
from bisenet_ros.demo.session import Playing
from bisenet_ros.demo.summary import SHEET_NAME, VIDEO_NAME


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

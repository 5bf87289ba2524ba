"""The pictures that the demo leaves behind: labels, overlays and a contact sheet."""

from pathlib import Path
from typing import Callable, Iterator, Optional, Tuple

from bisenet_core.drives.drive import Drive, Frame
from bisenet_core.drives.image_files import read_labels
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.contact_sheet import ContactSheet
from bisenet_core.reports.video_writer import OverlayVideo
from bisenet_ros.demo.label_recorder import Receipt
from bisenet_ros.demo.session import Recording
from bisenet_ros.demo.summary import SHEET_NAME, VIDEO_NAME, latencies_ms


def labelled_frames(source: Drive, recording: Recording) -> Iterator[Tuple[Frame, Receipt]]:
    """The frames whose labels came, in order, each with its receipt; read no further than the last."""
    wanted = set(latencies_ms(recording))
    for frame in source if wanted else ():
        if frame.index in wanted:
            wanted.discard(frame.index)
            yield frame, recording.receipts[recording.published[frame.index].stamp]
        if not wanted:
            return


def write_pictures(
    source: Drive,
    recording: Recording,
    label_space: LabelSpace,
    output: Path,
    on_frame: Callable[[], None] = lambda: None,
) -> Optional[Scores]:
    """Write the overlay video and the contact sheet; return the scores where the source has ground truth.

    Frames are read again from the source and labels from disk, one at a time. Raises InputError for a frame
    or ground truth that cannot be read; call it again with a source without truth to have the pictures.
    """
    latencies = latencies_ms(recording)
    if not latencies:
        return None
    scores = Scores(label_space) if source.has_truth else None
    sheet = ContactSheet(label_space, total=len(latencies))
    # Frames that were dropped are not in the video; at this rate it still takes as long as the drive did.
    rate = (source.rate_hz or 10.0) * len(latencies) / len(recording.published)
    with OverlayVideo(output / VIDEO_NAME, label_space, rate) as video:
        for position, (frame, receipt) in enumerate(labelled_frames(source, recording)):
            assert frame.image is not None  # iterating ends at one that cannot be read
            labels = read_labels(receipt.path)
            if scores:
                scores.add(labels, frame.truth, "ground truth of {}".format(frame.name))
            video.add(frame.image, labels)
            sheet.offer(
                position, frame.image, labels, "{}   {:.0f} ms".format(frame.name, latencies[frame.index])
            )
            on_frame()
    sheet.write(output / SHEET_NAME)
    return scores


def name_labels(source: Drive, recording: Recording) -> None:
    """Rename the received labels from their stamps to their frames' names."""
    for frame, receipt in labelled_frames(source, recording):
        receipt.path.replace(receipt.path.with_name(frame.name + ".png"))

"""What the demo needs before it can play: a quiet ROS, a folder of its own, and a drive."""

import os
import sys
from pathlib import Path
from typing import MutableMapping, Optional, Tuple

from bisenet_core.drives.frame import Source
from bisenet_core.drives.image_files import write_image
from bisenet_core.drives.rendered_source import RenderedSource
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.errors import InputError
from bisenet_core.reports.console import progress_bar
from bisenet_ros.dds_profile import PROFILE_NAME, large_image_profile, older_than

_OWN_FILES = ("summary.json", "overlay.mp4", "contact_sheet.png")


def isolate(environment: MutableMapping[str, str]) -> None:
    """Keep the demo's ROS to this machine and to itself, whatever the user's settings are.

    A robot may be driving on the user's domain: nothing that the demo publishes may get there.
    """
    taken = environment.get("ROS_DOMAIN_ID", "")
    # Domains above 101 collide with the ports that Linux hands out itself.
    first = os.getpid() % 101 + 1
    environment["ROS_DOMAIN_ID"] = str(first % 101 + 1 if taken.strip() == str(first) else first)
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if older_than("iron", environment):  # which knows no range; newer ones call this variable deprecated
        environment["ROS_LOCALHOST_ONLY"] = "1"
    else:
        environment.pop("ROS_LOCALHOST_ONLY", None)
    for way_out in ("ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER"):
        environment.pop(way_out, None)


def let_large_images_through(environment: MutableMapping[str, str], who: str = "demo") -> None:
    """Have Fast DDS use the profile for large images, or print in one line why it cannot."""
    path = _profile_path()
    variables, why_not = large_image_profile(environment, path) if path else ({}, "")
    environment.update(variables)
    if why_not:
        print("{}: {}".format(who, why_not))


def _profile_path() -> Optional[Path]:
    package_root = Path(__file__).resolve().parents[2]
    for folder in (package_root, Path(sys.prefix) / "share" / "bisenet_ros"):
        path = folder / "config" / PROFILE_NAME
        if path.is_file():
            return path
    return None


def prepare_output(output: Path) -> None:
    """Make the folder, without an earlier demo's results. Raises InputError for one that is not a demo's."""
    ours = (output / "node.log").is_file() or (output / "rendered_drive").is_dir()
    if output.exists() and not ours and (not output.is_dir() or any(output.iterdir())):
        raise InputError(
            "--output {} holds files that are not the demo's; choose a new folder".format(output)
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        for path in [output / name for name in _OWN_FILES if (output / name).is_file()]:
            path.unlink()  # none of them may be taken for a result of this run
    except OSError as error:
        raise InputError(
            "cannot make {}: {}; choose another --output".format(output, error.strerror)
        ) from None


def refuse_input_folder(output: Path, source: Source) -> None:
    """Raise InputError where the results would land among the files that are played."""
    read = [folder.resolve() for folder in source.folders]
    if output.resolve() in read or (output / "labels").resolve() in read:
        raise InputError("--output {} is where the input lies; choose another folder".format(output))


def render_drive(folder: Path, size: Tuple[int, int], frames: int) -> Path:
    """Render the project's own street into ``folder``/images and ``folder``/labels; returns the former.

    ``size`` is (width, height) in pixels. It is rendered before it is played: drawing while playing would
    take the processor from the node.
    """
    source = RenderedSource(RenderedDrive(width=size[0], height=size[1], frames=frames))
    images, labels = emptied(folder / "images"), emptied(folder / "labels")
    with progress_bar() as progress:
        task = progress.add_task("rendering a street", total=len(source), note="")
        for frame in source:
            write_image(images / (frame.name + ".png"), frame.image)
            assert frame.labels is not None  # a rendered drive has exact labels
            write_image(labels / (frame.name + ".png"), frame.labels)
            progress.advance(task)
    return images


def emptied(folder: Path) -> Path:
    """Make ``folder``, without the PNG files of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.png"):
        path.unlink()
    return folder

"""Prepare the demo: an output folder of its own, and a drive to play."""

from pathlib import Path

from bisenet_core.drives.drive import Drive
from bisenet_core.drives.image_files import write_image
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.reports.console import progress_bar

_OWN_FILES = ("summary.json", "overlay.mp4", "contact_sheet.png")


def prepare_output(output: Path) -> None:
    """Make the folder, without an earlier demo's results. Raises InputError for one that is not a demo's."""
    ours = (output / "node.log").is_file() or (output / "rendered_drive").is_dir()
    if output.exists() and not ours and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"--output {output} holds files that are not the demo's; choose a new folder")
    with explain_os_errors(f"cannot make {output}", "choose another --output"):
        output.mkdir(parents=True, exist_ok=True)
        for path in [output / name for name in _OWN_FILES]:
            if path.is_file() or path.is_symlink():
                path.unlink()  # none of them may be taken for a result of this run


def refuse_input_folder(output: Path, drive: Drive) -> None:
    """Raise InputError where the results would land among the files that are played."""
    read = [folder.resolve() for folder in drive.folders]
    if output.resolve() in read or (output / "labels").resolve() in read:
        raise InputError(f"--output {output} is where the input lies; choose another folder")


def render_drive(folder: Path, size: tuple[int, int], frames: int) -> Path:
    """Render the project's own street into ``folder``/images and ``folder``/labels; returns the former.

    ``size`` is (width, height) in pixels. It is rendered before it is played: drawing while playing would
    take the processor from the node.
    """
    drive = RenderedDrive(width=size[0], height=size[1], frames=frames)
    images, labels = emptied(folder / "images"), emptied(folder / "labels")
    with progress_bar() as progress:
        task = progress.add_task("rendering a street", total=len(drive), note="")
        for index in range(len(drive)):
            name = f"{index:06d}.png"
            image, truth = drive[index]
            write_image(images / name, image)
            write_image(labels / name, truth)
            progress.advance(task)
    return images


def emptied(folder: Path) -> Path:
    """Make ``folder``, without the PNG files of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.png"):
        path.unlink()
    return folder

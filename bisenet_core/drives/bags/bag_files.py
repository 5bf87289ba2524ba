"""Find the storage files of a bag, in order, and what its metadata.yaml says about them."""

from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from bisenet_core.drives.image_files import natural_key
from bisenet_core.drives.yaml_file import read_yaml
from bisenet_core.errors import InputError

METADATA = "metadata.yaml"
ROS2_SUFFIXES = (".db3", ".mcap")
BAG_SUFFIXES = (*ROS2_SUFFIXES, ".bag")
PACKED_SUFFIXES = (".zstd", ".zst")  # of a file that was compressed as a whole


@dataclass
class BagFiles:
    """Storage files in order, declared numbers of messages by topic and type, oddities, what is missing."""

    paths: list[Path]
    declared: dict[tuple[str, str], int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)


def is_packed_file(path: Path) -> bool:
    """Whether a file is compressed as a whole, by its name: drive.mcap.zstd."""
    return path.suffix.lower() in PACKED_SUFFIXES


def stored_name(path: Path) -> Path:
    """A storage file's name without the ending of its compression: drive.mcap of drive.mcap.zstd."""
    return path.with_suffix("") if is_packed_file(path) else path


def is_bag_file(path: Path) -> bool:
    """Whether a file is a bag, compressed as a whole or not, by its name."""
    return stored_name(path).suffix.lower() in BAG_SUFFIXES


def is_bag_folder(folder: Path) -> bool:
    """Whether a folder is a ROS 2 bag: it has a metadata.yaml, or storage files without one."""
    return (folder / METADATA).is_file() or bool(_storage_files(folder))


def find_bag_files(path: Path) -> BagFiles:
    """The files of a bag: itself, or those of a folder. Raises InputError where there are none."""
    if not path.is_dir():
        return BagFiles([path])
    if not is_bag_folder(path):
        raise InputError(f"{path} is no bag: it has neither metadata.yaml nor files such as *.db3 or *.mcap")
    found = _storage_files(path)
    if not (path / METADATA).is_file():
        return BagFiles(found, notes=[f"{path.name} has no {METADATA}: {_files(found)}"])
    try:
        return _declared_files(path)
    except Exception as error:  # it may hold anything
        reason = str(error) if isinstance(error, InputError) else f"{METADATA} cannot be read"
        if not found:
            raise InputError(f"{path} is no bag: {reason}, and no storage file is beside it") from error
        return BagFiles(found, notes=[f"{path.name}: {reason}; {_files(found)}"])


def _declared_files(folder: Path) -> BagFiles:
    about: Any = read_yaml(folder / METADATA)["rosbag2_bagfile_information"]
    # Older recorders wrote the folder's name before the file's.
    paths = [folder / PurePath(name).name for name in about["relative_file_paths"]]
    items = about["topics_with_message_count"]
    topics = [(item["topic_metadata"], int(item["message_count"])) for item in items]
    declared = {(topic["name"], topic["type"]): count for topic, count in topics}
    missing = [path.name for path in paths if not path.is_file()]
    if len(missing) == len(paths):
        names = ", ".join(missing) or "its storage"
        raise InputError(f"{METADATA} names missing files: {names}")
    lost = f"{folder.name}: {METADATA} names files that are missing: {', '.join(missing)}"
    gaps = [lost] if missing else []
    return BagFiles([path for path in paths if path.is_file()], declared, gaps=gaps)


def _storage_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    shown = [p for p in folder.iterdir() if not p.name.startswith(".")]
    found = [p for p in shown if stored_name(p).suffix.lower() in ROS2_SUFFIXES and p.is_file()]
    return sorted(found, key=natural_key)


def _files(found: list[Path]) -> str:
    if len(found) == 1:
        return "its storage file is read"
    return f"its {len(found)} storage files are read in the order of their names"

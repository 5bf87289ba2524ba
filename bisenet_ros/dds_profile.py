"""Choose the environment variables that give Fast DDS its profile for large images."""

import os
import sys
from pathlib import Path
from typing import Dict, Mapping, MutableMapping, Tuple

PROFILE_NAME = "fastdds_large_images.xml"

# The name changed with Fast DDS 3, which came with Kilted and warns of the old one at every start.
_NEW, _OLD = "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"

_SHARED_MEMORY = "/dev/shm"

# One segment of 64 MiB, as the profile has it, for each of the camera, the node and one who looks on. Where a
# segment finds no room, Fast DDS prints errors and does without shared memory altogether.
_ROOM_MIB = 3 * 64


def use_large_image_profile(environment: MutableMapping[str, str]) -> str:
    """Set what ``large_image_profile`` says, where the profile lies; returns why there is none, or ""."""
    path = profile_path(environment)
    variables, why_not = large_image_profile(environment, path) if path.is_file() else ({}, "")
    environment.update(variables)
    return why_not


def large_image_profile(environment: Mapping[str, str], profile: Path,
                        shared_memory: str = _SHARED_MEMORY) -> Tuple[Dict[str, str], str]:
    """The variables to set for a process that publishes images, and one line on why there are none.

    Both are empty where ``environment`` names a profile already. ``profile`` is the file's path.
    """
    if environment.get(_NEW) or environment.get(_OLD):
        return {}, ""
    free = _free_mib(shared_memory)
    if free < _ROOM_MIB:
        return {}, (f"{shared_memory} has {free} MiB free and large images need {_ROOM_MIB}: most images "
                    "above 0.5 MB will be lost; make room, in Docker with `docker run --shm-size=1g`")
    return {_OLD if older_than("kilted", environment) else _NEW: str(profile)}, ""


def profile_path(environment: Mapping[str, str]) -> Path:
    """Where the profile lies: in the source tree, or as it was installed; its name alone where it is not."""
    prefixes = [*environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    folders = [Path(__file__).resolve().parents[1],
               *(Path(prefix, "share", "bisenet_ros") for prefix in prefixes if prefix)]
    paths = [folder / "config" / PROFILE_NAME for folder in folders]
    return next((path for path in paths if path.is_file()), Path(PROFILE_NAME))


def older_than(distribution: str, environment: Mapping[str, str]) -> bool:
    """Whether ROS is older than ``distribution``, from ROS_DISTRO; ROS from PyPI has none and is Kilted."""
    return environment.get("ROS_DISTRO", "kilted") < distribution  # their names are in alphabetical order


def _free_mib(folder: str) -> int:
    try:
        status = os.statvfs(folder)
    except OSError:
        return 0
    return status.f_bavail * status.f_frsize >> 20

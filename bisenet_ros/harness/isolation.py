"""Give a tool and its processes a ROS environment of their own, which reaches no robot."""

import os
from typing import MutableMapping

from bisenet_ros.dds_profile import large_image_profile, older_than, profile_path


def isolate(environment: MutableMapping[str, str]) -> None:
    """Keep a tool's ROS to this machine and to itself, whatever the user's settings are.

    A robot may be driving on the user's domain: nothing that a tool publishes may get there.
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
    path = profile_path(environment)
    variables, why_not = large_image_profile(environment, path) if path.is_file() else ({}, "")
    environment.update(variables)
    if why_not:
        print("{}: {}".format(who, why_not))

"""The segmentation node: `ros2 launch bisenet_ros segmentation.launch.py image:=/camera/image_raw`."""

import os
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from bisenet_core.errors import suggest
from bisenet_ros import launch_arguments
from bisenet_ros.launch_arguments import IMAGE, LOG_LEVELS, names_in, parameter_values, switch
from bisenet_ros.parameters import PARAMETERS

CONFIG = Path(__file__).parent.parent / "config"  # in the source tree as in share/bisenet_ros

ARGUMENTS = dict(launch_arguments.ARGUMENTS,
                 params_file=(str(CONFIG / "segmentation.yaml"), "Parameters of the node."))
VIEWER = "rqt_image_view"


def generate_launch_description():
    """Arguments, the node, and viewers when asked for."""
    declared = [DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()]
    return LaunchDescription(declared + [OpaqueFunction(function=start)])


def start(context):
    """The node and its viewers. Raises ValueError."""
    launch_arguments.refuse_unknown_arguments(__file__, ARGUMENTS)
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    values = parameters(given)
    cameras = launch_arguments.camera_names(given, context.launch_configurations.get("ros_namespace", ""))
    # Without a terminal emulated: the node's colours would stand as codes in launch's log file.
    node = Node(
        package="bisenet_ros", executable="segmentation_node", name="segmentation",
        namespace=given["namespace"], output="screen",
        parameters=values, ros_arguments=log_level(given["log_level"]),
        remappings=remappings(given["image"], cameras),
    )
    # The node last: where a viewer cannot be started, launch would end and leave the node behind.
    return viewers(given, cameras) + [node]


def parameters(given):
    """The parameter file, and what the arguments say in place of its values. Raises ValueError."""
    if not os.path.isfile(given["params_file"]):  # launch would warn, and go on with the defaults
        raise ValueError("params_file:={}: there is no such file".format(given["params_file"]))
    # As values: launch would read a text as YAML, and a model called 2024 as a number.
    found = parameter_values(given, PARAMETERS)
    if given["use_sim_time"]:
        found["use_sim_time"] = switch("use_sim_time", given["use_sim_time"])
    return [given["params_file"]] + ([found] if found else [])


def log_level(level):
    """The node's ROS arguments. Raises ValueError."""
    if level and level.lower() not in LOG_LEVELS:
        raise ValueError("log_level:={}: {}".format(level, suggest(level, LOG_LEVELS)))
    return ["--log-level", level] if level else []


def remappings(image, cameras):
    """From the node's image topics to the given ones: one for each, or none. Raises ValueError."""
    inputs = [camera + "/image" for camera in cameras] or ["image"]
    topics = names_in(image) or ([] if cameras else [IMAGE])
    if topics and len(topics) != len(inputs):
        raise ValueError("image:={}: {} topic(s) for {} camera(s); expected one for each of `cameras`".format(
            image, len(topics), len(inputs)))
    return list(zip(inputs, topics))


def viewers(given, cameras):
    """rqt_image_view on every overlay, if asked for and installed."""
    if not switch("overlay", given["overlay"]):
        return []
    try:
        get_package_prefix(VIEWER)
    except PackageNotFoundError:
        get_logger("launch.user").warning(
            "overlay:=true: rqt_image_view is not installed, so nothing shows the overlay; install it "
            "(apt install ros-$ROS_DISTRO-rqt-image-view), or look at the overlay in RViz or Foxglove")
        return []
    return [Node(package=VIEWER, executable=VIEWER, namespace=given["namespace"],
                 arguments=["segmentation/" + prefix + "overlay"])
            for prefix in [camera + "/" for camera in cameras] or [""]]

"""A bag into the segmentation node: `ros2 launch bisenet_ros replay.launch.py bag:=drive.mcap labels:=DIR`.

The arguments of segmentation.launch.py pass through. When either node ends, so does the other.
"""

import os
from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, SetParameter
from launch_ros.parameter_descriptions import ParameterValue

from bisenet_ros.dds_profile import PROFILE_NAME, large_image_profile

HERE = Path(__file__).parent

ARGUMENTS = {
    "bag": (None, "What to play: a bag folder, .db3, .mcap or a ROS 1 .bag"),
    "topic": ("", "The image topic of a bag that has several"),
    "significant_bits": ("16", "Bits that the bag's camera uses of 16-bit samples, 8 to 16"),
    "labels": ("", "Ground truth: a folder of PNGs"),
    "label_topic": ("", "Ground truth: a topic of label images in the bag"),
    "output": ("replay_output", "Folder that live.json is written into"),
    "rate": ("1.0", "How many times as fast as it was recorded, 0.1 to 10"),
    "loop": ("false", "true begins again at the end, until stopped"),
    "clock": ("false", "true keeps the recorded stamps and publishes /clock, which the node then goes by"),
    "model": ("camvid_bisenetv2", "A model folder, or the name of one under weights/"),
    # No camera's topic: one that runs must not come between.
    "image": ("/replay/image", "The topic that the images are played on"),
}
TYPES = {"significant_bits": int, "rate": float, "loop": bool, "clock": bool}  # of those that are no text


def generate_launch_description():
    """Arguments, the segmentation node and the replay node."""
    segmentation = PythonLaunchDescriptionSource(str(HERE / "segmentation.launch.py"))
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=text)
          for name, (default, text) in ARGUMENTS.items()),
        RegisterEventHandler(OnProcessExit(on_exit=end_without_the_node)),
        OpaqueFunction(function=start_player),
        GroupAction([
            SetParameter("use_sim_time", True, condition=IfCondition(LaunchConfiguration("clock"))),
            IncludeLaunchDescription(segmentation),
        ]),
    ])


def start_player(context):
    """The replay node, with the launch arguments as its parameters."""
    # Without a type, launch would make a number of a text such as 20260401.
    parameters = {name: ParameterValue(LaunchConfiguration(name), value_type=TYPES.get(name, str))
                  for name in ARGUMENTS if name != "image"}
    # The segmentation node's launch file says why where there is no profile.
    profile, _ = large_image_profile(os.environ, HERE.parent / "config" / PROFILE_NAME)
    return [Node(
        package="bisenet_ros", executable="replay_node", name="replay",
        namespace=LaunchConfiguration("namespace", default=""), output="screen", emulate_tty=True,
        parameters=[parameters], remappings=[("image", LaunchConfiguration("image"))], additional_env=profile,
        on_exit=Shutdown(),
    )]


def end_without_the_node(event, context):
    """Without the segmentation node there is nothing to wait for; the replay node writes what it has."""
    if context.is_shutdown or not event.process_name.startswith("segmentation_node"):
        return []
    text = "the segmentation node has ended; what was scored by then is written"
    return [LogInfo(msg=text), Shutdown(reason=text)]

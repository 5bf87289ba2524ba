"""The segmentation node: `ros2 launch bisenet_ros segmentation.launch.py image:=/camera/image_raw`."""

import os
from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from bisenet_ros.dds_profile import PROFILE_NAME, large_image_profile

CONFIG = Path(__file__).parent.parent / "config"  # in the source tree as in share/bisenet_ros

# Those left empty are the parameter file's to decide.
ARGUMENTS = {
    "model": ("", "A model folder, or the name of one under weights/"),
    "image": ("/camera/image_raw", "The camera's image topic"),
    "backend": ("", "auto, openvino or onnxruntime"),
    "precision": ("", "auto, fp32 or bf16"),
    "autostart": ("", "false leaves configure and activate to a lifecycle manager"),
    "namespace": ("", "Namespace of the node and its topics"),
    "params_file": (str(CONFIG / "segmentation.yaml"), "Parameters of the node"),
    "overlay": ("false", "true shows the overlay in rqt_image_view, where that is installed"),
}
AS_PARAMETERS = ("model", "backend", "precision", "autostart")


def generate_launch_description():
    """Arguments, the node, and a viewer when asked for."""
    declared = [DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()]
    return LaunchDescription(declared + [OpaqueFunction(function=start_node), overlay_viewer()])


def start_node(context):
    """The node, with what the arguments say in place of the parameter file's values."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    parameters = {name: given[name] for name in AS_PARAMETERS if given[name]}
    if "autostart" in parameters:
        parameters["autostart"] = parameters["autostart"].lower() in ("true", "1", "yes", "on")
    profile, why_not = large_image_profile(os.environ, CONFIG / PROFILE_NAME)
    return ([LogInfo(msg=why_not)] if why_not else []) + [Node(
        package="bisenet_ros", executable="segmentation_node", name="segmentation",
        namespace=given["namespace"], output="screen", emulate_tty=True,
        parameters=[given["params_file"]] + ([parameters] if parameters else []),
        remappings=[("image", given["image"])],
        additional_env=profile,
    )]


def overlay_viewer():
    """rqt_image_view on the overlay."""
    return Node(
        package="rqt_image_view", executable="rqt_image_view", namespace=LaunchConfiguration("namespace"),
        arguments=["segmentation/overlay"], condition=IfCondition(LaunchConfiguration("overlay")))

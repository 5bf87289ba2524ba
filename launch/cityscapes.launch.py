"""The preset for Cityscapes' 19 classes: `ros2 launch bisenet_ros cityscapes.launch.py`."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource

from bisenet_ros.launch_arguments import ARGUMENTS, refuse_unknown_arguments

HERE = Path(__file__).parent


def generate_launch_description():
    """The general launch file with this preset's parameters; its arguments pass through."""
    # In a group, so that the defaults do not reach what is included after it.
    return LaunchDescription([GroupAction([
        OpaqueFunction(function=lambda _: refuse_unknown_arguments(__file__, ARGUMENTS)),
        DeclareLaunchArgument("params_file", default_value=str(HERE.parent / "config" / "cityscapes.yaml"),
                              description="Parameters of the node"),
        IncludeLaunchDescription(PythonLaunchDescriptionSource(str(HERE / "segmentation.launch.py"))),
    ])])

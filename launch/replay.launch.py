"""A bag into the segmentation node: `ros2 launch bisenet_ros replay.launch.py bag:=sample_drive`.

The arguments of segmentation.launch.py pass through. When either node ends, so does the other.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetLaunchConfiguration,
    Shutdown,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from bisenet_ros import launch_arguments
from bisenet_ros.launch_arguments import describe, parameter_values, refuse_unknown_arguments
from bisenet_ros.replay.parameters import PARAMETERS

HERE = Path(__file__).parent

# Of what both nodes have no default, which would stand in place of the segmentation node's parameter file's.
ARGUMENTS = {spec.name: ("" if spec.name in launch_arguments.ARGUMENTS else str(spec.default), describe(spec))
             for spec in PARAMETERS}
ARGUMENTS["bag"] = (None, ARGUMENTS["bag"][1])  # the only one that must be given
# No camera's topic: one that runs must not come between.
ARGUMENTS["image"] = ("/replay/image", "The topic that the images are played on.")


def generate_launch_description():
    """Arguments, the segmentation node and the replay node."""
    segmentation = PythonLaunchDescriptionSource(str(HERE / "segmentation.launch.py"))
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=text)
          for name, (default, text) in ARGUMENTS.items()),
        RegisterEventHandler(OnProcessExit(on_exit=end_without_the_node)),
        OpaqueFunction(function=start_player),
        GroupAction([
            # as an argument, which goes before what a parameter file says
            SetLaunchConfiguration("use_sim_time", "true",
                                   condition=IfCondition(LaunchConfiguration("clock"))),
            IncludeLaunchDescription(segmentation),
        ]),
    ])


def start_player(context):
    """The replay node, with the launch arguments as its parameters. Raises ValueError."""
    refuse_unknown_arguments(__file__, {**launch_arguments.ARGUMENTS, **ARGUMENTS})
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    return [Node(
        package="bisenet_ros", executable="replay_node", name="replay",
        namespace=LaunchConfiguration("namespace", default=""), output="screen",
        parameters=[parameter_values(given, PARAMETERS)], remappings=[("image", given["image"])],
        on_exit=Shutdown(),
    )]


def end_without_the_node(event, context):
    """Without the segmentation node there is nothing to wait for; the replay node writes what it has."""
    if context.is_shutdown or not event.process_name.startswith("segmentation_node"):
        return []
    text = "the segmentation node has ended; what was scored by then is written"
    return [LogInfo(msg=text), Shutdown(reason=text)]

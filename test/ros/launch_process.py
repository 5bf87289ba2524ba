"""Like `ros2 launch FILE name:=value ...`; several such sets, with `+` between them, run side by side."""

import sys

from launch import LaunchDescription, LaunchService
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource


def included(path, arguments):
    """The launch file with its arguments, which are its own."""
    pairs = [argument.split(":=", 1) for argument in arguments]
    source = PythonLaunchDescriptionSource(path)
    return GroupAction([IncludeLaunchDescription(source, launch_arguments=pairs)])


def main(arguments):
    """Run until everything has ended; returns the exit status."""
    sets = [[]]
    for argument in arguments:
        if argument == "+":
            sets.append([])
        else:
            sets[-1].append(argument)
    service = LaunchService(noninteractive=True)  # SIGINT comes to this process alone; it hands it on
    service.include_launch_description(LaunchDescription([included(one[0], one[1:]) for one in sets]))
    return service.run()


sys.exit(main(sys.argv[1:]))

"""The segmentation node: `ros2 launch bisenet_ros segmentation.launch.py image:=/camera/image_raw`."""

import os
from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from bisenet_ros.dds_profile import PROFILE_NAME, large_image_profile

CONFIG = Path(__file__).parent.parent / "config"  # in the source tree as in share/bisenet_ros

IMAGE = "/camera/image_raw"

# Those left empty are the parameter file's to decide.
ARGUMENTS = {
    "model": ("", "A model folder, or the name of one under weights/"),
    "image": ("", "The camera's image topic, by default " + IMAGE + "; with `cameras` one for each of them, "
                  "as in /a/image_raw,/b/image_raw"),
    "cameras": ("", "Names such as front,left: each has its <camera>/image and segmentation/<camera>/labels"),
    "image_transport": ("", "raw, or compressed: the images come on <image topic>/compressed"),
    "backend": ("", "auto, tensorrt, openvino or onnxruntime"),
    "precision": ("", "auto, fp32, fp16 on a GPU, bf16 on a CPU, int8 where the model has it"),
    "fallback": ("", "none, or cpu: it takes over from a GPU that fails"),
    "engine_cache": ("", "Folder of TensorRT's engines, by default the user's cache"),
    "autostart": ("", "false leaves configure and activate to a lifecycle manager"),
    "namespace": ("", "Namespace of the node and its topics"),
    "params_file": (str(CONFIG / "segmentation.yaml"), "Parameters of the node"),
    "overlay": ("false", "true shows the overlay, of each of `cameras`, in rqt_image_view, where that is "
                         "installed"),
}
STRINGS = ("model", "backend", "precision", "fallback", "engine_cache", "image_transport")
SWITCH = {"true": True, "1": True, "yes": True, "on": True,
          "false": False, "0": False, "no": False, "off": False}


def generate_launch_description():
    """Arguments, the node, and viewers when asked for."""
    declared = [DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()]
    return LaunchDescription(declared + [OpaqueFunction(function=start)])


def start(context):
    """The node and its viewers; a line where large images will be lost."""
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    cameras = names_in(given["cameras"])
    profile, why_not = large_image_profile(os.environ, CONFIG / PROFILE_NAME)
    node = Node(
        package="bisenet_ros", executable="segmentation_node", name="segmentation",
        namespace=given["namespace"], output="screen", emulate_tty=True,
        parameters=parameters(given, cameras),
        remappings=remappings(given["image"], cameras),
        additional_env=profile,
    )
    # The node last: where a viewer cannot be started, launch would end and leave the node behind.
    return ([LogInfo(msg=why_not)] if why_not else []) + viewers(given, cameras) + [node]


def parameters(given, cameras):
    """The parameter file, and what the arguments say in place of its values. Raises ValueError."""
    if not os.path.isfile(given["params_file"]):  # launch would warn, and go on with the defaults
        raise ValueError("params_file:={}: there is no such file".format(given["params_file"]))
    # Plain strings stay strings; a substitution would be read as YAML, and a model called 2024 as a number.
    found = {name: given[name] for name in STRINGS if given[name]}
    if given["autostart"]:
        found["autostart"] = switch("autostart", given["autostart"])
    if given["cameras"]:
        found["cameras"] = cameras or [""]
    return [given["params_file"]] + ([found] if found else [])


def remappings(image, cameras):
    """From the node's image topics to the given ones: one for each, or none. Raises ValueError."""
    inputs = [camera + "/image" for camera in cameras] or ["image"]
    topics = names_in(image) or ([] if cameras else [IMAGE])
    if topics and len(topics) != len(inputs):
        raise ValueError("image:={}: {} topic(s) for {} camera(s); expected one for each of `cameras`".format(
            image, len(topics), len(inputs)))
    return list(zip(inputs, topics))


def viewers(given, cameras):
    """rqt_image_view on every overlay, if asked for."""
    if not switch("overlay", given["overlay"]):
        return []
    return [Node(package="rqt_image_view", executable="rqt_image_view", namespace=given["namespace"],
                 arguments=["segmentation/" + prefix + "overlay"])
            for prefix in [camera + "/" for camera in cameras] or [""]]


def names_in(text):
    """Names between commas, with or without a list's brackets and quotes."""
    return [name for name in (part.strip(" '\"") for part in text.strip("[] ").split(",")) if name]


def switch(name, text):
    """True or false. Raises ValueError for anything else."""
    if text.lower() not in SWITCH:
        raise ValueError("{}:={}: expected true or false".format(name, text))
    return SWITCH[text.lower()]

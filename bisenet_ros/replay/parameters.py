"""Every parameter of the replay node."""

from pathlib import Path
from typing import Any, NamedTuple

from bisenet_core.errors import InputError, printable
from bisenet_ros.parameters import ParameterSpec, declare_all, unknown_parameters

PARAMETERS = (
    ParameterSpec("bag", "", "What to play: a bag folder, .db3, .mcap or a ROS 1 .bag."),
    ParameterSpec("topic", "", "The image topic of a bag that has several."),
    ParameterSpec("significant_bits", 16, "Bits that the bag's camera uses of 16-bit samples.", 8, 16),
    ParameterSpec("model", "camvid_bisenetv2", "The model that the node runs, whose classes are scored."),
    ParameterSpec("labels", "", "Ground truth: a folder of PNGs."),
    ParameterSpec("label_topic", "", "Ground truth: a topic of label images in the bag."),
    ParameterSpec("output", "replay_output", "Folder that live.json is written into; one that has none yet."),
    ParameterSpec("rate", 1.0, "How many times as fast as it was recorded.", 0.1, 10.0),
    ParameterSpec("loop", False, "Begin again at the end, until stopped."),
    ParameterSpec("clock", False, "Keep the recorded stamps and publish /clock, for a node on use_sim_time; "
                  "false: the drive happens now."),
    ParameterSpec("ready_timeout", 90.0, "Seconds to wait for the segmentation node.", 1.0, 3600.0),
)


class ReplayParameters(NamedTuple):
    """The replay node's settings; ``PARAMETERS`` says what each means."""

    bag: Path
    topic: str | None
    significant_bits: int
    model: str
    labels: Path | None
    label_topic: str | None
    output: Path
    rate: float
    loop: bool
    clock: bool
    ready_timeout: float


def declare_parameters(node: Any) -> ReplayParameters:
    """Declare all parameters on ``node`` and return their values; warns of those that nobody knows.

    Raises InputError, or rclpy's ParameterException, for a value that is refused.
    """
    values = declare_all(node, PARAMETERS)
    for line in unknown_parameters(getattr(node, "_parameter_overrides", {}), PARAMETERS):
        node.get_logger().warning(printable(line))
    if not values["bag"]:
        raise InputError("no bag to play; name one: bag:=sample_drive")
    values.update(bag=Path(values["bag"]), output=Path(values["output"]))
    for name in ("topic", "labels", "label_topic"):  # an empty text stands for none
        values[name] = values[name] or None
    values["labels"] = values["labels"] and Path(values["labels"])
    return ReplayParameters(**values)

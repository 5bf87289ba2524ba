"""Every parameter of the node: type, default, range, description, and whether it changes at run time."""

import math
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from bisenet_core.errors import InputError, suggest
from bisenet_core.labels.label_space import LabelSpace

EVERY_CLASS = "*"

_TOPIC_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class SegmentationParameters(NamedTuple):
    """The node's settings; ``PARAMETERS`` says what each means."""

    model: str
    backend: str
    precision: str
    fallback: str
    engine_cache: str
    input_width: int
    input_height: int
    cameras: Tuple[str, ...]
    image_transport: str
    significant_bits: int
    reliability: str
    masks: Tuple[str, ...]
    overlay_alpha: float
    palette: str
    min_confidence: float
    max_image_age: float
    stale_after: float
    autostart: bool


class ParameterSpec(NamedTuple):
    """What the node declares of one parameter."""

    name: str
    default: Any
    description: str
    low: Optional[float] = None  # of numbers, inclusive
    high: Optional[float] = None
    choices: Tuple[str, ...] = ()
    live: bool = False           # may change at run time
    at_configure: bool = False   # may change while the node is unconfigured
    holds: str = ""              # of lists: what they hold, with an example
    in_topics: bool = False      # of lists: each name becomes part of a topic's, and stands once


PARAMETERS = (
    ParameterSpec("model", "camvid_bisenetv2", "A model folder, or the name of one under weights/; of a|b, b "
                  "where there is no a.", at_configure=True),
    ParameterSpec("backend", "auto", "What runs the network: auto (the first that works, a GPU's first), "
                  "tensorrt, openvino or onnxruntime.", at_configure=True),
    ParameterSpec("precision", "auto", "What the network computes in: auto, fp32, fp16 on a GPU, "
                  "bf16 on a CPU, int8 where the model has it.", at_configure=True),
    ParameterSpec("fallback", "none", "What takes over from a GPU that fails: none, or cpu.",
                  choices=("none", "cpu"), at_configure=True),
    ParameterSpec("engine_cache", "", "Folder of TensorRT's engines; '' = the user's cache."),
    ParameterSpec("input_width", 0, "Width of the network's input in pixels; 0 = the model's.", 0, 8192,
                  at_configure=True),
    ParameterSpec("input_height", 0, "Height of the network's input in pixels; 0 = the model's.", 0, 8192,
                  at_configure=True),
    # An empty list has no type in ROS, so an empty name stands for none.
    ParameterSpec("cameras", ("",), "Each camera has its own <camera>/image and ~/<camera>/labels; one "
                  "network serves all. [''] = one camera, without a name.",
                  holds="camera names, for example ['front', 'left']", in_topics=True),
    ParameterSpec("image_transport", "raw",
                  "How images come: raw, or compressed, on <image topic>/compressed.",
                  choices=("raw", "compressed"), at_configure=True),
    ParameterSpec("significant_bits", 16, "Bits that the camera uses of 16-bit samples (mono16, bayer_*16, "
                  "16-bit PNG), at their lower end: 12 for one that gives 0 to 4095.", 8, 16, live=True),
    ParameterSpec("reliability", "best_effort", "Of the image subscription. best_effort receives from every "
                  "publisher; reliable only from reliable ones.", choices=("best_effort", "reliable"),
                  at_configure=True),
    ParameterSpec("masks", ("",), "Classes published as ~/masks/<class>, for example ['Road', 'Car']; "
                  "['*'] = every class; [''] = none.", live=True,
                  holds="class names, for example ['Road', 'Car']"),
    ParameterSpec("overlay_alpha", 0.5, "Opacity of the colours in ~/overlay.", 0.0, 1.0, live=True),
    ParameterSpec("palette", "card", "Colours of ~/overlay and ~/labels_color: card (the model's own) or "
                  "display (any two classes differ clearly).", choices=("card", "display"), live=True),
    ParameterSpec("min_confidence", 0.0, "Pixels whose class is less probable become 255, unlabeled; "
                  "0 = none.", 0.0, 1.0, live=True),
    ParameterSpec("max_image_age", 0.0, "Images whose stamp is older, in seconds, are dropped; 0 = off.",
                  0.0, 3600.0, live=True),
    ParameterSpec("stale_after", 2.0, "Seconds without an image after which diagnostics warn.",
                  0.1, 3600.0, live=True),
    ParameterSpec("autostart", True, "Configure and activate at start; false: a lifecycle manager does."),
)

_BY_NAME = {spec.name: spec for spec in PARAMETERS}

# What to do for such a change, by the node's state.
_WAY = {"active": "deactivate it, clean it up (`ros2 lifecycle set`), set this, then configure and activate",
        "inactive": "clean it up (`ros2 lifecycle set`), set this, then configure",
        "finalized": "start it anew"}

# Any node may have these.
_COMMON = ("use_sim_time", "start_type_description_service")
_OF_ROS = tuple(f"qos_overrides./{topic}." for topic in ("clock", "parameter_events", "rosout"))


def declare_parameters(node: Any) -> SegmentationParameters:
    """Declare all parameters on ``node`` and return their values.

    Raises InputError, or rclpy's ParameterException, for a value that is refused.
    """
    return SegmentationParameters(**declare_all(node, PARAMETERS))


def declare_all(node: Any, specs: Iterable[ParameterSpec]) -> Dict[str, Any]:
    """Declare parameters and return their values by name. Raises as ``declare_parameters`` does."""
    values = {}
    for spec in specs:
        default = list(spec.default) if isinstance(spec.default, tuple) else spec.default
        values[spec.name] = _check(
            spec, node.declare_parameter(spec.name, default, describe(spec)).value)
    return values


def describe(spec: ParameterSpec) -> ParameterDescriptor:
    """What `ros2 param describe` shows."""
    descriptor = ParameterDescriptor(name=spec.name, description=spec.description,
                                     read_only=not (spec.live or spec.at_configure))
    constraints = ["one of " + ", ".join(spec.choices)] if spec.choices else []
    constraints += ["changes only while the node is unconfigured"] if spec.at_configure else []
    descriptor.additional_constraints = "; ".join(constraints)
    # rclpy refuses 1 where it expects 1.0, and an empty list of names: such types are checked here.
    descriptor.dynamic_typing = isinstance(spec.default, (float, tuple))
    if isinstance(spec.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=spec.low, to_value=spec.high)]
    elif spec.low is not None:
        descriptor.integer_range = [IntegerRange(from_value=spec.low, to_value=spec.high)]
    return descriptor


def check_value(name: str, value: Any) -> Any:
    """``value`` as SegmentationParameters holds it. Raises InputError that says what is expected."""
    return _check(_BY_NAME[name], value)


def changed(settings: SegmentationParameters, changes: Iterable[Any]) -> SegmentationParameters:
    """``settings`` with rclpy Parameters applied; those of other names are left out. Raises InputError."""
    changes = [parameter for parameter in changes if parameter.name in _BY_NAME]
    for parameter in changes:
        if parameter.value is None:  # rclpy would undeclare it, and refuse every later value
            raise InputError(f"{parameter.name} cannot be deleted; set it to its default instead")
    return settings._replace(**{parameter.name: check_value(parameter.name, parameter.value)
                                for parameter in changes})


def check_state(before: SegmentationParameters, after: SegmentationParameters, state: str) -> None:
    """Raise InputError where a parameter differs that cannot change in this state of the lifecycle."""
    names = [spec.name for spec in PARAMETERS
             if spec.at_configure and getattr(before, spec.name) != getattr(after, spec.name)]
    if names and state != "unconfigured":
        raise InputError("{} can change only while the node is unconfigured, and it is {}: {}".format(
            ", ".join(names), state, _WAY[state]))


def mask_classes(masks: Sequence[str], label_space: LabelSpace) -> List[int]:
    """Ids of the classes named in ``masks``, each once, ascending. Raises InputError for an unknown name."""
    names = label_space.classes if EVERY_CLASS in masks else masks
    try:
        return sorted({label_space.id_of(name) for name in names})
    except InputError as error:
        raise InputError(f"masks: {error}") from None


def unknown_parameters(names: Iterable[str], specs: Iterable[ParameterSpec] = PARAMETERS) -> List[str]:
    """One line for each of ``names`` that is no parameter of the node, with the nearest that is."""
    lines, known = [], [spec.name for spec in specs]
    for name in names:
        if name in known or name in _COMMON or name.startswith(_OF_ROS):
            continue
        qos = name.startswith("qos_overrides.") and "reliability" in known
        advice = "set reliability, of the images" if qos else suggest(name, known)
        lines.append(f"unknown parameter '{name}' is ignored; {advice}")
    return lines


def _check(spec: ParameterSpec, value: Any) -> Any:
    if isinstance(spec.default, tuple):
        return _check_names(spec, value)
    if isinstance(spec.default, float):
        return _check_number(spec, value)
    if spec.choices and value not in spec.choices:
        raise InputError("{} is '{}'; expected one of {}".format(
            spec.name, value, ", ".join(spec.choices)))
    return value


def _check_names(spec: ParameterSpec, value: Any) -> Tuple[str, ...]:
    value = () if value is None else value  # what `masks: []` in a parameter file gives
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise InputError(f"{spec.name} is {value!r}; expected a list of {spec.holds}")
    names = tuple(item for item in value if item.strip())
    if spec.in_topics:
        _check_topic_names(spec.name, names)
    return names


def _check_topic_names(parameter: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if not _TOPIC_NAME.fullmatch(name):
            raise InputError(f"{parameter}: '{name}' cannot be part of a topic's name; expected letters, "
                             "digits and underscores, not beginning with a digit")
        if name in names[:index]:
            raise InputError(f"{parameter}: '{name}' stands there twice; expected each name once")


def _check_number(spec: ParameterSpec, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not spec.low <= value <= spec.high:
        raise InputError(f"{spec.name} is {value!r}; expected a number from {spec.low:g} to {spec.high:g}")
    return float(value)

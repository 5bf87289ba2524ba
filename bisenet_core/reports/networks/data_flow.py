"""Which part of a network feeds which, and where it stands in the drawing of the network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bisenet_core.errors import InputError

IMAGE = "image"


@dataclass(frozen=True)
class Box:
    """A part of a network, ``name`` being how other boxes refer to it.

    ``modules`` are paths in the network, apart by blanks; the last one's output is the part's. ``place`` is
    (column, row). ``inputs`` are names of boxes, apart by blanks. What is there in training only is drawn
    although the measured network is without it.
    """

    name: str
    modules: str
    title: str
    place: tuple[float, float]
    inputs: str = IMAGE
    training_only: bool = False

    def cost(self, operations: Mapping[str, int]) -> int:
        """Operations of its modules, of which ``operations`` holds those that the network has."""
        return sum(operations.get(path, 0) for path in self.modules.split())


@dataclass(frozen=True)
class Flow:
    """The boxes of a network, the first of them the image, and headings of groups of boxes by their names."""

    boxes: tuple[Box, ...]
    groups: dict[str, str]

    def of(self, operations: Mapping[str, int]) -> "Flow":
        """What a network with ``operations`` by path of its modules has of it.

        A part that is missing gives nothing to others; one that does nothing passes on what it takes.
        """
        present = {box.name for box in self.boxes if box.name == IMAGE or box.cost(operations)}
        idle = {box.name for box in self.boxes if operations.keys() >= set(box.modules.split())} - present
        inputs = {box.name: box.inputs.split() for box in self.boxes}

        def sources(name: str) -> list[str]:
            if name in idle:
                return [found for one in inputs[name] for found in sources(one)]
            return [name] if name in present else []

        boxes = [
            replace(box, inputs=" ".join(found for one in inputs[box.name] for found in sources(one)))
            for box in self.boxes
            if box.name in present or (box.training_only and box.inputs in present)
        ]
        groups = {
            heading: " ".join(name for name in names.split() if name in present)
            for heading, names in self.groups.items()
        }
        return Flow(tuple(boxes), {heading: names for heading, names in groups.items() if names})


def flow_of(network: str, operations: Mapping[str, int], total: int) -> Flow:
    """The flow of ``network`` with ``operations`` by path of its modules, ``total`` in all.

    ``InputError`` where no flow known here has a place for all of them.
    """
    for prefix, flow in FLOWS:
        found = flow.of(operations)
        if network.startswith(prefix) and sum(box.cost(operations) for box in found.boxes) == total:
            return found
    raise InputError(
        f"there is no drawing of {network} with these options, nor of networks that label whole images; "
        "leave --plot out"
    )


def _image(column: float) -> Box:
    return Box(IMAGE, "", "Image", (column, 0), "")


_BISENETV2 = Flow(
    (
        _image(0.5),
        Box("detail1", "detail.0", "Stage 1", (0, 1)),
        Box("detail2", "detail.1", "Stage 2", (0, 2), "detail1"),
        Box("detail3", "detail.2", "Stage 3", (0, 3), "detail2"),
        Box("stage2", "semantic.stage2", "Stem", (1, 2)),
        Box("stage3", "semantic.stage3", "Stage 3", (1, 3), "stage2"),
        Box("stage4", "semantic.stage4", "Stage 4", (1, 4), "stage3"),
        Box("stage5_4", "semantic.stage5_4", "Stage 5", (1, 5), "stage4"),
        Box("stage5_5", "semantic.stage5_5", "Context Embedding", (1, 6), "stage5_4"),
        Box("booster2", "auxiliary.stage2", "Booster", (2, 2), "stage2", training_only=True),
        Box("booster3", "auxiliary.stage3", "Booster", (2, 3), "stage3", training_only=True),
        Box("booster4", "auxiliary.stage4", "Booster", (2, 4), "stage4", training_only=True),
        Box("booster5", "auxiliary.stage5_4", "Booster", (2, 5), "stage5_4", training_only=True),
        Box("aggregation", "aggregation", "Aggregation", (0.5, 7), "detail3 stage5_5"),
        Box("tail", "tail", "Tail", (0.5, 8), "aggregation"),
        Box("head", "head", "Head", (0.5, 9), "tail"),
    ),
    {
        "Detail Branch": "detail1 detail2 detail3",
        "Semantic Branch": "stage2 stage3 stage4 stage5_4 stage5_5",
    },
)


def _context_path(column: int, trunk16: str, trunk32: str) -> tuple[Box, ...]:
    """The way back up from a trunk's outputs at 1/16 and 1/32 in ``column``; V1 and STDC share it."""
    path, title = "context_path.", "Attention Refinement"
    parts = {scale: f"{path}attention{scale} {path}refine{scale}" for scale in (16, 32)}
    up, side = column + 1, column + 2
    return (
        Box("context", f"{path}global_context", "Global context", (column, 6), trunk32),
        Box("context32", parts[32], title, (up, 5), f"{trunk32} context"),
        Box("context16", parts[16], title, (up, 4), f"{trunk16} context32"),
        Box("head32", "auxiliary.context32", "Auxiliary head", (side, 5), "context32", training_only=True),
        Box("head16", "auxiliary.context16", "Auxiliary head", (side, 4), "context16", training_only=True),
    )


def _bisenetv1(trunk: tuple[Box, ...]) -> Flow:
    *_, trunk16, trunk32 = (box.name for box in trunk)
    return Flow(
        (
            _image(0),
            *trunk,
            *_context_path(0, trunk16, trunk32),
            Box("spatial1", "spatial_path.0", "Layer 1", (2, 1)),
            Box("spatial2", "spatial_path.1", "Layer 2", (2, 2), "spatial1"),
            Box("spatial3", "spatial_path.2 spatial_path.3", "Layers 3 and 4", (2, 3), "spatial2"),
            Box("fusion", "fusion", "Feature Fusion", (1, 3), "context16 spatial3"),
            Box("head", "head", "Head", (1, 2), "fusion"),
        ),
        {
            "Trunk": " ".join(box.name for box in trunk),
            "Spatial Path": "spatial1 spatial2 spatial3",
        },
    )


_RESNET = (
    Box("stem", "trunk.conv1", "Stem", (0, 1)),
    Box("layer1", "trunk.layer1", "Layer 1", (0, 2), "stem"),
    Box("layer2", "trunk.layer2", "Layer 2", (0, 3), "layer1"),
    Box("layer3", "trunk.layer3", "Layer 3", (0, 4), "layer2"),
    Box("layer4", "trunk.layer4", "Layer 4", (0, 5), "layer3"),
)
_XCEPTION39 = (
    Box("stem", "trunk.conv1", "Stem", (0, 1)),
    Box("layer1", "trunk.layer1", "Layer 1", (0, 3), "stem"),
    Box("layer2", "trunk.layer2", "Layer 2", (0, 4), "layer1"),
    Box("layer3", "trunk.layer3", "Layer 3", (0, 5), "layer2"),
)

_STDC = Flow(
    (
        _image(1),
        Box("stage1", "backbone.stage1", "Stage 1", (1, 1)),
        Box("stage2", "backbone.stage2", "Stage 2", (1, 2), "stage1"),
        Box("stage3", "backbone.stage3", "Stage 3", (1, 3), "stage2"),
        Box("stage4", "backbone.stage4", "Stage 4", (1, 4), "stage3"),
        Box("stage5", "backbone.stage5", "Stage 5", (1, 5), "stage4"),
        *_context_path(1, "stage4", "stage5"),
        Box("detail", "auxiliary.detail", "Detail Head", (0, 3), "stage3", training_only=True),
        Box("fusion", "fusion", "Feature Fusion", (2, 3), "stage3 context16"),
        Box("head", "head", "Head", (2, 2), "fusion"),
    ),
    {"Trunk": "stage1 stage2 stage3 stage4 stage5"},
)

#: How a network's name begins, and its flow; the first that has a place for all operations counts.
FLOWS = (
    ("bisenetv1", _bisenetv1(_XCEPTION39)),  # before the other, which has a place for a fourth layer
    ("bisenetv1", _bisenetv1(_RESNET)),
    ("bisenetv2", _BISENETV2),
    ("stdc", _STDC),
)

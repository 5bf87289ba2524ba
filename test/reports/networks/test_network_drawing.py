"""The drawings: what is drawn is what the network does, and nothing covers anything."""

import itertools
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="networks need PyTorch (pip install .[train])")
pytest.importorskip("matplotlib", reason="drawings are made with matplotlib (pip install .[train])")

import torch

from bisenet_core.errors import InputError
from bisenet_core.models import create_model
from bisenet_core.models.complexity import complexity_of
from bisenet_core.models.registry import is_segmentation, list_models
from bisenet_core.reports.networks import network_drawing
from bisenet_core.reports.networks.data_flow import IMAGE, flow_of
from bisenet_core.reports.networks.network_drawing import draw_network

NETWORKS = [name for name in list_models() if is_segmentation(name)]
IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"
OPTIONS = [{"branches": "detail"}, {"branches": "semantic"}, {"variant": "community"}, {"context": False}]
CASES = [(name, {}) for name in NETWORKS] + [("bisenetv2", options) for options in OPTIONS]
#: Networks that differ from one of ``CASES`` in the number and width of layers alone.
LARGER = ("bisenetv1_resnet50", "bisenetv1_resnet101", "bisenetv2_large", "stdc2_seg")


def _flow(name, options):
    root = complexity_of(name, 19, 128, 64, **options)
    operations = {path: part.operations for path, part in network_drawing._paths(root)}
    return flow_of(name, operations, root.operations)


def _downstream(flow, name):
    """The boxes that get something of ``name``, itself among them."""
    found = {name}
    for _ in flow.boxes:
        found |= {box.name for box in flow.boxes if found & set(box.inputs.split())}
    return found


@pytest.mark.parametrize(("name", "options"), [case for case in CASES if case[0] not in LARGER], ids=str)
def test_what_feeds_what(name, options):
    """Noise on the output of a part changes what is drawn as fed by it, and nothing else."""
    torch.manual_seed(0)
    network, flow = create_model(name, 5, **options).train(), _flow(name, options)
    boxes = [box for box in flow.boxes if box.name != IMAGE]
    parts = {box.name: network.get_submodule(box.modules.split()[-1]) for box in boxes}
    image = torch.randn(3, 3, 64, 64)

    def outputs(disturbed=None):
        found, hooks = {}, []
        for box, part in parts.items():

            def keep(_module, _inputs, output, box=box):
                noise = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
                found[box] = output + noise if box == disturbed else output.clone()
                return found[box]

            hooks.append(part.register_forward_hook(keep))
        with torch.no_grad():
            network(image)
        for hook in hooks:
            hook.remove()
        return found

    usual = outputs()
    assert usual.keys() == parts.keys()
    for box in parts:
        changed = {other for other, output in outputs(box).items() if not torch.equal(output, usual[other])}
        assert changed == _downstream(flow, box), box


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_every_head_for_training_is_drawn(name, options):
    with torch.device("meta"):
        heads = create_model(name, 5, **options).auxiliary
    drawn = {box.modules for box in _flow(name, options).boxes if box.training_only}
    assert drawn == {f"auxiliary.{head}" for head in heads}


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_nothing_covers_anything(name, options):
    root = complexity_of(name, 19, 128, 64, **options)
    drawing = network_drawing._Drawing(name, root, (128, 64), "caption")
    width, height = network_drawing._WIDTH, network_drawing._HEIGHT
    corners = {box.name: drawing._corner(box) for box in drawing._flow.boxes}
    for (x0, y0), (x1, y1) in itertools.combinations(corners.values(), 2):
        assert abs(x0 - x1) > width or abs(y0 - y1) > height
    for box in drawing._flow.boxes:
        for source in box.inputs.split():
            route = drawing._route(drawing._boxes[source], box)
            others = [corner for other, corner in corners.items() if other not in (source, box.name)]
            for (x0, y0), (x1, y1) in itertools.pairwise(route):
                assert x0 == x1 or y0 == y1
                for left, top in others:
                    assert max(x0, x1) < left or min(x0, x1) > left + width or (
                        max(y0, y1) < top or min(y0, y1) > top + height
                    ), f"the way from {source} to {box.name} is not free"


def test_the_drawing_tells_sizes_and_shares(tmp_path, texts_of, looks_drawn):
    root = complexity_of("bisenetv2", 19, 1024, 512)
    png, svg = draw_network(tmp_path, "bisenetv2", root, (1024, 512), "caption")
    texts = texts_of(svg)
    assert looks_drawn(png) and texts[0] == "caption"
    assert {"3 × 512 × 1024", "64 × 256 × 512", "128 × 16 × 32", "19 × 64 × 128"} <= set(texts)
    assert texts.count("Booster") == 4
    (detail,) = (part.operations for part in root.parts if part.name == "detail")
    assert texts[texts.index("Detail Branch") + 1] == f"{detail / root.operations:.1%}"


def test_the_same_network_gives_the_same_bytes(tmp_path):
    root = complexity_of("stdc1_seg", 19, 128, 64)
    first, second = (
        draw_network(tmp_path / folder, "stdc1_seg", root, (128, 64), "caption") for folder in "ab"
    )
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize(("name", "options"), [("stdc1", {}), ("bisenetv2", {"semantic_branch": "resnet18"})])
def test_a_structure_without_a_drawing_is_refused(name, options):
    with pytest.raises(InputError, match=f"no drawing of {name}"):
        _flow(name, options)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_documentation_shows_the_network_as_it_is(name, texts_of):
    root = complexity_of(name, 19, 1024, 512)
    caption = f"{name}: {root.parameters / 1e6:.2f} M parameters, {root.gflops:.2f} GFLOPs"
    hint = f"draw docs/images anew: bisenet complexity {name} --plot docs/images"
    assert texts_of(IMAGES / f"{name}.svg")[0] == caption, hint

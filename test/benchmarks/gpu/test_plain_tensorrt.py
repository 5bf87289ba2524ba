"""The plain way's host part, with ONNX Runtime in the engine's place."""

import numpy as np
import pytest

from bisenet_core.benchmarks.gpu.plain_tensorrt import PlainSegmenter
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.segmenter import Segmenter

pytest.importorskip("lightning", reason="the kit is made where PyTorch is")
onnxruntime = pytest.importorskip("onnxruntime")


def test_the_plain_way_gives_our_labels(tiny_model_folder, tmp_path):
    from bisenet_core.benchmarks.gpu.make_kit import write_plain_graph

    card = ModelCard.load(tiny_model_folder)
    write_plain_graph(card, tmp_path / "plain.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "plain.onnx"), providers=["CPUExecutionProvider"])
    blob = np.empty((1, 3, card.input_height, card.input_width), np.float32)
    plain = PlainSegmenter(card, blob, lambda: session.run(None, {"image": blob})[0])
    image = np.random.default_rng(1).integers(0, 256, (128, 192, 3), np.uint8)
    with Segmenter(card, _ours(card)) as segmenter:
        labels = segmenter.segment(image, "rgb").labels
    found = plain.segment(image)
    assert found.dtype == np.uint8 and found.shape == (128, 192)
    # Resize and ArgMax in the graph round in another order than we do, and so decide near ties otherwise
    assert np.mean(found == labels) > 0.99


def _ours(card):
    from bisenet_core.runtime.opening import open_backend

    return open_backend(card, "onnxruntime", "fp32")

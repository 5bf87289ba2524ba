"""The plain way's graph gives the labels that our own definition gives."""

from dataclasses import replace

import numpy as np
import pytest

from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.postprocessing import HALF_PIXEL, UPSAMPLINGS, LogitUpsampler

pytest.importorskip("lightning", reason="the kit is made where PyTorch is")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("width, height", [(64, 48), (96, 64)])
@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_labels_inside_the_graph_are_ours(tiny_model_folder, tmp_path, width, height, upsampling):
    _write_plain_graph(tiny_model_folder, tmp_path / "plain.onnx", width, height, upsampling)
    image = np.random.default_rng(0).standard_normal((1, 3, height, width), np.float32)
    logits = _run(tiny_model_folder / "model.onnx", image)
    labels = _run(tmp_path / "plain.onnx", image)
    size = (height, width)
    ours = LogitUpsampler(logits.shape[2:], size, size, upsampling).labels(logits[0])
    assert labels.dtype == np.int32 and labels.shape == (1, height, width)
    assert np.unique(ours).size > 2
    assert np.mean(labels[0] == ours) > 0.999  # FP32 rounds a near tie either way


def test_another_size_is_refused(tiny_model_folder, tmp_path):
    _write_plain_graph(tiny_model_folder, tmp_path / "plain.onnx", 64, 48)
    with pytest.raises(Exception, match="image"):
        _run(tmp_path / "plain.onnx", np.zeros((1, 3, 64, 64), np.float32))


def _write_plain_graph(folder, path, width, height, upsampling=HALF_PIXEL):
    from bisenet_core.benchmarks.gpu.make_kit import write_plain_graph

    changes = {"input_width": width, "input_height": height, "upsampling": upsampling}
    write_plain_graph(replace(ModelCard.load(folder), **changes), path)


def _run(path, image):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image})[0]

"""The bare network of a benchmark computes on the input that was prepared for it."""

import numpy as np
import pytest

pytest.importorskip("openvino", reason="compares openvino")
pytest.importorskip("onnxruntime", reason="with onnxruntime")

from bisenet_core.benchmarks import segmenter_speed
from bisenet_core.benchmarks.segmenter_speed import cpu_segmenters, measure
from bisenet_core.benchmarks.timing import bare_network
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.segmenter import Segmenter


def test_its_input_outlives_the_function_that_made_it(tiny_model_folder):
    card, found = ModelCard.load(tiny_model_folder), []
    for name in ("openvino", "onnxruntime"):
        # large enough that memory which is let go is unmapped at once, and reading it ends the process
        backend = open_backend(card, name, "fp32", (1024, 512))
        network = bare_network(card, backend)
        found.append([network().copy() for _ in range(2)][1])
        backend.close()
    # four layers of float32 sums, of 227 products in all, each in an order of the library's own
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=227 * 2**-24 * 4 * np.abs(found[1]).max())


def test_a_gpus_network_is_timed_by_the_gpu(tiny_model_folder):
    with Segmenter.open(tiny_model_folder, "openvino", "fp32") as segmenter:
        segmenter.backend.on_gpu = True
        result = measure(segmenter, (120, 80), 3)
    assert result["network_ms"]["p50"] == result["segment_parts_ms"]["network"]


def test_what_runs_on_a_gpu_is_none_of_the_cpus(tiny_model_folder, monkeypatch):
    def open_on_gpu(card, name, *arguments):
        opened = open_backend(card, name, *arguments)
        opened.on_gpu = name == "onnxruntime"
        return opened

    monkeypatch.setattr(segmenter_speed, "open_backend", open_on_gpu)
    found, _ = cpu_segmenters(ModelCard.load(tiny_model_folder), (96, 64))
    assert {backend for backend, _ in found} == {"openvino"} and ("openvino", "fp32") in found

"""The contract of every backend, on a tiny network; and what open_backend refuses."""

import logging
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from rounding import exact_logits

from bisenet_core.errors import InferenceError, InputError
from bisenet_core.images.encodings import PACKED_YUV, to_rgb
from bisenet_core.runtime.backend import Drawing, choose_precision
from bisenet_core.runtime.candidates import CANDIDATES
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.postprocessing import ALIGN_CORNERS, HALF_PIXEL, labels_from_logits
from bisenet_core.runtime.preprocessing import fit_image

ON_CPU = sorted({one.backend for one in CANDIDATES if one.device == "cpu"})


@pytest.fixture(scope="module")
def card(tiny_model_folder):
    return ModelCard.load(tiny_model_folder)


@pytest.fixture(scope="module", params=ON_CPU)
def backend(request, card):
    pytest.importorskip(request.param, reason="the backend's library is optional")
    opened = open_backend(card, request.param, "fp32")
    yield opened
    opened.close()


def random_image(shape=(70, 130, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_it_says_what_it_is(backend):
    assert backend.name in ON_CPU
    assert backend.precision == "fp32"
    assert backend.device and backend.version[0].isdigit()
    assert backend.input_size == (96, 64)


def test_the_result_is_the_definition(backend):
    image = random_image()
    result = backend.infer(image, "rgb", with_confidence=True)
    expected = labels_from_logits(backend.logits(image, "rgb"), (96, 64), (130, 70), with_confidence=True)
    assert (result.labels == expected[0]).all() and (result.confidence == expected[1]).all()
    assert set(result.timings) == {"preprocess_ms", "network_ms", "postprocess_ms"}
    assert all(value > 0 for value in result.timings.values())
    assert backend.infer(image, "rgb").confidence is None


@pytest.mark.parametrize("name", ON_CPU)
def test_logits_are_upsampled_as_the_card_says(name, tmp_path, write_model_folder):
    pytest.importorskip(name, reason="the backend's library is optional")
    card = ModelCard.load(write_model_folder(tmp_path, upsampling=ALIGN_CORNERS))
    image, backend = random_image(), open_backend(card, name, "fp32")
    labels = backend.infer(image, "rgb").labels
    aligned, centred = (
        labels_from_logits(backend.logits(image, "rgb"), (96, 64), (130, 70), upsampling=rule)[0]
        for rule in (ALIGN_CORNERS, HALF_PIXEL))
    backend.close()
    assert (labels == aligned).all() and (labels != centred).mean() > 0.01


@pytest.mark.parametrize("name", ON_CPU)
def test_the_cards_temperature_changes_the_confidence_and_no_label(name, tmp_path, write_model_folder):
    pytest.importorskip(name, reason="the backend's library is optional")
    card, image = ModelCard.load(write_model_folder(tmp_path)), random_image()
    plain, warm = (open_backend(replace(card, temperature=value), name, "fp32") for value in (1.0, 2.5))
    (labels, sure, *_), (same, unsure, *_) = (one.infer(image, "rgb", True) for one in (plain, warm))
    expected = labels_from_logits(plain.logits(image, "rgb") / 2.5, (96, 64), (130, 70), True)[1]
    plain.close()
    warm.close()
    assert (labels == same).all() and (unsure < sure).mean() > 0.9
    assert np.abs(unsure.astype(int) - expected).max() <= 1


def test_logits_are_the_networks_own(backend, card):
    logits = backend.logits(random_image(), "rgb")
    assert logits.shape == (1, 11, 8, 12) and logits.dtype == np.float32
    expected, bound = exact(card, random_image())
    assert (np.abs(logits - expected) <= bound).all()
    assert bound.max() < 5e-3 * np.abs(expected).max()  # so that a wrong image or weight shows


def exact(card, image):
    """The network in float64, with the normalisation written out, and what a float32 run may be off by."""
    small = np.empty((64, 96, 3), np.uint8)
    fit_image(image, "rgb", "rgb", small)
    normalised = (small / 255.0 - card.mean) / card.std
    return exact_logits(card.onnx_path.read_bytes(), normalised.transpose(2, 0, 1)[None])


@pytest.mark.parametrize("color_order", ["bgr", "rgba", "bgra"])
def test_color_order_is_only_a_flag(backend, color_order):
    rgb = random_image()
    other = rgb if color_order.startswith("rgb") else rgb[..., ::-1]
    if color_order.endswith("a"):
        other = np.dstack([other, random_image((70, 130), seed=5)])
    assert (backend.logits(np.ascontiguousarray(other), color_order) == backend.logits(rgb, "rgb")).all()


@pytest.mark.parametrize("color_order", PACKED_YUV)
def test_yuv_is_the_rgb_it_stands_for(backend, color_order):
    image = random_image((70, 130, 2))
    rgb = to_rgb(image, color_order)
    assert (backend.logits(image, color_order) == backend.logits(rgb, "rgb")).all()
    assert (backend.infer(image, color_order).labels == backend.infer(rgb, "rgb").labels).all()


def test_pictures_are_left_to_the_caller(backend):
    drawn = backend.infer(random_image(), "rgb", drawing=Drawing((1, 2), 0.5, 0.9))
    assert drawn.masks is None and drawn.overlay is None
    assert (drawn.labels == backend.infer(random_image(), "rgb").labels).all()


def test_mono_is_grey(backend):
    grey = random_image((70, 130))
    assert (backend.logits(grey, "mono") == backend.logits(np.dstack([grey] * 3), "rgb")).all()


@pytest.mark.parametrize("name", ON_CPU)
def test_a_bgr_network_sees_bgr_with_statistics_to_match(
        name, tmp_path, write_model_folder, tiny_network_onnx):
    pytest.importorskip(name)
    onnx = pytest.importorskip("onnx")
    from onnx import numpy_helper

    network = onnx.load_from_string(tiny_network_onnx())
    first = network.graph.initializer[0]
    kernel = numpy_helper.to_array(first)[:, ::-1].copy()
    first.CopyFrom(numpy_helper.from_array(kernel, first.name))
    rgb = ModelCard.load(write_model_folder(tmp_path / "rgb"))
    bgr = ModelCard.load(write_model_folder(tmp_path / "bgr", network.SerializeToString(), color_order="bgr"))
    results = [open_backend(card, name, "fp32").logits(random_image(), "rgb") for card in (rgb, bgr)]
    assert (np.abs(results[0] - results[1]) <= 2 * exact(rgb, random_image())[1]).all()


def test_results_belong_to_the_caller(backend):
    first = backend.infer(random_image(seed=1), "rgb", with_confidence=True)
    logits = backend.logits(random_image(seed=1), "rgb")
    kept = [first.labels.copy(), first.confidence.copy(), logits.copy()]
    backend.infer(random_image(seed=2), "rgb", with_confidence=True)
    assert all((a == b).all() for a, b in zip(kept, [first.labels, first.confidence, logits]))


def test_threads_do_not_disturb_one_another(backend):
    images = [random_image(seed=seed) for seed in range(4)]
    expected = [backend.infer(image, "rgb").labels for image in images]
    wrong = []

    def work(index):
        results = [backend.infer(images[index], "rgb").labels for _ in range(20)]
        wrong.extend(index for labels in results if (labels != expected[index]).any())

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("name", ON_CPU)
def test_other_input_sizes_and_images_of_any_size(name, card):
    pytest.importorskip(name)
    with_other_size = open_backend(card, name, "fp32", (101, 59))
    assert with_other_size.input_size == (101, 59)
    assert with_other_size.logits(random_image(), "rgb").shape == (1, 11, 8, 13)
    for shape in ((1, 1, 3), (59, 101, 3), (200, 37, 3)):
        assert with_other_size.infer(random_image(shape), "rgb").labels.shape == shape[:2]


@pytest.mark.parametrize("name", ON_CPU)
def test_closed_is_closed(name, card):
    pytest.importorskip(name)
    closed = open_backend(card, name, "fp32")
    closed.close()
    closed.close()
    for call in (closed.infer, closed.logits):
        with pytest.raises(RuntimeError, match="has been closed; open the model again"):
            call(random_image(), "rgb")


@pytest.mark.parametrize("name", ON_CPU)
def test_logits_that_overflow_are_an_error(name, tmp_path, write_model_folder, tiny_network_onnx):
    pytest.importorskip(name)
    card = ModelCard.load(write_model_folder(tmp_path, tiny_network_onnx(scale=1e18)))
    with pytest.raises(InferenceError, match="not finite"):
        open_backend(card, name, "fp32").infer(random_image(), "rgb")


@pytest.mark.parametrize("name", ON_CPU)
def test_a_network_that_does_not_fit_its_card_is_refused_when_opened(
        name, tmp_path, write_model_folder, tiny_network_onnx):
    pytest.importorskip(name)
    card = ModelCard.load(write_model_folder(tmp_path, tiny_network_onnx(num_classes=7)))
    with pytest.raises(InputError, match=r"model.onnx gives logits of shape \[1, 7, 8, 12\]; .*11 classes"):
        open_backend(card, name, "fp32")


@pytest.mark.parametrize("name", ON_CPU)
def test_what_runs_is_the_network_whose_hash_was_compared(
        name, tmp_path, write_model_folder, tiny_network_onnx):
    pytest.importorskip(name)
    card = ModelCard.load(write_model_folder(tmp_path))
    card.onnx_path.write_bytes(tiny_network_onnx(seed=1))
    with pytest.raises(InputError, match="model.onnx has changed since its model.json was read"):
        open_backend(card, name, "fp32")
    card.onnx_path.unlink()
    with pytest.raises(InputError, match="model.onnx cannot be read"):
        open_backend(card, name, "fp32")


@pytest.mark.parametrize("name", ON_CPU)
def test_weights_in_other_files_are_refused(name, tmp_path, write_model_folder, tiny_network_onnx):
    onnx = pytest.importorskip("onnx")
    whole = onnx.load_from_string(tiny_network_onnx())
    onnx.save(whole, tmp_path / "model.onnx", save_as_external_data=True, size_threshold=0)
    card = ModelCard.load(write_model_folder(tmp_path, (tmp_path / "model.onnx").read_bytes()))
    with pytest.raises(InputError, match="model.onnx keeps weights in other files, which are not read"):
        open_backend(card, name, "fp32")


@pytest.mark.parametrize("name", ON_CPU)
def test_a_file_that_is_no_network_is_refused_in_one_line(name, tmp_path, write_model_folder):
    pytest.importorskip(name)
    card = ModelCard.load(write_model_folder(tmp_path, b"these are not the weights"))
    unreadable = f"model.onnx does not load in {name} for an input of 96x64"
    with pytest.raises(InputError, match=unreadable) as caught:
        open_backend(card, name, "fp32")
    assert "\n" not in str(caught.value) and str(caught.value).endswith("; choose another input size, or "
                                                                        "export the model again")


@pytest.mark.parametrize("backend_name, precision, size, message", [
    ("openvin", "auto", None, "unknown backend 'openvin'; use one of auto, tensorrt, onnxruntime, openvino"),
    ("onnxruntime", "bf16", None, "'bf16' is not available with onnxruntime on a CPU; use auto or fp32"),
    ("openvino", "int3", None, "'int3' is not available with openvino on .*; use auto or .*fp32"),
    ("auto", "auto", (96, 16), "input size 96x16: each side must be from 32 to 8192 pixels"),
])
def test_what_cannot_be_had_is_refused(card, backend_name, precision, size, message):
    if backend_name in ON_CPU:
        pytest.importorskip(backend_name)
    with pytest.raises(InputError, match=message):
        open_backend(card, backend_name, precision, size)


def test_a_library_that_is_not_installed_is_named(card, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="backend 'onnxruntime' needs its library: pip install onnxruntime"):
        open_backend(card, "onnxruntime")


def test_auto_takes_what_is_installed_and_says_what_runs(card, monkeypatch, caplog):
    pytest.importorskip("onnxruntime")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with caplog.at_level(logging.INFO, "bisenet_core"):
        assert open_backend(card).name == "onnxruntime"
    assert "openvino is not installed" in caplog.text
    assert "tiny runs on onnxruntime" in caplog.text and "fp32, input 96x64" in caplog.text
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="no backend can be had here: .*openvino is not"):
        open_backend(card)


def test_auto_precision_is_the_fastest_there_is():
    assert choose_precision("auto", ["bf16", "fp32"], "x") == "bf16"
    assert choose_precision("fp32", ["bf16", "fp32"], "x") == "fp32"
    with pytest.raises(InputError, match="use auto or bf16 or fp32"):
        choose_precision("FP32", ["bf16", "fp32"], "x")

import contextlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.openvino_backend import shared_core
from bisenet_core.runtime.postprocessing import LogitUpsampler

pytest.importorskip("openvino", reason="the backend's library is optional")

# Backends that are freed in the order they were made, and in another thread; then a signal, as of Ctrl-C.
SIGNALLED = """
import os, signal, sys, threading
from bisenet_core.runtime.segmenter import Segmenter
first, second = (Segmenter.open(sys.argv[1], "openvino", "fp32") for _ in range(2))
first.close()
second.close()
opened = [Segmenter.open(sys.argv[1], "openvino", "fp32")]
thread = threading.Thread(target=lambda: opened.pop().close())
thread.start()
thread.join()
del first, second
signal.signal(signal.SIGINT, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.fixture(scope="module")
def card(tiny_model_folder):
    return ModelCard.load(tiny_model_folder)


def has_bf16():
    return "BF16" in shared_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


# OpenVINO names the real CPU's abilities, and oneDNN under it computes with the imitated CPU's alone.
IMITATED = "ONEDNN_MAX_CPU_ISA" in os.environ


@pytest.mark.skipif(IMITATED, reason="what bf16 is worth is seen on a real CPU alone")
def test_auto_is_bf16_where_the_cpu_has_it(card):
    assert open_backend(card, "openvino").precision == ("bf16" if has_bf16() else "fp32")


@pytest.mark.skipif(IMITATED or not has_bf16(), reason="this CPU has no bf16")
def test_bf16_runs_and_is_coarser_than_fp32(card):
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    coarse, fine = (open_backend(card, "openvino", precision).logits(image, "rgb")
                    for precision in ("bf16", "fp32"))
    # bf16 keeps 8 bits: 2 ** -9 of each input, weight and layer's result, in four layers
    error = np.abs(coarse - fine).max()
    assert 1e-4 < error < 12 * 2 ** -9 * np.abs(fine).max()


def test_fp32_agrees_with_the_reference_on_real_frames(card, camvid_images):
    pytest.importorskip("onnxruntime", reason="the reference backend")
    backends = [open_backend(card, name, "fp32", (480, 360)) for name in ("openvino", "onnxruntime")]
    upsampler = LogitUpsampler((45, 60), (360, 480), (360, 480))
    for image in camvid_images:
        ours, reference = (backend.infer(image, "rgb").labels for backend in backends)
        differ = ours != reference
        assert differ.mean() < 1e-3
        # Where they differ, the reference held the two classes to be as good as equal: within 1e-3, a
        # hundred times what float32 sums of logits near 10 usually differ by (10 * 2 ** -24 * sqrt(300)).
        logits = backends[1].logits(image, "rgb")[0]
        for first, second in set(zip(ours[differ], reference[differ])):
            pair = logits[[first, second]]
            lead = [upsampler.labels(np.stack([pair[0] + bias, pair[1]])) for bias in (1e-3, -1e-3)]
            here = differ & (ours == first) & (reference == second)
            assert (lead[0][here] == 0).all() and (lead[1][here] == 1).all()


def test_signals_are_handled_after_backends_are_freed(tiny_model_folder):
    done = subprocess.run([sys.executable, "-c", SIGNALLED, str(tiny_model_folder)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor is all that a thread may have")
@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_no_thread_is_bound_to_one_processor_which_may_be_busy(card, name):
    pytest.importorskip(name)
    backend = open_backend(card, name, "fp32", (1024, 512))
    image, found = np.zeros((512, 1024, 3), np.uint8), set()
    running = threading.Thread(target=lambda: [backend.infer(image, "rgb") for _ in range(20)])
    running.start()
    while running.is_alive():
        for task in os.listdir("/proc/self/task"):
            with contextlib.suppress(ProcessLookupError):  # a thread that has ended
                found.add(frozenset(os.sched_getaffinity(int(task))))
    assert found == {frozenset(os.sched_getaffinity(0))}

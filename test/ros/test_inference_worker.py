"""The worker thread: where the Segmenter lives and how it ends. No ROS needed."""

import threading
import time

import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros import inference_worker
from bisenet_ros.inference_worker import InferenceWorker

IMAGE = np.zeros((8, 8, 3), np.uint8)


def test_the_segmenter_is_opened_used_and_closed_in_one_thread(tiny_model_folder):
    threads, served = [], threading.Event()

    class Watched(Segmenter):
        def close(self):
            threads.append(threading.current_thread())
            super().close()

    def open_segmenter():
        threads.append(threading.current_thread())
        return Watched.open(str(tiny_model_folder), precision="fp32")

    def work(segmenter):
        threads.append(threading.current_thread())
        segmenter.segment(IMAGE)
        served.set()
        return False

    worker = InferenceWorker(open_segmenter, work)
    segmenter = worker.start()
    worker.wake()
    assert served.wait(10)
    worker.wait_idle()
    assert worker.stop()
    assert len(threads) == 3
    assert len(set(threads)) == 1 and threads[0] is not threading.main_thread()
    with pytest.raises(RuntimeError, match="closed"):
        segmenter.segment(IMAGE)


def test_what_opening_raises_reaches_the_caller():
    worker = InferenceWorker(lambda: Segmenter.open("/no/such/model"), lambda segmenter: False)
    with pytest.raises(InputError, match="the model folder /no/such/model does not exist"):
        worker.start()
    assert worker.stop()


def test_it_works_until_there_is_nothing_left(tiny_model_folder):
    left, done = [3], threading.Event()

    def work(segmenter):
        left[0] -= 1
        if left[0] == 0:
            done.set()
        return left[0] > 0

    worker = InferenceWorker(lambda: Segmenter.open(str(tiny_model_folder)), work)
    worker.start()
    worker.wake()
    assert done.wait(10)
    assert worker.stop()
    assert left == [0]


@pytest.fixture
def hanging(monkeypatch):
    """An Event that a network waits for; it is set when the test is over. Waits for the worker are short."""
    monkeypatch.setattr(inference_worker, "_STOP_TIMEOUT_S", 0.2)
    event = threading.Event()
    yield event
    event.set()


def test_a_network_that_hangs_is_not_waited_for(hanging, tiny_model_folder):
    begun = threading.Event()

    def work(segmenter):
        begun.set()
        return not hanging.wait(60)

    worker = InferenceWorker(lambda: Segmenter.open(str(tiny_model_folder)), work)
    worker.start()
    assert worker.wait_idle() and not worker.busy_since
    worker.wake()
    assert begun.wait(10)
    assert not worker.wait_idle() and 0 < worker.busy_since <= time.monotonic()
    assert not worker.stop()


def test_a_slow_network_is_waited_for_longer(monkeypatch, tiny_model_folder):
    monkeypatch.setattr(inference_worker, "_STOP_TIMEOUT_S", 0.01)
    begun = threading.Semaphore(0)

    def work(segmenter):
        begun.release()
        time.sleep(0.5)
        return True

    worker = InferenceWorker(lambda: Segmenter.open(str(tiny_model_folder)), work)
    worker.start()
    worker.wake()
    assert begun.acquire(timeout=10) and begun.acquire(timeout=10)  # one image before the one in work
    worker._stopping = True
    assert worker.wait_idle()


def test_a_start_can_be_given_up(hanging):
    signalled = threading.Event()

    def open_segmenter():
        signalled.set()
        hanging.wait(60)
        raise InputError("too late to matter")

    worker = InferenceWorker(open_segmenter, lambda segmenter: False)
    with pytest.raises(InterruptedError, match="stopped while the network was being opened"):
        worker.start(signalled.is_set)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_dies_says_so(tiny_model_folder):
    def work(segmenter):
        raise OSError("no space left for the log")

    worker = InferenceWorker(lambda: Segmenter.open(str(tiny_model_folder)), work)
    worker.start()
    assert not worker.failure
    worker.wake()
    deadline = time.monotonic() + 10
    while not worker.failure and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker.failure == "the inference thread has ended: OSError: no space left for the log"
    assert worker.wait_idle() and worker.stop()

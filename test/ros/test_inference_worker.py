"""The worker thread: where the Segmenter lives and how it ends. No ROS needed."""

import threading

import pytest

from bisenet_core.errors import InputError
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_ros.inference_worker import InferenceWorker


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
        segmenter.warm_up(8, 8)
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
        segmenter.warm_up(8, 8)


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

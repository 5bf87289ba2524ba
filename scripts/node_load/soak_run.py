"""Soak: the node under load for as long as asked, sampled, with its account checked against the others'."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import numpy as np
from node_under_load import NodeUnderLoad, what_runs
from soak_samples import Sample, courses

from bisenet_core.errors import InputError
from bisenet_core.reports.measurement import percentiles

#: Images that may be under way in the node: one in the mailbox, one in work.
_PENDING = 2

# A starved listener may miss labels; of a node that publishes, it does not miss more of them.
_MOST_LOST = 0.1

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_POLL_S = 0.1


class StopRequest:
    """Inside ``with``, the first Ctrl-C (or SIGTERM) is noted, and the next one a KeyboardInterrupt."""

    def __init__(self) -> None:
        self.made = False

    def __enter__(self) -> "StopRequest":
        self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def sleep(self, seconds: float) -> None:
        """Sleep; a request ends it."""
        # Not with an Event: a handler must not take a lock that the thread which it interrupts may hold.
        until = time.monotonic() + seconds
        while not self.made and time.monotonic() < until:
            time.sleep(min(_POLL_S, max(0.0, until - time.monotonic())))

    def _note(self, number: int, frame: FrameType | None) -> Any:
        if self.made:
            raise KeyboardInterrupt
        self.made = True


class Soak:
    """Loads the node with one camera, whose process another one replaces every ``restart_every`` seconds."""

    def __init__(self, load: NodeUnderLoad, restart_every: float, sample_every: float) -> None:
        self._load = load
        self._restart_every = restart_every
        self._sample_every = sample_every
        self._most_lost = 0
        self._playing = False
        self.samples: list[Sample] = []
        self.sent = self.restarts = 0
        self.problems: list[str] = []

    def run(self, seconds: float, on_sample: Callable[[Sample], None]) -> None:
        """Run, settle the account and end the node; a process that fails is a problem.

        The first Ctrl-C ends the run early, the second one raises KeyboardInterrupt.
        """
        try:
            with StopRequest() as stop:
                self._play(seconds, on_sample, stop)
        except InputError as error:
            self.problems.append(str(error))
            with suppress(InputError):
                self._end_camera()

    def summary(self) -> dict[str, Any]:
        """Figures of the whole run."""
        counts, accounts = self._load.watch.counts(), self._load.watch.accounts
        latencies = self._load.latency_ms[0].tolist()
        return {
            "runs": what_runs(accounts[0].facts) if accounts else None,
            "minutes": round(self.samples[-1].seconds / 60, 2) if self.samples else 0.0,
            "sent": self.sent, "received": counts.received, "published": counts.published,
            "dropped": counts.dropped, "failed": counts.failed, "pending": counts.pending,
            "labels_lost": max(0, counts.published - len(latencies)), "camera_restarts": self.restarts,
            "latency_ms": dict(percentiles(latencies), max=max(latencies)) if latencies else None,
            **courses(self.samples), "problems": self.problems,
        }

    def _play(self, seconds: float, on_sample: Callable[[Sample], None], stop: StopRequest) -> None:
        started = restarted = time.monotonic()
        self._start_camera()
        while not stop.made and time.monotonic() - started < seconds:
            stop.sleep(self._sample_every)
            self._sample(started)
            on_sample(self.samples[-1])
            if time.monotonic() - restarted >= self._restart_every and not stop.made:
                self._restart_camera()
                restarted = time.monotonic()
        self._end_camera()
        self._load.settle(self.sent)
        self._sample(started)
        self._compare()
        self._end_node()

    def _sample(self, started: float) -> None:
        watch, node, seconds = self._load.watch, self._load.node_usage(), time.monotonic() - started
        counts, labels = watch.counts(), len(self._load.latency_ms[0])
        latencies = self._load.latency_ms[0][self.samples[-1].labels if self.samples else 0:labels]
        self.samples.append(Sample(
            round(seconds, 1), round(node.memory_mib, 1), node.threads, node.files, round(node.cpu, 2),
            round(time.monotonic() - watch.last_heard, 3), counts.received, counts.published,
            sum(counts.dropped.values()), sum(counts.failed.values()), labels, self.restarts,
            float(np.median(latencies)) if latencies else None, max(latencies) if latencies else None))
        if not 0 <= counts.pending <= _PENDING:
            self.problems.append(f"after {seconds:.0f} s the account does not close: {counts}")
        # Diagnostics may come later than the labels that they count: only if more are missing than ever
        # before, the node counts labels as published that it does not publish.
        lost = counts.published - labels
        if lost > self._most_lost and not latencies:
            self.problems.append(f"after {seconds:.0f} s the node has published labels of {counts.published} "
                                 f"images, of which {labels} came, and none since the last sample")
        self._most_lost = max(self._most_lost, lost)

    def _start_camera(self) -> None:
        self._load.cameras[0].send_line("go")
        self._playing = True

    def _end_camera(self) -> None:
        """End the camera, if it plays, and count what it has sent."""
        if self._playing:
            self._load.cameras[0].send_line("stop")
            self._playing = False
            self.sent += self._load.sent(0)

    def _restart_camera(self) -> None:
        self._end_camera()
        self._load.replace_camera(0)
        self._start_camera()
        self.restarts += 1

    def _compare(self) -> None:
        """Compare what the node counts with what was sent and what has come."""
        counts, labels = self._load.watch.counts(), len(self._load.latency_ms[0])
        if counts.received > self.sent:
            self.problems.append(f"{self.sent} images were sent, the node received {counts.received}")
        if labels > counts.published:
            self.problems.append(
                f"the node published labels of {counts.published} images, {labels} arrived")
        if counts.published - labels > _MOST_LOST * counts.published:
            self.problems.append(
                f"the node published labels of {counts.published} images, only {labels} arrived")

    def _end_node(self) -> None:
        node = self._load.node
        node.stop()
        if node.status:
            self.problems.append(f"the node was stopped and ended: {node.last_error()}; see {node.log}")

"""Soak: the node under load for as long as asked, sampled, with its account checked against the others'."""

import time
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.reports.percentiles import percentiles
from bisenet_ros.diagnostics import counts_from_values
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.harness.parties import Parties
from bisenet_ros.harness.status import Status, what_runs
from bisenet_ros.soak.samples import Sample, courses
from bisenet_ros.soak.stop_request import StopRequest

#: Images that may be under way in the node: one in the mailbox, one in work.
_PENDING = 2

# A starved planner may miss labels; of a node that publishes, it does not miss more of them.
_MOST_LOST = 0.1


class Soak:
    """Runs ``parties``, with one camera, which another one replaces now and then."""

    def __init__(self, parties: Parties, restart_every: float, sample_every: float) -> None:
        self._parties = parties
        self._restart_every = restart_every
        self._sample_every = sample_every
        self._latency_ms = array("d")
        self._facts: dict[str, str] = {}
        self._most_lost = 0
        self._playing = False
        self.samples: list[Sample] = []
        self.sent = self.restarts = 0
        self.problems: list[str] = []
        self.counts = FrameCounts(0, 0, {}, {})

    @property
    def labels(self) -> int:
        """How many have come to the planner."""
        return len(self._latency_ms)

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
        self._parties.settle(self._listen)
        self._sample(started)
        self._compare()
        self._end_node()

    def summary(self) -> dict[str, Any]:
        """Figures of the whole run."""
        counts, latencies = self.counts, self._latency_ms.tolist()
        return {
            "runs": what_runs(self._facts) if self._facts else None,
            "minutes": round(self.samples[-1].seconds / 60, 2) if self.samples else 0.0,
            "sent": self.sent, "received": counts.received, "published": counts.published,
            "dropped": counts.dropped, "failed": counts.failed, "pending": counts.pending,
            "labels_lost": max(0, counts.published - self.labels), "camera_restarts": self.restarts,
            "latency_ms": dict(percentiles(latencies), max=max(latencies)) if latencies else None,
            **courses(self.samples), "problems": self.problems,
        }

    def _listen(self) -> list[Status]:
        report = self._parties.ask_planner()
        self._latency_ms.extend(report["latency_ms"][self._parties.label_topics()[0]])
        statuses = self._parties.statuses(report)
        self._facts = statuses[0].facts
        self.counts = counts_from_values(self._facts)
        return statuses

    def _sample(self, started: float) -> None:
        before = self.samples[-1].labels if self.samples else 0
        status, = self._listen()
        node, counts, seconds = self._parties.node_usage(), self.counts, time.monotonic() - started
        latencies = self._latency_ms[before:]
        self.samples.append(Sample(
            round(seconds, 1), round(node.memory_mib, 1), node.threads, node.files, round(node.cpu, 2),
            status.age_s, counts.received, counts.published, sum(counts.dropped.values()),
            sum(counts.failed.values()), self.labels, self.restarts,
            float(np.median(latencies)) if latencies else None, max(latencies) if latencies else None))
        self._check(seconds, len(latencies))

    def _check(self, seconds: float, new_labels: int) -> None:
        """What must hold at any moment."""
        counts, lost = self.counts, self.counts.published - self.labels
        if not 0 <= counts.pending <= _PENDING:
            self.problems.append("after {:.0f} s the account does not close: {}".format(seconds, counts))
        # A status may come later than the labels that it counts: only if more are missing than ever before,
        # the node says that it publishes and does not.
        if lost > self._most_lost and not new_labels:
            self.problems.append("after {:.0f} s the node has published labels of {} images, of which {} "
                                 "came, and none since the last sample".format(
                                     seconds, counts.published, self.labels))
        self._most_lost = max(self._most_lost, lost)

    def _start_camera(self) -> None:
        self._parties.cameras[0].say("go")
        self._playing = True

    def _end_camera(self) -> None:
        """End the camera, if it plays, and count what it has sent."""
        if self._playing:
            self._parties.cameras[0].say("stop")
            self._playing = False
            self.sent += self._parties.sent(0)

    def _restart_camera(self) -> None:
        self._end_camera()
        self._parties.replace_camera(0)
        self._start_camera()
        self.restarts += 1

    def _end_node(self) -> None:
        node = self._parties.node
        node.stop()
        if node.status:
            self.problems.append("the node was stopped and ended: {}; see {}".format(
                node.last_error(), node.log))

    def _compare(self) -> None:
        """What camera and planner count, against what the node does."""
        counts = self.counts
        if counts.pending:
            self.problems.append("at the end {} images have no fate: {}".format(counts.pending, counts))
        if counts.received > self.sent:
            self.problems.append("{} images were sent, the node received {}".format(
                self.sent, counts.received))
        if self.labels > counts.published:
            self.problems.append("the node published labels of {} images, {} arrived".format(
                counts.published, self.labels))
        if counts.published - self.labels > _MOST_LOST * counts.published:
            self.problems.append("the node published labels of {} images, only {} arrived".format(
                counts.published, self.labels))

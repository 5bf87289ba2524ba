"""One measurement: cameras play for a while, and what the parties say of it is put together."""

import time
from contextlib import suppress
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.reports.percentiles import percentiles
from bisenet_ros.diagnostics import counts_from_values
from bisenet_ros.frame_account import StageTimes, sum_counts
from bisenet_ros.harness.parties import Parties
from bisenet_ros.harness.process_usage import Usage, usage
from bisenet_ros.harness.status import Status, what_runs

# Of the node's stages, by their names in diagnostics.
_STAGES = {"latency": "receive_to_publish", "wait": "wait", "segment": "segment", "own": "own"}


class Measurement:
    """What ``parties`` do while every camera sends its images.

    Latencies are of the images whose stages the node keeps: the last few hundred of each camera, without the
    first ones.
    """

    def __init__(self, parties: Parties) -> None:
        self._parties = parties
        self._latency_ms: dict[str, list[float]] = {topic: [] for topic in parties.label_topics()}
        self._facts: list[dict[str, str]] = []

    def run(self) -> dict[str, Any]:
        """Play to the end. Raises InputError when a process fails, or a camera's images are not labelled."""
        parties = self._parties
        processes = {"node": parties.node.pid, "planner": parties.planner.pid}
        processes.update({name: camera.pid for name, camera in zip(parties.names, parties.cameras)})
        before, started = _usages(processes), time.monotonic()
        for camera in parties.cameras:
            camera.say("go")
        sent = sum(parties.sent(index) for index in range(len(parties.cameras)))
        seconds, after = time.monotonic() - started, _usages(processes)
        parties.settle(self._listen)
        self._check()
        return dict(self._images(sent), seconds=round(seconds, 2), latency_ms=self._latency(),
                    node_ms=node_times(self._facts), runs=what_runs(self._facts[0]),
                    cpu_percent=cpu_percent(before, after, seconds, self._facts))

    def _listen(self) -> list[Status]:
        report = self._parties.ask_planner()
        for topic, latencies in report["latency_ms"].items():
            self._latency_ms[topic] += latencies
        statuses = self._parties.statuses(report)
        self._facts = [status.facts for status in statuses]
        return statuses

    def _check(self) -> None:
        for name, facts, latencies in zip(self._parties.names, self._facts, self._latency_ms.values()):
            counts = counts_from_values(facts)
            if not counts.received:
                what = "no image of {} has come to the node"
            elif not counts.published:
                what = "no image of {} was labelled ({})"
            elif not latencies:
                what = "no labels of {} have come to the planner ({})"
            else:
                continue
            raise InputError("{}; see {}".format(what.format(name, counts), self._parties.node.log))

    def _images(self, sent: int) -> dict[str, Any]:
        counts = sum_counts(map(counts_from_values, self._facts))
        return {"sent": sent, "received": counts.received, "lost_on_the_way": sent - counts.received,
                "published": counts.published, "dropped": counts.dropped, "failed": counts.failed,
                "labels_received": sum(map(len, self._latency_ms.values())),
                "labels_received_by_camera": list(map(len, self._latency_ms.values()))}

    def _latency(self) -> dict[str, float]:
        """Publish to label receipt, of all cameras."""
        return percentiles([value for values in self._latency_ms.values() for value in _kept(values)])


def node_times(facts: list[dict[str, str]]) -> dict[str, dict[str, float]]:
    """p50 and p99 of the node's stages, in milliseconds; of several cameras, the slowest one's."""
    return {name: {percent: max(float(one["{}_ms_{}".format(stage, percent)]) for one in facts)
                   for percent in ("p50", "p99")} for stage, name in _STAGES.items()}


def cpu_percent(before: dict[str, Usage], after: dict[str, Usage], seconds: float,
                facts: list[dict[str, str]]) -> dict[str, float]:
    """Per cent of one core by process, and what the node would take if its Segmenter took nothing.

    That is its main thread, those of Fast DDS, and the inference thread's own work on each labelled image:
    reading, unlabelling, publishing.
    """
    share = {name: round(100 * (after[name].cpu - before[name].cpu) / seconds, 1)
             for name in before if name in after}
    if "node" in share:
        others = after["node"].cpu_main_and_dds - before["node"].cpu_main_and_dds
        inference_thread = sum(int(one["published"]) * float(one["own_cpu_ms_p50"]) / 1e3 for one in facts)
        share["node_without_segmenter"] = round(100 * (others + inference_thread) / seconds, 1)
    return share


def _kept(values: list[float]) -> list[float]:
    """Those of a camera's values, in order, that the node keeps of its stages."""
    times = StageTimes()
    for value in values:
        times.add({"latency": value})
    return times.by_stage()["latency"]


def _usages(processes: dict[str, int]) -> dict[str, Usage]:
    found = {}
    for name, pid in processes.items():
        with suppress(OSError):  # one that has ended is reported by whoever waits for it
            found[name] = usage(pid)
    return found

"""One measurement: every camera sends its images; latency, CPU and the node's account of them."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from node_under_load import NodeUnderLoad, Sending, what_runs
from process_usage import Usage, usage

from bisenet_core.errors import InputError
from bisenet_core.reports.measurement import percentiles
from bisenet_ros.frame_account import StageTimes
from bisenet_ros.harness.node_watch import NodeAccount

# Of the node's stages, by their names in diagnostics.
_STAGES = {"latency": "receive_to_publish", "wait": "wait", "segment": "segment", "own": "own"}


def measure(load: NodeUnderLoad, sending: Sending) -> dict[str, Any]:
    """Have every camera send its images, and return the figures, plain values.

    Raises InputError when a process fails, or a camera's images are not labelled. This process, which
    receives the labels, is the planner.
    """
    load.wait_until_active()
    load.start_cameras(sending)
    processes = {"node": load.node.pid, "planner": os.getpid()}
    processes.update({name: camera.pid for name, camera in zip(load.names, load.cameras)})
    before, started = _usages(processes), time.monotonic()
    for camera in load.cameras:
        camera.send_line("go")
    sent = sum(load.sent(index) for index in range(len(load.cameras)))
    seconds, after = time.monotonic() - started, _usages(processes)
    load.settle(sent)
    accounts = load.watch.accounts
    for name, account, latencies in zip(load.names, accounts, load.latency_ms):
        problem = why_unlabelled(name, account, len(latencies))
        if problem:
            raise InputError(f"{problem}; see {load.node.log}")
    return {
        **_images(load, sent),
        "seconds": round(seconds, 2),
        "latency_ms": latency_of_kept(load.latency_ms),
        "node_ms": node_times(accounts),
        "runs": what_runs(accounts[0].facts),
        "cpu_percent": cpu_percent(before, after, seconds, accounts),
    }


def why_unlabelled(name: str, account: NodeAccount, labels: int) -> str:
    """Why no label came of a camera's images, one line, or empty; ``labels`` have come."""
    if not account.counts.received:
        return f"no image of {name} has come to the node"
    if not account.counts.published:
        return f"no image of {name} was labelled ({account.counts})"
    return "" if labels else f"no labels of {name} have come to the planner ({account.counts})"


def latency_of_kept(latency_ms: Sequence[Sequence[float]]) -> dict[str, float]:
    """p50 and p99 of publish to label receipt over all cameras, in milliseconds.

    Of the images whose stages the node keeps: the last few hundred of each camera, without the first ones.
    """
    return percentiles([value for values in latency_ms for value in _kept(values)])


def node_times(accounts: Sequence[NodeAccount]) -> dict[str, dict[str, float]]:
    """p50 and p99 of the node's stages, in milliseconds; of several cameras, the slowest one's."""
    return {name: {percent: max(float(one.facts[f"{stage}_ms_{percent}"]) for one in accounts)
                   for percent in ("p50", "p99")} for stage, name in _STAGES.items()}


def cpu_percent(before: dict[str, Usage], after: dict[str, Usage], seconds: float,
                accounts: Sequence[NodeAccount]) -> dict[str, float]:
    """Per cent of one core by process, and what the node would take if its Segmenter took nothing.

    That is its main thread, those of Fast DDS, and the inference thread's own work on each labelled image:
    reading, unlabelling, publishing.
    """
    share = {name: round(100 * (after[name].cpu - before[name].cpu) / seconds, 1)
             for name in before if name in after}
    if "node" in share:
        others = after["node"].cpu_main_and_dds - before["node"].cpu_main_and_dds
        inference_thread = sum(
            one.counts.published * float(one.facts["own_cpu_ms_p50"]) / 1e3 for one in accounts)
        share["node_without_segmenter"] = round(100 * (others + inference_thread) / seconds, 1)
    return share


def _images(load: NodeUnderLoad, sent: int) -> dict[str, Any]:
    counts, labels = load.watch.counts(), [len(latencies) for latencies in load.latency_ms]
    return {"sent": sent, "received": counts.received, "lost_on_the_way": sent - counts.received,
            "published": counts.published, "dropped": counts.dropped, "failed": counts.failed,
            "labels_received": sum(labels), "labels_received_by_camera": labels}


def _kept(values: Sequence[float]) -> list[float]:
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

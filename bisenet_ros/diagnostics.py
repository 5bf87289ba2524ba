"""The account of a camera's images, as diagnostics: how they fare, at what pace, and what to do about it.

Keys of the status: ``received``, ``published``, ``dropped``, ``failed``, ``pending`` and, by reason,
``dropped.<reason>`` and ``failed.<reason>``: received = published + dropped + failed + pending.
"""

from collections import deque
from typing import Deque, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from bisenet_ros.frame_account import FrameCounts

#: Name of the status of a node with the usual name; in a namespace, "front/segmentation: image".
STATUS_NAME = "segmentation: image"

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR

_RATE_WINDOW = 5  # reports
_IDLE = "{}: no images are taken"


class CameraState(NamedTuple):
    """What there is to say of one camera at one moment; times are on time.monotonic()."""

    now: float
    counts: FrameCounts
    state: str                       # of the lifecycle: "active", ...
    topic: str                       # of the images, resolved
    publishers: int                  # how many there are on that topic
    active_since: float
    last_received: Optional[float]   # None: no image since then
    last_failure: str
    stale_after: float
    times: Dict[str, List[float]]    # milliseconds by stage
    facts: Dict[str, str]            # model, backend, precision, ...
    fault: str = ""                  # why no image can be labelled any more, if so


def status_name(namespace: str, node_name: str) -> str:
    """Name of the status of a node."""
    return f"{namespace}/{node_name}: image".lstrip("/")


class CameraDiagnostics:
    """Turns a series of CameraStates, one a second, into statuses; rates are taken over the last few."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._history: Deque[CameraState] = deque(maxlen=_RATE_WINDOW + 1)

    def status(self, state: CameraState) -> DiagnosticStatus:
        """The status at this moment."""
        previous = self._history[-1] if self._history else state
        self._history.append(state)
        rates = self._rates()
        level, message = judge(state, previous, rates)
        values = dict(counts_to_values(state.counts), state=state.state)
        values.update(_paces(state, rates), **state.facts)
        return _status(level, self._name, message, values)

    def _rates(self) -> Tuple[float, float]:
        """Images received and published per second."""
        first, last = self._history[0], self._history[-1]
        seconds = max(last.now - first.now, 1e-9)
        return ((last.counts.received - first.counts.received) / seconds,
                (last.counts.published - first.counts.published) / seconds)


def closed_status(name: str, counts: FrameCounts, state: str, fault: str) -> DiagnosticStatus:
    """The status of a node that has no model open; ``fault`` says why it could not be, or is empty."""
    level, message = (ERROR, fault) if fault else (OK, _IDLE.format(state))
    return _status(level, name, message, dict(counts_to_values(counts), state=state))


def judge(state: CameraState, previous: CameraState, rates: Tuple[float, float]) -> Tuple[bytes, str]:
    """Level and message. ``previous`` is the state at the last report."""
    if state.fault:
        return ERROR, state.fault
    if state.state != "active":
        return OK, _IDLE.format(state.state)
    failures = sum(state.counts.failed.values()) - sum(previous.counts.failed.values())
    if failures > 0:
        return ERROR, "{} image(s) on {} not labelled since the last report: {}".format(
            failures, state.topic, state.last_failure)
    silent = state.now - (state.last_received or state.active_since)
    if silent > state.stale_after:
        return WARN, _silence(state, silent)
    if _grew("too_old", state, previous):
        return WARN, ("images on {} are older than max_image_age when their labelling begins; check the "
                      "camera's clock, use_sim_time, the transport, and segment_ms_p50: an image waits while "
                      "the one before it is labelled".format(state.topic))
    if state.last_received is None:
        return OK, f"waiting for the first image on {state.topic}"
    if _grew("no_subscriber", state, previous):
        return OK, "nobody subscribes to any output; images are not labelled"
    return OK, "{:.1f} images/s in, {:.1f} labelled".format(*rates)


def counts_to_values(counts: FrameCounts) -> Dict[str, str]:
    """The account as keys and values."""
    values = {"received": counts.received, "published": counts.published,
              "dropped": sum(counts.dropped.values()), "failed": sum(counts.failed.values()),
              "pending": counts.pending}
    for fate in ("dropped", "failed"):
        reasons = getattr(counts, fate)
        values.update({f"{fate}.{reason}": reasons[reason] for reason in sorted(reasons)})
    return {key: str(value) for key, value in values.items()}


def counts_from_values(values: Dict[str, str]) -> FrameCounts:
    """The inverse of ``counts_to_values``; other keys are left out. Raises KeyError, ValueError."""
    reasons: Dict[str, Dict[str, int]] = {"dropped": {}, "failed": {}}
    for key, value in values.items():
        fate, _, reason = key.partition(".")
        if reason and fate in reasons:
            reasons[fate][reason] = int(value)
    return FrameCounts(int(values["received"]), int(values["published"]), **reasons)


def _status(level: bytes, name: str, message: str, values: Dict[str, str]) -> DiagnosticStatus:
    return DiagnosticStatus(level=level, name=name, message=message, hardware_id=values.get("model", ""),
                            values=[KeyValue(key=key, value=value) for key, value in values.items()])


def _silence(state: CameraState, seconds: float) -> str:
    text = f"no image on {state.topic} for {seconds:.1f} s: "
    if not state.publishers:
        return text + "nothing publishes it; start the camera, or remap `image` to its topic"
    return text + (f"it has {state.publishers} publisher(s) but nothing arrives; check their QoS against the "
                   "parameter `reliability`, and give the camera's process the Fast DDS profile for images")


def _grew(reason: str, state: CameraState, previous: CameraState) -> bool:
    return state.counts.dropped.get(reason, 0) > previous.counts.dropped.get(reason, 0)


def _paces(state: CameraState, rates: Tuple[float, float]) -> Dict[str, str]:
    values = {"rate_hz": f"{rates[0]:.2f}", "published_hz": f"{rates[1]:.2f}"}
    if state.last_received is not None:
        values["since_last_image_s"] = f"{state.now - state.last_received:.3f}"
    for stage in sorted(state.times):
        for percent in (50, 99):
            value = np.percentile(state.times[stage], percent)
            values[f"{stage}_ms_p{percent}"] = f"{value:.2f}"
    return values

"""Report a camera's counts, rates, stage times and findings as a diagnostic_msgs/DiagnosticStatus.

Keys of the status: ``received``, ``published``, ``dropped``, ``failed``, ``pending`` and, by reason,
``dropped.<reason>`` and ``failed.<reason>``: received = published + dropped + failed + pending. Beside that,
``doubtful.<kind>`` counts images that may have been read wrongly, and ``finding.<kind>`` has the text of each
finding by itself: `ros2 topic echo` shows 128 characters of the message, in which they are all.
"""

from collections import deque
from typing import Deque, Dict, List, Sequence, Set, Tuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from bisenet_core.errors import printable
from bisenet_ros.findings import ERROR, IDLE, OK, CameraState, Finding, healthy_message, judge
from bisenet_ros.frame_account import FrameCounts, sum_counts

#: Name of the status of a node with the usual name; in a namespace, "front/segmentation: image". A camera's
#: name stands in place of "image" where it has one, and SUM where several are summed up.
STATUS_NAME = "segmentation: image"
SUM = "all cameras"

_RATE_WINDOW = 5  # reports


def status_name(namespace: str, node_name: str, camera: str = "") -> str:
    """Name of the status of a node's camera."""
    return f"{namespace}/{node_name}: {camera or 'image'}".lstrip("/")


class CameraDiagnostics:
    """Turns a series of CameraStates, one a second, into statuses; rates are taken over the last few.

    ``begun`` is the account when the series begins: the first status, too, tells what is new since then.
    """

    def __init__(self, name: str, begun: FrameCounts) -> None:
        self.new_findings: List[Finding] = []  # what the last status found that the one before it did not
        self._name = name
        self._counts = begun
        self._history: Deque[CameraState] = deque(maxlen=_RATE_WINDOW + 1)
        self._kinds: Set[str] = set()

    def status(self, state: CameraState) -> DiagnosticStatus:
        """The status at this moment."""
        previous, self._counts = self._counts, state.counts
        self._history.append(state)
        rates = self._rates()
        findings = judge(state, previous, self._history[0].counts)
        self.new_findings = [finding for finding in findings if finding.kind not in self._kinds]
        self._kinds = {finding.kind for finding in findings}
        level = max((finding.level for finding in findings), default=OK)
        # Cut singly, where they are too long: the first must not push out the second.
        messages = [printable(finding.text) for finding in findings]
        values = dict(counts_to_values(state.counts), state=state.state)
        values.update({f"finding.{finding.kind.split()[0]}": finding.text for finding in findings})
        values.update(_paces(state, rates), **state.facts)
        message = "; ".join(messages) or healthy_message(state, previous, rates)
        return _status(level, self._name, message, values)

    def _rates(self) -> Tuple[float, float]:
        """Images received and published per second."""
        first, last = self._history[0], self._history[-1]
        seconds = max(last.now - first.now, 1e-9)
        return ((last.counts.received - first.counts.received) / seconds,
                (last.counts.published - first.counts.published) / seconds)


def closed_status(name: str, counts: FrameCounts, state: str, fault: str) -> DiagnosticStatus:
    """The status of a node that has no model open; ``fault`` says why it could not be, or is empty."""
    level, message = (ERROR, fault) if fault else (OK, IDLE.format(state))
    return _status(level, name, printable(message), dict(counts_to_values(counts), state=state))


def sum_status(name: str, statuses: Sequence[DiagnosticStatus]) -> DiagnosticStatus:
    """The status of several cameras together: the sum of their accounts, and which of them are not well."""
    values = [{item.key: item.value for item in status.values} for status in statuses]
    unwell = [status.name.split(": ")[-1] for status in statuses if status.level != OK]
    state = values[0]["state"]
    well = f"{len(statuses)} cameras are well" if state == "active" else IDLE.format(state)
    message = "not well: " + ", ".join(unwell) if unwell else well
    counts = sum_counts(counts_from_values(one) for one in values)
    return _status(max(status.level for status in statuses), name, message,
                   dict(counts_to_values(counts), state=state))


def counts_to_values(counts: FrameCounts) -> Dict[str, str]:
    """The account as keys and values."""
    values = {"received": counts.received, "published": counts.published,
              "dropped": sum(counts.dropped.values()), "failed": sum(counts.failed.values()),
              "pending": counts.pending}
    for kind in ("dropped", "failed", "doubtful"):
        reasons = getattr(counts, kind)
        values.update({f"{kind}.{reason}": reasons[reason] for reason in sorted(reasons)})
    return {key: str(value) for key, value in values.items()}


def counts_from_values(values: Dict[str, str]) -> FrameCounts:
    """The inverse of ``counts_to_values``; other keys are left out. Raises KeyError, ValueError."""
    reasons: Dict[str, Dict[str, int]] = {"dropped": {}, "failed": {}, "doubtful": {}}
    for key, value in values.items():
        kind, _, reason = key.partition(".")
        if reason and kind in reasons:
            reasons[kind][reason] = int(value)
    return FrameCounts(int(values["received"]), int(values["published"]), **reasons)


def _status(level: bytes, name: str, message: str, values: Dict[str, str]) -> DiagnosticStatus:
    return DiagnosticStatus(
        level=level, name=name, message=message, hardware_id=printable(values.get("model", "")),
        values=[KeyValue(key=key, value=printable(value)) for key, value in values.items()])


def _paces(state: CameraState, rates: Tuple[float, float]) -> Dict[str, str]:
    values = {"rate_hz": f"{rates[0]:.2f}", "published_hz": f"{rates[1]:.2f}"}
    if state.last_received is not None:
        values["since_last_image_s"] = f"{state.now - state.last_received:.3f}"
    for stage in sorted(state.times):
        for percent in (50, 99):
            value = np.percentile(state.times[stage], percent)
            values[f"{stage}_ms_p{percent}"] = f"{value:.2f}"
    return values

"""NodeWatch: whether the segmentation node is ready, at work, or gone."""

import threading
import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray

from bisenet_ros.diagnostics import status_name
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.harness.node_account import NodeAccount, account_from_diagnostics

# Its diagnostics come once a second.
SILENCE_S = 10.0

_NOTHING = FrameCounts(0, 0, {}, {})


class NodeWatch:
    """Hears the diagnostics of the node that publishes ``labels_topic``, resolved."""

    def __init__(self, labels_topic: str, now: Callable[[], float] = time.monotonic) -> None:
        self.node_name = labels_topic.rsplit("/", 1)[0]
        self.account: NodeAccount | None = None
        self.heard = 0
        self._start = _NOTHING
        self._status_name = status_name(*self.node_name.rsplit("/", 1))
        self._now = now
        self._last_heard = now()
        self._changed = threading.Condition()

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """Take in what anybody says of himself."""
        account = account_from_diagnostics(message, self._status_name)
        if account is not None:
            with self._changed:
                self._note_restart(account.counts)
                self.account = account
                self.heard += 1
                self._last_heard = self._now()
                self._changed.notify_all()

    def begin(self) -> None:
        """Count from now on."""
        with self._changed:
            self._start = self._counts()

    def counts(self) -> FrameCounts:
        """What became of the images since ``begin``, those of before a restart of the node included."""
        with self._changed:
            return counts_since(self._start, self._counts())

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Return whether ``condition`` came true; it is tried at each diagnostics and ten times a second."""
        deadline = self._now() + timeout_s
        with self._changed:
            while not condition():
                if self._now() > deadline:
                    return False
                self._changed.wait(0.1)
        return True

    def not_active(self) -> str:
        """Why it cannot be said to be active, one line, or empty."""
        if self.account is None:
            return f"no diagnostics of {self.node_name} came"
        if not self.account.is_active:
            return f"{self.node_name} is {self.account.facts.get('state', 'in no known state')}, not active"
        return ""

    def gone(self) -> str:
        """Why it is no longer at work, one line, or empty."""
        if self._now() - self._last_heard > SILENCE_S:
            return f"{self.node_name} has been silent for {SILENCE_S:.0f} s: it has died, or hangs"
        return self.not_active()

    def _counts(self) -> FrameCounts:
        return self.account.counts if self.account else _NOTHING

    def _note_restart(self, counts: FrameCounts) -> None:
        # A node's counts never fall while it lives. What the one before had counted stays counted.
        if counts.received < self._counts().received:
            self._start = counts_since(self._counts(), self._start)


def counts_since(start: FrameCounts, end: FrameCounts) -> FrameCounts:
    """What a node's account grew by."""
    def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
        changes = {reason: after.get(reason, 0) - before.get(reason, 0) for reason in {**before, **after}}
        return {reason: count for reason, count in changes.items() if count}

    return FrameCounts(end.received - start.received, end.published - start.published,
                       grown(start.dropped, end.dropped), grown(start.failed, end.failed))

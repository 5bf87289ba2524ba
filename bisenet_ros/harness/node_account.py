"""NodeAccount: what the segmentation node says in /diagnostics about itself and the frames it has handled."""

from typing import Dict, NamedTuple, Optional

from diagnostic_msgs.msg import DiagnosticArray

from bisenet_ros.diagnostics import STATUS_NAME, counts_from_values
from bisenet_ros.frame_account import FrameCounts


class NodeAccount(NamedTuple):
    """One status of the node."""

    counts: FrameCounts
    facts: Dict[str, str]  # all of its values: model, backend, precision, latency of each stage, ...

    @property
    def is_active(self) -> bool:
        """Whether it takes images."""
        return self.facts.get("state") == "active"


def account_from_diagnostics(message: DiagnosticArray, name: str = "") -> Optional[NodeAccount]:
    """The account in a diagnostics message, or None where the message is somebody else's.

    ``name`` is the status's, with the node's namespace; without it, any node of the usual name will do.
    """
    for status in message.status:
        if status.name == name or not name and status.name.endswith(STATUS_NAME):
            facts = {value.key: value.value for value in status.values}
            return NodeAccount(counts_from_values(facts), facts)
    return None

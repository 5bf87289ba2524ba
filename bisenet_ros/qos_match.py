"""Find the publishers and subscribers of a topic that cannot match, and say why."""

from typing import Any, Iterable, List, NamedTuple, Optional

from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

from bisenet_ros.peers import peer_name, peer_type

# The weakest first. What is not listed, "system default" or "unknown", says nothing.
_RANKS = {
    "reliability": (ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE),
    "durability": (DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL),
    "liveliness": (LivelinessPolicy.AUTOMATIC, LivelinessPolicy.MANUAL_BY_TOPIC),
}
_DURATIONS = ("deadline", "liveliness_lease_duration")
_FOREVER_S = 9e9
_ENDLESS = float("inf")


class Clash(NamedTuple):
    """Why a publisher and a subscriber cannot match."""

    policy: str   # as rclpy names it; "type" where the messages differ
    offered: str  # by the publisher
    asked: str    # by the subscriber


def qos_clash(offered: QoSProfile, asked: QoSProfile) -> Optional[Clash]:
    """The first policy of which a subscriber asks more than a publisher offers, or None."""
    for policy, ranks in _RANKS.items():
        ends = getattr(offered, policy), getattr(asked, policy)
        if all(end in ranks for end in ends) and ranks.index(ends[0]) < ranks.index(ends[1]):
            return Clash(policy, *(end.name.lower() for end in ends))
    for policy in _DURATIONS:
        periods = [_seconds(getattr(end, policy)) for end in (offered, asked)]
        if periods[0] > periods[1]:
            return Clash(policy, *map(_in_words, periods))
    return None


def unheard_publishers(subscription: Any, endpoints: Iterable[Any], message_type: str) -> List[str]:
    """A line for each publisher that ``subscription`` cannot hear; endpoints are TopicEndpointInfo."""
    lines = []
    for endpoint in endpoints:
        clash = _type_clash(peer_type(endpoint), message_type) or qos_clash(
            endpoint.qos_profile, subscription.qos_profile)
        if clash:
            lines.append(f"publisher {peer_name(endpoint)} offers {clash.offered}, we ask {clash.asked}: "
                         + _ADVICE.get(clash.policy, f"change its {clash.policy}"))
    return lines


def unserved_subscribers(publisher: Any, endpoints: Iterable[Any]) -> List[str]:
    """A line for each subscriber that ``publisher`` cannot reach."""
    lines = []
    for endpoint in endpoints:
        clash = qos_clash(publisher.qos_profile, endpoint.qos_profile)
        if clash:
            lines.append(f"subscriber {peer_name(endpoint)} asks {clash.asked}, {publisher.topic_name} "
                         f"offers {clash.offered}: change the subscriber's {clash.policy}")
    return lines


_ADVICE = {
    "reliability": "set reliability:=best_effort",
    "type": "set image_transport to what the topic carries, and `image` to its name without /compressed",
}


def _seconds(duration: Any) -> float:
    # rmw says 0 for what was left alone, and the largest number for what is not limited
    seconds = duration.nanoseconds / 1e9
    return seconds if 0 < seconds < _FOREVER_S else _ENDLESS


def _in_words(seconds: float) -> str:
    return "no limit" if seconds == _ENDLESS else f"{seconds:g} s"


def _type_clash(offered: str, asked: str) -> Optional[Clash]:
    return Clash("type", offered, asked) if offered != asked else None

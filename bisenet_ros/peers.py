"""Other nodes on a topic: input from anybody, which must not end this one; and whether they match it."""

from typing import Any, Callable, Iterable, List, NamedTuple, Optional, Sequence

from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

from bisenet_core.errors import printable

try:
    from rclpy.experimental import EventsExecutor
except ImportError:  # an older distribution
    EventsExecutor = None

_NAME_LENGTH = 120  # characters of another node's name or type that are shown
_LINES = 5          # that are shown of many of a kind
_LOG_EVERY_S = 5.0


class Peers(NamedTuple):
    """The publishers or subscribers of a topic, as they are announced."""

    endpoints: Sequence[Any] = ()  # TopicEndpointInfo
    unread: Sequence[str] = ()     # a line, where they cannot be read; there are no endpoints then


class Mismatches(NamedTuple):
    """The peers that this node cannot hear or reach."""

    lines: List[str]   # one for each of them
    unread: List[str]  # one for each topic whose peers cannot be read


def read_peers(query: Callable[[str], Sequence[Any]], name: str, topic: str) -> Peers:
    """The endpoints that ``query`` gives for a name, such as ``Node.get_publishers_info_by_topic``.

    ``topic`` is the name resolved, as it is shown.
    """
    try:
        return Peers(query(name))
    except Exception as error:  # for a name that is not UTF-8, or a policy that rclpy does not know
        return Peers(unread=[f"who else is on {topic} cannot be read ({_one_line(error)}), so their QoS is "
                             "not checked: a node there has a name that no ROS node has; find it, or use "
                             "SROS 2"])


def executor_of(node: Any) -> Any:
    """One that runs the node's callbacks in the thread that spins it, by events where rclpy can.

    By events takes a quarter of the CPU time for each message. It writes what a callback raises to the
    terminal as it is, so requests that raise are answered here.
    """
    executor = SingleThreadedExecutor() if EventsExecutor is None else EventsExecutor()
    for service in node.services:
        service.callback = _answering(service.callback, node.get_logger())
    executor.add_node(node)
    return executor


def _answering(callback: Callable[..., Any], logger: Any) -> Callable[..., Any]:
    """``callback`` of a service; where it raises, that is logged, and the response stays empty."""

    def answer(request: Any, response: Any) -> Any:
        try:
            return callback(request, response)
        except Exception as error:
            _log_failure(error, logger)
            return response

    return answer


def _log_failure(error: Exception, logger: Any) -> None:
    logger.error(f"a callback failed: {_one_line(error)}; the node goes on",
                 throttle_duration_sec=_LOG_EVERY_S)


def spin_once(executor: Any, logger: Any) -> None:
    """Run a callback that is ready within 0.1 s; log what it raises, at most once in 5 s.

    rclpy lets a single request, such as one to set a parameter of an unknown type, end its executor.
    """
    try:
        executor.spin_once(timeout_sec=0.1)
    except Exception as error:
        if executor.context.ok():  # else this is how rclpy says that it was shut down
            _log_failure(error, logger)


def peer_name(endpoint: Any) -> str:
    """Namespace and name of an endpoint's node, as one printable line."""
    return printable(f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}", _NAME_LENGTH)


def peer_type(endpoint: Any) -> str:
    """The type that an endpoint announces, as one printable line."""
    return printable(endpoint.topic_type, _NAME_LENGTH)


def listed(lines: Sequence[str]) -> str:
    """The first few lines as one, and how many more there are."""
    more = [f"and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
    return "; ".join([*lines[:_LINES], *more])


def _one_line(error: Exception) -> str:
    return printable(" ".join(f"{type(error).__name__}: {error}".split()), 2 * _NAME_LENGTH)


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
        offered = peer_type(endpoint)
        clash = (Clash("type", offered, message_type) if offered != message_type
                 else qos_clash(endpoint.qos_profile, subscription.qos_profile))
        if clash:
            lines.append(f"publisher {peer_name(endpoint)} offers {clash.offered}, we ask {clash.asked}: "
                         + _ADVICE.get(clash.policy, f"change its {clash.policy}"))
    return lines


def unserved_subscribers(publisher: Any, endpoints: Iterable[Any], message_type: str) -> List[str]:
    """A line for each subscriber that ``publisher`` cannot reach."""
    lines = []
    for endpoint in endpoints:
        asked = peer_type(endpoint)
        clash = (Clash("type", message_type, asked) if asked != message_type
                 else qos_clash(publisher.qos_profile, endpoint.qos_profile))
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

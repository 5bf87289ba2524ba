"""Find what is wrong with a camera from its state: how bad it is, why, and what to do about it."""

import os
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus

from bisenet_core.images.doubts import Doubt
from bisenet_ros.arrivals import Loss
from bisenet_ros.dds_profile import profile_path
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.peers import listed

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR

IDLE = "{}: no images are taken"
_SLOW_FROM = 5  # images; fewer say nothing of the pace
_START_S = 5.0  # in which not to have labelled an image says nothing of it either
_STAGES = ("read", "preprocess", "network", "postprocess", "publish", "outputs")
_HUNG_S, _HUNG_TIMES = 10.0, 20  # at one image, and so many times as long as usual: no longer just slow
_UNKNOWN_MS = 1500.0  # taken for usual until an image is labelled: the first may well take 10 s
_AHEAD_S = 0.5  # /clock itself may come in steps of 0.1 s

# What to do about an image that failed, by reason.
_ADVICE = {
    "unsupported_encoding": "have the camera send one of these",
    "inference": "try another model, precision or backend",
    "device": "configure the node again, or set fallback:=cpu",
    "publishing": "restart the node",
    "abandoned": "the network hung; configure the node again",
}
_DAMAGED = "check the camera's driver and the link to it"


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
    name: str = "image"              # of the topic, before remapping
    loss: Optional[Loss] = None      # of large images, by the stamps of those that came
    elsewhere: str = ""              # what to set instead, where nothing publishes the topic, if that shows
    fault: str = ""                  # why no image can be labelled any more, if so
    busy_since: float = 0.0          # when the image in work was taken, of this camera or another; 0: none is
    clock_stands: bool = False       # simulated time that has not begun
    unheard: Sequence[str] = ()      # a line for each publisher whose images cannot come
    unserved: Sequence[str] = ()     # a line for each subscriber that the outputs cannot reach
    unread: Sequence[str] = ()       # a line for each topic whose publishers or subscribers cannot be read
    doubts: Sequence[Doubt] = ()     # why the last image may have been read wrongly
    degraded: str = ""               # what has failed, where something else does its work


class Finding(NamedTuple):
    """Something that is not well."""

    kind: str  # one word
    level: bytes
    text: str


def judge(state: CameraState, previous: FrameCounts, earlier: FrameCounts) -> List[Finding]:
    """All that is not well, the worst first.

    ``previous`` is the account at the last report, ``earlier`` the one of a few reports ago, for paces.
    """
    if state.fault:
        return [Finding("fault", ERROR, state.fault)]
    if state.state != "active":
        return []
    checks = (_failures(state, previous), _unheard(state), _silence(state), _lost(state),
              _clock(state, previous), _too_old(state, previous), _hung(state) or _slow(state, earlier),
              _of_peers("unserved", state.unserved), _of_peers("unread", state.unread), _doubtful(state),
              _degraded(state))
    return sorted(filter(None, checks), key=lambda finding: finding.level, reverse=True)


def healthy_message(state: CameraState, previous: FrameCounts, rates: Tuple[float, float]) -> str:
    """The message where nothing is found; ``rates`` are images received and labelled per second."""
    if state.state != "active":
        return IDLE.format(state.state)
    if state.last_received is None:
        return f"waiting for the first image on {state.topic}"
    if _growth("dropped", "no_subscriber", state, previous):
        return "nobody subscribes to any output; images are not labelled"
    return "{:.1f} images/s in, {:.1f} labelled".format(*rates)


def _failures(state: CameraState, previous: FrameCounts) -> Optional[Finding]:
    new = {reason: _growth("failed", reason, state, previous) for reason in sorted(state.counts.failed)}
    new = {reason: count for reason, count in new.items() if count > 0}
    advice = dict.fromkeys(_ADVICE.get(reason, _DAMAGED) for reason in new)
    counts = ", ".join(f"{reason} {count}" for reason, count in new.items())
    text = "{} image(s) on {} not labelled since the last report ({}), the last: {}; {}".format(
        sum(new.values()), state.topic, counts, state.last_failure or "see the log", "; ".join(advice))
    return Finding("failed", ERROR, text) if new else None


def _unheard(state: CameraState) -> Optional[Finding]:
    if not state.unheard:
        return None
    level = ERROR if _nobody_is_heard(state) else WARN
    return Finding("unheard", level, f"images on {state.topic} cannot come: " + listed(state.unheard))


def _nobody_is_heard(state: CameraState) -> bool:
    return len(state.unheard) >= state.publishers


def _silence(state: CameraState) -> Optional[Finding]:
    seconds = state.now - (state.last_received or state.active_since)
    if seconds <= state.stale_after or (state.unheard and _nobody_is_heard(state)):
        return None
    text = f"no image on {state.topic} for {seconds:.1f} s: "
    if not state.publishers:
        return Finding("no_publisher", WARN,
                       f"{text}nothing publishes it; "
                       + (state.elsewhere or f"start the camera, or remap `{state.name}` to its topic"))
    return Finding("stale", WARN, text + f"it has {state.publishers} publisher(s) but nothing arrives; check "
                   "that the camera runs, and give its process the Fast DDS profile for images, "
                   f"{_profile()}")


def _lost(state: CameraState) -> Optional[Finding]:
    if state.loss is None:
        return None
    lost, sent, period_s, image_bytes = state.loss
    return Finding("lost", WARN, f"{lost} of {sent} images on {state.topic} were lost before they came, by "
                   f"the stamps of the others, {period_s:.3g} s apart: each has {image_bytes / 1e6:.1f} MB, "
                   "and Fast DDS's shared memory 0.5 MB; give the camera's process the Fast DDS profile for "
                   f"images, {_profile()}, or, where it has that, send fewer or smaller images")


def _profile() -> str:
    return str(profile_path(os.environ))


def _clock(state: CameraState, previous: FrameCounts) -> Optional[Finding]:
    if state.clock_stands:
        return Finding("clock", WARN, "time is simulated and nothing comes on /clock: images have no age, "
                       "and are dropped while max_image_age is set; start what publishes /clock, or set "
                       "use_sim_time:=false")
    ahead_s = -state.times["age"][-1] / 1e3 if "age" in state.times else 0.0
    if ahead_s < _AHEAD_S or state.counts.published == previous.published:
        return None
    return Finding("clock", WARN, f"the stamps on {state.topic} are {ahead_s:.1f} s ahead of the node's "
                   "clock: max_image_age does not hold; synchronise the clocks, or check use_sim_time")


def _too_old(state: CameraState, previous: FrameCounts) -> Optional[Finding]:
    if not _growth("dropped", "too_old", state, previous):
        return None
    took = " of {:.0f}".format(np.percentile(state.times["segment"], 50)) if state.times else ""
    return Finding("too_old", WARN, f"images on {state.topic} are older than max_image_age when their "
                   "labelling begins or ends; check the camera's clock, use_sim_time, the transport, and "
                   f"segment_ms_p50{took}, which must be far below it: an image waits for another's labels")


def _hung(state: CameraState) -> Optional[Finding]:
    seconds = state.now - state.busy_since
    usual_s = np.percentile(state.times.get("segment", [_UNKNOWN_MS]), 50) / 1e3
    if not state.busy_since or seconds <= max(_HUNG_S, _HUNG_TIMES * usual_s):
        return None
    return Finding("hung", ERROR, f"the network has not returned for {seconds:.0f} s, and no image is "
                   "labelled; deactivate, then configure, or restart with another backend or precision")


def _slow(state: CameraState, earlier: FrameCounts) -> Optional[Finding]:
    received = state.counts.received - earlier.received
    superseded = _growth("dropped", "superseded", state, earlier)
    if received < _SLOW_FROM or 2 * superseded <= received or not _has_a_pace(state, earlier):
        return None
    stages = ", ".join("{} {:.1f}".format(stage, np.percentile(state.times[stage], 50)) for stage in _STAGES
                       if stage in state.times) or "none labelled yet"
    return Finding("slow", WARN, f"{superseded} of {received} images on {state.topic} were passed over: "
                   f"labelling is slower than the camera (ms, p50: {stages}); send fewer images, or choose a "
                   "smaller input_width and input_height, another precision or backend")


def _has_a_pace(state: CameraState, earlier: FrameCounts) -> bool:
    """Whether images have been labelled, or would have been by now, all the while."""
    if _growth("dropped", "no_subscriber", state, earlier):
        return False
    return bool(state.times) or state.now - state.active_since > _START_S


def _of_peers(kind: str, lines: Sequence[str]) -> Optional[Finding]:
    return Finding(kind, WARN, listed(lines)) if lines else None


def _doubtful(state: CameraState) -> Optional[Finding]:
    if not state.doubts:
        return None
    texts = "; ".join(doubt.text for doubt in state.doubts)
    return Finding(" ".join(["doubtful", *(doubt.kind for doubt in state.doubts)]), WARN,
                   f"images on {state.topic} may be read wrongly: {texts}")


def _degraded(state: CameraState) -> Optional[Finding]:
    if not state.degraded:
        return None
    return Finding("degraded", WARN, f"{state.degraded}; configure the node again once the GPU works")


def _growth(kind: str, reason: str, state: CameraState, before: FrameCounts) -> int:
    return getattr(state.counts, kind).get(reason, 0) - getattr(before, kind).get(reason, 0)

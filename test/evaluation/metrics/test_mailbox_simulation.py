import heapq

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.evaluation.metrics.mailbox_simulation import NEVER, drive, simulate, summary
from bisenet_ros.inference_worker import Mailbox

MS = 10**6
START = 1_700_000_000_123_456_789
DRIVES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12)), max_size=40).map(
    lambda steps: (np.cumsum([gap for gap, _ in steps], dtype=np.int64),
                   np.array([service for _, service in steps], np.int64)))


def with_the_nodes_mailbox(arrivals, service):
    """What the node's own Mailbox does with them on a virtual clock; an ended frame first makes room."""
    mailbox, busy, ended = Mailbox(), False, [NEVER] * len(arrivals)
    events = [(int(at), 1, frame) for frame, at in enumerate(arrivals)]  # 0: ended, 1: arrives
    heapq.heapify(events)
    while events:
        now, arrives, frame = heapq.heappop(events)
        if arrives:
            mailbox.put(frame)
        else:
            busy = False
        if not busy:
            frame = mailbox.take()
            if frame is not None:
                busy, ended[frame] = True, now + int(service[frame])
                heapq.heappush(events, (ended[frame], 0, frame))
    return ended


def driven(*service_ms, gap_ms=100):
    """What becomes of frames that are recorded every ``gap_ms``; None is one that cannot be labelled."""
    recorded_ns = START + gap_ms * MS * np.arange(len(service_ms))
    return drive(recorded_ns, np.array(service_ms, np.float64))


def test_a_case_worked_by_hand():
    # 10 Hz, 250 ms each: 0 is served to 250; 1 waits from 100 and is replaced by 2 at 200, which is served
    # from 250 to 500; 3 waits from 300 and is replaced by 4 at 400, served from 500 to 750
    assert driven(*[250.0] * 5) == [
        ("labelled", 250.0), ("superseded", None), ("labelled", 300.0), ("superseded", None),
        ("labelled", 350.0)]


def test_a_frame_that_cannot_be_labelled_still_replaces_another():
    # 1 waits while 0 is served and is replaced by the damaged 2, which fails as soon as it is taken
    found = driven(250.0, 250.0, None, 50.0)
    assert [fate.outcome for fate in found] == ["labelled", "superseded", "failed", "labelled"]
    assert found[3].age_ms == 50.0


def test_summary_counts_outcomes_and_ages():
    assert summary(driven(250.0, 250.0, 250.0)) == {
        "labelled": 2, "superseded": 1, "failed": 0, "share_labelled": 0.666667,
        "age_ms": {"p50": 275.0, "p99": 299.5, "max": 300.0}}


def test_summary_of_nothing():
    found = summary(driven())
    assert found["labelled"] == 0 and found["share_labelled"] is found["age_ms"] is None


def test_a_frame_recorded_out_of_order_arrives_with_the_one_before_it():
    found = drive(START + 100 * MS * np.array([5, 2, 9]), np.array([10.0] * 3))
    assert [fate.age_ms for fate in found] == [10.0, 20.0, 10.0]


@given(DRIVES)
def test_the_nodes_own_mailbox_decides_alike(arrivals_and_service):
    assert simulate(*arrivals_and_service).tolist() == with_the_nodes_mailbox(*arrivals_and_service)


@given(DRIVES)
def test_every_frame_has_one_end_and_the_last_is_always_labelled(arrivals_and_service):
    arrivals, service = arrivals_and_service
    ended = simulate(arrivals, service)
    labelled = ended != NEVER
    assert labelled[-1:].all() and (ended[labelled] >= (arrivals + service)[labelled]).all()
    began = (ended - service)[labelled]
    assert (began[1:] >= ended[labelled][:-1]).all()  # one worker, in order


@given(DRIVES)
def test_a_labelled_frame_waits_neither_longer_than_one_service_nor_past_the_next_frame(arrivals_and_service):
    arrivals, service = arrivals_and_service
    ended = simulate(arrivals, service)
    waits = (ended - service - arrivals)[ended != NEVER]
    until_next = np.append(np.diff(arrivals), 10**9)[ended != NEVER]
    assert (waits <= service.max(initial=0)).all() and (waits <= until_next).all()


@given(DRIVES)
def test_an_infinitely_fast_worker_labels_all_as_they_come(arrivals_and_service):
    arrivals, service = arrivals_and_service
    assert (simulate(arrivals, np.zeros_like(service)) == arrivals).all()


@given(DRIVES)
def test_a_worker_as_fast_as_the_camera_labels_all(arrivals_and_service):
    arrivals, service = arrivals_and_service
    service = np.minimum(service, np.append(np.diff(arrivals), 0))
    assert (simulate(arrivals, service) == arrivals + service).all()

"""Mailbox and account alone: nothing is lost, whatever the schedule. No ROS needed."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from bisenet_ros.frame_account import FrameAccount, FrameCounts
from bisenet_ros.inference_worker import Mailbox

STEPS = st.lists(st.sampled_from(["arrive", "publish", "fail", "skip"]), max_size=60)


@given(STEPS)
def test_received_is_published_plus_dropped_plus_failed_after_every_step(steps):
    mailbox, account, arrived, handled = Mailbox(), FrameAccount(), 0, []
    for step in steps:
        if step == "arrive":
            arrived += 1
            account.receive()
            if mailbox.put(arrived) is not None:
                account.settle("dropped", "superseded")
        else:
            item = mailbox.take()
            if item is not None:
                assert item == arrived  # always the newest
                handled.append(item)
                account.settle(*{"publish": ("published",), "fail": ("failed", "inference"),
                                 "skip": ("dropped", "too_old")}[step])
        counts = account.counts()
        assert counts.received == arrived
        assert counts.pending in (0, 1)
        assert counts.received == (counts.published + sum(counts.dropped.values())
                                   + sum(counts.failed.values()) + counts.pending)
    assert account.counts().pending == (mailbox.take() is not None)
    assert handled == sorted(set(handled))


def test_many_threads_lose_nothing():
    mailbox, account, done = Mailbox(), FrameAccount(), threading.Event()

    def send():
        for number in range(2000):
            account.receive()
            if mailbox.put(number) is not None:
                account.settle("dropped", "superseded")

    def work():
        while not done.is_set():
            if mailbox.take() is not None:
                account.settle("published")

    senders, worker = [threading.Thread(target=send) for _ in range(3)], threading.Thread(target=work)
    for thread in [*senders, worker]:
        thread.start()
    for thread in senders:
        thread.join()
    done.set()
    worker.join()
    left = mailbox.take() is not None
    counts = account.counts()
    assert counts.received == 6000
    assert counts.pending == left


def test_counts_read_as_one_line():
    counts = FrameCounts(10, 5, {"too_old": 1, "superseded": 2}, {"truncated": 1})
    assert str(counts) == ("received 10 = published 5 + dropped 3 (superseded 2, too_old 1) "
                           "+ failed 1 (truncated 1) + pending 1")
    assert str(FrameCounts(0, 0, {}, {})) == "received 0 = published 0 + dropped 0 + failed 0"

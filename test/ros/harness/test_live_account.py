"""What was sent is known again by its stamp, and each frame has one fate."""

from hypothesis import given
from hypothesis import strategies as st

from bisenet_ros.harness.live_account import LiveAccount, Sent


def frame(index, at=0.0):
    return Sent(index, str(index), at)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=20))
def test_labels_find_their_frame_whatever_was_dropped_before_them(frames):
    account, stamps = LiveAccount(), []
    for index, (recorded, _) in enumerate(frames):  # many with one stamp
        stamps.append(account.send(recorded, frame(index, float(index)), late_s=0))
    answered = [index for index, (_, labelled) in enumerate(frames) if labelled]
    for index in answered:
        assert account.receive(stamps[index], at=index + 0.25, age_s=0.5).index == index
    figures = account.figures()
    assert (figures.published, figures.labelled, figures.strays) == (len(frames), len(answered), 0)
    assert (account.published, account.labelled) == (len(frames), len(answered))
    assert list(figures.latency_ms) == [250.0] * len(answered)
    assert list(figures.age_ms) == [500.0] * len(answered)


def test_labels_of_others_and_of_frames_given_up_are_strays():
    account = LiveAccount()
    for stamp in (10, 20):
        account.send(stamp, frame(stamp), late_s=0)
    assert account.receive(15, at=1.0, age_s=1) is None
    assert account.receive(20, at=1.0, age_s=1).index == 20
    assert account.receive(10, at=1.0, age_s=1) is None
    assert account.figures().strays == 2


def test_an_age_that_nobody_can_tell_is_left_out():
    account = LiveAccount()
    account.send(10, frame(0), late_s=0)
    assert account.receive(10, at=1.0, age_s=None).index == 0
    assert account.figures().labelled == 1 and not account.figures().age_ms


def test_figures_stay_as_they_were():
    account = LiveAccount()
    before = account.figures()
    account.send(1, frame(0), late_s=-1)
    account.leave_out("it is damaged")
    assert before.published == 0 and not before.unreadable and not before.late_ms
    after = account.figures()
    assert after.unreadable == {"it is damaged": 1} and list(after.late_ms) == [0.0], "early is not late"

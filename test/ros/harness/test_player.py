"""A drive is played at its pace; what is late or damaged delays nothing."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from bisenet_core.drives.drive import Frame
from bisenet_core.errors import InputError
from bisenet_ros.harness.live_account import LiveAccount
from bisenet_ros.harness.player import Player, Timeline, stamp_ns

IMAGE = np.zeros((4, 6, 3), np.uint8)


class Publisher:
    def __init__(self):
        self.messages = []
        self.publish = self.messages.append


def frames(count, **changes):
    for index in range(count):
        content = dict(recorded_ns=index, stamp_ns=100 + index, image=IMAGE, frame_id="front")
        yield Frame(index, str(index), **dict(content, **changes.get(f"frame{index}", {})))


@pytest.fixture
def publisher():
    return Publisher()


def test_frames_keep_their_stamps_or_are_of_the_present(publisher):
    account = LiveAccount()
    Player(publisher, account, Timeline(1.0, 0), None).play(frames(3, frame1={"frame_id": ""}), lambda: True)
    assert [stamp_ns(one.header.stamp) for one in publisher.messages] == [100, 101, 102]
    assert [one.header.frame_id for one in publisher.messages] == ["front", "camera_optical_frame", "front"]
    assert (account.published, len(account.figures().late_ms)) == (3, 3)
    assert account.receive(101, 1.0, None).name == "1"
    Player(publisher, LiveAccount(), Timeline(1.0, 0), lambda: 7).play(frames(2), lambda: True)
    assert [stamp_ns(one.header.stamp) for one in publisher.messages[3:]] == [7, 8], "no two are the same"


def test_a_frame_that_cannot_be_read_is_left_out(publisher):
    account = LiveAccount()
    Player(publisher, account, Timeline(1.0, 0)).play(
        frames(3, frame1={"image": None, "problem": "damaged"}), lambda: True)
    assert account.published == 2 and account.figures().unreadable == {"damaged": 1}


def test_it_ends_when_told_and_when_reading_fails(publisher):
    def failing():
        yield from frames(2)
        raise InputError("no more")

    player = Player(publisher, LiveAccount(), Timeline(1.0, 0))
    player.play(frames(3), lambda: len(publisher.messages) < 2)
    assert len(publisher.messages) == 2
    with pytest.raises(InputError, match="no more"):
        player.play(failing(), lambda: True)
    assert len(publisher.messages) == 4


def test_it_ends_when_told_among_frames_that_cannot_be_read(publisher):
    account = LiveAccount()
    damaged = {f"frame{index}": {"image": None, "problem": "damaged"} for index in range(5)}
    Player(publisher, account, Timeline(1.0, 0)).play(
        frames(5, **damaged), lambda: sum(account.figures().unreadable.values()) < 2)
    assert account.figures().unreadable == {"damaged": 2}


def test_it_asks_while_it_waits(publisher):
    asked = []

    def go_on():
        asked.append(len(publisher.messages))
        return len(asked) < 4

    timeline = Timeline(1.0, 0)
    timeline.pause(True)
    Player(publisher, LiveAccount(), timeline).play(frames(1), go_on)
    assert asked == [0, 0, 0, 0]

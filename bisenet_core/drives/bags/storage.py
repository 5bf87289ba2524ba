"""The interface of one storage file of a bag, whose messages are read one by one."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

#: One message: when it was recorded (ns), its channel, and two numbers by which its storage finds it, which
#: grow in the order of writing.
ENTRY = np.dtype([("time", "i8"), ("channel", "i8"), ("place", "i8"), ("offset", "i8")])


class Channel(NamedTuple):
    """Topic and type of the messages of one channel."""

    topic: str
    msgtype: str
    """As ROS 2 writes it, such as sensor_msgs/msg/Image."""


class Storage(ABC):
    """One storage file, opened. Messages may be read by several threads."""

    #: Whether messages are serialised as ROS 1 does; else they are CDR.
    ros1 = False

    def __init__(self) -> None:
        self.channels: dict[int, Channel] = {}
        """By id."""
        self.notes: list[str] = []
        """Oddities of the file: one line each, without its name."""
        self.gaps: list[str] = []
        """More of them, by which messages may be missing between others."""

    @abstractmethod
    def index(self, channels: Collection[int]) -> np.ndarray:
        """ENTRY of every message of these channels, in any order, without reading them if possible.

        What is found to be missing is added to ``notes`` or ``gaps``.
        """

    @abstractmethod
    def read(self, place: int, offset: int) -> bytes | memoryview:
        """One serialised message. Raises any error where the file is damaged."""

    def head(self, place: int, offset: int, size: int) -> bytes | memoryview:
        """The first ``size`` bytes of a message, or all that there are."""
        return self.read(place, offset)[:size]

    @abstractmethod
    def close(self) -> None:
        """Close the file. Harmless when repeated."""

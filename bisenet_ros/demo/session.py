"""One playing of a drive: the node, the player and the recorder, from start to stop."""

import json
import threading
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional

from bisenet_ros.demo.label_recorder import LabelRecorder, Receipt, recording
from bisenet_ros.demo.preparation import emptied
from bisenet_ros.harness.child_process import ChildProcess
from bisenet_ros.harness.node_account import NodeAccount

READY_TIMEOUT_S = 90.0

# A rosbag may pause for long; only a player that is stuck is silent for longer than this.
_STALL_TIMEOUT_S = 600.0

# The node's account comes once a second, and the second one after the last frame is sure to include it.
_DRAIN_TIMEOUT_S = 5.0

# A process that ends so was given something it cannot work with.
BAD_INPUT = 2


class Published(NamedTuple):
    """One image that was sent."""

    stamp: int  # its header's, ns
    sent: float  # time.monotonic() just before, seconds


class Recording(NamedTuple):
    """What came of playing a drive."""

    published: Dict[int, Published]  # by frame index
    receipts: Dict[int, Receipt]  # by stamp in ns
    unwritten: int  # labels that came, but could not be written
    account: Optional[NodeAccount]
    interrupted: bool
    failure: Optional[str]  # why it ended early, one line
    bad_input: bool  # whether that was the input's fault


class SessionError(Exception):
    """A party has failed; the text is one line."""

    def __init__(self, text: str, bad_input: bool = False) -> None:
        super().__init__(text)
        self.bad_input = bad_input


class PlayerLog:
    """What the player tells, read in a thread of its own."""

    def __init__(self, player: ChildProcess, on_change: Callable[[], None]) -> None:
        self.published: Dict[int, Published] = {}
        self.matched = self.done = False
        self.error: Optional[str] = None
        self._on_change = on_change
        self.thread = threading.Thread(target=self._read, args=(player.lines(),), daemon=True)
        self.thread.start()

    def has_more_than(self, count: int) -> bool:
        """Whether more than ``count`` frames were published, or the last one was."""
        return self.done or len(self.published) > count

    def _read(self, lines: Iterator[str]) -> None:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "published":
                self.published[event["index"]] = Published(event["stamp"], event["sent"])
            self.matched = self.matched or event["event"] == "matched"
            self.done = self.done or event["event"] == "done"
            self.error = event.get("text", self.error)
            self._on_change()


class DemoSession:
    """Plays a drive through the real node. ``on_progress`` is told frames published and labels received."""

    def __init__(
        self,
        node_arguments: List[str],
        player_arguments: List[str],
        output: Path,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._node_arguments = node_arguments
        self._player_arguments = player_arguments
        self._output = output
        self._on_progress = on_progress

    def run(self) -> Recording:
        """Play to the end, to Ctrl-C or to a failure; what was received by then is kept in every case."""
        interrupted, failure = False, None
        with ExitStack() as stack:
            self._start(stack)
            recorder = stack.enter_context(recording(emptied(self._output / "labels")))
            log = PlayerLog(self._player, recorder.notify)
            try:
                self._play(recorder, log)
            except KeyboardInterrupt:
                interrupted = True
            except SessionError as error:
                failure = error
            if not log.done:
                self._player.stop()
            self._drain(recorder, log)
        log.thread.join(1.0)
        text = str(failure) if failure else None
        if recorder.unwritten:
            text = "{} label image(s) could not be written: {}".format(recorder.unwritten, recorder.failure)
        return Recording(
            log.published,
            recorder.receipts,
            recorder.unwritten,
            recorder.account,
            interrupted,
            text,
            bool(failure and failure.bad_input),
        )

    def _start(self, stack: ExitStack) -> None:
        logs = self._output / "node.log", self._output / "player.log"
        self._node = stack.enter_context(
            ChildProcess("bisenet_ros.segmentation_node", self._node_arguments, logs[0])
        )
        self._player = stack.enter_context(
            ChildProcess("bisenet_ros.demo.drive_player", self._player_arguments, logs[1], talks=True)
        )

    def _play(self, recorder: LabelRecorder, log: PlayerLog) -> None:
        self._wait(
            recorder,
            log,
            lambda: bool(log.matched and recorder.account and recorder.account.is_active),
            READY_TIMEOUT_S,
            "the node gave no sign of life within {:.0f} s".format(READY_TIMEOUT_S),
        )
        self._player.say("play")
        while not log.done:
            self._wait(
                recorder,
                log,
                partial(log.has_more_than, len(log.published)),
                _STALL_TIMEOUT_S,
                "the player published nothing for {:.0f} s".format(_STALL_TIMEOUT_S),
            )
            self._on_progress(len(log.published), len(recorder.receipts))

    def _wait(
        self,
        recorder: LabelRecorder,
        log: PlayerLog,
        condition: Callable[[], bool],
        timeout_s: float,
        complaint: str,
    ) -> None:
        def ended() -> bool:
            return bool(
                condition()
                or log.error
                or recorder.failure
                or self._node.has_ended()
                or self._player.has_ended()
            )

        in_time = recorder.wait(ended, timeout_s)
        log.thread.join(0.5 if self._player.has_ended() else 0.0)  # its last words may still be in the pipe
        if log.error:
            raise SessionError(log.error, bad_input=True)
        if recorder.failure:
            raise SessionError(recorder.failure, bad_input=True)
        for process, who in ((self._node, "the node"), (self._player, "the player")):
            if process.has_ended():
                text = "{} ended: {}; see {}".format(who, process.last_error(), process.log)
                raise SessionError(text, bad_input=process.status == BAD_INPUT)
        if not in_time:
            raise SessionError("{}; see {}".format(complaint, self._node.log))

    def _drain(self, recorder: LabelRecorder, log: PlayerLog) -> None:
        """Wait until the fate of every published frame is known, as far as it can be."""
        heard = recorder.accounts_heard

        def settled() -> bool:
            if recorder.account is None or self._node.has_ended():
                return True
            counts = recorder.account.counts
            # Images lost on their way never come up in the account; then two fresh ones are waited for.
            complete = counts.received == len(log.published) or recorder.accounts_heard >= heard + 2
            heard_of = len(recorder.receipts) + recorder.unwritten
            return complete and not counts.pending and heard_of >= counts.published

        with suppress(KeyboardInterrupt):  # asked twice to hurry
            recorder.wait(settled, _DRAIN_TIMEOUT_S)
        self._on_progress(len(log.published), len(recorder.receipts))

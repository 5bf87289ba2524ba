"""One playing: wait for the segmentation node, play, wait for the last labels, write what came of it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.reports.console import write_json
from bisenet_ros.harness.player import SETTLE_S
from bisenet_ros.replay.live_results import facts_of_run, live_results, nothing_done, progress_line

RESULTS_NAME = "live.json"

_SAY_EVERY_S = 5.0

# No longer: `ros2 launch` asks for the end twice, 5 s apart, and then kills.
_SETTLE_TIMEOUT_S = 3.0


class ReplaySession:
    """``node`` is a ReplayNode; ``stopping`` says whether the user wants it to end.

    Raises InputError where its results would go over others or into what is played.
    """

    def __init__(self, node: Any, stopping: Callable[[], bool]) -> None:
        self.problem = ""  # why it ended early, one line
        self._node = node
        self._stopping = stopping
        self._facts = facts_of_run(node)
        self._path = _claim_results(node.settings.output, [node.settings.bag, node.settings.labels])
        self._said = 0.0

    def run(self) -> bool:
        """Play; returns whether it came to that. Results so far are written every few seconds.

        Raises InputError where the node is not ready in time, or results cannot be written.
        """
        if not self._wait_until_ready():
            return False
        self.write()  # now, rather than at the end, is the time to find that it cannot be
        self._node.say("playing {name}: {frames} images".format(**self._facts["bag"]))
        self._said = time.monotonic()
        self._node.play(self._go_on)
        if not self.problem:
            account = self._node.account
            self._node.watch.settle(
                account.published, lambda: account.labelled, _SETTLE_TIMEOUT_S, self._is_lost)
        return True

    def finish(self) -> dict[str, Any]:
        """Write the results, once all labels are scored, and return them.

        ``problem`` says where they show nothing.
        """
        if not (self.problem or self._stopping()):
            self.problem = nothing_done(self._results())
        return self.write()

    def write(self) -> dict[str, Any]:
        """Write the results as they are, and return them."""
        content = self._results()
        write_json(self._path, content)
        return content

    def _results(self) -> dict[str, Any]:
        node = self._node
        return {
            **self._facts,
            **live_results(node.account.figures(), node.watch.counts(), node.scorer.scores,
                           dict(node.scorer.unscored)),
            "node": node.watch.accounts[0].facts,
            "interrupted": self._stopping(),
            "problem": self.problem or None,
        }

    def _wait_until_ready(self) -> bool:
        """Return False when asked to stop before. Raises InputError after the timeout."""
        node, timeout_s = self._node, self._node.settings.ready_timeout
        if not node.watch.wait(lambda: self._stopping() or not node.not_ready(), timeout_s):
            raise InputError(
                f"{node.not_ready()} after {timeout_s:.0f} s; is the segmentation node running, and on the "
                "same ROS_DOMAIN_ID?")
        if self._stopping():
            return False
        running = node.watch.accounts[0].facts["model"]
        if running != self._facts["model"]:
            raise InputError(
                f"{node.watch.node_name} runs {running}, and its labels would be scored by the "
                f"classes of {self._facts['model']}: give both the same model")
        time.sleep(SETTLE_S)
        node.watch.begin()
        return True

    def _go_on(self) -> bool:
        if self._stopping():
            return False
        self.problem = self._node.not_at_work()
        if time.monotonic() - self._said >= _SAY_EVERY_S:
            self._said = time.monotonic()
            self._node.say(progress_line(self.write()))
        return not self.problem

    def _is_lost(self) -> bool:
        """Whether nothing more will come back."""
        lost = self._node.not_at_work()
        self.problem = "" if self._stopping() else lost  # Ctrl-C may end the other node first
        return bool(lost)


def _claim_results(output: Path, inputs: list[Path | None]) -> Path:
    path, place = output / RESULTS_NAME, output.resolve()
    for source in inputs:
        if source is not None and source.resolve() in (place, *place.parents):
            raise InputError(f"output {output} would write into {source}, an input; choose another folder")
    if path.exists():
        raise InputError(f"{path} holds the results of an earlier run; choose another output, or move it")
    return path

"""One playing: wait for the segmentation node, play, wait for the last labels, write what came of it."""

import time
from collections.abc import Callable
from typing import Any

from bisenet_core.errors import InputError
from bisenet_ros.harness.camera_publisher import SETTLE_S
from bisenet_ros.replay.live_results import Outcome, facts_of_run, live_results
from bisenet_ros.replay.results_file import claim_results, write_results
from bisenet_ros.replay.summary import progress_line

_SAY_EVERY_S = 5.0

# The node's account comes once a second, and the second one after the last frame is sure to include it.
# No longer: `ros2 launch` asks for the end twice, 5 s apart, and then kills.
_DRAIN_TIMEOUT_S = 3.0


class ReplaySession:
    """``node`` is a ReplayNode; ``stopping`` says whether the user wants it to end.

    Raises InputError where its results would go over others or into what is played.
    """

    def __init__(self, node: Any, stopping: Callable[[], bool]) -> None:
        self.problem = ""  # why it ended early, one line
        self._node = node
        self._stopping = stopping
        self._facts = facts_of_run(node)
        self._path = claim_results(node.settings.output, (node.settings.bag, node.settings.labels))
        self._said = 0.0

    def run(self) -> bool:
        """Play; returns whether it came to that. Results so far are written every few seconds.

        Raises InputError where the node is not ready in time, or results cannot be written.
        """
        if not self._wait_until_ready():
            return False
        self.write()  # now, rather than at the end, is the time to find that it cannot be
        self._node.say(f"playing {self._facts['bag']['name']}: {self._facts['bag']['frames']} images")
        self._said = time.monotonic()
        self._node.play(self._go_on)
        if not self.problem:
            self._drain()
        return True

    def write(self) -> dict[str, Any]:
        """Write the results as they are, and return them."""
        node, scorer = self._node, self._node.scorer
        results = live_results(
            Outcome(node.account.figures(), node.watch.counts(), scorer.scores, dict(scorer.unscored)))
        content = dict(self._facts, **results, node=node.watch.account.facts,
                       interrupted=self._stopping(), problem=self.problem or None)
        write_results(self._path, content)
        return content

    def _wait_until_ready(self) -> bool:
        """Return False when asked to stop before. Raises InputError after the timeout."""
        node, timeout_s = self._node, self._node.settings.ready_timeout
        if not node.watch.wait(lambda: self._stopping() or not node.not_ready(), timeout_s):
            raise InputError(
                f"{node.not_ready()} after {timeout_s:.0f} s; is the segmentation node running, and on the "
                "same ROS_DOMAIN_ID?")
        if self._stopping():
            return False
        self._check_model(node.watch.account.facts["model"])
        time.sleep(SETTLE_S)
        node.watch.begin()
        return True

    def _check_model(self, running: str) -> None:
        if running != self._facts["model"]:
            raise InputError(
                f"{self._node.watch.node_name} runs {running}, and its labels would be scored by the "
                f"classes of {self._facts['model']}: give both the same model")

    def _go_on(self) -> bool:
        if self._stopping():
            return False
        self.problem = self._node.not_at_work()
        if time.monotonic() - self._said >= _SAY_EVERY_S:
            self._said = time.monotonic()
            self._node.say(progress_line(self.write()))
        return not self.problem

    def _drain(self) -> None:
        """Wait until the fate of every published frame is known, as far as it can be."""
        watch, account = self._node.watch, self._node.account
        heard = watch.heard

        def settled() -> bool:
            lost = self._node.not_at_work()
            if lost:
                self.problem = "" if self._stopping() else lost  # Ctrl-C may end the other node first
                return True
            counts, figures = watch.counts(), account.figures()
            # Images lost on their way never come up in the account; then two fresh ones are waited for.
            complete = counts.received == figures.published or watch.heard >= heard + 2
            return complete and not counts.pending and figures.labelled >= counts.published

        watch.wait(settled, _DRAIN_TIMEOUT_S)

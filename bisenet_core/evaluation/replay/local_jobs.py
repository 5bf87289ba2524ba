"""run_in_processes: parts spread over processes of this machine, each with its share of the cores."""

import logging
import multiprocessing
import signal
import traceback
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait

from bisenet_core.errors import EvaluationError, InputError
from bisenet_core.evaluation.replay.cores import available_cores, claim_cores
from bisenet_core.evaluation.replay.job import Evaluation, Part
from bisenet_core.evaluation.replay.part_result import PartResult
from bisenet_core.evaluation.replay.work import Progress, evaluate_part

#: How many workers a part may lose before it is given up.
ATTEMPTS = 3

#: Spawned, not forked: inference libraries and threads do not survive a fork.
_PROCESSES = multiprocessing.get_context("spawn")

logger = logging.getLogger(__name__)


def run_in_processes(
    evaluation: Evaluation, parts: Sequence[Part], progress: Progress, jobs: int
) -> Iterator[tuple[Part, PartResult]]:
    """The runner with ``jobs`` processes, or as many as there are parts.

    A part whose process dies is done again by a new one.
    Raises EvaluationError for a part that has lost ``ATTEMPTS`` of them, and what a worker raised.
    """
    waiting, losses = deque(parts), Counter[Part]()
    jobs = min(jobs, len(parts))
    threads = max(1, available_cores() // max(1, jobs))
    team = [LocalWorker(evaluation, threads) for _ in range(jobs)]
    try:
        while waiting or any(worker.part for worker in team):
            for worker in team:
                if waiting and worker.part is None:
                    worker.begin(waiting.popleft())
            for worker in _heard(team):
                if worker.receive(progress):
                    yield from worker.finished()
                else:
                    waiting.appendleft(_lost(worker, losses, progress))
                    team[team.index(worker)] = LocalWorker(evaluation, threads)
    finally:
        for worker in team:
            worker.stop()


def _heard(team: Sequence["LocalWorker"]) -> list["LocalWorker"]:
    ready = wait([worker.connection for worker in team if worker.part])
    return [worker for worker in team if worker.connection in ready]


def _lost(worker: "LocalWorker", losses: Counter[Part], progress: Progress) -> Part:
    assert worker.part
    worker.process.join(timeout=5)  # its end of the connection closes before it is quite gone
    worker.stop()
    progress(-worker.frames)  # to be done again
    losses[worker.part] += 1
    how = f"{worker.part}: its worker died ({_ending(worker.process.exitcode)})"
    if losses[worker.part] >= ATTEMPTS:
        raise EvaluationError(
            f"{how}, {ATTEMPTS} times now; try fewer --jobs. What is finished is kept: add --resume to go on"
        )
    logger.warning("%s; it is done again", how)
    return worker.part


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        killed = " as when memory runs out" if -status == signal.SIGKILL else ""
        return f"{signal.Signals(-status).name}{killed}"
    return f"exit status {status}"


class LocalWorker:
    """A process that does one part at a time, seen from the process that has it done."""

    def __init__(self, evaluation: Evaluation, threads: int) -> None:
        self.connection, theirs = _PROCESSES.Pipe()
        self.part: Part | None = None
        """What it is busy with."""
        self.frames = 0
        """Of that part, finished."""
        self._result: PartResult | None = None
        self.process = _PROCESSES.Process(target=_serve, args=(theirs, evaluation, threads), daemon=True)
        with _interrupts_held():
            self.process.start()
        theirs.close()  # so that the worker's death is the end of the connection

    def begin(self, part: Part) -> None:
        """Send it a part. That it may be dead already is found when its answer is awaited."""
        self.part, self.frames = part, 0
        with suppress(OSError):
            self.connection.send(part)

    def receive(self, progress: Progress) -> bool:
        """Take what it has sent: frames done, or its part's result. False when it has died."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):  # OSError: it died in the middle of a message
            return False
        if isinstance(message, Exception):
            raise message
        if isinstance(message, int):
            self.frames += message
            progress(message)
        else:
            self._result = message
        return True

    def finished(self) -> Iterator[tuple[Part, PartResult]]:
        """Its part with the result, once, when that has come."""
        if self.part and self._result:
            finished = self.part, self._result
            self.part = self._result = None
            yield finished

    def stop(self) -> None:
        """End the process, whatever it is at. Harmless when repeated."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection: Connection, evaluation: Evaluation, threads: int) -> None:
    claim_cores(threads)
    with suppress(EOFError, OSError):  # whoever wanted the results is gone
        while True:
            connection.send(_outcome(evaluation, connection.recv(), connection.send))


def _outcome(evaluation: Evaluation, part: Part, progress: Progress) -> PartResult | Exception:
    try:
        return evaluate_part(evaluation, part, progress)
    except InputError as error:
        return error
    except Exception:
        return RuntimeError(f"{part}:\n{traceback.format_exc()}")


@contextmanager
def _interrupts_held() -> Iterator[None]:
    # A process inherits the mask: Ctrl-C reaches all of them at once, and only the one that began them is to
    # act on it. The first process brings this tracker with it, and starting that lets interrupts in again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

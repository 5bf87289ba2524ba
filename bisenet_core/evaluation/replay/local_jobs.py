"""run_in_processes spreads parts over processes of this machine, each with its share of the cores.

``concurrent.futures.ProcessPoolExecutor`` is not enough: where one of its processes dies, every running part
is lost, and of what it died is not known; one that dies while it sends its result blocks the pool for ever;
and Ctrl-C waits for the parts that run.
"""

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
from bisenet_core.evaluation.replay.job import Part, ReplayJob
from bisenet_core.evaluation.replay.part_result import PartResult
from bisenet_core.evaluation.replay.worker import Progress, evaluate_part

#: How many workers a part may lose before it is given up.
ATTEMPTS = 3

#: Spawned, not forked: inference libraries and threads do not survive a fork.
_PROCESSES = multiprocessing.get_context("spawn")

logger = logging.getLogger(__name__)


def run_in_processes(
    job: ReplayJob, parts: Sequence[Part], progress: Progress, processes: int
) -> Iterator[tuple[Part, PartResult]]:
    """The runner with so many ``processes``, or as many as there are parts.

    A part whose process dies is done again by a new one.
    Raises EvaluationError for a part that has lost ``ATTEMPTS`` of them, and what a worker raised.
    """
    waiting, losses = deque(parts), Counter[Part]()
    processes = min(processes, len(parts))
    threads = max(1, available_cores() // max(1, processes))
    team = [LocalWorker(job, threads) for _ in range(processes)]
    try:
        while waiting or any(worker.part for worker in team):
            for worker in team:
                if waiting and worker.part is None:
                    worker.begin(waiting.popleft())
            ready = wait([worker.connection for worker in team if worker.part])
            for worker in [one for one in team if one.connection in ready]:
                part, message = worker.part, worker.receive()
                assert part
                if isinstance(message, int):
                    progress(message)
                elif isinstance(message, PartResult):
                    yield part, message
                else:
                    progress(-worker.frames)  # to be done again
                    _count_loss(part, worker, losses)
                    waiting.appendleft(part)
                    team[team.index(worker)] = LocalWorker(job, threads)
    finally:
        for worker in team:
            worker.stop()


def _count_loss(part: Part, worker: "LocalWorker", losses: Counter[Part]) -> None:
    """Log that the part's worker has died, or raise EvaluationError where it is one too many."""
    losses[part] += 1
    how = f"{part}: its worker died ({_ending(worker.process.exitcode)})"
    if losses[part] >= ATTEMPTS:
        raise EvaluationError(
            f"{how}, {ATTEMPTS} times now; try fewer --jobs. What is finished is kept: add --resume to go on"
        )
    logger.warning("%s; it is done again", how)


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        killed = " as when memory runs out" if -status == signal.SIGKILL else ""
        return f"{signal.Signals(-status).name}{killed}"
    return f"exit status {status}"


class LocalWorker:
    """A process that does one part at a time."""

    def __init__(self, job: ReplayJob, threads: int) -> None:
        self.connection, theirs = _PROCESSES.Pipe()
        self.part: Part | None = None
        """What it is busy with."""
        self.frames = 0
        """Of that part, finished."""
        self.process = _PROCESSES.Process(target=_serve, args=(theirs, job, threads), daemon=True)
        with _interrupts_held():
            self.process.start()
        theirs.close()  # so that the worker's death is the end of the connection

    def begin(self, part: Part) -> None:
        """Send it a part. That it may be dead already is found when its answer is awaited."""
        self.part, self.frames = part, 0
        with suppress(OSError):
            self.connection.send(part)

    def receive(self) -> int | PartResult | None:
        """Wait for its next message: a number of frames done, or its part's result, which leaves it free.

        None when it has died. Raises what the worker raised.
        """
        try:
            message = self.connection.recv()
        except (EOFError, OSError):  # OSError: it died in the middle of a message
            self.process.join(timeout=5)  # its end of the connection closes before it is quite gone
            self.stop()
            return None
        if isinstance(message, Exception):
            raise message
        if isinstance(message, int):
            self.frames += message
        else:
            self.part = None
        return message

    def stop(self) -> None:
        """Kill the process. Harmless when repeated."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection: Connection, job: ReplayJob, threads: int) -> None:
    claim_cores(threads)
    with suppress(EOFError, OSError):  # whoever wanted the results is gone
        while True:
            connection.send(_outcome(job, connection.recv(), connection.send))


def _outcome(job: ReplayJob, part: Part, progress: Progress) -> PartResult | Exception:
    try:
        return evaluate_part(job, part, progress)
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

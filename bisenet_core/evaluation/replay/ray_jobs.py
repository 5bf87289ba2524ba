"""run_on_ray spreads parts over the machines of a Ray cluster."""

import logging
import socket
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from bisenet_core.errors import EvaluationError, InputError
from bisenet_core.evaluation.replay.cores import claim_cores
from bisenet_core.evaluation.replay.job import Part, ReplayJob
from bisenet_core.evaluation.replay.local_jobs import ATTEMPTS
from bisenet_core.evaluation.replay.part_result import PartResult
from bisenet_core.evaluation.replay.worker import Progress, evaluate_part


def run_on_ray(
    job: ReplayJob, parts: Sequence[Part], progress: Progress, address: str
) -> Iterator[tuple[Part, PartResult]]:
    """The runner on the Ray cluster at ``address``: "host:port", "auto", or "local" to start one here.

    A task has one core, and Ray does it again when its worker dies. Every machine finds the bags, the model
    and the ground truth under the same paths. Raises InputError where Ray is missing or not to be reached,
    EvaluationError for a part that has lost ``ATTEMPTS`` workers, and what a worker raised.
    """
    ray = _connected(address)
    task = ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_task)
    pending: dict[Any, Part] = {task.remote(job, part): part for part in parts}
    try:
        while pending:
            (done, *_), _ = ray.wait(list(pending))
            part = pending.pop(done)
            result = _result(ray, done, part)
            progress(len(part))
            yield part, result
    finally:
        ray.shutdown()  # and with us go the tasks that are left


def _task(job: ReplayJob, part: Part) -> PartResult:
    claim_cores(1)
    return evaluate_part(job, part)


def _result(ray: ModuleType, reference: Any, part: Part) -> PartResult:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise EvaluationError(
            f"{part}: Ray gave it up after {ATTEMPTS} attempts ({reason}). What is finished is kept: "
            "add --resume to go on"
        ) from None


def _connected(address: str) -> ModuleType:
    try:
        import ray
    except ImportError:
        raise InputError("--ray needs Ray: pip install 'bisenet_ros[ray]'") from None
    _refuse_unreachable(address)
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    except Exception as error:  # of no common kind
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(
            f"cannot join the Ray cluster at {address}: {reason}; start one with `ray start`, and give the "
            "token that it asks for"
        ) from None
    return ray


def _refuse_unreachable(address: str) -> None:
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"--ray {address}: expected HOST:PORT, auto (this machine's cluster) or local")
    try:
        # Ray itself goes on trying for many minutes.
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"no Ray cluster at {address}: {error}; start one with `ray start`") from None

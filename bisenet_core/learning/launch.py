"""Open Lightning Fabric on the devices and processes of a run."""

import logging
import os
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins import DoublePrecision
from lightning_fabric.plugins.environments import SLURMEnvironment
from lightning_fabric.strategies import DDPStrategy
from lightning_fabric.utilities.rank_zero import rank_zero_only

from bisenet_core.errors import InputError
from bisenet_core.learning.run_guard import RunStoppedError


class _DoubleUpToTheLoss(DoublePrecision):
    """Float64 for all that is computed, where Fabric's own gives the network's output in float32."""

    def convert_output(self, data: Any) -> Any:
        return data


def make_fabric(
    devices: str | int = "auto", nodes: int | None = None, strategy: str = "auto", accelerator: str = "auto",
    precision: str = "32-true", callbacks: Sequence[Any] = ()
) -> Fabric:
    """Fabric on ``devices`` per machine and ``nodes`` machines; ``InputError`` if they are not there.

    ``devices`` "auto" and ``nodes`` None are what torchrun or srun has started, and one where neither has;
    "all" is every device of this machine. ``precision`` is that of a recipe.
    """
    _quieten_fabric()
    found_devices, found_nodes = _launched()
    named: dict[str | int, int] = {"auto": found_devices, "all": -1}
    devices, nodes = named.get(devices, devices), nodes or found_nodes
    chosen: Any = strategy
    if strategy == "auto" and (str(devices), nodes) != ("1", 1):
        # batch norms' statistics are the same everywhere; and a process that has validated its share waits
        # for no other, which sending them around with each image would have it do
        chosen = DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True)
    numbers = {"plugins": _DoubleUpToTheLoss()} if precision == "64-true" else {"precision": precision}
    try:
        return Fabric(
            accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=chosen,
            callbacks=list(callbacks), **numbers,
        )  # fmt: skip
    except (ValueError, TypeError, RuntimeError, ImportError) as error:
        raise InputError(
            f"--devices {devices} --nodes {nodes} --accelerator {accelerator}: {' '.join(str(error).split())}"
        ) from None


def _quieten_fabric() -> None:
    """Leave out what Fabric says of itself and of versions of PyTorch to come."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    # but for whose death ends the others
    logging.getLogger("lightning_fabric.strategies.launchers.subprocess_script").setLevel(logging.INFO)
    for message in (".*broadcast_buffers", ".*LeafSpec"):
        warnings.filterwarnings("ignore", message=message)


def _launched() -> tuple[int, int]:
    """(processes per machine, machines) that torchrun or srun has started."""
    if "LOCAL_WORLD_SIZE" in os.environ:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        return here, int(os.environ["WORLD_SIZE"]) // here
    if SLURMEnvironment.detect():
        nodes = int(os.environ.get("SLURM_NNODES", 1))
        return int(os.environ["SLURM_NTASKS"]) // nodes, nodes
    return 1, 1


def is_first_process() -> bool:
    """Whether this is the process of a run that speaks for all of them."""
    return rank_zero_only.rank == 0


@contextmanager
def all_or_none(fabric: Fabric) -> Iterator[None]:
    """End the processes that this one has started where it fails, as they would wait for its answer."""
    try:
        yield
    except RunStoppedError:
        raise  # they stop by themselves
    except BaseException:
        processes = getattr(fabric.strategy.launcher, "procs", [])
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        processes.clear()  # Fabric's watch over them would end this process before it has said why
        raise

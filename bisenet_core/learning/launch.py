"""On how many processes a run trains, and who starts them."""

import logging
import os
import signal
import warnings
from typing import Any

import lightning
from lightning.fabric.plugins.environments import SLURMEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities import rank_zero_only

from bisenet_core.errors import InputError
from bisenet_core.learning.run_guard import RunStoppedError


def make_trainer(devices: str | int, nodes: int | None, strategy: str, **settings: Any) -> lightning.Trainer:
    """A Trainer on ``devices`` per machine and ``nodes`` machines; ``InputError`` if they are not there.

    ``devices`` "auto" and ``nodes`` None are what torchrun or srun has started, and one where neither has;
    "all" is every device of this machine.
    """
    _hush()
    found_devices, found_nodes = _launched()
    named: dict[str | int, int] = {"auto": found_devices, "all": -1}
    devices, nodes = named.get(devices, devices), nodes or found_nodes
    if strategy == "auto" and (str(devices), nodes) != ("1", 1):
        # batch norms' statistics are the same everywhere; and a process that has validated its share waits
        # for no other, which sending them around with each image would have it do
        chosen: Any = DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True)
    else:
        chosen = strategy
    try:
        return lightning.Trainer(devices=devices, num_nodes=nodes, strategy=chosen, **settings)
    except (MisconfigurationException, ValueError, RuntimeError, ImportError) as error:
        raise InputError(
            f"--devices {devices} --nodes {nodes} --accelerator {settings.get('accelerator', 'auto')}: "
            f"{' '.join(str(error).split())}"
        ) from None


def _hush() -> None:
    """Leave out what Lightning says of itself and of versions of PyTorch to come."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # but for whose death ends the others
    logging.getLogger("lightning.fabric.strategies.launchers.subprocess_script").setLevel(logging.INFO)
    # the last is not so here: what a batch holds is a function of seed and iteration
    others = (".*broadcast_buffers", ".*LeafSpec", ".*does not have many workers")
    for message in (*others, ".*ended before the epoch ended and your dataloader is not resumable"):
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


class AllOrNone(Callback):
    """Lets no process that this one has started outlive its failure, waiting for an answer."""

    def on_exception(self, trainer: lightning.Trainer, _module: Any, exception: BaseException) -> None:
        if isinstance(exception, RunStoppedError):
            return  # they stop by themselves
        processes = getattr(trainer.strategy.launcher, "procs", [])
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        processes.clear()  # Lightning's watch over them would end this process before it has said why

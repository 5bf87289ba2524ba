"""Training and validation batches of a recipe."""

import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset, Sampler

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import NamedFiles, inventory
from bisenet_core.learning.datasets import check_classes, open_dataset, without_pairs
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.samples import Key, TrainingSamples, UnlabelledImages, ValidationSamples
from bisenet_core.learning.soft_labels import teacher_sha256

_PR_SET_PDEATHSIG = 1


class RunSampler(Sampler[list[Key]]):
    """One process's share of every batch of a run, as (epoch, index) pairs.

    What iteration t trains on is a function of ``seed`` and t alone: the t-th ``batch_size`` samples of the
    shuffled epochs, of which each leaves out what does not fill a batch. The augmentation is seeded by the
    same pairs, so a run sees the same whoever loads it, on however many processes, and wherever it resumed.

    Iteration begins after ``done`` iterations.
    """

    def __init__(
        self, length: int, recipe: Recipe, done: int = 0, process: int = 0, processes: int = 1
    ) -> None:
        self.length, self.recipe, self.done = length, recipe, done
        self.process, self.processes = process, processes
        self.per_epoch = length // recipe.batch_size
        self._order = lru_cache(maxsize=1)(self._shuffled)

    def __iter__(self) -> Iterator[list[Key]]:
        share = self.recipe.batch_size // (self.recipe.accumulate * self.processes)
        for iteration in range(self.done, self.recipe.iterations):
            batch = self.batch(iteration)
            for part in range(self.recipe.accumulate):
                first = (part * self.processes + self.process) * share
                yield batch[first : first + share]

    def batch(self, iteration: int) -> list[Key]:
        """Every sample of the optimiser's step ``iteration``, over all processes and accumulations."""
        epoch, place = divmod(iteration, self.per_epoch)
        size = self.recipe.batch_size
        return [(epoch, int(index)) for index in self._order(epoch)[place * size : (place + 1) * size]]

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.random.default_rng((self.recipe.seed, epoch)).permutation(self.length)


class RunData:
    """Batches of ``train``, samples by (epoch, index), and ``val``, by index, or None for no validation.

    ``workers`` processes load for each process that trains; ``files`` says what the splits consist of, and
    ``teacher``, a SHA-256, whose soft labels they have.
    ``InputError`` where ``train`` does not fill one batch of the recipe.
    """

    #: Images that a process validates together; more than one have to be of the same size.
    validation_batch = 1

    def __init__(
        self, recipe: Recipe, train: Dataset, val: Dataset | None, splits: Mapping[str, NamedFiles],
        workers: int = 1
    ) -> None:
        self.recipe, self.train, self.val, self.workers = recipe, train, val, workers
        self.files, self.teacher = inventory(splits), teacher_sha256(recipe)
        if len(train) < recipe.batch_size:
            raise InputError(
                f"{len(train)} training images do not fill one batch of {recipe.batch_size}; lower batch_size"
            )
        self.iterations_per_epoch = len(train) // recipe.batch_size
        self._validation: DataLoader | None = None

    def training_batches(self, fabric: Fabric, done: int = 0) -> DataLoader:
        """This process's part of every batch of the run, from iteration ``done`` on."""
        sampler = RunSampler(len(self.train), self.recipe, done, fabric.global_rank, fabric.world_size)
        return DataLoader(self.train, batch_sampler=sampler, **self._loading(fabric))

    def validation_batches(self, fabric: Fabric) -> DataLoader:
        """This process's share of ``val``; the same loader each time, as its workers stay."""
        if self._validation is None:
            assert self.val is not None
            share = range(fabric.global_rank, len(self.val), fabric.world_size)
            self._validation = DataLoader(
                self.val, batch_size=self.validation_batch, sampler=share, **self._loading(fabric)
            )
        return self._validation

    def _loading(self, fabric: Fabric) -> dict:
        # pinned memory is copied to the GPU while the step before still runs
        return {
            "num_workers": self.workers,
            "persistent_workers": self.workers > 0,
            "pin_memory": fabric.device.type == "cuda",
            "worker_init_fn": _begin_worker,
        }


class SegmentationData(RunData):
    """``recipe.dataset`` below ``root``: its training split augmented, its validation split as it is.

    ``training_pairs`` are images and labels of the training split as they are on disk; a recipe may name no
    such split. The images of ``recipe.unlabelled`` are trained on besides.
    """

    def __init__(self, recipe: Recipe, root: Path | str, workers: int = 1) -> None:
        names = filter(None, (recipe.train_split, recipe.val_split))
        splits = {name: open_dataset(recipe.dataset, root, name) for name in names}
        self.training_pairs = splits.get(recipe.train_split) or without_pairs(recipe.dataset, root)
        val = ValidationSamples(splits[recipe.val_split], recipe) if recipe.val_split else None
        files: dict[str, NamedFiles] = {**splits}
        unlabelled = UnlabelledImages(recipe.unlabelled)
        if recipe.unlabelled:
            files["unlabelled"] = unlabelled
        self.train: TrainingSamples
        train = TrainingSamples(self.training_pairs, recipe, unlabelled)
        super().__init__(recipe, train, val, files, workers)

    def check_labels(self) -> None:
        """``InputError`` where there is nothing to tell apart in training or to score in validation."""
        if self.recipe.train_split:
            check_classes(self.training_pairs, least=2)
        if self.val is not None:
            check_classes(self.val.pairs, least=1)


def check_share(recipe: Recipe, processes: int) -> None:
    """``InputError`` where ``batch_size`` cannot be divided over the processes and accumulated parts.

    Batch norms that are not synchronised need two samples in each process.
    """
    if recipe.batch_size % (recipe.accumulate * processes):
        raise InputError(
            f"batch_size {recipe.batch_size} cannot be divided over {processes} processes x "
            f"{recipe.accumulate} accumulated parts; choose --devices, --nodes, accumulate or batch_size so "
            f"that it can"
        )
    alone = processes == 1 or not recipe.sync_batchnorm
    if alone and recipe.batch_size < 2 * recipe.accumulate * processes:
        raise InputError(
            f"batch_size {recipe.batch_size} over {processes} processes x {recipe.accumulate} accumulated "
            "parts is one sample each, and batch norms need two; set sync_batchnorm: true or raise batch_size"
        )


@contextmanager
def workers_within() -> Iterator[None]:
    """Have no worker inherit OpenCV's threads, which are not there in it, nor outlive the ``with``."""
    others, threads = set(multiprocessing.active_children()), cv2.getNumThreads()
    cv2.setNumThreads(1)  # ends them; a worker that did so itself, or used them, would wait for ever
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        # PyTorch's handler takes the death of a worker for an accident
        handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for worker in set(multiprocessing.active_children()) - others:
            worker.kill()
            worker.join()
        signal.signal(signal.SIGCHLD, handler)


def _begin_worker(_number: int) -> None:
    """What stops a run is for the process that trains: it still needs its workers to finish the step."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        # a worker shares its trainer's connections: while it lives, other trainers wait for the dead one
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

"""`bisenet train` of a tiny recipe, in a process of its own to be stopped and killed, or in this one."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
import yaml
from dataset_trees import write_camvid

from bisenet_core.cli import main
from bisenet_core.learning import train as training

ROOT = Path(__file__).resolve().parents[2]
RECIPE = {
    "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 8, "batch_size": 4,
    "crop_width": 64, "crop_height": 64, "precision": "32-true", "validate_every_epochs": 2,
    "learning_rate": 0.02, "warmup_iterations": 3, "gradient_clip": 5.0,
}  # fmt: skip


def street(folder, train=10):
    """Ten images to train on: an epoch is two batches of four. Three to validate."""
    return write_camvid(folder, {"train": train, "val": 3}, (96, 64)).root


def _command(folder, data, options, changes):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe").write_text(yaml.safe_dump({**RECIPE, **changes}))
    command = ["train", "--config", folder / "recipe", "--root", data, "--output", folder, *options]
    return [str(one) for one in command]


class TrainingProcess:
    """``bisenet train`` of a tiny recipe in ``folder``.

    ``at`` is Python code that is run before each batch, ``start`` what Python is given before the module.
    """

    def __init__(self, folder, data, *options, at=None, start=("-m",), **changes):
        start = [*start, "bisenet_core.cli"] if at is None else [__file__, at]
        self.process = subprocess.Popen(
            [sys.executable, *start, *_command(folder, data, options, changes)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def end(self, seconds=120):
        """(exit status, last line, everything printed); a hanging one is killed with all its own."""
        try:
            printed, _ = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            printed, _ = self.process.communicate()
            raise AssertionError(f"hangs: {printed}") from None
        lines = printed.strip().splitlines() or [""]
        return self.process.returncode, lines[-1], printed

    def wait_for(self, condition, seconds=120):
        """Until ``condition()``; fails where the process ends before."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None and time.monotonic() < end, self.end(1)
            time.sleep(0.01)


def train_here(folder, data, *options, at="", **changes):
    """The exit status of ``bisenet train`` in this process, on as many threads as ``TrainingProcess`` has."""
    assert torch.get_num_threads() == 1
    try:
        return bisenet_with(at, _command(folder, data, options, changes))
    except SystemExit as end:
        return end.code


def finished(folder, data, *options, at="", **changes):
    """A run from its beginning, or with --resume from where it is, to its end: content of last.ckpt."""
    assert train_here(folder, data, *options, at=at, **changes) == 0
    return torch.load(folder / "last.ckpt", weights_only=True)


def differences(one, other, path=""):
    """Names of what is not bit for bit the same in two checkpoints; paths of files are left out."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = [f"{path}.{key}" for key in one.keys() ^ other.keys()]
        for key in one.keys() & other.keys():
            found += differences(one[key], other[key], f"{path}.{key}")
        return found
    if isinstance(one, (list, tuple)) and len(one) == len(other):
        return [d for i, (a, b) in enumerate(zip(one, other)) for d in differences(a, b, f"{path}[{i}]")]
    if path.endswith("best_model_path"):
        return []
    same = torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
    return [] if same else [path]


def bisenet_with(code, arguments):
    """``bisenet`` with ``arguments``; ``code`` is run before each batch."""

    class Meeting:
        def on_train_batch_start(self, learner, iteration):
            rank, network = learner.fabric.global_rank, learner.task.network
            known = {"iteration": iteration, "rank": rank, "network": network}
            exec(code, {**known, "os": os, "signal": signal})

    with patch.object(training, "train", partial(training.train, callbacks=[Meeting()])):
        return main(arguments)


if __name__ == "__main__":
    sys.exit(bisenet_with(sys.argv[1], sys.argv[2:]))

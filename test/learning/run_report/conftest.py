"""A real run, tiny: BiSeNet V2 at a quarter of its width on a few rendered frames."""

import os
import signal

import pytest

from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_guard import RunStoppedError
from bisenet_core.learning.train import train

RECIPE = {
    "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 4, "batch_size": 3,
    "crop_width": 64, "crop_height": 64, "precision": "32-true", "validate_every_epochs": 1,
}


class At:
    """Calls ``act`` before ``iteration``, counted from 0."""

    def __init__(self, iteration, act):
        self.iteration, self.act = iteration, act

    def on_train_batch_start(self, _learner, iteration):
        if iteration == self.iteration:
            self.act()


@pytest.fixture(scope="session")
def start_run(street_dataset):
    """Trains into ``output``; ``act`` is called before ``iteration``."""

    def start(output, iteration=-1, act=None, resume=False):
        recipe = Recipe.from_dict(RECIPE)
        return train(
            recipe, street_dataset, output, resume=resume, workers=0, callbacks=[At(iteration, act)]
        )

    return start


@pytest.fixture(scope="session")
def finished(start_run, tmp_path_factory):
    """The folder of a run that was resumed once and has come to its end. Not to be written to."""
    output = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.raises(RunStoppedError):
        start_run(output, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    start_run(output, resume=True)
    return output

"""What a checkpoint keeps of a run: weights, moving average, class weights."""

import pytest
import torch

from bisenet_core.learning.launch import make_fabric
from bisenet_core.learning.learner import MovingAverage, set_up
from bisenet_core.learning.loop import train_step
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run import Run, RunFiles, restore, save
from bisenet_core.learning.task import task_and_data

RECIPE = Recipe.from_dict({
    "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 4, "batch_size": 3,
    "crop_width": 64, "crop_height": 64, "precision": "32", "learning_rate": 0.02, "ema_decay": 0.9,
    "class_weights": "inverse_log",
})  # fmt: skip


@pytest.fixture(scope="module")
def open_run(street_dataset, tmp_path_factory):
    """Opens a run that has made no step, with files in a folder of its own."""

    def open_run():
        torch.manual_seed(0)
        task, data = task_and_data(RECIPE, street_dataset, workers=0)
        files = RunFiles(tmp_path_factory.mktemp("run"), 0.0)
        return Run(set_up(make_fabric(accelerator="cpu"), task), data, files)

    return open_run


def _train(run, steps):
    batches = iter(run.data.training_batches(run.learner.fabric, run.done))
    for _ in range(steps):
        train_step(run.learner, run.done, batches)
        run.done += 1


@pytest.fixture(scope="module")
def two_steps(open_run):
    """A run of two steps and its last.ckpt. Not to be trained on."""
    run = open_run()
    run.learner.task.prepare(run.data)
    _train(run, 2)
    run.validated, run.best_score, run.scores = 2, 0.5, {"scores": None}
    save(run, run.files.last)
    return run, torch.load(run.files.last, weights_only=True)


def test_a_run_is_restored_as_it_was(two_steps, open_run):
    run, content = two_steps
    other = open_run()
    restore(other, run.files.last)
    assert (other.done, other.validated, other.best_score, other.scores) == (2, 2, 0.5, {"scores": None})
    assert torch.equal(other.learner.task.class_weights, run.learner.task.class_weights)
    for one, same in ((run.learner.task.network, other.learner.task.network),
                      (run.learner.average.network, other.learner.average.network)):
        assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), same.state_dict().values()))
    save(other, other.files.last)
    again = torch.load(other.files.last, weights_only=True)
    assert again["optimizer_states"][0]["param_groups"] == content["optimizer_states"][0]["param_groups"]


def test_the_moving_average_is_what_is_exported(two_steps):
    run, content = two_steps
    name = "head.classifier.weight"
    average, weights = run.learner.average.network.state_dict(), run.learner.task.network.state_dict()
    assert torch.equal(content["state_dict"][f"network.{name}"], average[name])
    assert torch.equal(content["current_model_state"][f"network.{name}"], weights[name])
    assert not torch.equal(average[name], weights[name])


def test_a_checkpoint_of_lightnings_trainer_is_gone_on_with(two_steps, open_run, tmp_path):
    """It holds the same by the same names, beside what only Lightning needs."""
    run, content = two_steps
    others = {"loops": {"fit_loop": {}}, "lr_schedulers": [{"last_epoch": 2}], "averaging_state": {"n": 2}}
    callbacks = {**content["callbacks"], "StepSeeds": {}, "RunProgress": {"best": 0.5}}
    torch.save({**content, **others, "callbacks": callbacks}, tmp_path / "last.ckpt")
    other = open_run()
    restore(other, tmp_path / "last.ckpt")
    assert (other.done, other.best_score) == (2, 0.5)


def test_the_first_steps_of_the_moving_average_by_hand():
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1, bias=False), torch.nn.BatchNorm2d(1))
    average = MovingAverage(network, 0.9)

    def step(number, weight):
        network[0].weight.data.fill_(weight)
        network[1].num_batches_tracked.fill_(number)
        average.update(network, number)
        return average.network[0].weight.item()

    assert step(0, 1.0) == 1.0
    assert step(1, 3.0) == pytest.approx(2 / 11 * 1 + 9 / 11 * 3)  # the decay is (1 + 1) / (10 + 1)
    assert step(1000, 5.0) == pytest.approx(0.9 * (2 / 11 + 27 / 11) + 0.1 * 5)
    assert average.network[1].num_batches_tracked == 1000

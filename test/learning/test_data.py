"""What each iteration of a run trains on."""

import pytest
from dataset_trees import write_own_folder
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.data import RunSampler, ValidationSamples, check_share
from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.recipe import Recipe


def _recipe(**changes):
    return Recipe.from_dict({"name": "a", "dataset": "camvid", **changes})


RUNS = st.fixed_dictionaries(
    {
        "length": st.integers(12, 60),
        "seed": st.integers(0, 9),
        "iterations": st.integers(1, 12),
        "share": st.integers(2, 3),
        "accumulate": st.integers(1, 2),
        "processes": st.integers(1, 2),
    }
)


def _samplers(run, done=0, **changes):
    """One sampler for each process."""
    run = {**run, **changes}
    size = run["share"] * run["accumulate"] * run["processes"]
    recipe = _recipe(
        batch_size=size, accumulate=run["accumulate"], iterations=run["iterations"], seed=run["seed"]
    )
    return [
        RunSampler(run["length"], recipe, done, process, run["processes"])
        for process in range(run["processes"])
    ]


@given(RUNS, st.data())
def test_it_goes_on_wherever_it_is_resumed(run, data):
    done = data.draw(st.integers(0, run["iterations"]))
    for whole, rest in zip(_samplers(run), _samplers(run, done)):
        assert list(rest) == list(whole)[done * run["accumulate"] :]


@given(RUNS)
def test_processes_and_parts_share_what_a_single_one_trains_on(run):
    samplers = _samplers(run)
    parts = [[key for share in part for key in share] for part in zip(*samplers)]
    steps = [sum(parts[i : i + run["accumulate"]], []) for i in range(0, len(parts), run["accumulate"])]
    size = run["share"] * run["accumulate"] * run["processes"]
    (alone,) = _samplers(run, share=size, accumulate=1, processes=1)
    assert steps == list(alone)


@given(RUNS)
def test_an_epoch_has_no_image_twice_and_the_next_another_order(run):
    (sampler,) = _samplers(run, accumulate=1, processes=1, iterations=40)
    epochs = {}
    for epoch, index in (key for batch in sampler for key in batch):
        epochs.setdefault(epoch, []).append(index)
    assert all(len(set(found)) == len(found) for found in epochs.values())
    assert all(set(found) <= set(range(run["length"])) for found in epochs.values())
    assert len({tuple(found) for found in epochs.values()}) == len(epochs)


def test_a_batch_that_cannot_be_divided_is_refused_before_the_run():
    check_share(_recipe(batch_size=12, accumulate=2), 3)
    with pytest.raises(InputError, match="batch_size 16 cannot be divided over 3 processes x 2"):
        check_share(_recipe(batch_size=16, accumulate=2), 3)


def test_a_single_sample_in_a_process_is_refused_where_norms_are_not_synchronised():
    check_share(_recipe(batch_size=6, accumulate=3), 2)
    check_share(_recipe(batch_size=8, accumulate=2, sync_batchnorm=False), 2)
    with pytest.raises(InputError, match="batch_size 4 over 2 processes x 2 .* is one sample each"):
        check_share(_recipe(batch_size=4, accumulate=2, sync_batchnorm=False), 2)


@pytest.mark.parametrize("size", [(20, 48), (64, 31), (1, 1), (64, 32)])
def test_a_validation_image_that_is_too_small_is_padded_and_named(tmp_path, caplog, size):
    root = write_own_folder(tmp_path, size=size).root
    pairs = open_dataset("folder", root, "val")
    image, labels, index = ValidationSamples(pairs, _recipe())[1]
    assert index == 1 and image.shape[1:] == labels.shape and min(labels.shape) >= 32
    assert (labels[: size[1], : size[0]].numpy() == pairs[1][1]).all()
    assert (labels != UNLABELED).sum() == (pairs[1][1] != UNLABELED).sum()
    assert bool(caplog.records) == (min(size) < 32)
    assert not caplog.records or f"0001.png is {size[0]}x{size[1]} pixels, less than the 32" in caplog.text
    whole, _, _ = ValidationSamples(pairs, _recipe(eval_width=64, eval_height=64))[1]
    assert whole.shape == (3, *size[::-1]), "which is brought to that size anyway"

"""A score on images that the network was trained on is known by the splits in its card."""

from pathlib import Path

import pytest

from bisenet_core.evaluation.trained_images import seen_by_name, seen_note, seen_splits, trained_on


@pytest.fixture
def card(make_card):
    return make_card(training_data="camvid", recipe={"train_split": "train+val"})


@pytest.mark.parametrize(
    ("data", "split", "seen"),
    [
        ("camvid", "val", ["val"]),
        ("camvid", "train", ["train"]),
        ("camvid", "test", []),
        ("camvid", "test+val", ["val"]),
        ("cityscapes", "val", []),
    ],
)
def test_the_splits_of_the_card_are_compared(card, data, split, seen):
    assert seen_splits(card, data, split) == seen
    note = seen_note(card, seen)
    assert note == (f"trained on these images (camvid {seen[0]}): no measure of new ones" if seen else None)


def test_the_splits_that_its_first_weights_were_trained_on_count_too(make_card):
    recipe = {"train_split": "train", "weights_splits": "train+val"}
    assert trained_on(make_card(training_data="camvid", recipe=recipe)) == "camvid train+val"


def test_a_card_that_does_not_say_its_splits_claims_nothing(make_card):
    card = make_card(training_data="camvid", recipe={"source": "a.pth"})
    assert trained_on(card) is None and seen_splits(card, "camvid", "val") == []
    assert seen_by_name(card, [Path("camvid/val/labels")]) == []


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/data/CamVid/val/labels", ["val"]),
        ("/bags/camvid_val.mcap", ["val"]),
        ("/data/camvid/annotations/validation", ["val"]),
        ("/data/camvid/test/labels", []),
        ("/bags/val/monday.mcap", []),
        ("/camvid/val/of/other/bags/monday.mcap", []),
    ],
)
def test_a_path_that_names_the_data_and_the_split(card, path, seen):
    assert seen_by_name(card, [Path("/bags/rain.mcap"), Path(path)]) == seen


def test_names_of_ones_own_data_may_have_several_words(make_card):
    card = make_card(training_data="My Yard", recipe={"train_split": "winter"})
    assert seen_by_name(card, [Path("my_yard/winter/labels")]) == ["winter"]
    assert seen_by_name(card, [Path("yard/winter/labels")]) == [] and trained_on(card) == "My Yard winter"

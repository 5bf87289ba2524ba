"""Results of networks: the published ones are all there and not mixed up, own ones come from model cards."""

import sys
from collections import defaultdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "network_charts"))

from results import FAMILIES, PUBLISHED, RIVALS, family_of, recorded_results

#: Segmentation networks of which no paper reports results.
WITHOUT = {"bisenetv1_resnet50", "efficientvit_b0", "efficientvit_b1"}


def test_every_segmentation_network_has_a_result():
    pytest.importorskip("torch", reason="the list of networks needs PyTorch")
    from bisenet_core.models.registry import is_segmentation, list_models

    networks = {name for name in list_models() if is_segmentation(name)}
    assert {result.network for result in PUBLISHED} == networks - WITHOUT
    assert {family_of(name) for name in networks} == set(FAMILIES)


def test_figures_are_complete_and_plausible():
    for result in PUBLISHED:
        assert result.test is not None and 60 < result.test < 80 and result.source, result
        assert result.val is None or abs(result.val - result.test) < 2, result
        assert result.fps is None or (result.size and 30 < result.fps < 300), result
        assert result.num_classes == {"cityscapes": 19, "camvid": 11}[result.dataset], result


def test_no_network_of_a_paper_is_both_slower_and_worse():
    """Each paper trades speed for accuracy; a row with figures of its neighbour would break the order."""
    groups = defaultdict(list)
    for result in PUBLISHED:
        if result.fps:
            key = (result.dataset, family_of(result.network), result.pretrained_on)
            groups[key].append((result.fps, result.test))
    assert len(groups) == 7
    for group in groups.values():
        accuracies = [test for _, test in sorted(group)]
        assert accuracies == sorted(accuracies, reverse=True)


def test_the_headlines_of_the_papers():
    found = {(one.label, one.dataset, one.pretrained_on): (one.test, one.fps) for one in PUBLISHED}
    assert found["V2", "cityscapes", None] == (72.6, 156)  # its abstract
    assert found["STDC1-50", "cityscapes", None] == (71.9, 250.4)  # its abstract
    assert found["STDC2-75", "cityscapes", None] == (76.8, 97)  # its abstract
    assert found["V1 Xception39", "cityscapes", None] == (68.4, 105.8)
    assert found["V2", "camvid", "cityscapes"][0] - found["V2", "camvid", None][0] == pytest.approx(4.3)


def test_rivals_are_complete_and_what_two_tables_both_say_agrees():
    assert len(RIVALS) == len({(one.label, one.dataset) for one in RIVALS}) == 28
    assert all(50 < one.test < 76 and 16 < one.fps < 173 and "Table" in one.source for one in RIVALS)
    found = {(one.label, one.dataset): (one.test, one.fps) for one in RIVALS}
    assert found["DFANet A'", "cityscapes"] == (70.3, 160) and found["FasterSeg", "cityscapes"][1] == 163.9


def _scores(miou):
    return {"miou": miou, "images": 233}


@pytest.fixture
def place(tmp_path, write_model_folder):
    """One model of two precisions, one that was scored on the validation split only."""
    scored = {"camvid_test_bf16": _scores(0.51), "camvid_test_fp32": _scores(0.5), "epochs": 7}
    changes = {"architecture": "bisenetv2", "architecture_options": {"alpha": 2}, "metrics": scored}
    write_model_folder(tmp_path / "weights" / "a", name="a", **changes)
    write_model_folder(tmp_path / "weights" / "b", metrics={"camvid_val_fp32": _scores(0.9)})
    return tmp_path / "weights"


def test_the_test_score_in_fp32_counts(place):
    (result,) = recorded_results([place], ["cityscapes", "camvid"])
    assert (result.network, result.options) == ("bisenetv2", {"alpha": 2})
    assert (result.label, result.dataset, result.size) == ("a", "camvid", (96, 64))
    assert result.test == pytest.approx(50) and result.own and result.fps is None


def test_the_first_model_of_a_name_counts(place, tmp_path, write_model_folder):
    write_model_folder(tmp_path / "user" / "a", metrics={"camvid_test_int8": _scores(0.7)})
    (result,) = recorded_results([tmp_path / "nowhere", tmp_path / "user", place], ["camvid"])
    assert result.test == pytest.approx(70)


def test_a_broken_card_is_named_and_left_out_and_one_being_written_is_not_looked_at(place, caplog):
    others = len(recorded_results([place], ["camvid"]))
    (place / ".b.1234").mkdir()
    (place / ".b.1234" / "model.json").write_text("{")
    assert len(recorded_results([place], ["camvid"])) == others and not caplog.messages
    (place / "a" / "model.json").write_text("{")
    assert len(recorded_results([place], ["camvid"])) < others
    assert "model.json" in caplog.messages[0]

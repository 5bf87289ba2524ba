"""Own results: what `bisenet evaluate --record` left in model cards."""

import pytest

from bisenet_core.reports.networks.recorded_results import recorded_results


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

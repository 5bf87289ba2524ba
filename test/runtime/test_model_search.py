import os
from pathlib import Path

import pytest

from bisenet_core.errors import InputError
from bisenet_core.runtime.model_search import resolve_model, weights_search_path


@pytest.fixture
def weights(tmp_path, monkeypatch):
    folder = tmp_path / "own weights"
    (folder / "street_net").mkdir(parents=True)
    monkeypatch.setenv("BISENET_WEIGHTS", os.pathsep.join([str(tmp_path / "absent"), str(folder)]))
    return folder


def test_a_folder_is_taken_as_it_is(tmp_path):
    assert resolve_model(str(tmp_path)) == tmp_path
    assert resolve_model(tmp_path) == tmp_path


@pytest.mark.parametrize("entry", ["~nobody_has_this_name/weights", "w" * 300, "/proc/1/fd"])
def test_a_search_path_that_leads_nowhere_is_passed_over(weights, monkeypatch, entry):
    monkeypatch.setenv("BISENET_WEIGHTS", os.pathsep.join([entry, str(weights)]))
    assert resolve_model("street_net") == weights / "street_net"
    with pytest.raises(InputError, match="did you mean 'street_net'"):
        resolve_model("street_nett")


def test_a_name_is_found_under_the_search_path(weights):
    assert resolve_model("street_net") == weights / "street_net"


def test_a_folder_of_that_name_where_one_happens_to_be_comes_last(weights, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    for name in ("street_net", "mine"):
        (elsewhere / name).mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert resolve_model("street_net") == weights / "street_net"
    assert resolve_model("./street_net").resolve() == elsewhere / "street_net"
    assert resolve_model("mine").resolve() == elsewhere / "mine"


def test_the_search_path_runs_from_the_users_own_to_the_cache(weights, monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/here")
    places = weights_search_path()
    assert places[1] == weights
    assert places[2] == Path(__file__).resolve().parents[2] / "weights"
    assert Path("/opt/ros/here/share/bisenet_ros/weights") in places
    assert places[-1] == Path.home() / ".cache" / "bisenet" / "weights"


@pytest.mark.parametrize("name, message", [
    ("street_nett", "did you mean 'street_net'"),
    ("cityscapes_bisenetv2", "run `bisenet weights fetch cityscapes-bisenetv2`; looked in "),
    ("ade20k_bisenetv1_resnet18", "run `bisenet weights fetch ade20k-bisenetv1-resnet18`"),
    ("some/where/else", "the model folder some/where/else does not exist"),
    ("", "no model given"),
    ("m" * 300, "not found"),  # longer than a file name may be
    ("~nobody_has_this_name/model", "does not exist"),
])
def test_a_model_that_is_not_there_says_what_to_do(weights, name, message):
    with pytest.raises(InputError, match=message) as caught:
        resolve_model(name)
    assert "\n" not in str(caught.value)


def test_a_file_is_not_a_model(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(InputError, match="is a file; give the folder"):
        resolve_model(tmp_path / "model.onnx")

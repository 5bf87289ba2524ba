import json
import multiprocessing
from dataclasses import replace

import pytest

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19
from bisenet_core.runtime.model_card import ModelCard, file_sha256


@pytest.fixture
def folder(tmp_path, write_model_folder):
    return write_model_folder(tmp_path / "net", onnx_bytes=b"not looked into")


def edit(folder, change):
    path = folder / "model.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refusal(folder):
    with pytest.raises(InputError) as caught:
        ModelCard.load(folder)
    message = str(caught.value)
    assert "\n" not in message and str(folder) in message
    return message


@pytest.mark.parametrize("changes", [
    {}, {"label_space": CITYSCAPES_19, "color_order": "bgr", "metrics": {"miou": 0.5, "iou": [0.1, None]}}])
def test_a_saved_card_loads_as_it_was(tmp_path, make_card, changes):
    (tmp_path / "model.onnx").write_bytes(b"weights")
    card = make_card(onnx_sha256=file_sha256(tmp_path / "model.onnx"), **changes)
    saved = card.save(tmp_path)
    loaded = ModelCard.load(tmp_path)
    assert card == saved == loaded
    assert loaded.onnx_path == saved.onnx_path == tmp_path / "model.onnx"
    assert isinstance(loaded.mean, tuple) and loaded.label_space == card.label_space


def test_the_file_is_for_people_too(folder):
    text = (folder / "model.json").read_text()
    assert text.startswith('{\n  "schema_version": 1,\n  "name": "tiny"')
    assert '"mean": [0.4, 0.42, 0.43]' in text
    assert "[128, 64, 128]" in text
    assert json.loads(text)["label_space"]["classes"] == list(CAMVID_11.classes)
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.onnx"]


def test_a_card_names_its_upsampling_only_where_it_is_not_half_pixel(folder):
    assert "upsampling" not in json.loads((folder / "model.json").read_text())
    assert ModelCard.load(folder).upsampling == "half_pixel"
    edit(folder, lambda content: content.update(upsampling="align_corners"))
    card = ModelCard.load(folder)
    assert card.upsampling == "align_corners" and card == ModelCard.load(card.save(folder).folder)


def test_a_card_names_its_temperature_only_where_it_is_not_1(folder):
    assert "temperature" not in json.loads((folder / "model.json").read_text())
    assert ModelCard.load(folder).temperature == 1
    edit(folder, lambda content: content.update(temperature=1.5))
    card = ModelCard.load(folder)
    assert card.temperature == 1.5 and card == ModelCard.load(card.save(folder).folder)


def test_a_card_without_a_folder_has_no_file(make_card):
    with pytest.raises(ValueError, match="neither loaded"):
        print(make_card().onnx_path)


def test_a_missing_folder_is_named(tmp_path):
    assert "is not a folder" in refusal(tmp_path / "absent")


def test_missing_files_are_named(folder):
    (folder / "model.onnx").unlink()
    assert "model.onnx is missing; export or fetch" in refusal(folder)
    (folder / "model.json").unlink()
    assert "model.json is missing" in refusal(folder)


def test_a_changed_network_is_refused(folder):
    (folder / "model.onnx").write_bytes(b"not looked intO")
    message = refusal(folder)
    assert "model.onnx is tampered with or truncated: expected sha256" in message
    assert file_sha256(folder / "model.onnx") in message


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"a": 1,}'])
def test_a_card_that_is_not_json_is_refused(folder, content):
    (folder / "model.json").write_bytes(content)
    assert "model.json is not valid JSON" in refusal(folder)


@pytest.mark.parametrize("content", ["[]", "3", "{}", '{"schema_version": 2}', '{"schema_version": "1"}'])
def test_another_schema_is_refused(folder, content):
    (folder / "model.json").write_text(content)
    assert "this program reads 1" in refusal(folder)


@pytest.mark.parametrize("key, value, message", [
    ("input_widht", 640, "unknown key 'input_widht' in the card; did you mean 'input_width'?"),
    ("zzz", 1, "unknown key 'zzz' in the card; known: schema_version, name"),
    ("name", "", "name is ''; expected text"),
    ("mean", [0.5, 0.5], "mean is [0.5, 0.5]; expected three numbers"),
    ("std", [0.2, 0.0, 0.2], "std is [0.2, 0.0, 0.2]; expected three numbers from 0.001 to 1"),
    ("std", [0.2, "a", 0.2], "expected three numbers from 0.001 to 1"),
    ("std", [58.4, 57.1, 57.4], "of a std on the scale 0 to 255, a 255th"),
    ("mean", [123.7, 116.3, 103.5], "of a mean from 0 to 255, a 255th"),
    ("mean", [0.2, float("nan"), 0.2], "NaN is no number that JSON has"),
    ("input_width", 480.5, "input_width is 480.5; expected a whole number of pixels"),
    ("input_height", True, "input_height is True"),
    ("color_order", "rgba", "color_order is 'rgba'; expected \"rgb\" or \"bgr\""),
    ("color_order", [], "color_order is []"),
    ("upsampling", "bilinear", "upsampling is 'bilinear'; expected half_pixel or align_corners"),
    *[("temperature", value, f"temperature is {value!r}; expected a number from 0.1 to 10")
      for value in (0, -1, 11, "1", True, [1.0])],
    ("upsampling", None, "upsampling is missing; expected half_pixel or align_corners"),
    ("onnx_sha256", "abc", "64 lower-case hexadecimal digits"),
    ("recipe", [], "recipe is []; expected a JSON object"),
    ("licence", None, "licence is missing; expected text"),
    ("label_space", [], "label_space is []; expected a JSON object"),
])
def test_bad_values_are_named(folder, key, value, message):
    edit(folder, lambda content: content.update({key: value}))
    assert message in refusal(folder)


@pytest.mark.parametrize("key, value, message", [
    ("palette", [[0, 0, 0]], "1 colours for 11 classes"),
    ("palette", "red", "palette must be a list of [red, green, blue]"),
    ("palette", [[0, 0, 0.5]] * 11, "palette must be a list of [red, green, blue]"),
    ("classes", ["a"] * 11, "class names must differ"),
    ("classes", "Sky", "classes a list of texts"),
    ("ignore_id", 3, "ignore_id 3"),
    ("ignore_id", "none", "ignore_id is 'none'"),
    ("ignoreid", 3, "unknown key 'ignoreid' in label_space; did you mean 'ignore_id'?"),
])
def test_bad_label_spaces_are_named(folder, key, value, message):
    edit(folder, lambda content: content["label_space"].update({key: value}))
    assert message in refusal(folder)


@pytest.mark.parametrize("key", ["mean", "label_space", "licence"])
def test_missing_keys_are_named(folder, key):
    edit(folder, lambda content: content.pop(key))
    assert f"the card lacks the key '{key}'" in refusal(folder)


def test_a_card_made_in_code_is_checked_too(make_card):
    with pytest.raises(InputError, match="input_width is 0"):
        make_card(input_width=0)


def _record(folder, name):
    for number in range(10):
        ModelCard.load(folder).amend(metrics={f"{name}_{number}": 1})


def test_commands_that_write_at_once_lose_nothing(folder):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_record, args=(folder, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    wanted = {f"{name}_{number}" for name in "ab" for number in range(10)}
    assert wanted <= set(ModelCard.load(folder).metrics)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_json_has_not_is_refused_when_it_is_read(folder, number):
    path = folder / "model.json"
    path.write_text(path.read_text().replace('"metrics": {', f'"metrics": {{"x": {number},', 1))
    with pytest.raises(InputError, match="is no number that JSON has"):
        ModelCard.load(folder)


def test_what_another_command_wrote_meanwhile_is_kept(folder):
    mine, other = ModelCard.load(folder), ModelCard.load(folder)
    other.amend(temperature=1.5, metrics={"other": 1})
    found = mine.amend(metrics={"mine": 2})
    assert ModelCard.load(folder) == found and found.temperature == 1.5
    assert found.metrics == {**mine.metrics, "other": 1, "mine": 2}
    (folder / "model.onnx").write_bytes(b"another")
    replace(mine, onnx_sha256=file_sha256(folder / "model.onnx")).save(folder)
    with pytest.raises(InputError, match="was replaced meanwhile"):
        mine.amend(metrics={"mine": 3})

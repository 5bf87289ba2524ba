import json
import re

import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import (
    ADE20K_150,
    CAMVID_11,
    CITYSCAPES_19,
    COCO_STUFF_171,
    LABEL_SPACES,
    LabelSpace,
)


def test_camvid_is_what_the_data_set_says(camvid_root):
    published = json.loads((camvid_root / "classes.json").read_text())
    assert CAMVID_11.name == published["name"]
    assert CAMVID_11.ignore_id == published["ignore_id"]
    assert list(CAMVID_11.classes) == [entry["name"] for entry in published["classes"]]
    colors = [tuple(entry["color_rgb"]) for entry in published["classes"]]
    assert list(CAMVID_11.palette) == colors


def test_cityscapes_has_the_evaluated_train_ids():
    assert CITYSCAPES_19.num_classes == 19
    assert CITYSCAPES_19.ignore_id == 255
    assert [CITYSCAPES_19.id_of(name) for name in ("road", "sky", "car", "bicycle")] == [0, 10, 13, 18]
    assert CITYSCAPES_19.palette[13] == (0, 0, 142)


def test_ade20k_and_coco_stuff_are_numbered_as_they_are_published():
    assert (ADE20K_150.num_classes, COCO_STUFF_171.num_classes) == (150, 171)
    known = {"wall": 0, "sky": 2, "bed": 7, "person": 12, "chest of drawers": 44, "flag": 149}
    assert {name: ADE20K_150.id_of(name) for name in known} == known
    assert ADE20K_150.palette[12] == (150, 5, 61) and ADE20K_150.palette[149] == (92, 0, 255)
    known = {"person": 0, "traffic light": 9, "toothbrush": 79, "banner": 80, "wall-brick": 159, "wood": 170}
    assert {name: COCO_STUFF_171.id_of(name) for name in known} == known
    assert COCO_STUFF_171.palette[9] == (128, 192, 64) and COCO_STUFF_171.palette[170] == (64, 64, 0)


@pytest.mark.parametrize("space", LABEL_SPACES.values(), ids=lambda space: space.name)
def test_every_class_is_found_by_its_name_and_by_its_topic_name(space):
    for class_id, name in enumerate(space.classes):
        topic = space.topic_name(class_id)
        assert space.id_of(name) == space.id_of(topic) == class_id
        assert re.match(r"[A-Za-z_][A-Za-z0-9_]*\Z", topic)


def test_an_unknown_class_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'traffic light'"):
        CITYSCAPES_19.id_of("trafic_light")
    with pytest.raises(InputError, match="CamVid-11 has Sky, Building"):
        CAMVID_11.id_of("zzz")


def test_topic_names_suit_ros():
    space = LabelSpace("odd", ("3 wheeler", "car/truck"), ((0, 0, 0), (1, 1, 1)))
    assert [space.topic_name(class_id) for class_id in range(2)] == ["_3_wheeler", "car_truck"]
    with pytest.raises(InputError, match="no class 2"):
        space.topic_name(2)


def test_names_in_any_script_give_topics_that_differ():
    names = ("Stra\u00dfe", "a\u0301rbol", "\u9053\u8def", "\u6811", "caf\u00e9 1",
             "\U0001f697", "\U0001f6b2", "--")
    space = LabelSpace("world", names, tuple((i, i, i) for i in range(8)))
    topics = [space.topic_name(class_id) for class_id in range(8)]
    assert topics == ["class_0", "arbol", "class_2", "class_3", "cafe_1", "class_5", "class_6", "__"]
    assert [space.id_of(topic) for topic in topics] == list(range(8)) == [space.id_of(name) for name in names]
    assert space.id_of("\u00e1rbol") == 1  # the same letter, composed


def test_palette_table_is_black_outside_the_classes():
    lut = CAMVID_11.palette_lut()
    assert lut.shape == (256, 3) and lut.dtype == np.uint8
    assert tuple(lut[3]) == (128, 64, 128)
    assert not lut[11:].any()


@pytest.mark.parametrize("changes, message", [
    ({"palette": ((0, 0, 0),)}, "1 colours for 2 classes"),
    ({"palette": ((0, 0, 0), (0, 0, 256))}, "not three values"),
    ({"palette": ((0, 0, 0), (0, 0))}, "not three values"),
    ({"classes": ("traffic light", "Traffic_Light")}, "must differ"),
    ({"classes": ("\u00e4", "a")}, "must differ"),
    ({"classes": ("\u6811", "class_0")}, "must differ"),
    ({"classes": ("", "a")}, "empty name"),
    ({"classes": (), "palette": ()}, "0 classes"),
    ({"ignore_id": 1}, "ignore_id 1"),
    ({"ignore_id": 256}, "ignore_id 256"),
])
def test_parts_that_do_not_fit_are_refused(changes, message):
    parts = dict(name="two", classes=("a", "b"), palette=((0, 0, 0), (1, 1, 1)), ignore_id=255)
    with pytest.raises(InputError, match=message):
        LabelSpace(**dict(parts, **changes))

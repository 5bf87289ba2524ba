"""The user's own data: folders or lists of images and labels, and a classes.json."""

import json
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.files import read_json
from bisenet_core.labels.label_space import UNLABELED, LabelSpace
from bisenet_core.learning.datasets.label_coding import IdCoding, ids_of
from bisenet_core.learning.datasets.layouts import PathLists, Source, TwoTrees

#: Names of data sets whose classes are in their own files.
OWN_DATA = ("folder", "list")


def own_folder(root: Path) -> Source:
    """ROOT/SPLIT/images and ROOT/SPLIT/labels, whose ids ROOT/classes.json explains."""
    space = read_classes(root / "classes.json")
    coding = read_coding(root / "classes.json", space)
    return Source(space, (TwoTrees("{}/images", "{}/labels", {".png": coding}),))


def own_list(root: Path) -> Source:
    """ROOT/SPLIT.txt with two paths on each line, whose labels' ids ROOT/classes.json explains."""
    space = read_classes(root / "classes.json")
    return Source(space, (PathLists(read_coding(root / "classes.json", space)),))


def read_classes(path: Path) -> LabelSpace:
    """The label space that a classes.json describes.

    {"name": "Yard", "ignore_id": 255, "classes": [{"id": 0, "name": "ground", "color_rgb": [90, 90, 90]}]};
    without a name that of the folder is taken, without an ignore_id 255. Raises InputError where the file
    is missing or malformed.
    """
    content = _content(path)
    classes = content["classes"]
    for index, entry in enumerate(classes):
        _check_class(path, index, entry)
    ordered = sorted(classes, key=lambda entry: entry["id"])
    if [entry["id"] for entry in ordered] != list(range(len(ordered))):
        raise InputError(f"{path}: the classes' ids must be 0 to {len(ordered) - 1}, each once")
    ignore_id = content.get("ignore_id", UNLABELED)
    if not _is_whole(ignore_id):
        raise InputError(f"{path}: ignore_id is {json.dumps(ignore_id)}; expected a whole number")
    names = tuple(entry["name"] for entry in ordered)
    palette = tuple(tuple(entry["color_rgb"]) for entry in ordered)
    try:
        return LabelSpace(str(content.get("name", path.absolute().parent.name)), names, palette, ignore_id)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_coding(path: Path, space: LabelSpace) -> IdCoding:
    """What ids in label files mean: those of the classes of ``space``, or as "file_ids" of classes.json says.

    {"file_ids": {"0": null, "7": 0, "255": 1}}: ids of the files, 0 to 255, with the class of each or null
    for none. ``ignore_id`` has no class unless it stands there. Raises InputError for a map of other things,
    and for a class that no id has.
    """
    given = _content(path).get("file_ids")
    if given is None:
        return ids_of(space)
    classes = range(space.num_classes)
    if not isinstance(given, dict) or not all(
        key in map(str, range(256)) and (value is None or (_is_whole(value) and value in classes))
        for key, value in given.items()
    ):
        raise InputError(
            f'{path}: "file_ids" is {json.dumps(given)[:100]}; expected ids that label files hold, 0 to 255, '
            f'each with its class, 0 to {classes[-1]}, or null for none: {{"0": 0, "255": 1, "7": null}}'
        )
    absent = [space.classes[index] for index in classes if index not in given.values()]
    if absent:
        raise InputError(f'{path}: no id in "file_ids" is class {absent[0]!r}; expected one for each class')
    ids = {int(key): UNLABELED if value is None else value for key, value in given.items()}
    return IdCoding({space.ignore_id: UNLABELED, **ids}, f'{", ".join(given)}, the "file_ids" of {path}')


def _content(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise InputError(
            f"{path} is missing; it names the classes: "
            '{"classes": [{"id": 0, "name": "ground", "color_rgb": [90, 90, 90]}, ...]}'
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no JSON that can be read: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("classes"), list):
        raise InputError(f'{path}: "classes" is no list; expected {{"classes": [...]}}')
    return content


def _check_class(path: Path, index: int, entry: Any) -> None:
    """Raises InputError unless ``entry`` has an id, a name and a color_rgb of the right kinds."""
    wanted = {"id": _is_whole, "name": lambda value: isinstance(value, str), "color_rgb": _is_color}
    for key, fits in wanted.items():
        if not isinstance(entry, dict) or not fits(entry.get(key)):
            raise InputError(
                f"{path}: class number {index + 1} is {json.dumps(entry)[:100]}; "
                'expected such as {"id": 0, "name": "ground", "color_rgb": [90, 90, 90]}'
            )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_color(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_whole, value))

"""Open a split of a data set by the data set's name: a published one's, or of one's own."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError, suggest
from bisenet_core.files import read_json
from bisenet_core.labels.label_space import UNLABELED, LabelSpace
from bisenet_core.learning.datasets.label_coding import IdCoding, ids_of
from bisenet_core.learning.datasets.layouts import Layout, PathLists, Source, TwoTrees
from bisenet_core.learning.datasets.published import ADE20K, CAMVID, CITYSCAPES, COCOSTUFF
from bisenet_core.learning.datasets.segmentation_dataset import Pair, SegmentationDataset, SplitFiles

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
        return LabelSpace(str(content.get("name") or path.absolute().parent.name), names, palette, ignore_id)
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
            raise InputError(f"{path}: class number {index + 1} is {json.dumps(entry)[:100]}; "
                             'expected such as {"id": 0, "name": "ground", "color_rgb": [90, 90, 90]}')


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_color(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_whole, value))


#: Data set name -> what it is below a root.
_SOURCES: dict[str, Callable[[Path], Source]] = {
    "camvid": lambda root: CAMVID,
    "cityscapes": lambda root: CITYSCAPES,
    "ade20k": lambda root: ADE20K,
    "cocostuff": lambda root: COCOSTUFF,
    "folder": own_folder,
    "list": own_list,
}
DATASET_NAMES = tuple(_SOURCES)


def open_dataset(name: str, root: Path | str, split: str) -> SegmentationDataset:
    """Open ``split`` of data set ``name`` below ``root``, where every image must have its labels.

    ``split``: train, val or test, or several joined by "+", such as "train+val". Raises InputError that says
    what is missing.
    """
    dataset = find_dataset(name, root, split)
    if dataset.unpaired:
        first, count = dataset.unpaired[0], len(dataset.unpaired)
        more = f" ({count - 1} more such; see bisenet data check)" if count > 1 else ""
        raise InputError(first + more)
    return dataset


def find_dataset(name: str, root: Path | str, split: str) -> SegmentationDataset:
    """As ``open_dataset``, but files without their other half are no error: ``unpaired`` names them."""
    source, layout, known = _recognise(name, Path(root))
    parts = split.split("+")
    for part in parts:
        if part not in known:
            raise InputError(
                f"{root} has no split '{part}' of {name}; it has {', '.join(known)} ({layout.expected}); "
                "a recipe names its splits by train_split and val_split, '' for none"
            )
    files = [layout.read(Path(root), part) for part in parts]
    for part, found in zip(parts, files):
        if not (found.pairs or found.unpaired):
            raise InputError(f"split '{part}' of {root} holds no images; expected {layout.expected}")
    return SegmentationDataset(source.label_space, files[0] if len(files) == 1 else _joined(parts, files))


def without_pairs(name: str, root: Path | str) -> SegmentationDataset:
    """Data set ``name`` with its classes and no image; ``root`` is read where classes stand in files."""
    label_space = _source(name, Path(root)).label_space
    return SegmentationDataset(label_space, SplitFiles([], ids_of(label_space)))


def splits_of(name: str, root: Path | str) -> list[str]:
    """The splits of data set ``name`` that are below ``root``. Raises InputError where it is not there."""
    return _recognise(name, Path(root))[2]


def _source(name: str, root: Path) -> Source:
    if name not in _SOURCES:
        raise InputError(f"no data set is called '{name}'; {suggest(name, DATASET_NAMES)}")
    return _SOURCES[name](root)


def _recognise(name: str, root: Path) -> tuple[Source, Layout, list[str]]:
    if name in _SOURCES and not root.is_dir():
        raise InputError(f"{root} is not a folder; expected the root of {name}")
    source = _source(name, root)
    for layout in source.layouts:
        splits = layout.splits(root)
        if splits:
            return source, layout, splits
    expected = "; or ".join(layout.expected for layout in source.layouts)
    raise InputError(f"{root} does not look like {name}; expected below it {expected}")


def _joined(splits: Sequence[str], files: Sequence[SplitFiles]) -> SplitFiles:
    """One after the other, under names that begin with the split's; their coding is that of all."""
    if any(f.coding != files[0].coding for f in files):
        raise InputError(f"splits {' and '.join(splits)} hold different kinds of label files; expected one")
    pairs = [
        Pair(f"{split}/{pair.name}", pair.image, pair.label)
        for split, part in zip(splits, files)
        for pair in part.pairs
    ]
    return SplitFiles(pairs, files[0].coding, [line for part in files for line in part.unpaired])

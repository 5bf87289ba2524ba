"""Open a split of a data set by the data set's name."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bisenet_core.errors import InputError, suggest
from bisenet_core.learning.datasets.label_coding import ids_of
from bisenet_core.learning.datasets.layouts import Layout, Source
from bisenet_core.learning.datasets.own_data import own_folder, own_list
from bisenet_core.learning.datasets.published import ADE20K, CAMVID, CITYSCAPES, COCOSTUFF
from bisenet_core.learning.datasets.segmentation_dataset import Pair, SegmentationDataset, SplitFiles

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

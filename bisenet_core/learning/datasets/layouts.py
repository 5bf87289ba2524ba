"""The ways data sets lie on disk: two parallel trees of folders, or lists of names."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.learning.datasets.image_file import IMAGE_ENDINGS
from bisenet_core.learning.datasets.label_coding import LabelCoding
from bisenet_core.learning.datasets.segmentation_dataset import Pair, SplitFiles

_USUAL = ("train", "val", "test")


class Layout(Protocol):
    """One of the layouts of a data set."""

    @property
    def expected(self) -> str:
        """What lies where, for an error."""

    def splits(self, root: Path) -> list[str]:
        """The splits below ``root``; none where the layout is another one."""

    def read(self, root: Path, split: str) -> SplitFiles:
        """The files of one of ``splits``."""


class Source(NamedTuple):
    """A data set: its classes and the layouts that people have it in; the first that fits is taken."""

    label_space: LabelSpace
    layouts: tuple[Layout, ...]


@dataclass(frozen=True)
class TwoTrees:
    """Images below one folder, labels below another, under equal names but for their endings.

    ``images`` and ``labels`` are paths below the root in which {} stands for the split, by its name on disk
    in ``on_disk`` (by default its own, whatever it is). Of ``codings``, label ending -> what such files
    hold, the first counts whose ending occurs.
    """

    images: str
    labels: str
    codings: Mapping[str, LabelCoding]
    on_disk: Mapping[str, str] = field(default_factory=dict)
    image_endings: tuple[str, ...] = IMAGE_ENDINGS

    @property
    def expected(self) -> str:
        """The two paths."""
        split = "|".join(dict.fromkeys(self.on_disk.values())) or "SPLIT"
        return f"{self.images.format(split)} with {self.labels.format(split)}"

    def splits(self, root: Path) -> list[str]:
        """Those that have both folders."""
        words = self.on_disk or {word: word for word in _words(root, self.images)}
        return [split for split, word in words.items() if all(p.is_dir() for p in self._folders(root, word))]

    def read(self, root: Path, split: str) -> SplitFiles:
        """Every image and label file below the split's two folders."""
        images, labels = self._folders(root, self.on_disk.get(split, split))
        found = files_below(labels)
        ending = next((e for e in self.codings if any(name.endswith(e) for name in found)), None)
        if ending is None:
            raise InputError(f"{labels} holds no label files; expected *{' or *'.join(self.codings)}")
        pairs, unpaired = pair_up(images, files_below(images), self.image_endings, labels, found, ending)
        return SplitFiles(pairs, self.codings[ending], unpaired)

    def _folders(self, root: Path, word: str) -> tuple[Path, Path]:
        return root / self.images.format(word), root / self.labels.format(word)


def _words(root: Path, pattern: str) -> list[str]:
    """What may stand for {} in ``pattern``: the folders at that place, train, val and test before others."""
    before = root / pattern.split("{}")[0]
    found = folders_in(before)
    return sorted(found, key=lambda word: _USUAL.index(word) if word in _USUAL else len(_USUAL))


def folders_in(path: Path) -> list[str]:
    """Names of the folders in ``path``, sorted, but for hidden ones; none where it is no folder."""
    places = path.iterdir() if path.is_dir() else ()
    return sorted(p.name for p in places if p.is_dir() and not p.name.startswith("."))


def files_below(folder: Path) -> list[str]:
    """Paths below ``folder``, with slashes, sorted; nothing hidden, such as Jupyter and macOS leave behind.

    Each folder counts once, by its own place rather than by a link to it, and no link is followed to a
    folder that holds ``folder``. Raises InputError for a folder that cannot be listed.
    """
    found, seen, whole = [], set(), os.path.realpath(folder)
    waiting, linked = [str(folder)], list[str]()
    while waiting or linked:
        place = waiting.pop() if waiting else linked.pop()
        real = os.path.realpath(place)
        if real in seen or (real != whole and os.path.commonpath((real, whole)) == real):
            continue
        seen.add(real)
        for entry in _listed(place):
            if entry.is_dir():
                (linked if entry.is_symlink() else waiting).append(entry.path)
            else:
                found.append(os.path.relpath(entry.path, folder).replace(os.sep, "/"))
    return sorted(found)


def _listed(place: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as error:
        raise InputError(f"folder {place} cannot be listed: {error.strerror}") from None


def pair_up(
    images: Path,
    image_names: Iterable[str],
    image_endings: tuple[str, ...],
    labels: Path,
    label_names: Iterable[str],
    label_ending: str,
) -> tuple[list[Pair], list[str]]:
    """Pairs of equal names without their endings, and a line for each file that is alone."""
    others = "".join(f" or {ending}" for ending in image_endings[1:])
    unpaired: list[str] = []
    by_name: dict[str, str] = {}
    for file in image_names:
        ending = next((e for e in image_endings if file.lower().endswith(e.lower())), None)
        if ending is None:
            continue
        name = file[: -len(ending)]
        if name in by_name:
            unpaired.append(f"{images / file} and {images / by_name[name]} share one label file; keep one")
        by_name.setdefault(name, file)
    truth = {file.removesuffix(label_ending): file for file in label_names if file.endswith(label_ending)}
    pairs = []
    for name in sorted({*by_name, *truth}):
        if name not in truth:
            expected = labels / (name + label_ending)
            unpaired.append(f"{images / by_name[name]} has no labels; expected {expected}")
        elif name not in by_name:
            expected = images / (name + image_endings[0])
            unpaired.append(f"{labels / truth[name]} has no image; expected {expected}{others}")
        else:
            pairs.append(Pair(name, str(images / by_name[name]), str(labels / truth[name])))
    return pairs, unpaired


@dataclass(frozen=True)
class NameLists:
    """A list of names for each split, all images in one folder and all labels in another.

    ``images`` and ``labels`` are paths below the root in which {} stands for a name, ``lists`` those of the
    lists by split.
    """

    lists: Mapping[str, str]
    images: str
    labels: str
    coding: LabelCoding

    @property
    def expected(self) -> str:
        """The lists, and what they name."""
        return f"{', '.join(dict.fromkeys(self.lists.values()))} with {self.images.format('NAME')}"

    def splits(self, root: Path) -> list[str]:
        """Those that have a list."""
        return [split for split, path in self.lists.items() if (root / path).is_file()]

    def read(self, root: Path, split: str) -> SplitFiles:
        """What the split's list names."""
        names = [line for _, line in lines_of(root / self.lists[split])]
        files = [Pair(n, str(root / self.images.format(n)), str(root / self.labels.format(n))) for n in names]
        return present(files, self.coding)


@dataclass(frozen=True)
class PathLists:
    """SPLIT.txt below the root: an image's and its labels' path on each line, from the root or absolute.

    A comma, a tab, or (where there is neither) white space stands between them.
    """

    coding: LabelCoding
    expected: str = "SPLIT.txt with an image and a label path on each line"

    def splits(self, root: Path) -> list[str]:
        """The names of the lists."""
        found = {path.stem for path in root.glob("*.txt") if not path.name.startswith(".")}
        return [split for split in _USUAL if split in found] + sorted(found - {*_USUAL})

    def read(self, root: Path, split: str) -> SplitFiles:
        """What the split's list names; an image is called by its path in the list, without ending."""
        path, pairs = root / f"{split}.txt", []
        for number, line in lines_of(path):
            parts = re.split(r"\s*[,\t]\s*" if re.search("[,\t]", line) else r"\s+", line)
            if len(parts) != 2:
                raise InputError(f"line {number} of {path} has {len(parts)} paths; expected image and labels")
            name = Path(parts[0]).with_suffix("").as_posix()
            pairs.append(Pair(name, str(root / parts[0]), str(root / parts[1])))
        return present(pairs, self.coding)


def lines_of(path: Path) -> list[tuple[int, str]]:
    """(number, text) of the lines of a list that are neither empty nor begin with #."""
    try:
        lines = enumerate(path.read_text().splitlines(), 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the list {path}: {error}") from None
    return [(n, line.strip()) for n, line in lines if line.strip() and not line.lstrip().startswith("#")]


def present(pairs: Iterable[Pair], coding: LabelCoding) -> SplitFiles:
    """The pairs of which both files are there, and lines on the others and on what is listed twice."""
    complete, lacking, seen = [], [], set()
    for pair in pairs:
        missing = [path for path in (pair.image, pair.label) if not os.path.isfile(path)]
        lacking += [f"{path} is missing, though listed" for path in missing]
        if pair.name in seen:
            lacking.append(f"{pair.image} is listed twice")
        elif not missing:
            complete.append(pair)
        seen.add(pair.name)
    return SplitFiles(complete, coding, lacking)

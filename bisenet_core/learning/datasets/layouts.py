"""The ways data sets lie on disk: two parallel trees of folders, or lists of names."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from bisenet_core.drives.image_files import as_on_disk, composed
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.files import read_text
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.learning.datasets.image_file import IMAGE_ENDINGS, OTHER_IMAGE_ENDINGS, not_trained_on
from bisenet_core.learning.datasets.label_coding import LabelCoding
from bisenet_core.learning.datasets.segmentation_dataset import Pair, SplitFiles

_MOST_LIST, _MOST_LINES = 1 << 26, 1 << 20  # bytes and lines of a list
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
        split = "|".join(dict.fromkeys(self.on_disk.values())) or "SPLIT"
        return f"{self.images.format(split)} with {self.labels.format(split)}"

    def splits(self, root: Path) -> list[str]:
        found = folders_in(root / self.images.split("{}")[0])
        found.sort(key=lambda word: _USUAL.index(word) if word in _USUAL else len(_USUAL))
        words = self.on_disk or {word: word for word in found}
        return [split for split, word in words.items() if all(p.is_dir() for p in self._folders(root, word))]

    def read(self, root: Path, split: str) -> SplitFiles:
        images, labels = self._folders(root, self.on_disk.get(split, split))
        found = files_below(labels)
        names = [name.lower() for name in found]
        ending = next((e for e in self.codings if any(name.endswith(e.lower()) for name in names)), None)
        if ending is None:
            raise InputError(f"{labels} holds no label files; expected *{' or *'.join(self.codings)}")
        pairs, unpaired = pair_up(images, files_below(images), self.image_endings, labels, found, ending)
        return SplitFiles(pairs, self.codings[ending], unpaired)

    def _folders(self, root: Path, word: str) -> tuple[Path, Path]:
        return root / self.images.format(word), root / self.labels.format(word)


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
    with explain_os_errors(f"folder {place} cannot be listed"), os.scandir(place) as entries:
        return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)


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
    image_names = list(image_names)
    by_name, unpaired = _by_name(images, image_names, image_endings, "share one label file")
    truth, twice = _by_name(labels, label_names, (label_ending,), "are of one image")
    unread, _ = _by_name(images, image_names, OTHER_IMAGE_ENDINGS, "")
    unpaired += twice
    pairs = []
    for name in sorted({*by_name, *truth, *unread}):
        if name in unread and name not in by_name:
            unpaired.append(not_trained_on(images / unread[name]))
        elif name not in truth:
            expected = labels / (name + label_ending)
            unpaired.append(f"{images / by_name[name]} has no labels; expected {expected}")
        elif name not in by_name:
            expected = images / (name + image_endings[0])
            unpaired.append(f"{labels / truth[name]} has no image; expected {expected}{others}")
        else:
            pairs.append(Pair(name, str(images / by_name[name]), str(labels / truth[name])))
    return pairs, unpaired


def _by_name(
    folder: Path, files: Iterable[str], endings: tuple[str, ...], what: str
) -> tuple[dict[str, str], list[str]]:
    """Composed name without its ending -> file, and a line for each further file of a name."""
    found: dict[str, str] = {}
    repeated = []
    for file in files:
        ending = next((e for e in endings if file.lower().endswith(e.lower())), None)
        if ending is None:
            continue
        name = composed(file[: -len(ending)])
        if found.setdefault(name, file) is not file:
            repeated.append(f"{folder / file} and {folder / found[name]} {what}; keep one")
    return found, repeated


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
        return f"{', '.join(dict.fromkeys(self.lists.values()))} with {self.images.format('NAME')}"

    def splits(self, root: Path) -> list[str]:
        return [split for split, path in self.lists.items() if (root / path).is_file()]

    def read(self, root: Path, split: str) -> SplitFiles:
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
        files = [path for path in root.glob("*.txt") if not path.name.startswith(".")]
        found = {path.stem for path in files if path.stem in _USUAL or _lists_pairs(path)}
        return [split for split in _USUAL if split in found] + sorted(found - {*_USUAL})

    def read(self, root: Path, split: str) -> SplitFiles:
        """What the split's list names; an image is called by its path in the list, without ending."""
        path, pairs = root / f"{split}.txt", []
        for number, line in lines_of(path):
            parts = _paths_in(line)
            if len(parts) != 2 or not Path(parts[0]).name:
                raise InputError(f"line {number} of {path} has {len(parts)} paths; expected image and labels")
            name = Path(parts[0]).with_suffix("").as_posix()
            pairs.append(Pair(name, str(root / parts[0]), str(root / parts[1])))
        return present(pairs, self.coding)


def _paths_in(line: str) -> list[str]:
    return re.split(r"\s*[,\t]\s*" if re.search("[,\t]", line) else r"\s+", line)


def _lists_pairs(path: Path) -> bool:
    """Whether half of the lines or more are two paths, the first of an image: no README or requirements."""
    try:
        lines = [_paths_in(line) for _, line in lines_of(path)]
    except InputError:
        return False
    pairs = [p for p in lines if len(p) == 2 and p[0].lower().endswith(IMAGE_ENDINGS + OTHER_IMAGE_ENDINGS)]
    return bool(pairs) and 2 * len(pairs) >= len(lines)


def lines_of(path: Path) -> list[tuple[int, str]]:
    """(number, text) of the lines of a list that are neither empty nor begin with #."""
    try:
        lines = read_text(path, _MOST_LIST).splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the list {path}: {error}") from None
    if len(lines) > _MOST_LINES:
        raise InputError(f"the list {path} has {len(lines)} lines; expected at most {_MOST_LINES}")
    texts = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(number, text) for number, text in texts if text and not text.startswith("#")]


def present(pairs: Iterable[Pair], coding: LabelCoding) -> SplitFiles:
    """The pairs of which both files are there, and lines on the others and on what is listed twice."""
    complete, lacking, seen = [], [], set()
    for listed in pairs:
        pair = Pair(composed(listed.name), _spelled(listed.image), _spelled(listed.label))
        missing = [path for path in (pair.image, pair.label) if not os.path.isfile(path)]
        lacking += [f"{path} is missing, though listed" for path in missing]
        if pair.name in seen:
            lacking.append(f"{pair.image} is listed twice")
        elif not missing:
            complete.append(pair)
        seen.add(pair.name)
    return SplitFiles(complete, coding, lacking)


def _spelled(path: str) -> str:
    return path if os.path.isfile(path) else str(as_on_disk(Path(path)))

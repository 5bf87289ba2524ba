"""Requirements read from a YAML file: limits for figures of an evaluation, of all bags or of groups."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisenet_core.drives.yaml_file import read_yaml
from bisenet_core.errors import InputError, suggest
from bisenet_core.evaluation.metrics.bands import BANDS
from bisenet_core.reports.parts.formats import is_known
from bisenet_core.reports.replay.figure_names import FIGURES, SHARE

AT_LEAST, AT_MOST, WORSE = "at_least", "at_most", "worse_by_at_most"
_LIMITS = (AT_LEAST, AT_MOST, WORSE)
_LEVELS = 50, 99.9

#: The group of the requirements that all bags have to meet together.
ALL = "all"


@dataclass(frozen=True)
class Requirement:
    """A limit for one figure. Shares are of 1."""

    figure: str
    class_name: str | None
    kind: str
    """``AT_LEAST``, ``AT_MOST``, or ``WORSE`` than in another evaluation."""
    limit: float
    level: float | None
    """Of the interval whose worse end must keep the limit, 0 to 1; None: the figure itself must."""

    @property
    def text(self) -> str:
        """Such as "IoU of Car at least 50 %"."""
        return f"{FIGURES[self.figure].called(self.class_name)} {self.limit_text}"

    @property
    def limit_text(self) -> str:
        """The same without the figure's name."""
        figure, sure = FIGURES[self.figure], f", {100 * self.level:g}% sure" if self.level else ""
        unit = figure.unit if figure.unit != SHARE else "points" if self.kind == WORSE else "%"
        return f"{self.kind.replace('_', ' ')} {self.limit * figure.scale:g} {unit}{sure}"


@dataclass(frozen=True)
class Group:
    """Requirements for the bags whose names match one of ``bags``, patterns as of a shell, all where it has
    none, and of these for the frames that have all ``tags``, names with values."""

    name: str
    requirements: tuple[Requirement, ...]
    bags: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    """One of ``BANDS``, such as ("distance", "0-10 m"), stands for that part of the frames."""


@dataclass(frozen=True)
class Requirements:
    """What a requirements file says."""

    groups: tuple[Group, ...]
    against: Path | None = None
    """Another evaluation's folder, for those of the kind ``WORSE``."""


def read_requirements(path: Path) -> Requirements:
    """Read a requirements file. Raises InputError, with what may be meant, where it says anything else."""
    try:
        content = _mapping(read_yaml(path), ("against", "confidence", "requirements", "groups"), "it")
        level, against = content.get("confidence"), content.get("against")
        groups = [Group(ALL, _requirements(content.get("requirements", []), level))]
        groups += [_group(str(name), of, level)
                   for name, of in _mapping(content.get("groups", {}), None, "groups").items()]
        if not any(group.requirements for group in groups):
            raise ValueError("it has no requirements")
        if against is None and any(one.kind == WORSE for group in groups for one in group.requirements):
            raise ValueError(f"{WORSE} needs `against: FOLDER`, another evaluation")
    except (OSError, ValueError) as error:
        raise InputError(f"requirements {path}: {' '.join(str(error).split())}") from None
    groups = [group for group in groups if group.requirements]
    return Requirements(tuple(groups), None if against is None else path.parent / str(against))


def _group(name: str, content: Any, level: Any) -> Group:
    where = f"group {name}"
    content = _mapping(content, ("bags", "tags", "confidence", "requirements"), where)
    rows = _requirements(content.get("requirements", []), content.get("confidence", level), f" of {where}")
    bags = _list(content.get("bags", []), f"bags of {where}")
    tags = _mapping(content.get("tags", {}), None, f"tags of {where}")
    if not rows or not (bags or tags):
        raise ValueError(f"{where} needs bags, a list of names or patterns, or tags, and requirements")
    if not all(isinstance(value, str) for value in tags.values()):
        raise ValueError(f"tags of {where} must be text; put quotes around other values")
    for kind in tags.keys() & BANDS.keys():
        if tags[kind] not in BANDS[kind]:
            raise ValueError(f"tags of {where} have {kind} {tags[kind]}: {suggest(tags[kind], BANDS[kind])}")
    if tags.keys() >= BANDS.keys():
        raise ValueError(f"tags of {where} have both {' and '.join(BANDS)}; expected one of the two")
    return Group(name, rows, tuple(map(str, bags)), tuple((str(tag), value) for tag, value in tags.items()))


def _requirements(rows: Any, level: Any, of_group: str = "") -> tuple[Requirement, ...]:
    return tuple(_requirement(row, level, f"requirement {place}{of_group}")
                 for place, row in enumerate(_list(rows, f"requirements{of_group}"), 1))


def _requirement(row: Any, level: Any, where: str) -> Requirement:
    row = _mapping(row, ("figure", "class", "confidence", *_LIMITS), where)
    name, class_name, kinds = row.get("figure"), row.get("class"), [kind for kind in _LIMITS if kind in row]
    if name not in FIGURES:
        raise ValueError(f"{where} has the figure {name}: {suggest(str(name), FIGURES)}")
    figure, level = FIGURES[name], row.get("confidence", level)
    if class_name is not None and not figure.of_class:
        raise ValueError(f"{where}: {name} has no classes; those that have: "
                         f"{', '.join(each for each in FIGURES if FIGURES[each].of_class)}")
    if len(kinds) != 1 or not is_known(row[kinds[0]]):
        raise ValueError(f"{where} needs one number: {', '.join(_LIMITS)}")
    if level is not None and not (is_known(level) and _LEVELS[0] <= level <= _LEVELS[1]):
        raise ValueError(f"{where} has a confidence of {level}; expected per cent, such as 95")
    if kinds == [AT_LEAST] and figure.unit == SHARE and 0 < row[AT_LEAST] <= 1:
        raise ValueError(f"{where}: {AT_LEAST} {row[AT_LEAST]:g} is per cent: write 70, not 0.7")
    return Requirement(name, None if class_name is None else str(class_name), kinds[0],
                       row[kinds[0]] / figure.scale, None if level is None else level / 100)


def _mapping(content: Any, known: Iterable[str] | None, where: str) -> dict[Any, Any]:
    if not isinstance(content, dict):
        raise ValueError(f"{where} must have keys and values; see docs/replay.md")
    for key in content:
        if known is not None and key not in known:
            raise ValueError(f"{where} has the key {key}: {suggest(str(key), known)}")
    return content


def _list(content: Any, where: str) -> list[Any]:
    if not isinstance(content, list):
        raise ValueError(f"{where} must be a list")
    return content

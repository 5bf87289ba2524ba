"""Find a model folder by its name."""

import os
import site
import sys
from pathlib import Path
from typing import List, Union

from bisenet_core.errors import InputError, suggest

_SHARE = Path("share") / "bisenet_ros" / "weights"

#: Names of published models begin with the data set they were trained on.
_PUBLISHED = ("cityscapes_", "cocostuff_", "ade20k_")


def weights_search_path() -> List[Path]:
    """Folders that may hold models, first match wins.

    $BISENET_WEIGHTS (several with the path separator between them), the repository's weights/, the installed
    package's share/bisenet_ros/weights, ~/.cache/bisenet/weights.
    """
    given = [Path(os.path.expanduser(entry)) for entry in _entries("BISENET_WEIGHTS")]
    checkout = Path(__file__).resolve().parents[2] / "weights"
    repository = [checkout] if checkout.is_dir() else []  # an installed package has none
    prefixes = _entries("AMENT_PREFIX_PATH") + [sys.prefix, site.getuserbase()]
    installed = [Path(prefix) / _SHARE for prefix in prefixes]
    return given + repository + installed + _home_cache()


def _home_cache() -> List[Path]:
    try:
        return [Path.home() / ".cache" / "bisenet" / "weights"]
    except (RuntimeError, KeyError):  # a container's user may have no home; KeyError in Python 3.6
        return []


def resolve_model(name_or_folder: Union[str, Path]) -> Path:
    """The folder of a model, given as a path or as a name under the weights search path.

    Of a mere name, a folder in the working directory comes last: nobody's folder in /tmp passes for ours.

    Raises InputError that says where it looked, and which command brings a model that we know of.
    """
    text = str(name_or_folder)
    # os.path, since a Path raises for a name that is too long, a folder closed to us, an unknown ~user.
    folder = Path(os.path.expanduser(text))
    if not text.strip():
        raise InputError("no model given; expected a model folder, or the name of one under weights/")
    for place in _places_of(text) + [folder]:
        if os.path.isdir(str(place)):
            return place
    if os.path.isfile(str(folder)):
        raise InputError(f"{text} is a file; give the folder that holds model.onnx and model.json")
    if os.sep in text:
        raise InputError(f"the model folder {text} does not exist")
    raise InputError("model '{}' not found{}; looked in {}".format(
        text, _advice(text), ", ".join(str(place) for place in dict.fromkeys(weights_search_path()))))


def _places_of(name: str) -> List[Path]:
    if os.sep in name or name in (".", ".."):
        return []
    # Published names have hyphens, their folders underscores.
    spellings = name, name.replace("-", "_")
    return [place / spelling for place in weights_search_path() for spelling in spellings]


def _advice(name: str) -> str:
    if name.replace("-", "_").startswith(_PUBLISHED):
        return ": run `bisenet weights fetch {}`".format(name.replace("_", "-"))
    known = sorted(name for place in weights_search_path() for name in _names_in(str(place))
                   if os.path.isdir(os.path.join(str(place), name)) and name[0] != ".")
    near = suggest(name, known, otherwise="")
    return f": {near}" if near else ""


def _names_in(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:  # it is not there, is closed to us, or has too long a name
        return []


def _entries(variable: str) -> List[str]:
    return [entry for entry in os.environ.get(variable, "").split(os.pathsep) if entry]

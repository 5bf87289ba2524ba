"""The page that a model folder has for people, where nobody has written a better one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bisenet_core.runtime.model_card import ModelCard

README_NAME = "README.md"
_MARK = "<!-- Written by bisenet, and anew with the model. To keep a text of your own, remove this line. -->"


def readme_of(card: ModelCard) -> str:
    """Markdown that says what ``card`` does: how the model was made, what is known of it, its terms."""
    options = "".join(f", {name.rstrip('_')} {value}" for name, value in card.architecture_options.items())
    space, size = card.label_space, f"{card.input_width}x{card.input_height}"
    lines = [
        _MARK,
        f"# {card.name}",
        f"`{card.architecture}`{options}, for the {space.num_classes} classes of {space.name} at {size}; "
        f"trained on {card.training_data}.",
        "## How it was made",
        _listed(card.recipe),
        "## What it scores",
        "`metrics` in model.json holds what is known; `bisenet evaluate --record` measures it.",
        "## What it must not be used for",
        "Whatever its training images do not show: expect nothing of other places, weather, light or camera "
        "heights until you have measured it there. Do not let a vehicle rely on it alone.",
        "## Terms",
        card.licence,
    ]
    return "\n\n".join(lines) + "\n"


def is_generated(path: Path) -> bool:
    """Whether nobody has written a page of their own at ``path``."""
    return not path.exists() or path.read_text(encoding="utf-8", errors="replace").startswith(_MARK)


def _listed(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())

"""How public code bases name the tensors of the networks: one file for each."""

from bisenet_core.errors import InputError
from bisenet_core.models.weights.renaming import Renaming
from bisenet_core.models.weights.renamings import coincheung, efficientvit, mmseg

#: (format, architecture) -> renaming.
RENAMINGS: dict[tuple[str, str], Renaming] = {
    **coincheung.RENAMINGS, **mmseg.RENAMINGS, **efficientvit.RENAMINGS
}


def renaming_of(format: str, architecture: str) -> Renaming:
    """How ``format`` names the tensors of ``architecture``. ``InputError`` says which are known."""
    formats = sorted({known for known, _ in RENAMINGS})
    if format not in formats:
        raise InputError(f"no format is called {format!r}; known: {', '.join(formats)}")
    if (format, architecture) not in RENAMINGS:
        known = sorted(name for other, name in RENAMINGS if other == format)
        raise InputError(f"{format} publishes no {architecture!r}; known: {', '.join(known)}")
    return RENAMINGS[format, architecture]

"""How public code bases name the tensors of the networks: one file per family."""

from bisenet_core.errors import InputError
from bisenet_core.models.weights.renaming import Layout
from bisenet_core.models.weights.renamings import bisenetv1, bisenetv2, stdc

#: (format, architecture) -> layout.
LAYOUTS: dict[tuple[str, str], Layout] = {**bisenetv1.LAYOUTS, **bisenetv2.LAYOUTS, **stdc.LAYOUTS}


def layout_of(format: str, architecture: str) -> Layout:
    """How ``format`` names the tensors of ``architecture``. ``InputError`` says which are known."""
    formats = sorted({known for known, _ in LAYOUTS})
    if format not in formats:
        raise InputError(f"no format is called {format!r}; known: {', '.join(formats)}")
    if (format, architecture) not in LAYOUTS:
        known = sorted(name for other, name in LAYOUTS if other == format)
        raise InputError(f"{format} publishes no {architecture!r}; known: {', '.join(known)}")
    return LAYOUTS[format, architecture]

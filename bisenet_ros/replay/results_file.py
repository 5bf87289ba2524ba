"""live.json: whole at every moment, and never written over another run's."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.files import replacing
from bisenet_core.reports.console import write_json

RESULTS_NAME = "live.json"


def claim_results(output: Path, inputs: Iterable[Path | None]) -> Path:
    """Where in the folder ``output`` a run's results go.

    Raises InputError where those of another run are, and for a folder within one of ``inputs``.
    """
    path, place = output / RESULTS_NAME, output.resolve()
    for source in inputs:
        if source is not None and source.resolve() in (place, *place.parents):
            raise InputError(f"output {output} would write into {source}, an input; choose another folder")
    if path.exists():
        raise InputError(f"{path} holds the results of an earlier run; choose another output, or move it")
    return path


def write_results(path: Path, content: dict[str, Any]) -> None:
    """Replace ``path`` at once, so that it is never half written. Raises InputError where it cannot be."""
    with replacing(path) as unfinished:
        write_json(unfinished, content)

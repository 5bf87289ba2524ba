"""Every start of a run, when it was and how far it came, in a file beside the logs."""

import json
import sys
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.files import replacing
from bisenet_core.learning.run_report.metrics_file import LOGS

FILE_NAME = "run.json"


@dataclass
class Start:
    """One start of a run, from iteration ``begin`` to ``end``. Times are in seconds."""

    begin: int
    end: int
    seconds: float = 0.0
    training_seconds: float = 0.0
    """Without validation."""
    outcome: str = "running"
    """running (or killed), finished, or why it ended."""
    started: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    command: list[str] = field(default_factory=lambda: list(sys.argv))
    root: str = ""
    """Folder of the data set."""
    versions: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] | None = None
    hardware: str = ""


def read_starts(output: Path) -> list[Start]:
    """The starts noted in ``output``/logs/run.json; none without that file. InputError for a damaged one."""
    path, known = output / LOGS / FILE_NAME, {one.name for one in fields(Start)}
    try:
        rows = json.loads(path.read_text())["starts"]
        return [Start(**{name: value for name, value in row.items() if name in known}) for row in rows]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be read: {' '.join(str(error).split())}; restore it, or remove it "
            "to do without the history of the run's starts"
        ) from None


def write_starts(output: Path, starts: list[Start]) -> None:
    """Replace the file. Raises OSError where that is not possible."""
    path = output / LOGS / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps({"starts": [asdict(start) for start in starts]}, indent=2) + "\n")

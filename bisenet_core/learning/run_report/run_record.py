"""RunRecord: every start of a run, when it was and how far it came, in a file beside the logs."""

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


class RunRecord:
    """``output``/logs/run.json. Raises InputError where it cannot be read."""

    def __init__(self, output: Path) -> None:
        self._path = output / LOGS / FILE_NAME
        self.starts: list[Start] = self._read()

    def _read(self) -> list[Start]:
        known = {one.name for one in fields(Start)}
        try:
            rows = json.loads(self._path.read_text())["starts"]
            return [Start(**{name: value for name, value in row.items() if name in known}) for row in rows]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"{self._path} cannot be read: {' '.join(str(error).split())}; restore it, or remove it "
                "to do without the history of the run's starts"
            ) from None

    def write(self) -> None:
        """Replace the file. Raises OSError where that is not possible."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = {"starts": [asdict(start) for start in self.starts]}
        with replacing(self._path) as unfinished:
            unfinished.write_text(json.dumps(content, indent=2) + "\n")

"""A whole gpu-check: every section, then the report."""

import json
import sys
from pathlib import Path
from typing import Any

from bisenet_core.benchmarks.gpu.markdown import markdown
from bisenet_core.benchmarks.gpu.plan import Step
from bisenet_core.benchmarks.gpu.results import report
from bisenet_core.benchmarks.gpu.runner import run_steps
from bisenet_core.benchmarks.gpu.section import DONE, FAILED
from bisenet_core.benchmarks.gpu.settings import Settings


def run_check(settings: Settings, output: Path, run: str, fresh: bool = False) -> int:
    """Write ``output``/gpu_check_RUN.json and .md, also when interrupted.

    Returns 0 if something was measured and nothing failed; what this machine lacks is told, but no failure.
    ``fresh`` takes nothing over that earlier runs have measured.
    """
    records: list[tuple[Step, dict[str, Any]]] = []
    try:
        for step, record in run_steps(settings, run, fresh):
            records.append((step, record))
            reason = f": {record['reason']}" if "reason" in record else ""
            print(f"{step.name}: {record['status']}{reason}", file=sys.stderr, flush=True)
    finally:
        if records:
            _write(report(records, settings, run), settings, output, f"gpu_check_{run}")
    found = [record["status"] for step, record in records if step.section != "machine"]
    return int(FAILED in found or DONE not in found)


def _write(content: dict[str, Any], settings: Settings, output: Path, name: str) -> None:
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    (output / f"{name}.md").write_text(markdown(content, settings))
    print(f"written: {output / name}.json and .md", file=sys.stderr)

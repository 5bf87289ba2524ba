"""Runs the sections one after another, and keeps what each has found."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bisenet_core.benchmarks.gpu.kit import MODEL
from bisenet_core.benchmarks.gpu.plan import SECTIONS, Step, steps
from bisenet_core.benchmarks.gpu.section import DONE, FAILED, NOT_RUN
from bisenet_core.benchmarks.gpu.settings import Settings
from bisenet_core.runtime.model_card import CARD_NAME, file_sha256

_ROOT = Path(__file__).resolve().parents[3]  # what holds bisenet_core
#: A change in these makes an earlier result worthless.
_RELEVANT = ("precisions", "cameras", "frames", "warm_up", "backend")


def run_steps(
    settings: Settings, run: str, fresh: bool = False
) -> Iterator[tuple[Step, dict[str, Any]]]:
    """Yield every step with its record as it ends; ``run`` names this run in the records.

    What an earlier run has done with the same network and settings is taken over, unless ``fresh``.
    Records are in ``settings.work``, so that an interrupted check goes on where it was.
    """
    settings.work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    for step in steps(settings):
        path = settings.work / f"{step.name}.json"
        key = _key(step, settings, run)
        record = None if fresh else _earlier(path, key)
        if record is None:
            if time.monotonic() - started > settings.budget:
                reason = f"the {settings.budget:.0f} s of this run were used up"
                record = {"status": NOT_RUN, "reason": reason}
            else:
                record = _in_a_process(step, settings)
            record.update(step=list(step), run=run, key=key)
            path.write_text(json.dumps(record, indent=1))
        yield step, record


def _key(step: Step, settings: Settings, run: str) -> dict[str, Any]:
    content = settings.to_json()
    card = settings.kit / step.subject / MODEL / CARD_NAME
    about = file_sha256(card) if step.subject and card.is_file() else run  # the machine is described anew
    return json.loads(json.dumps({"about": about, **{name: content[name] for name in _RELEVANT}}))


def _earlier(path: Path, key: dict[str, Any]) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text())
        return record if record["status"] == DONE and record["key"] == key else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _in_a_process(step: Step, settings: Settings) -> dict[str, Any]:
    request, result = (settings.work / f"{step.name}.{kind}" for kind in ("request", "result"))
    result.unlink(missing_ok=True)
    request.write_text(json.dumps({"step": list(step), "settings": settings.to_json()}))
    python = settings.pythons.get(SECTIONS[step.section], sys.executable)
    files = (str(request.resolve()), str(result.resolve()))
    command = [python, "-m", "bisenet_core.benchmarks.gpu.section", *files]
    began = time.monotonic()
    try:
        ending = _run(command, settings, settings.work / f"{step.name}.log")
    except OSError as error:
        ending = f"{python} does not start: {error.strerror}"
    record = json.loads(result.read_text()) if result.exists() else {"status": FAILED, "reason": ending}
    request.unlink()
    result.unlink(missing_ok=True)
    return {**record, "seconds": round(time.monotonic() - began, 2)}


def _run(command: list[str], settings: Settings, log: Path) -> str:
    """How the process ended, in words; what it printed is in ``log``."""
    # engines and kernels of the check do not mix with the user's own
    environment = {**os.environ, "XDG_CACHE_HOME": str((settings.work / "cache").resolve())}
    with log.open("w") as output:
        # -m looks in the working directory first, also in a Python that drops PYTHONPATH
        process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(settings.timeout)
        except BaseException as error:  # also Ctrl-C: nothing of ours must stay on the GPU
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return f"took more than {settings.timeout:.0f} s"
            raise
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"ended with status {status}: {lines[-1] if lines else 'it said nothing'}"

"""claim_output prepares the output folder of an evaluation and refuses one that holds anything else."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.evaluation.replay.job import ReplayJob
from bisenet_core.evaluation.replay.part_result import PartStore
from bisenet_core.evaluation.replay.preparation import Request
from bisenet_core.images.encodings import SAMPLE_BITS

#: Says which evaluation it is.
ABOUT = "evaluation.json"
_PARTS = "parts"


def claim_output(request: Request, job: ReplayJob) -> PartStore:
    """Make ``request.output`` the folder of the job, or to resume go on with what it holds of it.

    Raises InputError where it holds anything else, other bags too, lies within an input or cannot be written.
    """
    output, bags = request.output, [str(bag.resolve()) for bag in request.bags]
    # what the results depend on, the ground truth as a part of the job; as JSON gives it back
    about = json.loads(json.dumps({"bags": bags, "topic": request.topic, **asdict(job)}))
    refuse_input("--output", output, request)
    with explain_os_errors(f"cannot write into {output}", "choose another --output"):
        output.mkdir(parents=True, exist_ok=True)
        if any(output.iterdir()):
            _refuse_other(output, about, request.resume)
        else:
            (output / ABOUT).write_text(json.dumps(about, indent=2) + "\n")
        (output / _PARTS).mkdir(exist_ok=True)
    return PartStore(output / _PARTS, job)


def refuse_input(option: str, folder: Path, request: Request) -> None:
    """Raise InputError where ``folder``, that ``option`` names, is or lies within what is read."""
    place = folder.resolve()
    for path in [*request.bags, *([request.labels] if request.labels else [])]:
        if path.resolve() in (place, *place.parents):
            raise InputError(f"{option} {folder} would write into {path}, an input; choose another folder")


def _refuse_other(output: Path, wanted: dict[str, Any], resume: bool) -> None:
    found = _read(output / ABOUT)
    if found is None:
        raise InputError(f"{output} holds files of something else; choose another --output or an empty one")
    if not resume:
        raise InputError(
            f"{output} holds an evaluation already; add --resume to go on with it, or choose another --output"
        )
    for key, value in wanted.items():
        if found.get(key) != value:
            raise InputError(f"{output} holds an evaluation with {_text(key, found.get(key))}, this one has "
                             f"{_text(key, value)}: choose another --output")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    # evaluations from before there was a choice took all bits
    return {"significant_bits": SAMPLE_BITS, **content} if isinstance(content, dict) else None


def _text(key: str, value: object) -> str:
    text = ", ".join(value) if isinstance(value, list) else "none" if value is None else value
    return f"{key.replace('_', ' ')} {text}"

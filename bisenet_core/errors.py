"""The ways a request fails: the user's input is bad, or what was computed from it must not be used."""

import difflib
from typing import Iterable, Optional


class InputError(ValueError):
    """Bad input from the user: a file, a name, an image or a setting.

    ``str(error)`` is one line that says what was wrong, what was expected and what to do. The command
    line prints it and exits with status 2; the node logs it, counts it and goes on with the next frame.
    """


class BackendUnavailable(InputError):  # noqa: N818 - it says what is wrong
    """A backend that cannot be had here: its library, the driver or the GPU is missing or does not work."""


class InferenceError(RuntimeError):
    """The network gave no usable answer for a valid image, for example logits that are not numbers."""


class DeviceError(InferenceError):
    """The device failed while in use: it is out of memory, or lost. Another image will fare no better."""


class ParityError(RuntimeError):
    """An exported file does not compute what its network computes, and was not written."""


class TrainingError(RuntimeError):
    """A run that cannot go on, such as one whose loss is no longer a number; its checkpoints are kept."""


class EvaluationError(RuntimeError):
    """An evaluation that cannot go on, such as one whose workers keep dying; its finished parts are kept."""


def suggest(name: str, known: Iterable[str], otherwise: Optional[str] = None) -> str:
    """Say what the user may have meant by ``name``, which is none of ``known``; case does not matter.

    Returns ``did you mean 'NEAREST'?``. Where nothing known resembles ``name`` it returns ``otherwise``, by
    default ``known: A, B, C``.
    """
    spellings = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), spellings, n=1)
    if near:
        return f"did you mean '{spellings[near[0]]}'?"
    return "known: " + ", ".join(spellings.values()) if otherwise is None else otherwise

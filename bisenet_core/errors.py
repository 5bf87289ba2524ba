"""The ways a request fails, and how that is told: in one line that a terminal shows as it is."""

import difflib
import logging
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, Optional

#: Characters that are shown of a short foreign name, such as an encoding's.
NAME_LENGTH = 40

_LONGEST_LINE = 4000


def printable(text: Any, length: int = _LONGEST_LINE) -> str:
    """``str(text)`` as one line of at most ``length`` characters, none of which commands a terminal.

    For names, values and messages that others have written. A line break, a tab or a space at which no line
    breaks becomes a space, any other character that has no picture an escape, such as \\x1b.
    """
    text = _shortened(str(text), length)
    return text if text.isprintable() else _shortened("".join(map(_picture, text)), length)


def _shortened(text: str, length: int) -> str:
    """The text without its middle, where it is too long: that is least of what is wrong and what to do."""
    half = (length - 3) // 2
    return text if len(text) <= length else text[:half] + "..." + text[-half:]


def _picture(character: str) -> str:
    if character in "\n\r\t\u00a0\u202f":
        return " "
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


class PrintableFormatter(logging.Formatter):
    """Formats a log record as one printable line; the traceback, where it has one, has lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - of the base class
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(map(printable, super().formatException(ei).split("\n")))


class _OneLine(Exception):  # noqa: N818 - what its heirs have in common
    """An error whose text is printable, whatever foreign names are in it."""

    def __str__(self) -> str:
        return printable(super().__str__())


class InputError(_OneLine, ValueError):
    """Bad input from the user: a file, a name, an image or a setting.

    ``str(error)`` is one line that says what was wrong, what was expected and what to do. The command
    line prints it and exits with status 2; the node logs it, counts it and goes on with the next frame.
    """


class BackendUnavailable(InputError):  # noqa: N818 - it says what is wrong
    """A backend that cannot be had here: its library, the driver or the GPU is missing or does not work."""


class InferenceError(_OneLine, RuntimeError):
    """The network gave no usable answer for a valid image, for example logits that are not numbers."""


class DeviceError(InferenceError):
    """The device failed while in use: it is out of memory, or lost. Another image will fare no better."""


class ParityError(_OneLine, RuntimeError):
    """An exported file does not compute what its network computes, and was not written."""


class TrainingError(_OneLine, RuntimeError):
    """A run that cannot go on, such as one whose loss is no longer a number; its checkpoints are kept."""


class EvaluationError(_OneLine, RuntimeError):
    """An evaluation that cannot go on, such as one whose workers keep dying; its finished parts are kept."""


@contextmanager
def explain_os_errors(what_failed: str, what_to_do: str = "") -> Iterator[None]:
    """Raise InputError in the place of an OSError: "cannot write x: No space left on device; make room"."""
    try:
        yield
    except OSError as error:
        advice = f"; {what_to_do}" if what_to_do else ""
        raise InputError(f"{what_failed}: {error.strerror or error}{advice}") from error


@contextmanager
def parsing(what: str) -> Iterator[None]:
    """Turn whatever a parser raises at a stranger's bytes into InputError: ``what``, a colon, the reason.

    InputError passes: it is in words already. Parsers raise many kinds for damage that nobody foresaw, also
    RecursionError, MemoryError and OverflowError. OSError becomes InputError too.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what}: {reason_of(error)}") from None


def reason_of(error: BaseException) -> str:
    """What an exception says, on one line of at most 500 characters; its kind where it says nothing."""
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    return printable(text, 500).rstrip(".") or type(error).__name__


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

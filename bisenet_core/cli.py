"""`bisenet`: the command line. A command's module is imported when that command is run, and not before."""

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

try:
    import rich  # noqa: F401
    import typer
    from typer.core import TyperGroup
    from typer.main import get_command
except ModuleNotFoundError as missing:  # a robot's installation leaves them out
    sys.exit(f"bisenet: the command line needs {missing.name}; install it with: pip install typer rich")

from bisenet_core.errors import (
    EvaluationError,
    InferenceError,
    InputError,
    ParityError,
    PrintableFormatter,
    TrainingError,
    printable,
)

#: Command -> where it is below bisenet_core.commands, and the first line of its help, for `bisenet --help`.
COMMANDS = {
    "segment": ("segment:segment",
        "Label images: OUTPUT/labels holds 8-bit grey PNGs of class ids, OUTPUT/overlays pictures of them."),
    "evaluate": ("evaluate:evaluate",
        "Score a model at the images' own size: IoU by class, mean IoU, pixel accuracy, confusions."),
    "calibrate": ("calibrate:calibrate",
        "Fit the temperature of a model's confidence; keep it in model.json where it lowers the error."),
    "agreement": ("agreement:agreement",
        "Label every frame twice; count the pixels that differ and how near to a tie they were."),
    "explain": ("explain:explain",
        "Draw what a network looks at: Grad-CAM, predictions of its branches, maps of its detail."),
    "benchmark": (
        "benchmark:benchmark", "Time the bare network and the whole segmenter in turn, in one run."),
    "build-engine": ("build_engine:build_engine",
        "Build the TensorRT engine of a model, so that the first start of the node does not wait for it."),
    "complexity": ("complexity:complexity", "Count parameters and operations of a network as deployed."),
    "export": ("export:export", "Write model.onnx and model.json, checked against PyTorch."),
    "quantize": ("quantize:quantize",
        "Write model.int8.onnx, calibrated on images, and what it costs; refused where it loses too much."),
    "tune": ("benchmark:tune",
        "Time what this CPU can run a model in; keep the fastest, which \"auto\" takes from then on."),
    "train": ("train:train",
        "Train a network as a recipe says and keep the checkpoint that is best on the validation split."),
    "data": ("data:data", "Data sets on disk."),
    "replay": ("replay:replay_command", "Evaluate a model on recorded drives: BAG... --model M."),
    "weights": ("weights:weights", "Published checkpoints -> model folders."),
}

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


class _LazyGroup(TyperGroup):
    """Lists the commands as ``COMMANDS`` has them, and imports the one that is asked for."""

    def resolve_command(self, context: Any, arguments: list[str]) -> Any:
        name, command, rest = super().resolve_command(context, arguments)
        return name, load_command(name) if name and command else command, rest


def load_command(name: str) -> Any:
    """Import the command ``name`` of ``COMMANDS``; returns it as typer runs it."""
    module, attribute = COMMANDS[name][0].split(":")
    found = getattr(import_module(f"bisenet_core.commands.{module}"), attribute)
    loaded = _new_app()
    if isinstance(found, typer.Typer):
        loaded.add_typer(found, name=name)
    else:
        loaded.command(name)(found)
    return get_command(loaded).commands[name]  # type: ignore[attr-defined]


def _new_app(**options: Any) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, **options)
    app.callback()(_do_nothing)  # with it, a single command, too, has to be named
    return app


def _do_nothing() -> None:
    """Is never run."""


app = _new_app(
    name="bisenet",
    cls=_LazyGroup,
    no_args_is_help=True,
    help="Real-time semantic segmentation: label images, measure, train and deploy networks.",
)
for name, (_, first_line) in COMMANDS.items():
    app.command(name, help=first_line)(_do_nothing)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``bisenet`` with ``arguments`` (default: the process's own) and return its exit status.

    Bad input is one line on stderr and status 2; Ctrl-C is status 130.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("bisenet: %(message)s"))
    handler.setLevel(logging.WARNING)  # the root's own level does not hold back loggers that have set theirs
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    try:
        status = get_command(app)(args=arguments, prog_name="bisenet", standalone_mode=False) or 0
        return _interrupted() if status == INTERRUPTED else status  # typer has caught Ctrl-C
    except InputError as error:
        return _fail(str(error))
    except (EvaluationError, InferenceError, ParityError, TrainingError) as error:
        _fail(str(error))
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except SystemExit as ended:  # of a command that has said itself how it ended
        return int(ended.code or 0)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        text = error.format_message().rstrip(".")  # a usage error of typer's
        return _fail(text + "; see bisenet --help") if text else BAD_INPUT  # without: help has been shown


def _interrupted() -> int:
    _fail("interrupted; what was already written is kept")
    return INTERRUPTED


def _fail(message: str) -> int:
    print("bisenet: " + printable(" ".join(message.split())), file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())

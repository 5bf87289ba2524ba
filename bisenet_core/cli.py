"""`bisenet`: the command line. One file per command in ``bisenet_core.commands``."""

import logging
import sys
from collections.abc import Sequence

try:
    import rich  # noqa: F401
    import typer
    from typer.main import get_command
except ModuleNotFoundError as missing:  # a robot's installation leaves them out
    sys.exit(f"bisenet: the command line needs {missing.name}; install it with: pip install typer rich")

from bisenet_core.commands.agreement import agreement
from bisenet_core.commands.benchmark import benchmark
from bisenet_core.commands.build_engine import build_engine
from bisenet_core.commands.complexity import complexity
from bisenet_core.commands.data import data
from bisenet_core.commands.evaluate import evaluate
from bisenet_core.commands.export import export
from bisenet_core.commands.replay import replay_command
from bisenet_core.commands.segment import segment
from bisenet_core.commands.train import train
from bisenet_core.commands.weights import weights
from bisenet_core.errors import EvaluationError, InferenceError, InputError, ParityError, TrainingError

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    name="bisenet",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Real-time semantic segmentation: label images, measure, train and deploy networks.",
)
for command in (segment, evaluate, agreement, benchmark, build_engine, complexity, export, train):
    app.command()(command)
app.add_typer(data, name="data")
app.add_typer(replay_command, name="replay")
app.add_typer(weights, name="weights")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``bisenet`` with ``arguments`` (default: the process's own) and return its exit status.

    Bad input is one line on stderr and status 2; Ctrl-C is status 130.
    """
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)  # the root's own level does not hold back loggers that have set theirs
    logging.basicConfig(level=logging.WARNING, format="bisenet: %(message)s", handlers=[handler])
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
    print("bisenet: " + " ".join(message.split()), file=sys.stderr)
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())

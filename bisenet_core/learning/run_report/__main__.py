"""Write the report of a run anew: `python -m bisenet_core.learning.run_report OUTPUT`."""

import argparse
import sys
from pathlib import Path

from bisenet_core.errors import InputError
from bisenet_core.learning.run_report.page import write_run_report

BAD_INPUT = 2


def main(arguments: list[str] | None = None) -> int:
    """Print the report's path. Exit status 2 and one line for bad input."""
    parser = argparse.ArgumentParser(prog="run_report", description=__doc__)
    parser.add_argument("output", type=Path, help="the run's folder, --output of `bisenet train`")
    parser.add_argument("--root", type=Path, help="the data set's folder, if not where it was in training")
    options = parser.parse_args(arguments)
    try:
        print(write_run_report(options.output, options.root))
    except InputError as error:
        print(f"run_report: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())

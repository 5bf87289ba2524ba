#!/usr/bin/env python3
"""Train the rows of a paper's ablation table under one recipe and budget; write the table and a chart.

    training/ablation.py --config training/recipes/camvid_bisenetv2_cpu.yaml --root CAMVID --iterations 1000 \
        --seeds 0 1 2 --output runs/ablation --table bisenetv2_4

--list names every table and row: BiSeNet V2's Tables 2 to 6, STDC's Tables 3 and 4 and its Figure 7.

Started again it goes on where it was broken off, in the middle of a run too. ablation.json, .md, .png and
.svg are written after every run.
"""

import argparse
import sys
from pathlib import Path

from ablation_outcome import write_outcome
from ablation_rows import TABLES, rows_named
from ablation_runs import Plan, run_rows

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.train import RunStoppedError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 1 a run that cannot go on, 2 bad input, 128 + a signal that stopped it."""
    options = _parser().parse_args(arguments)
    if options.list:
        for name, table in TABLES.items():
            print(f"{name}: {' '.join(row.name for row in table.rows)}  ({table.title})")
        return 0
    try:
        run(options)
    except (InputError, TrainingError) as error:
        print(f"ablation: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    except (KeyboardInterrupt, RunStoppedError) as stopped:
        print(f"ablation: {stopped or 'interrupted'}; the same command goes on", file=sys.stderr)
        return 128 + stopped.signal if isinstance(stopped, RunStoppedError) else INTERRUPTED
    return 0


def run(options: argparse.Namespace) -> None:
    """Train what is not trained yet, and write after each run what is known."""
    if not (options.config and options.root):
        raise InputError("give --config and --root, or --list")
    recipe = Recipe.load(options.config)
    plan = Plan(recipe, options.root, options.output, options.iterations or recipe.iterations,
                tuple(options.seeds), options.workers, options.trunks)
    results = []
    for result in run_rows(plan, rows_named(options.rows, options.table)):
        results.append(result)
        write_outcome(plan, results)
        print("{row}, seed {seed}: val mIoU {val_miou:.4f}".format(**result), flush=True)
    print((plan.output / "ablation.md").read_text(), end="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ablation", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, help="recipe of the rows' network for every row")
    parser.add_argument("--root", type=Path, help="the data set's folder")
    parser.add_argument("--output", type=Path, default=Path("runs/ablation"), help="default: %(default)s")
    parser.add_argument("--iterations", type=int, help="of each run; default: the recipe's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="default: %(default)s")
    parser.add_argument("--table", default="bisenetv2_2", help="all of its rows; default: %(default)s")
    parser.add_argument("--rows", nargs="*", default=[], metavar="ROW", help="these instead")
    parser.add_argument("--list", action="store_true", help="name every table and row, and end")
    parser.add_argument("--trunks", type=Path, metavar="FOLDER",
                        help="for Table 6: resnet18.pth, mobilenetv2.pth, shufflenetv2_x1_5.pth")
    parser.add_argument("--workers", type=int, default=1, help="processes that read the data")
    return parser


if __name__ == "__main__":
    sys.exit(main())

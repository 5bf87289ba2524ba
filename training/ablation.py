#!/usr/bin/env python3
"""Train the rows of BiSeNet V2's Table 2 under one recipe and budget; write the table and a chart.

    training/ablation.py --config training/recipes/camvid_bisenetv2_cpu.yaml --root CAMVID --iterations 1000 \
        --seeds 0 1 2 --output runs/ablation

Started again it goes on where it was broken off, in the middle of a run too. ablation.json, .md, .png and
.svg are written after every run.
"""

import argparse
import sys
from pathlib import Path

from ablation_outcome import write_outcome
from ablation_rows import rows_named
from ablation_runs import Plan, run_rows

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.train import RunStoppedError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 1 a run that cannot go on, 2 bad input, 128 + a signal that stopped it."""
    try:
        run(_parser().parse_args(arguments))
    except (InputError, TrainingError) as error:
        print(f"ablation: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    except (KeyboardInterrupt, RunStoppedError) as stopped:
        print(f"ablation: {stopped or 'interrupted'}; the same command goes on", file=sys.stderr)
        return 128 + stopped.signal if isinstance(stopped, RunStoppedError) else INTERRUPTED
    return 0


def run(options: argparse.Namespace) -> None:
    """Train what is not trained yet, and write after each run what is known."""
    recipe = Recipe.load(options.config)
    plan = Plan(recipe, options.root, options.output, options.iterations or recipe.iterations,
                tuple(options.seeds), options.workers)
    results = []
    for result in run_rows(plan, rows_named(options.rows)):
        results.append(result)
        write_outcome(plan, results)
        print("{row}, seed {seed}: val mIoU {val_miou:.4f}".format(**result), flush=True)
    print((plan.output / "ablation.md").read_text(), end="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ablation", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, help="recipe of bisenetv2 for every row")
    parser.add_argument("--root", type=Path, required=True, help="the data set's folder")
    parser.add_argument("--output", type=Path, default=Path("runs/ablation"), help="default: %(default)s")
    parser.add_argument("--iterations", type=int, help="of each run; default: the recipe's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="default: %(default)s")
    parser.add_argument("--rows", nargs="*", default=[], metavar="ROW", help="default: all seven")
    parser.add_argument("--workers", type=int, default=1, help="processes that read the data")
    return parser


if __name__ == "__main__":
    sys.exit(main())

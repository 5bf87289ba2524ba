#!/usr/bin/env python3
"""Train a recipe: the same as `bisenet train`, for those who work from a checkout."""

import sys

from bisenet_core.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))

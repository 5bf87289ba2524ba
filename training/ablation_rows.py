"""The rows of BiSeNet V2's Table 2."""

from dataclasses import dataclass, replace
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.learning.recipe import Recipe


@dataclass(frozen=True)
class Row:
    """A network and how it is trained; ``paper_`` is what the paper has in that row.

    The paper's mIoU is that on the validation split of Cityscapes, in per cent; its GFLOPs are of 1024x512,
    the size to which it shrinks the 2048x1024 that the table's caption names.
    """

    name: str
    label: str
    options: dict[str, Any]
    loss: str
    paper_miou: float
    paper_gflops: float

    def recipe(self, base: Recipe, seed: int, iterations: int) -> Recipe:
        """``base`` with what this row is about, under one budget."""
        options = {**base.options, **self.options}
        return replace(base, name=f"{base.name}_{self.name}", options=options, loss=self.loss, seed=seed,
                       iterations=iterations)


def _row(name: str, label: str, miou: float, gflops: float, *, branches: str = "both",
         aggregation: str = "bga", booster: bool = False, loss: str = "cross_entropy") -> Row:
    options = {"branches": branches, "aggregation": aggregation, "auxiliary": booster}
    return Row(name, label, options, loss, miou, gflops)


TABLE_2 = (
    _row("detail", "Detail Branch only", 62.35, 15.26, branches="detail"),
    _row("semantic", "Semantic Branch only", 64.68, 7.63, branches="semantic"),
    _row("sum", "both, sum", 68.60, 20.77, aggregation="sum"),
    _row("concat", "both, concatenation", 68.93, 21.98, aggregation="concat"),
    _row("bga", "both, BGA", 69.67, 21.15),
    _row("booster", "+ boosters", 73.19, 21.15, booster=True),
    _row("ohem", "+ OHEM", 73.36, 21.15, booster=True, loss="ohem"),
)


def rows_named(names: list[str]) -> list[Row]:
    """Rows of ``TABLE_2`` in its order; all where ``names`` is empty. ``InputError`` for one it has not."""
    known = {row.name: row for row in TABLE_2}
    for name in names:
        if name not in known:
            raise InputError(f"no row is called {name!r}; known: {', '.join(known)}")
    return [row for row in TABLE_2 if not names or row.name in names]


def check_base(recipe: Recipe) -> None:
    """``InputError`` where the rows cannot be made from ``recipe``."""
    if recipe.network != "bisenetv2" or recipe.options.get("variant", "paper") != "paper":
        raise InputError(
            f"recipe {recipe.name} trains {recipe.network} {recipe.options}; the rows are of bisenetv2 in "
            "its variant 'paper'"
        )
    if not recipe.val_split:
        raise InputError(f"recipe {recipe.name} has no val_split, by which the rows are compared; give one")

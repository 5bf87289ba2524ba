"""The rows of the papers' ablation tables: what each changes of a recipe, and what the paper has there."""

from dataclasses import dataclass, field, replace
from typing import Any

from bisenet_core.errors import InputError, suggest
from bisenet_core.learning.recipe import Recipe
from bisenet_core.models.bisenetv2.branches import STAGES


@dataclass(frozen=True)
class Row:
    """A network and how it is trained; ``paper_`` is what the paper has in that row, None where nothing.

    ``options`` are the network's beside those of the recipe; ``changes`` are other settings. The paper's
    mIoU is that on the validation split of Cityscapes, in per cent; its GFLOPs are of 1024x512, the size to
    which it shrinks the 2048x1024 that the tables' captions name.
    """

    name: str
    label: str
    options: dict[str, Any]
    paper_miou: float | None
    paper_gflops: float | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    def recipe(self, base: Recipe, seed: int, iterations: int) -> Recipe:
        """``base`` with what this row is about, under one budget."""
        known = base.options if self.changes.get("network", base.network) == base.network else {}
        options, changes = {**known, **self.options}, dict(self.changes)
        if base.backbone and changes.get("network", base.network) != base.network:
            trunk = changes["network"].removesuffix("_seg").removeprefix("bisenetv1_")
            changes["backbone"] = f"runs/imagenet_{trunk}/best.ckpt"
        return replace(base, **changes, name=f"{base.name}_{self.name}", options=options, seed=seed,
                       iterations=iterations)


@dataclass(frozen=True)
class Table:
    """An ablation table of a paper; its rows are made from recipes of ``networks``."""

    title: str
    networks: tuple[str, ...]
    rows: tuple[Row, ...]


def _v2(name: str, label: str, miou: float, gflops: float, loss: str = "cross_entropy", booster: bool = False,
        **options: Any) -> Row:
    """A row of BiSeNet V2: without boosters and OHEM unless they are named."""
    chosen = {"branches": "both", "aggregation": "bga", "auxiliary": booster, **options}
    return Row(name, label, chosen, miou, gflops, {"loss": loss})


def _boosters(name: str, label: str, miou: float, *stages: str) -> Row:
    return _v2(name, label, miou, 21.15, booster=True, boosters="+".join(stages))


def _whole(name: str, label: str, miou: float, gflops: float, **options: Any) -> Row:
    """With boosters and OHEM, as the tables from 5 on."""
    return _v2(name, label, miou, gflops, loss="ohem", booster=True, **options)


def _stdc(name: str, label: str, miou: float | None, options: dict[str, Any] | None = None,
          **changes: Any) -> Row:
    return Row(name, label, options or {}, miou, changes=changes)


TABLE_2 = (
    _v2("detail", "Detail Branch only", 62.35, 15.26, branches="detail"),
    _v2("semantic", "Semantic Branch only", 64.68, 7.63, branches="semantic"),
    _v2("sum", "both, sum", 68.60, 20.77, aggregation="sum"),
    _v2("concat", "both, concatenation", 68.93, 21.98, aggregation="concat"),
    _v2("bga", "both, BGA", 69.67, 21.15),
    _v2("booster", "+ boosters", 73.19, 21.15, booster=True),
    _v2("ohem", "+ OHEM", 73.36, 21.15, booster=True, loss="ohem"),
)
_V2 = ("bisenetv2",)
_STDC = ("stdc1_seg", "stdc2_seg")

#: Tables by name, in the papers' order.
TABLES = {
    "bisenetv2_2": Table("BiSeNet V2's Table 2", _V2, TABLE_2),
    "bisenetv2_3a": Table("BiSeNet V2's Table 3a", _V2, (
        _v2("lambda_1_2", "lambda = 1/2", 69.66, 25.84, lambda_=1 / 2),
        _v2("lambda_1_4", "lambda = 1/4", 69.67, 21.15, lambda_=1 / 4),
        _v2("lambda_1_8", "lambda = 1/8", 69.26, 19.93, lambda_=1 / 8),
        _v2("lambda_1_16", "lambda = 1/16", 68.27, 19.61, lambda_=1 / 16),
    )),
    "bisenetv2_3b": Table("BiSeNet V2's Table 3b", _V2, (
        _v2("layers_all", "all", 69.67, 21.15),
        _v2("no_context", "without Context Embedding", 69.01, 21.07, context=False),
        _v2("depthwise_5x5", "one 5x5 depth-wise", 68.98, 21.15, double_depthwise=False),
        _v2("gather_1x1", "1x1 gathers", 66.62, 15.78, gather_kernel=1),
    )),
    "bisenetv2_3c": Table("BiSeNet V2's Table 3c", _V2, tuple(
        _v2(f"expansion_{factor}", f"expansion {factor}", miou, gflops, expansion=factor)
        for factor, miou, gflops in (
            (1, 67.48, 17.78), (2, 68.41, 18.45), (4, 68.78, 19.8), (6, 69.67, 21.15), (8, 68.99, 22.49))
    )),
    "bisenetv2_4": Table("BiSeNet V2's Table 4", _V2, (
        _v2("boosters_none", "no boosters", 69.67, 21.15),
        _boosters("boosters_2_to_5_5", "stages 2, 3, 4, 5_4, 5_5", 73.04, *STAGES),
        _boosters("boosters_2_to_5_4", "stages 2, 3, 4, 5_4", 73.19, *STAGES[:4]),
        _boosters("boosters_2_to_4", "stages 2, 3, 4", 71.62, *STAGES[:3]),
        _boosters("boosters_3_to_5_5", "stages 3, 4, 5_4, 5_5", 72.84, *STAGES[1:]),
        _boosters("boosters_4_to_5_5", "stages 4, 5_4, 5_5", 72.68, *STAGES[2:]),
        _boosters("boosters_5", "stages 5_4, 5_5", 72.03, *STAGES[3:]),
        _whole("boosters_ohem", "stages 2, 3, 4, 5_4 and OHEM", 73.36, 21.15),
    )),
    "bisenetv2_5a": Table("BiSeNet V2's Table 5a", _V2, tuple(
        _whole(f"alpha_{str(alpha).replace('.', '_')}", f"alpha = {alpha}", miou, gflops, alpha=alpha)
        for alpha, miou, gflops in (
            (1.0, 73.36, 21.15), (1.25, 73.61, 34.98), (1.5, 74.67, 49.46), (1.75, 74.04, 66.45),
            (2.0, 75.11, 85.94))
    )),
    "bisenetv2_5b": Table("BiSeNet V2's Table 5b", _V2, tuple(
        _whole(f"depth_{depth}", f"d = {depth}", miou, gflops, depth=depth)
        for depth, miou, gflops in ((1, 73.36, 21.15), (2, 74.10, 25.26), (3, 74.28, 29.38), (4, 74.02, 33.5))
    )),
    "bisenetv2_6": Table("BiSeNet V2's Table 6", _V2, (
        _whole("trunk_shufflenetv2", "ShuffleNetV2 1.5x", 74.07, 128.71, semantic_branch="shufflenetv2_x1_5"),
        _whole("trunk_mobilenetv2", "MobileNetV2", 72.95, 129.45, semantic_branch="mobilenetv2"),
        _whole("trunk_resnet18", "ResNet-18", 75.22, 143.34, semantic_branch="resnet18"),
        _whole("ours", "alpha = 1, d = 1", 73.36, 21.15),
        _whole("ours_large", "alpha = 2, d = 3", 75.80, 118.51, alpha=2.0, depth=3),
    )),
    "stdc_3": Table("STDC's Table 3, our trunks", _STDC, (
        _stdc("trunk_stdc1", "STDC1 (Table 6)", 72.2, network="stdc1_seg"),
        _stdc("trunk_stdc2", "STDC2", 74.2, network="stdc2_seg"),
    )),
    "stdc_4": Table("STDC's Table 4", _STDC, (
        _stdc("bisenetv1", "BiSeNet V1, Xception39", 69.0, network="bisenetv1_xception39"),
        _stdc("spatial_path", "Spatial Path", 73.7, {"spatial_path": True}),
        _stdc("no_guidance", "neither", 73.0, detail_weight=0.0),
        _stdc("detail_4x", "guidance 4x", 73.4, detail_strides=(4,)),
        _stdc("detail_2x", "guidance 2x", 73.6, detail_strides=(2,)),
        _stdc("detail_1x", "guidance 1x", 73.8, detail_strides=(1,)),
        _stdc("detail_1x_2x", "guidance 1x, 2x", 73.9, detail_strides=(1, 2)),
        _stdc("detail_1x_2x_4x", "guidance 1x, 2x, 4x", 74.2, detail_strides=(1, 2, 4)),
    )),
    "stdc_7": Table("STDC's Figure 7, which is of ImageNet's accuracy", _STDC, tuple(
        _stdc(f"blocks_{count}", f"{count} blocks in a module", None, {"blocks": count})
        for count in (2, 3, 4, 5)
    )),
}


def rows_named(names: list[str], table: str = "bisenetv2_2") -> list[Row]:
    """The rows called ``names``, whatever their tables, in the tables' order; without names all of ``table``.

    ``InputError`` for a name that no table has, and for rows of both papers.
    """
    if table not in TABLES:
        raise InputError(f"no table is called {table!r}; {suggest(table, TABLES)}")
    known = {row.name: row for one in TABLES.values() for row in one.rows}
    for name in names:
        if name not in known:
            raise InputError(f"no row is called {name!r}; {suggest(name, known)}")
    chosen = [row for row in known.values() if row.name in names] or list(TABLES[table].rows)
    if len({table_of(row).networks for row in chosen}) > 1:
        raise InputError(f"rows {', '.join(names)} are of both papers; each has a recipe of its own")
    return chosen


def table_of(row: Row) -> Table:
    """The table that ``row`` is of."""
    return next(table for table in TABLES.values() if row in table.rows)


def check_base(recipe: Recipe, rows: list[Row]) -> None:
    """``InputError`` where ``rows`` cannot be made from ``recipe``."""
    networks = table_of(rows[0]).networks
    if recipe.network not in networks or recipe.options.get("variant", "paper") != "paper":
        variant = " in its variant 'paper'" if networks == _V2 else ""
        raise InputError(
            f"recipe {recipe.name} trains {recipe.network} {recipe.options}; the rows are of "
            f"{' or '.join(networks)}{variant}"
        )
    if not recipe.val_split:
        raise InputError(f"recipe {recipe.name} has no val_split, by which the rows are compared; give one")

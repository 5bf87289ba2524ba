"""Write the outcome of an ablation: JSON, a table in Markdown, and a chart."""

from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ablation_rows import TABLES, Row, table_of
from ablation_runs import Plan

from bisenet_core.errors import explain_os_errors
from bisenet_core.models.complexity import complexity_of
from bisenet_core.reports.console import write_json
from bisenet_core.reports.figures import BLUE, GREY, INK, PALE, write_figure

NAME = "ablation"
_DOTS: dict[str, Any] = {"color": INK, "s": 8, "zorder": 3}


def write_outcome(plan: Plan, results: list[dict[str, Any]]) -> list[Path]:
    """Write ablation.json, .md, .png and .svg of ``run_rows``' results into ``plan.output``; their paths."""
    names = {result["row"] for result in results}
    trained = [row for table in TABLES.values() for row in table.rows if row.name in names]
    rows = [_summary(plan, row, [one for one in results if one["row"] == row.name]) for row in trained]
    content = {
        "title": " and ".join(dict.fromkeys(table_of(row).title for row in trained)),
        "recipe": plan.recipe.to_dict(), "iterations": plan.iterations, "seeds": list(plan.seeds),
        "gflops_at": "{}x{}".format(*plan.recipe.input_size), "rows": rows, "runs": results,
    }
    write_json(plan.output / f"{NAME}.json", content)
    table = plan.output / f"{NAME}.md"
    _write(table, markdown(content))
    return [plan.output / f"{NAME}.json", table, *_draw(plan.output, content)]


def _summary(plan: Plan, row: Row, results: list[dict[str, Any]]) -> dict[str, Any]:
    values = [result["val_miou"] for result in results]
    recipe = row.recipe(plan.recipe, 0, plan.iterations)
    cost = complexity_of(recipe.network, results[0]["classes"], *recipe.input_size, **recipe.options)
    return {
        "row": row.name, "label": row.label, "val_miou": values, "mean": mean(values),
        "spread": stdev(values) if len(values) > 1 else None, "parameters": cost.parameters,
        "gflops": round(cost.gflops, 4),
        "paper": {"miou_percent": row.paper_miou, "gflops": row.paper_gflops},
    }


def markdown(content: dict[str, Any]) -> str:
    """The table of ablation.json's ``content``."""
    recipe, seeds = content["recipe"], content["seeds"]
    lines = [
        f"{content['title']} on {recipe['dataset']}: recipe {recipe['name']}, {content['iterations']} "
        f"iterations of batch {recipe['batch_size']}, {_counted(len(seeds), 'seed')}. mIoU of the best "
        "validation, in per cent; its spread is the standard deviation over the seeds. The paper's mIoU is "
        "on the validation split of Cityscapes, its GFLOPs are at 1024x512.",
        "",
        f"| network | val mIoU, % | parameters | GFLOPs at {content['gflops_at']} "
        "| paper: mIoU | paper: GFLOPs |",
        "|---|---|---|---|---|---|",
    ]
    for row in content["rows"]:
        paper = row["paper"]
        lines.append(
            f"| {row['label']} | {_mean_and_spread(row, len(seeds))} | {row['parameters'] / 1e6:.2f} M "
            f"| {row['gflops']:.2f} | {_figure(paper['miou_percent'])} | {_figure(paper['gflops'])} |"
        )
    return "\n".join(lines) + "\n"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _mean_and_spread(row: dict[str, Any], seeds: int) -> str:
    text = f"{100 * row['mean']:.2f}"
    if row["spread"] is not None:
        text += f" ± {100 * row['spread']:.2f}"
    made = len(row["val_miou"])
    return text if made == seeds else f"{text} ({made} of {seeds} seeds)"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _draw(folder: Path, content: dict[str, Any]) -> list[Path]:
    """Ours beside the paper's, each on an axis of its own, since the data sets differ."""
    rows = content["rows"]
    places = range(len(rows))

    def draw(figure: Any) -> None:
        ours, papers = figure.subplots(1, 2, sharey=True)
        spreads = [100 * (row["spread"] or 0) for row in rows] if len(content["seeds"]) > 1 else None
        bars = ours.barh(places, [100 * row["mean"] for row in rows], color=BLUE,
                         xerr=spreads, ecolor=GREY, capsize=3)
        ours.bar_label(bars, [f"{100 * row['mean']:.1f}" for row in rows], padding=4)
        for place, row in zip(places, rows):
            values = [100 * value for value in row["val_miou"]]
            if len(values) > 1:
                ours.scatter(values, [place] * len(values), **_DOTS)
        published = [row["paper"]["miou_percent"] for row in rows]
        bars = papers.barh(places, [value or 0 for value in published], color=PALE)
        papers.bar_label(bars, [_figure(value) for value in published], padding=4)
        ours.set_yticks(places, [row["label"] for row in rows])
        ours.invert_yaxis()
        budget = f"{content['iterations']} iterations, {_counted(len(content['seeds']), 'seed')}"
        ours.set_xlabel(f"val mIoU on {content['recipe']['dataset']}, %: ours, {budget}")
        papers.set_xlabel("val mIoU on Cityscapes, %: the paper")
        for axes in (ours, papers):
            axes.margins(x=0.14)
        figure.set_layout_engine("constrained")

    return write_figure(folder, NAME, (9.0, 0.42 * len(rows) + 0.9), draw)


def _write(path: Path, text: str) -> None:
    with explain_os_errors(f"cannot write {path}", "choose another --output"):
        path.write_text(text, encoding="utf-8")

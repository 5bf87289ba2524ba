"""The figures at the head of a run's report, and the facts they rest on."""

from bisenet_core.learning.run_report.curves import points
from bisenet_core.learning.run_report.finished_run import FinishedRun
from bisenet_core.learning.run_report.run_record import Start
from bisenet_core.reports.parts.formats import UNKNOWN, count, duration, milliseconds, percent, plural
from bisenet_core.reports.parts.page import Figure


def figures(run: FinishedRun) -> list[Figure]:
    """Best validation, time and speed."""
    scores, starts = run.scores, run.starts
    seconds = sum(start.seconds for start in starts) if starts else None
    training = sum(start.training_seconds for start in starts)
    made = sum(start.end - start.begin for start in starts)
    speed = made * run.recipe.batch_size / training if training else None
    best = [_best_logged(run)]
    if scores is not None:
        best = [Figure("Best validation mIoU", percent(scores.miou), _where(run, scores.iteration)),
                Figure("Pixel accuracy", percent(scores.pixel_accuracy),
                       f"of the same, {plural(len(scores.images), 'image')}")]
    each = f"{milliseconds(1000 * training / made)} for an iteration" if made else "not measured"
    return [
        *best,
        Figure("Time", duration(seconds),
               f"{duration(training)} of it training" if starts else "not recorded"),
        Figure("Images per second", UNKNOWN if speed is None else f"{speed:.3g}", each),
    ]


def _where(run: FinishedRun, iteration: float) -> str:
    seen = run.recipe.seen_in_validation
    trained = f"; trained on these images ({seen})" if seen else ""
    return f"at iteration {count(iteration)} of {count(run.recipe.iterations)}{trained}"


def _best_logged(run: FinishedRun) -> Figure:
    """For runs whose checkpoints hold no scores of pixels: whole images, or no validation as yet."""
    for name, meaning in (("val_top1", "top-1"), ("val_miou", "mIoU")):
        x, y = points(run.rows, name)
        if len(y):
            best = int(y.argmax())
            return Figure(f"Best validation {meaning}", percent(float(y[best])), _where(run, float(x[best])))
    why = "no validation yet" if run.recipe.val_split else "the recipe has no val_split"
    return Figure("Best validation", percent(None), why)


def facts(run: FinishedRun) -> list[tuple[str, str]]:
    """Name and value."""
    recipe, last = run.recipe, run.starts[-1] if run.starts else None
    named = {
        "Network": " ".join([recipe.network, *(f"{name}={value}" for name, value in recipe.options.items())]),
        "Data set": run.data_name,
        "Iterations": f"{count(run.iterations)} of {count(recipe.iterations)}",
        "Batch": f"{recipe.batch_size} of {recipe.crop_width}x{recipe.crop_height}, {recipe.precision}",
        "Seed": str(recipe.seed),
        "Resumed": plural(len(run.starts) - 1, "time") if run.starts else "not recorded",
        "Commit": commit(last),
        "Hardware": last.hardware if last else "not recorded",
    }
    return list(named.items())


def commit(start: Start | None) -> str:
    """Short, and whether the code was that of the commit."""
    if start is None or start.git is None:
        return "unknown"
    return start.git["commit"][:12] + (", with changes that are not in it" if start.git["dirty"] else "")


def state(run: FinishedRun) -> str:
    """One sentence on a run that has not come to its end, else nothing."""
    if not run.starts or run.starts[-1].outcome == "finished":
        return ""
    outcome, where = run.starts[-1].outcome, f"iteration {count(run.iterations)}"
    if outcome == "running":
        return f"The run had not ended when this was written, or was killed; it had come to {where}."
    return f"The run ended early, at {where}: {outcome}."

"""Describe live.json in words: one line while playing, a few at the end."""

from typing import Any

# Half of the images later than that, and the drive was another than the one recorded.
LATE_MS = 50.0


def progress_line(results: dict[str, Any]) -> str:
    """One line on how the playing goes."""
    return "; ".join(filter(None, [_frames(results), _latency(results), _accuracy(results)]))


def summary_lines(results: dict[str, Any]) -> list[str]:
    """A few lines on the results, the most important first."""
    lines = [_frames(results), _losses(results), _latency(results), _accuracy(results), _lateness(results)]
    return [line for line in lines + results["left_out"] if line]


def nothing_done(results: dict[str, Any]) -> str:
    """Why a playing has shown nothing, one line: no image played, none labelled, or no ground truth scored.

    Empty where it has shown something.
    """
    if not results["published"]:
        text = "none of the images could be played"
    elif not results["frames"]:
        text = "none of the {published} images came back labelled".format(**results)
    elif results["bag"]["truth"] and results["miou"] is None:
        text = "no pixel could be scored with this ground truth"
    else:
        return ""
    return "; ".join([text, *results["left_out"][:1]])


def _frames(results: dict[str, Any]) -> str:
    published, labelled = results["published"], results["frames"]
    share = f" ({100 * labelled / published:.0f}%)" if published else ""
    return f"{published} images published, {labelled} labelled{share}"


def _losses(results: dict[str, Any]) -> str:
    losses = [f"{count} dropped ({reason})" for reason, count in results["dropped"].items()]
    losses += [f"{count} failed ({reason})" for reason, count in results["failed"].items()]
    if results["lost"]:
        losses.append(f"{results['lost']} lost (on the way, or with the node)")
    return ", ".join(losses)


def _latency(results: dict[str, Any]) -> str:
    latency = results["latency_ms"]
    if not latency:
        return ""
    return "publication to labels p50 {p50:.0f}, p99 {p99:.0f}, max {max:.0f} ms".format(**latency)


def _accuracy(results: dict[str, Any]) -> str:
    if results["miou"] is None:
        return ""
    seen = f"; {results['seen_in_training']}" if results["seen_in_training"] else ""
    return (f"as driven: mIoU {100 * results['miou']:.1f}%, pixel accuracy "
            f"{100 * results['pixel_accuracy']:.1f}% over {results['scored']} images{seen}")


def _lateness(results: dict[str, Any]) -> str:
    late = results["late_ms"]
    if not late or late["p50"] < LATE_MS:
        return ""
    return ("this machine cannot play so fast: half of the images went out "
            f"{late['p50']:.0f} ms late or more")

"""Numbers as the reports print them; what is unknown is a dash."""

import math
from collections.abc import Callable
from functools import wraps
from numbers import Real
from typing import Any

UNKNOWN = "–"
_NO_BREAK, _THIN = "\u00a0", "\u202f"


def is_known(value: Any) -> bool:
    """Whether a value of results.json or of a row is a number."""
    return isinstance(value, Real) and math.isfinite(value)


def _dash_where_unknown(write: Callable[..., str]) -> Callable[..., str]:
    @wraps(write)
    def formatted(value: float | None, *options: Any, **named: Any) -> str:
        return write(value, *options, **named) if is_known(value) else UNKNOWN

    return formatted


@_dash_where_unknown
def percent(share: float, digits: int = 1) -> str:
    """A share of 1 as per cent: 0.7312 -> "73.1 %"."""
    return f"{100 * share:.{digits}f}{_NO_BREAK}%"


@_dash_where_unknown
def points(share: float, digits: int = 1) -> str:
    """A share of 1 as per cent without the sign, for columns: 0.7312 -> "73.1"."""
    return f"{100 * share:.{digits}f}"


@_dash_where_unknown
def milliseconds(value: float) -> str:
    """To three figures: 4.56 -> "4.56 ms", 35.21 -> "35.2 ms", 1204.3 -> "1204 ms"."""
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{_NO_BREAK}ms"


@_dash_where_unknown
def count(value: float) -> str:
    """With a thin space between thousands: 9000 -> "9 000"."""
    return f"{value:,.0f}".replace(",", _THIN)


def plural(value: float | None, thing: str) -> str:
    """A count with its noun: 1 -> "1 frame", 9000 -> "9 000 frames"."""
    return f"{count(value)} {thing}{'' if value == 1 else 's'}"


@_dash_where_unknown
def rate(value: float, unit: str = "Hz") -> str:
    """To a tenth: 14.98 -> "15.0 Hz"."""
    return f"{value:.1f}{_NO_BREAK}{unit}"


def clock(seconds: float, digits: int = 0) -> str:
    """A time in a drive: 75.25 -> "1:15", with one digit "1:15.2"; from an hour on "1:02:03"."""
    whole = math.floor(round(seconds * 10**digits, 3)) / 10**digits
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(int(minutes), 60)
    tail = f"{rest:0{3 + digits if digits else 2}.{digits}f}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


@_dash_where_unknown
def duration(seconds: float) -> str:
    """A length of time: 40.8 -> "40.8 s", 600 -> "10 min 0 s"."""
    if seconds < 60:
        return f"{seconds:.1f}{_NO_BREAK}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}{_NO_BREAK}h {minutes}{_NO_BREAK}min"
    return f"{minutes}{_NO_BREAK}min {rest}{_NO_BREAK}s"


#: As filters of the templates.
FILTERS = {function.__name__: function
           for function in (percent, points, milliseconds, count, plural, rate, clock, duration)}

"""Formats figures for a person: values with their unit, counts, durations, sizes."""

from datetime import UTC, datetime
from math import isfinite

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
"""Currencies shown by a sign; others by their ISO 4217 code."""

_THOUSANDS = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
_BYTES = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


def short_value(value: float | None, unit: str | None) -> str:
    """Format a value to four significant digits: `2.25%`, `$1.5bn`, `CNY 500m`; empty for None."""
    if value is None or not isfinite(value):
        return ""
    if unit == "pure":
        return f"{value * 100:,.4g}%" if abs(value) < 100 else f"{value * 100:,.0f}%"
    if not unit:
        return plain_number(value)
    amount = _thousands(abs(value))
    minus = "−" if value < 0 else ""
    if unit in SIGNS:
        return f"{minus}{SIGNS[unit]}{amount}"
    return f"{unit} {minus}{amount}" if len(unit) == 3 else f"{minus}{amount} {unit}"


def exact_value(value: float | None, unit: str | None) -> str:
    """Format every digit with the unit as stored: `0.0225 pure`, `1,500,000,000 USD`."""
    if value is None:
        return "none: the number has no value"
    return f"{plain_number(value)} {unit or 'without a unit'}"


def plain_number(value: float) -> str:
    """Format a number with thousands separators and without superfluous decimals."""
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.12g}" if abs(value) < 1e15 else f"{value:.6g}"


def duration(seconds: float | None) -> str:
    """Format seconds: `0.8 s`, `42 s`, `5 min 16 s`, `3 h 12 min`; a dash for None."""
    if seconds is None:
        return "\N{EN DASH}"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def moment(when: datetime | str | None) -> str:
    """Format an aware or ISO 8601 time as `23 November 2026, 13:36 UTC`; return other text unchanged."""
    if when is None:
        return "\N{EN DASH}"
    try:
        time = datetime.fromisoformat(when) if isinstance(when, str) else when
    except ValueError:
        return str(when)
    return f"{time.astimezone(UTC):%d %B %Y, %H:%M} UTC".removeprefix("0")


def size(amount: float) -> str:
    """Format bytes, in powers of 1024: `43.1 MB`."""
    for least, name in _BYTES:
        if amount >= least:
            return f"{amount / least:,.1f} {name}"
    return f"{amount:.0f} bytes"


def percent(part: float | None, whole: float | None) -> str:
    """Format a share: `46.5%`; a dash if either is unknown or `whole` is 0."""
    return f"{100 * part / whole:.1f}%" if whole and part is not None else "–"


def counted(amount: int, one: str, several: str | None = None) -> str:
    """Format a count with its noun: `1 document`, `1,983 numbers`."""
    return f"{amount:,} {one if amount == 1 else several or one + 's'}"


def _thousands(value: float) -> str:
    for least, name in _THOUSANDS:
        if value >= least * 0.99995:
            return f"{value / least:,.4g}{name}" if value < 1e16 else f"{value / least:.2e}{name}"
    return f"{value:.4g}"

"""Figures as a person reads them: values with their unit, counts, times, sizes."""

from datetime import UTC, datetime
from math import isfinite

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
"""Currencies with a sign of their own; others stand with their ISO 4217 code."""

_THOUSANDS = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
_BYTES = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


def short_value(value: float | None, unit: str | None) -> str:
    """Four significant digits, at a glance: `2.25%`, `$1.5bn`, `CNY 500m`; empty for None."""
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
    """Every digit, with the unit as it is stored: `0.0225 pure`, `1,500,000,000 USD`."""
    if value is None:
        return "none: the number could not be read as a value"
    return f"{plain_number(value)} {unit or 'without a unit'}"


def plain_number(value: float) -> str:
    """Separators of thousands, no superfluous decimals."""
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.12g}" if abs(value) < 1e15 else f"{value:.6g}"


def duration(seconds: float | None) -> str:
    """`0.8 s`, `42 s`, `5 min 16 s`, `3 h 12 min`; a dash of nothing."""
    if seconds is None:
        return "\N{EN DASH}"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def moment(when: datetime | str | None) -> str:
    """`23 November 2026, 13:36 UTC`, of a time with its zone or of that in ISO 8601; other text as it is."""
    if when is None:
        return "\N{EN DASH}"
    try:
        time = datetime.fromisoformat(when) if isinstance(when, str) else when
    except ValueError:
        return str(when)
    return f"{time.astimezone(UTC):%d %B %Y, %H:%M} UTC".removeprefix("0")


def size(amount: float) -> str:
    """Bytes in binary steps: `43.1 MB`."""
    for least, name in _BYTES:
        if amount >= least:
            return f"{amount / least:,.1f} {name}"
    return f"{amount:.0f} bytes"


def percent(part: float | None, whole: float | None) -> str:
    """A share: `46.5%`; a dash of nothing."""
    return f"{100 * part / whole:.1f}%" if whole and part is not None else "–"


def counted(amount: int, one: str, several: str | None = None) -> str:
    """`1 document`, `1,983 numbers`."""
    return f"{amount:,} {one if amount == 1 else several or one + 's'}"


def _thousands(value: float) -> str:
    for least, name in _THOUSANDS:
        if value >= least * 0.99995:
            return f"{value / least:,.4g}{name}" if value < 1e16 else f"{value / least:.2e}{name}"
    return f"{value:.4g}"

"""The value of a number."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """A number's value, unit and scale, read from its context."""

    value: float | None
    """`2.25%` 0.0225 · `175 basis points` 0.0175 · `$1.5 billion` 1.5e9; None if the digits are no number."""
    unit: str | None
    """`pure` for rates and ratios, an ISO 4217 code for money, `shares`, …; None if the context states none."""
    scale: int
    """Power of ten between the printed number and `value`: -2 percent, -4 basis points, 6 million, 0 none."""

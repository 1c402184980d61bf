"""What a measurement says: the median of its runs, their spread, and the target that it is held against."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One figure. `values` are its runs, in order; `target` is what it should be, at least or at most."""

    name: str
    value: float
    unit: str
    values: list[float] = []
    target: float | None = None
    better: Literal["more", "less"] = "less"
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        met = self.value >= self.target if self.better == "more" else self.value <= self.target
        return "met" if met else "MISSED"


def median(
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    target: float | None = None,
    better: Literal["more", "less"] = "less",
    note: str = "",
) -> Figure:
    """Make a figure of several runs."""
    return Figure(
        name=name, value=statistics.median(values), unit=unit, values=list(values), target=target,
        better=better, note=note,
    )  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all are no greater than."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * len(ordered)))]


def show(console: Console, title: str, figures: Sequence[Figure]) -> None:
    """Print figures as a table."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("figure")
    for heading in ("median", "runs", "target"):
        table.add_column(heading, justify="right")
    table.add_column("")
    table.add_column("note")
    for figure in figures:
        runs = f"{spell(min(figure.values))} … {spell(max(figure.values))}" if figure.values else ""
        sign = "≥" if figure.better == "more" else "≤"
        target = f"{sign} {spell(figure.target)}" if figure.target is not None else ""
        value = f"{spell(figure.value)} {figure.unit}".strip()
        table.add_row(figure.name, value, runs, target, figure.verdict, figure.note)
    console.print(table)


def spell(value: float) -> str:
    """Write a number with as many digits as say something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"

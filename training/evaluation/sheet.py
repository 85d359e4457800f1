"""Results as plain tables and figures for people, which the command line and the notebooks show as they like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from training.evaluation.bootstrap import Estimate


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes
    ----------
    rows
        Texts, as many in each row as there are columns.
    notes
        Sentences below the table.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"expected {len(self.columns)} cells in each row of {self.title!r}, found {row}")

    def markdown(self) -> list[str]:
        """Return the table as lines of Markdown."""
        lines = [f"| {' | '.join(self.columns)} |", f"| --- |{' --- |' * (len(self.columns) - 1)}"]
        return lines + [f"| {' | '.join(row)} |" for row in self.rows]


@dataclass(frozen=True)
class Headline:
    """A figure that everybody should see, such as the AUC, and that of a baseline where it is compared with one."""

    label: str
    value: str
    baseline: str | None = None
    baseline_name: str | None = None


def with_interval(estimate: Estimate | Mapping[str, float] | None) -> str:
    """Write an estimate with its interval, whether it is an object or was read from JSON; a dash for none."""
    if estimate is None:
        return "–"
    if isinstance(estimate, Mapping):
        estimate = Estimate(**estimate)
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def gain_with_interval(estimate: Estimate | Mapping[str, float] | None) -> str:
    """Write a relative gain with its interval, in percent; nothing for none."""
    if estimate is None:
        return ""
    if isinstance(estimate, Mapping):
        estimate = Estimate(**estimate)
    return f"{estimate.value:+.0%} ({estimate.low:+.0%} to {estimate.high:+.0%})"

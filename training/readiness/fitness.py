"""What the data are fit for, model by model, with what to do where they are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["fit", "weak", "unfit"]
_ORDER: tuple[Verdict, ...] = ("fit", "weak", "unfit")


@dataclass(frozen=True)
class Finding:
    """One condition: what was asked for, what was found, what to do."""

    verdict: Verdict
    what: str
    remedy: str | None = None


@dataclass(frozen=True)
class Fitness:
    """A model and its conditions; it is as fit as the worst of them."""

    model: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        return max((finding.verdict for finding in self.findings), key=_ORDER.index, default="fit")


def at_least(found: float, least: float, enough: float, what: str, remedy: str) -> Finding:
    """Judge a number that has to be large: below `least` unfit, below `enough` weak."""
    if found < least:
        return Finding("unfit", f"{what}; expected at least {least:,.0f}", remedy)
    if found < enough:
        return Finding("weak", f"{what}; figures are uncertain below {enough:,.0f}", remedy)
    return Finding("fit", what)


def within(found: float, possible: Sequence[float], usual: Sequence[float], what: str, remedy: str) -> Finding:
    """Judge a share: outside of what is possible unfit, outside of what is usual weak."""
    if not possible[0] <= found <= possible[1]:
        return Finding("unfit", f"{what}; expected {possible[0]:.1%} to {possible[1]:.1%}", remedy)
    if not usual[0] <= found <= usual[1]:
        return Finding("weak", f"{what}; usual is {usual[0]:.0%} to {usual[1]:.0%}", remedy)
    return Finding("fit", what)

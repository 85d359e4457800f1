"""What the data are fit for, model by model, with what to do where they are not; and limits that models share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from training.evaluation.sheet import Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Customers that a model is learned from, at least.
MIN_CUSTOMERS = 100
#: With fewer customers than this the figures of a model are uncertain.
FEW_CUSTOMERS = 500

Verdict = Literal["fit", "weak", "unfit"]
_ORDER: tuple[Verdict, ...] = ("fit", "weak", "unfit")


@dataclass(frozen=True)
class Finding:
    """One condition: the verdict, what was found, and what to do where it is not met."""

    verdict: Verdict
    what: str
    remedy: str | None = None


@dataclass(frozen=True)
class Fitness:
    """What the data are fit for, for one model.

    Attributes
    ----------
    model
        Its name in a sentence.
    findings
        Its conditions; the data are as fit as the worst of them.
    sheets
        Tables that help to choose the settings of the model.
    pictures
        A function that draws each picture of the page, by the title of the sheet that it belongs to.
    values
        The same as plain values for JSON.
    recommended
        Settings that the data recommend, by key such as `churn.horizon_days`.
    """

    model: str
    findings: tuple[Finding, ...]
    sheets: tuple[Sheet, ...] = ()
    pictures: Mapping[str, "Callable[[], Figure]"] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    recommended: Mapping[str, int] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        return max((finding.verdict for finding in self.findings), key=_ORDER.index, default="fit")


def at_least(value: float, least: float, enough: float, what: str, remedy: str) -> Finding:
    """Judge a number that has to be large: below `least` unfit, below `enough` weak."""
    if value < least:
        return Finding("unfit", f"{what}; expected at least {least:,.0f}", remedy)
    if value < enough:
        return Finding("weak", f"{what}; figures are uncertain below {enough:,.0f}", remedy)
    return Finding("fit", what)


def within(share: float, possible: Sequence[float], usual: Sequence[float], what: str, remedy: str) -> Finding:
    """Judge a share: outside of what is possible unfit, outside of what is usual weak."""
    if not possible[0] <= share <= possible[1]:
        return Finding("unfit", f"{what}; expected {possible[0]:.1%} to {possible[1]:.1%}", remedy)
    if not usual[0] <= share <= usual[1]:
        return Finding("weak", f"{what}; usual is {usual[0]:.0%} to {usual[1]:.0%}", remedy)
    return Finding("fit", what)

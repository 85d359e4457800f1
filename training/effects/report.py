"""The report of a campaign: what each arm changed, whether that can be believed, and what it earned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.arrays import Rows
from training.effects.attribution import Attribution, Contacts, Purchases
from training.effects.findings import ArmReport, Check, DecidedBy, plain
from training.effects.outcomes import Assigned, Measure, Outcomes


@dataclass(frozen=True)
class Beside:
    """What is known beside assignments and outcomes; a report is made without any of it, too.

    Attributes
    ----------
    contacts
        Contacts of this and of other campaigns.
    purchases
        For attribution.
    others
        Assignments of all other campaigns.
    segments, reasons
        Rows of `assigned` by name of a segment, and by the main reason why customers were chosen.
    costs
        By arm the cost of one contact, of assignments without a cost of their own.
    """

    contacts: Contacts | None = None
    purchases: Purchases | None = None
    others: Assigned | None = None
    segments: Mapping[str, Rows] = field(default_factory=dict)
    reasons: Mapping[str, Rows] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EffectReport:
    """What a campaign changed.

    Attributes
    ----------
    goal_measure
        The measure on which verdicts are given.
    days
        Outcomes are those of [assigned, assigned + days).
    customers, known
        Assignments, and those whose outcome is known.
    looks
        How often a report was read before this one.
    final
        Whether every outcome is known, so that nothing is to come.
    decided_by
        Whether intervals of fixed size or sequentially valid ones decide.
    total
        All actions together beside the holdout.
    arms
        In the order of their names.
    attribution
        Purchases that followed a contact. Not an effect: customers who would have bought anyway are among them.
    """

    campaigns: tuple[str, ...]
    goal_measure: Measure
    days: int
    customers: int
    known: int
    looks: int
    final: bool
    decided_by: DecidedBy
    total: ArmReport
    arms: tuple[ArmReport, ...]
    checks: tuple[Check, ...]
    attribution: Attribution | None

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON has it: None where a number is not known."""
        found: dict[str, Any] = plain(self)
        return found


def make_report(
    assigned: Assigned,
    outcomes: Outcomes,
    *,
    goal_measure: Measure,
    days: int,
    looks: int = 0,
    final: bool = True,
    beside: Beside = Beside(),
) -> EffectReport:
    """Measure what each arm of a campaign, or of several, changed.

    The control group of an arm is the holdout of the same campaign and the same intended action; where arms were drawn
    for everybody alike (`intended` is empty), it is the whole holdout of the campaign. Customers whose outcome is not
    known are left out, and so is a measure that is known of nobody.

    Parameters
    ----------
    looks
        How often a report of this campaign was read while outcomes were still to come. From 1 on, sequentially valid
        intervals decide.
    final
        False where outcomes are still to come; sequentially valid intervals decide then.
    """
    raise NotImplementedError

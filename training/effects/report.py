"""The report of a campaign: what each arm changed, whether that can be believed, and what it earned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.arrays import Floats, Rows
from training.effects.arms import Spent, arm_reports
from training.effects.attribution import Attribution, Contacts, Purchases, attribute
from training.effects.checks import contamination_check, looks_check, others_check, ratio_check
from training.effects.contamination import contacted, elsewhere
from training.effects.findings import ArmReport, By, Check, DecidedBy, plain
from training.effects.outcomes import Assigned, Measure, Outcomes
from training.effects.study import Study, compared, strata_of, together


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
    known are left out, and so is a measure that more than 5 % of the others lack.

    Parameters
    ----------
    looks
        How often a report of this campaign was read while outcomes were still to come. From 1 on, sequentially valid
        intervals decide.
    final
        False where outcomes are still to come; sequentially valid intervals decide then.
    """
    strata = strata_of(assigned)
    in_sequence = looks > 0 or not final
    study = Study(assigned, outcomes, strata, final=final, sequential=in_sequence)
    marked = None if beside.contacts is None else contacted(assigned, beside.contacts, days)
    spent = Spent(_costs(assigned, beside.costs), marked)
    groups = _groups(beside, len(assigned))
    arms = arm_reports(study, compared(assigned, strata), goal_measure, groups, spent)
    (total,) = arm_reports(study, [together(assigned, strata)], goal_measure, groups, spent)
    checks = (
        ratio_check(assigned, strata),
        contamination_check(assigned, marked),
        others_check(assigned, None if beside.others is None else elsewhere(assigned, beside.others, days)),
        looks_check(looks, arms, final=final),
    )
    return EffectReport(
        campaigns=tuple(sorted(set(assigned.campaigns.tolist()))),
        goal_measure=goal_measure,
        days=days,
        customers=len(assigned),
        known=int(outcomes.known.sum()),
        looks=looks,
        final=final,
        decided_by="sequential" if in_sequence else "fixed",
        total=total,
        arms=tuple(arms),
        checks=checks,
        attribution=_attribution(assigned, beside, days),
    )


def _costs(assigned: Assigned, costs: Mapping[str, float]) -> Floats:
    """Return the cost of each contact: its own, else that of its arm, else NaN."""
    of_arm = np.array([costs.get(arm, np.nan) for arm in assigned.arms.tolist()], dtype="float64")
    return np.where(np.isfinite(assigned.cost), assigned.cost, of_arm)


def _groups(beside: Beside, count: int) -> dict[By, dict[str, Rows]]:
    """Return the groups as masks; a kind without any group is left out."""
    named: dict[By, Mapping[str, Rows]] = {"segment": beside.segments, "reason": beside.reasons}
    found: dict[By, dict[str, Rows]] = {}
    for by, groups in named.items():
        for name, rows in groups.items():
            mask = np.zeros(count, dtype=bool)
            mask[rows] = True
            found.setdefault(by, {})[name] = mask
    return found


def _attribution(assigned: Assigned, beside: Beside, days: int) -> Attribution | None:
    """Attribute the orders of the time from the first assignment to the end of the last window."""
    if beside.contacts is None or beside.purchases is None or not len(assigned):
        return None
    bought = beside.purchases
    end = assigned.moments.max() + np.timedelta64(days, "D")
    inside = (bought.moments >= assigned.moments.min()) & (bought.moments < end)
    period = Purchases(bought.customers[inside], bought.moments[inside], bought.amounts[inside])
    return attribute(period, beside.contacts, set(assigned.campaigns.tolist()), days)

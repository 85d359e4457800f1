"""What each arm of a campaign changed: verdict, needed customers, money, groups."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats, Rows
from training.effects import power
from training.effects.difference import Effect, unknown
from training.effects.findings import LEAST, ArmReport, By, Found, GroupFound, Money, Verdict
from training.effects.outcomes import Measure
from training.effects.study import Comparison, Study
from training.evaluation.bootstrap import Estimate


@dataclass(frozen=True)
class Spent:
    """Cost and record of the contacts of assignments, aligned with them.

    Attributes
    ----------
    costs
        NaN where a cost is unknown.
    contacted
        Whether the campaign contacted the customer; None where contacts are not known.
    """

    costs: Floats
    contacted: Rows | None


def arm_reports(
    study: Study,
    comparisons: Sequence[Comparison],
    goal: Measure,
    groups: Mapping[By, Mapping[str, Rows]],
    spent: Spent,
) -> list[ArmReport]:
    """Report on arms, whose differences on all measures are one family."""
    measures = study.measures()
    pairs = [(comparison, measure) for comparison in comparisons for measure in measures]
    effects = [study.difference(*pair) for pair in pairs]
    decided = study.decide(effects, [comparison.planned for comparison, _ in pairs])
    found: dict[str, dict[Measure, Found]] = {comparison.arm: {} for comparison in comparisons}
    for (comparison, measure), one in zip(pairs, decided, strict=True):
        found[comparison.arm][measure] = one
    grouped = _grouped(study, comparisons, goal, groups) if goal in measures else {}
    return [
        _arm(study, comparison, goal, found[comparison.arm], spent, tuple(grouped.get(comparison.arm, ())))
        for comparison in comparisons
    ]


def _arm(
    study: Study,
    comparison: Comparison,
    goal: Measure,
    found: Mapping[Measure, Found],
    spent: Spent,
    groups: tuple[GroupFound, ...],
) -> ArmReport:
    known = comparison.treated & study.outcomes.known
    known_controls = comparison.controls & study.outcomes.known
    sizes = int(known.sum()), int(known_controls.sum())
    decisive = found[goal] if goal in found else _nothing(unknown(*sizes))
    verdict = verdict_of(decisive, final=study.final)
    return ArmReport(
        arm=comparison.arm,
        customers=int(comparison.treated.sum()),
        controls=int(comparison.controls.sum()),
        known=sizes[0],
        known_controls=sizes[1],
        contacted=None if spent.contacted is None else int(spent.contacted[comparison.treated].sum()),
        found=found,
        verdict=verdict,
        needed_more=_needed_more(decisive),
        smallest_effect=_smallest(decisive),
        money=_money(study, comparison, found.get("margin"), spent.costs[known]),
        groups=groups,
    )


def verdict_of(found: Found, *, final: bool) -> Verdict:
    """Say in one word what a difference shows; a higher outcome is the better one."""
    if not found.judged:
        return "not_yet_known"
    if found.sign:
        return "effect" if found.sign > 0 else "harm"
    return "no_effect_seen" if final else "not_yet_known"


def _nothing(effect: Effect) -> Found:
    return Found(effect, math.nan, math.nan, math.nan, 0)


def _needed_more(found: Found) -> int | None:
    """Return how many customers more would show the difference, or until both sides have the least number."""
    if found.sign:
        return 0
    if found.judged:
        return power.needed_more(found.effect, comparisons=found.comparisons)
    sizes = found.effect.customers, found.effect.controls
    if min(sizes) >= LEAST:
        return None
    if min(sizes) == 0:
        return sum(max(0, LEAST - size) for size in sizes)
    return math.ceil(sum(sizes) * (LEAST / min(sizes) - 1))


def _smallest(found: Found) -> float | None:
    return power.visible(found.effect, comparisons=found.comparisons) if found.judged else None


def _money(study: Study, comparison: Comparison, found: Found | None, costs: Floats) -> Money:
    """Return what an arm earned.

    Parameters
    ----------
    costs
        Of the contacts of the arm's customers whose outcome is known.
    """
    cost = float(costs.sum())
    spent = cost if math.isfinite(cost) else None
    if found is None or not found.judged:
        return Money(spent, None, None, None)
    reach = study.half_width(found.effect, comparison.planned)
    ends = np.array([found.effect.value, found.effect.value - reach, found.effect.value + reach]) * len(costs)
    if spent is None:
        return Money(None, _estimate(ends), None, None)
    invested = _estimate((ends - spent) / spent) if spent > 0 else None
    return Money(spent, _estimate(ends), _estimate(ends - spent), invested)


def _estimate(ends: Floats) -> Estimate:
    value, low, high = ends.tolist()
    return Estimate(value, low, high)


def _grouped(
    study: Study, comparisons: Sequence[Comparison], goal: Measure, groups: Mapping[By, Mapping[str, Rows]]
) -> dict[str, list[GroupFound]]:
    """Return the differences on the goal's measure in groups, by arm; groups of a kind are one family."""
    found: dict[str, list[GroupFound]] = {comparison.arm: [] for comparison in comparisons}
    for by, masks in groups.items():
        keys = [(comparison, name) for comparison in comparisons for name in masks]
        effects = [study.difference(comparison, goal, masks[name]) for comparison, name in keys]
        sizes = [int((masks[name] & (comparison.treated | comparison.controls)).sum()) for comparison, name in keys]
        for (comparison, name), one in zip(keys, study.decide(effects, sizes), strict=True):
            verdict = verdict_of(one, final=study.final)
            found[comparison.arm].append(GroupFound(by, name, one, verdict, _needed_more(one)))
    return found

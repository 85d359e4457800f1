"""Whether the data can carry an uplift model."""

from core.settings import Settings
from features.contract.assigned import HOLDOUT
from training.effects.outcomes import Assigned, read_assigned, read_outcomes
from training.readiness.facts import DataFacts
from training.readiness.fitness import Finding, Fitness, at_least
from training.uplift.dataset import unusable
from training.uplift.experiment import LEAST
from training.uplift.settings import UpliftSettings

#: With fewer known outcomes of an arm an effect that differs by customer is hardly seen.
_ENOUGH = 1_000
_MORE = "Assign more customers, and keep a holdout."


def judge_uplift(settings: Settings, facts: DataFacts) -> Fitness | None:
    """Judge whether the effect of actions can be learned; None where nobody was assigned to a campaign."""
    del facts
    uplift = settings[UpliftSettings]
    assigned = read_assigned(settings)
    if not len(assigned):
        return None
    known = read_outcomes(settings, assigned, uplift.horizon_days).known
    findings = [
        Finding("fit", _assigned(assigned)),
        *(
            Finding("weak", f"Campaign {name} is not learned from: {reason}")
            for name, reason in unusable(assigned, known, uplift.propensities).items()
        ),
    ]
    for arm in sorted({str(arm) for arm in assigned.arms} | {HOLDOUT}):
        count = int((known & (assigned.arms == arm)).sum())
        findings.append(at_least(count, LEAST, _ENOUGH, f"{count:,} known outcomes of the arm {arm}", _MORE))
    return Fitness("uplift", tuple(findings))


def _assigned(assigned: Assigned) -> str:
    campaigns = len({*assigned.campaigns.tolist()})
    arms = ", ".join(sorted({str(arm) for arm in assigned.arms}))
    return f"{len(assigned):,} assignments of {campaigns:,} campaigns; arms: {arms}"

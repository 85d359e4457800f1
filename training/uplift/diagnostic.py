"""Is risk the right ranking here? Contacting the riskiest customers beside contacting those whom a contact changes."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from training.evaluation.bootstrap import Estimate
from training.uplift.evaluation import LIFT, Evaluation, Order, Subject
from training.uplift.qini import BUDGETS

Verdict = Literal["right", "wrong", "not_known"]
#: The budget that the sentence speaks of, by its place among the values of a ranking.
_SPOKEN = 2
_NAMES: dict[Order, str] = {
    "lift": "lift",
    "risk": "risk",
    "outcome": "expected revenue",
    "risk_x_value": "risk x value",
}


@dataclass(frozen=True)
class Diagnostic:
    """Whether risk ranks customers rightly for an action.

    Attributes
    ----------
    gain
        By how much the Qini coefficient of lift exceeds that of risk, paired by customer.
    at_budgets
        By order and share of the customers contacted: how much more lift gains, in customers retained per customer.
    """

    action: str
    verdict: Verdict
    text: str
    gain: Estimate
    at_budgets: dict[str, dict[str, Estimate]]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def diagnose(evaluation: Evaluation, subject: Subject) -> Diagnostic:
    """Compare contacting by risk with contacting by predicted lift, on customers whom no part had seen.

    Risk is wrong where lift gains more, or where risk gains less than lots do; right where risk gains more than lots
    and lift gains no more than risk; else it is not known. Each by intervals.
    """
    measured, action = evaluation.measured, subject.action
    gain = measured.gain((action, LIFT), (action, "risk"))
    by_lot = measured.estimate((action, "risk"))
    verdict: Verdict = "not_known"
    if gain.low > 0 or by_lot.high < 0:
        verdict = "wrong"
    elif by_lot.low > 0:
        verdict = "right"
    others = [name for name in subject.rankings if name != LIFT]
    at_budgets: dict[str, dict[str, Estimate]] = {
        name: {
            f"{share:.0%}": measured.gain((action, LIFT), (action, name), place)
            for place, share in enumerate(BUDGETS, start=1)
        }
        for name in others
    }
    spoken = measured.gain((action, LIFT), (action, "risk"), _SPOKEN)
    return Diagnostic(action, verdict, _sentence(action, verdict, spoken, by_lot), gain, at_budgets)


def name_of(order: str) -> str:
    """Return an order in words."""
    return next((words for name, words in _NAMES.items() if name == order), order)


def _sentence(action: str, verdict: Verdict, spoken: Estimate, by_lot: Estimate) -> str:
    more = f"{1000 * spoken.value:+.0f} ({1000 * spoken.low:+.0f} to {1000 * spoken.high:+.0f})"
    budget = f"With a budget for {BUDGETS[_SPOKEN - 1]:.0%} of 1,000 customers, contacting by predicted lift instead "
    if verdict == "wrong":
        why = "it gains less than drawing lots" if by_lot.high < 0 else "over all budgets, predicted lift gains more"
        return f"Risk is the wrong ranking for {action} here: {why}. {budget}of risk changes who is retained by {more}."
    if verdict == "right":
        return (
            f"Risk is a right ranking for {action} here: it gains more than drawing lots, and predicted lift gains no "
            f"more than risk as far as these customers show. {budget}of risk changes who is retained by {more}."
        )
    return (
        f"Whether risk is the right ranking for {action} is not known: neither risk nor predicted lift differs enough "
        f"from drawing lots, or from the other, among these customers. {budget}of risk changes who is retained by "
        f"{more}."
    )

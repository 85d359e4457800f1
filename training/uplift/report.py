"""The results of the uplift model for people: model card, tables and headlines."""

from collections.abc import Mapping
from typing import Any

from training.evaluation.card import Card
from training.evaluation.grade import Grading
from training.evaluation.sheet import Headline, Sheet, with_interval
from training.uplift.diagnostic import name_of
from training.uplift.evaluation import GRADE_RULE

_METHOD = (
    "Qini: the area between what contacting in an order gains and what contacting as many by lot gains, in customers "
    "retained per customer, over all budgets; 0 is no better than by lot. Gains are doubly robust scores weighted by "
    "inverse propensities, of customers whom no part had seen. In brackets intervals that hold at 95 % for all "
    "learners and actions together."
)


def card(protocol: Mapping[str, Any], measured: Mapping[str, Any], grading: Grading) -> Card:
    """Return the model card; protocol and results as `encore evaluate uplift` prints them."""
    main = measured["actions"][measured["graded"]]
    return Card(
        title="Uplift model",
        meaning=[
            "What an action adds to the probability that a customer is retained for "
            f"{protocol['horizon_days']} days; below 0 where the contact drives the customer away.",
            "The interval is of customers in the same tenth of predicted lift: the effect on one customer is never "
            "observed.",
            *([f"**It must not be used.** {measured['objection']}"] if measured["objection"] else []),
        ],
        training=[
            f"{protocol['assignments']:,} assignments with a known outcome of {protocol['customers']:,} customers in "
            f"{', '.join(protocol['campaigns'])}; {protocol['features']} features of the service "
            f"{protocol['feature_service']}.",
            "Arms were drawn by lot; customers are weighted by the inverse of their propensity.",
            *(f"{action}: {one['learner']}-learner." for action, one in measured["actions"].items()),
            *(f"Campaign {name} is left out: {reason}." for name, reason in protocol["campaigns_left_out"].items()),
            "Left out, because the data have no values of them: "
            f"{', '.join(protocol['features_left_out']) or 'nothing'}.",
        ],
        measurement=[
            f"Each of {protocol['folds']} folds of customers by parts that learned from the others. The model is the "
            "mean of these parts.",
            _METHOD,
            *(one["diagnostic"]["text"] for one in measured["actions"].values()),
        ],
        results=_orders(measured["graded"], main),
        rule=GRADE_RULE,
        grading=grading,
        limits=[
            "It holds for contacts like those of the campaigns it learned from, and for customers like theirs.",
            "It says nothing about actions that are not listed, and nothing about what happens after these days.",
            "What an action costs and what a customer is worth are not in it: decisions add them.",
        ],
    )


def sheets(evaluation: Mapping[str, Any]) -> list[Sheet]:
    """Return orders, learners and tenths of each action as tables; the grade and the objection below the first."""
    found = []
    notes = [evaluation["grading"]["summary"], *([evaluation["objection"]] if evaluation["objection"] else [])]
    for action, one in evaluation["actions"].items():
        orders = _orders(action, one)
        found.append(Sheet(orders.title, orders.columns, orders.rows, (*orders.notes, *notes)))
        found.append(_tenths(action, one["tenths"]))
        notes = []
    return found


def headlines(metrics: Mapping[str, float]) -> list[Headline]:
    """Return the coefficient of lift beside that of risk, and the effect on the best fifth beside that on everybody."""
    shown = []
    for name in sorted(metrics):
        if name.endswith(".lift.qini"):
            action = name.removesuffix(".lift.qini")
            risk = metrics[f"{action}.risk.qini"]
            shown.append(Headline(f"{action} Qini", f"{metrics[name]:.4f}", f"{risk:.4f}", "by risk"))
            every, top = metrics[f"{action}.effect"], metrics[f"{action}.effect_top_fifth"]
            shown.append(Headline(f"{action} effect, best fifth", f"{top:+.1%}", f"{every:+.1%}", "everybody"))
    return shown


def _orders(action: str, one: Mapping[str, Any]) -> Sheet:
    shares = list(one["orders"]["lift"]["at_budgets"])
    rows = [
        (f"by {name_of(name)}", _fine(order["qini"]), *(_per_mille(order["at_budgets"][share]) for share in shares))
        for name, order in one["orders"].items()
    ]
    learners = "; ".join(f"{name} {_fine(qini)}" for name, qini in one["learners"].items())
    notes = (
        "At a budget for a share of the customers: how many of 1,000 customers are retained more than by lot.",
        f"Learners when it was trained, Qini: {learners}. Taken: {one['learner']}.",
        one["diagnostic"]["text"],
    )
    return Sheet(f"{action}: {one['rows']:,} customers", ("order", "Qini", *shares), rows, notes)


def _tenths(action: str, tenths: Mapping[str, Any]) -> Sheet:
    rows = [
        (str(number), f"{predicted:+.3f}", with_interval({"value": actual, "low": low, "high": high}), f"{count:,}")
        for number, (predicted, actual, low, high, count) in enumerate(
            zip(*(tenths[name] for name in ("predicted", "actual", "low", "high", "customers")), strict=True), start=1
        )
    ]
    return Sheet(f"{action} by tenth of predicted lift", ("tenth", "predicted", "actual", "customers"), rows)


def _fine(one: Mapping[str, float]) -> str:
    return f"{one['value']:+.4f} ({one['low']:+.4f} to {one['high']:+.4f})"


def _per_mille(one: Mapping[str, float]) -> str:
    return f"{1000 * one['value']:+.0f} ({1000 * one['low']:+.0f} to {1000 * one['high']:+.0f})"

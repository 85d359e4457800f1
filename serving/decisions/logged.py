"""What the present decisions would have brought with the customers of past campaigns, before they are tried.

For each customer the action is chosen that has the highest worth among those that could be drawn for the customer, by
the rules of the file and by what was known then. Nothing that limits all customers together, or contacts with one, is
applied: budget, capacity, consent, caps, cool-down, moments and dates. Customers of a campaign could be contacted.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from core.arrays import Floats
from core.errors import StateError
from core.settings import Settings, StoreSettings
from features.contract.assigned import HOLDOUT
from serving.decisions.actions import Action
from serving.decisions.choosing import choose
from serving.decisions.definitions import Decisions
from serving.decisions.effects import Predicted, effects_of
from serving.decisions.past import Past
from serving.decisions.stakes import Stakes, Terms, stakes_of
from serving.decisions.worth import worth_of
from serving.scoring.models import Loaded
from serving.segments.population import Population
from serving.segments.rules import columns_of
from training.effects.given import Measure, Names
from training.effects.measured import load_effects
from training.effects.policy_value import Logged, PolicyValue, policy_gain, policy_value

#: The column of the score table that the uplift model knows of the past.
_RISK = "risk"
#: What a policy is worth by: the first that every customer has.
_ORDER: tuple[Measure, ...] = ("margin", "revenue", "retained")
IGNORED = "Budget, capacity, consent, caps, cool-down, moments and dates of actions are not applied."


@dataclass(frozen=True)
class LoggedValue:
    """The value of policies for the customers of past campaigns, for each customer.

    Attributes
    ----------
    measure
        `margin` is less the cost of contacts.
    days
        After the assignment.
    decisions
        The version of the file.
    kept_windows
        How many windows the decisions count for a customer who is kept; the outcomes are of `days` alone.
    model
        Of the uplift champion; None where there is none. It answers for each customer by the parts that did not see
        them.
    chosen, done
        Assignments by arm, as the decisions choose and as they were drawn.
    limited
        Customers for whom the decisions prefer an action that could not be drawn.
    missing
        Columns that rules of actions read, and that are not known of the past.
    values
        By policy: `decisions`, `done` (what was done), `nothing` (for anybody).
    gains
        Of the decisions over the two others, paired by customer.
    """

    campaigns: tuple[str, ...]
    left_out: Mapping[str, str]
    measure: Measure
    days: int
    decisions: str
    kept_windows: float
    model: str | None
    chosen: Mapping[str, int]
    done: Mapping[str, int]
    limited: int
    missing: tuple[str, ...]
    values: Mapping[str, PolicyValue]
    gains: Mapping[str, PolicyValue]

    @property
    def assignments(self) -> int:
        """How many it was estimated from."""
        return sum(self.done.values())

    def as_json(self) -> dict[str, Any]:
        """Return everything; NaN is null in JSON."""
        return {"assignments": self.assignments, **asdict(self), "ignored": IGNORED}


def value_of(settings: Settings, decisions: Decisions, past: Past, champion: Loaded[Any] | None) -> LoggedValue:
    """Estimate what the decisions would have brought.

    Parameters
    ----------
    champion
        The uplift champion; None where there is none.

    Raises
    ------
    StateError
        If none of the actions was drawn in a campaign, or nothing is known to value them by.
    RuleError
        If a rule does not fit the columns.
    """
    actions = tuple(decisions.actions.values())
    predicted = _unseen(past, champion)
    population = _with_risk(past.population, predicted)
    terms = Terms.read(settings, decisions.policy, population)
    stakes = stakes_of(population, terms, predicted.revenue if predicted else None)
    wanted, chosen = _choices(settings, actions, past, population, stakes, predicted)
    measure = _measure(past)
    logged = _logged(past, measure, decisions.actions, predicted, stakes)
    nothing = np.full(len(chosen), HOLDOUT, dtype=object)
    return LoggedValue(
        campaigns=tuple(sorted(set(past.assigned.campaigns))),
        left_out=past.left_out,
        measure=measure,
        days=past.days,
        decisions=decisions.version,
        kept_windows=decisions.policy.kept_windows,
        model=predicted.label if predicted else None,
        chosen=_counts(chosen),
        done=_counts(past.assigned.arms),
        limited=int((wanted != chosen).sum()),
        missing=_missing(actions, population, knows_risk=predicted is not None),
        values={
            "decisions": policy_value(logged, chosen),
            "done": policy_value(logged, None),
            "nothing": policy_value(logged, nothing),
        },
        gains={"done": policy_gain(logged, chosen, None), "nothing": policy_gain(logged, chosen, nothing)},
    )


def _unseen(past: Past, champion: Loaded[Any] | None) -> Predicted | None:
    """Ask the champion; None where it answers about no action."""
    if champion is None:
        return None
    numbers, texts = past.population.numbers, past.population.texts
    found = champion.artifact.predict_unseen(numbers, texts, past.assigned.customers)
    return Predicted(champion.version.label, found) if found else None


def _with_risk(population: Population, predicted: Predicted | None) -> Population:
    """Take the risk that the uplift model expects without a contact."""
    if predicted is None:
        return population
    risk = 1.0 - np.mean([one.base for one in predicted.by_action.values()], axis=0)
    return replace(population, numbers={**population.numbers, _RISK: risk})


def _choices(
    settings: Settings,
    actions: tuple[Action, ...],
    past: Past,
    population: Population,
    stakes: Stakes,
    predicted: Predicted | None,
) -> tuple[Names, Names]:
    """Return the arm that the decisions prefer, and the best that could be drawn.

    Raises
    ------
    StateError
        If there is nothing to choose from.
    """
    possible = np.column_stack(
        [past.could_get(one.name) for one in actions] or [np.zeros((len(stakes.risk), 0), np.bool_)]
    )
    if not possible.any():
        drawn = sorted(set(past.assigned.arms) - {HOLDOUT})
        raise StateError(
            f"Expected an action that was drawn in a campaign ({', '.join(drawn)}), "
            f"found {', '.join(one.name for one in actions) or 'none'}.",
            "Name actions as the arms of the campaigns are named.",
        )
    # effects by segment and reason are those of customers as they are now
    overall = [one for one in load_effects(settings[StoreSettings]) if one.by == "all"]
    effects = effects_of(actions, stakes, population, predicted, overall, lambda _: np.zeros(len(possible), np.bool_))
    worth = worth_of(actions, stakes, effects)
    if not (np.isfinite(worth.gain) & possible).any():
        raise StateError(
            "Expected an uplift model to value actions of the past by, as risks and amounts of then are not kept; "
            "found none.",
            "Run `encore train uplift`.",
        )
    fits = np.column_stack(
        [population.members(one.rule) if one.rule else np.ones(len(possible), np.bool_) for one in actions]
    )
    allowed = fits & np.isfinite(worth.gain)
    names = np.array([*(one.name for one in actions), HOLDOUT], dtype=object)
    wanted, chosen = (choose(actions, worth, mask).choice for mask in (allowed, allowed & possible))
    return names[wanted], names[chosen]


def _measure(past: Past) -> Measure:
    """Return the first measure that every customer has."""
    return next(one for one in _ORDER if np.isfinite(past.values[one]).all())


def _logged(
    past: Past, measure: Measure, actions: Mapping[str, Action], predicted: Predicted | None, stakes: Stakes
) -> Logged:
    """Return what was logged; the margin is less the cost of contacts, which is that of the action if it is unknown."""
    arms, outcome = past.assigned.arms, past.values[measure]
    if measure == "margin":
        stated = np.array([actions[arm].cost if arm in actions else 0.0 for arm in arms], dtype="float64")
        cost = np.where(np.isnan(past.assigned.cost), stated, past.assigned.cost)
        outcome = outcome - np.where(arms == HOLDOUT, 0.0, cost)
    expected = None if predicted is None else _expected(measure, actions, predicted, stakes)
    if expected is not None and not all(np.isfinite(values).all() for values in expected.values()):
        expected = None
    return Logged(outcome, arms, past.assigned.propensity, expected)


def _expected(
    measure: Measure, actions: Mapping[str, Action], predicted: Predicted, stakes: Stakes
) -> Mapping[str, Floats]:
    """Return the expected outcome of every arm that can be chosen.

    An action that the model does not answer about is taken to change nothing: a prediction that is wrong makes
    intervals wider, and no value wrong.
    """
    base = 1.0 - stakes.risk
    found: dict[str, Floats] = {HOLDOUT: _amount(measure, base, predicted, stakes, 0.0)}
    for name, action in actions.items():
        one = predicted.by_action.get(name)
        stays = base if one is None else np.clip(one.base + one.lift, 0.0, 1.0)
        cost = action.cost if measure == "margin" else 0.0
        found[name] = _amount(measure, stays, predicted, stakes, action.discount) - cost
    return found


def _amount(measure: Measure, stays: Floats, predicted: Predicted, stakes: Stakes, discount: float) -> Floats:
    revenue = predicted.revenue
    if measure == "retained" or revenue is None:
        return stays
    amount: Floats = stays * np.maximum(revenue, 0.0) * (1.0 - discount)
    return amount * stakes.margin if measure == "margin" else amount


def _missing(actions: tuple[Action, ...], population: Population, *, knows_risk: bool) -> tuple[str, ...]:
    """Return the columns of rules that are of the score table, and not known of the past."""
    read = dict.fromkeys(column for one in actions if one.rule for column in columns_of(one.rule))
    of_scores = [name for name in read if population.columns[name].source == "scores"]
    return tuple(sorted(name for name in of_scores if name != _RISK or not knows_risk))


def _counts(arms: Names) -> dict[str, int]:
    names, counts = np.unique(arms.astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))

"""Rules that a marketer can follow without a model: each ranks customers by one feature alone."""

import numpy as np

from training.churn.additive import Additive, ordered, rates
from training.churn.dataset import ChurnSet, usable_features
from training.churn.definition import Definition
from training.evaluation.bootstrap import Draws

#: The names of all rules; the grade asks for a gain over the best of them.
RULES = ("recency", "recency_over_gap", "contract_end", "earlier_renewals", "plan_rate", "one_feature")


def rules(train: ChurnSet, definition: Definition) -> dict[str, Additive]:
    """Return the rules of a definition by name, those whose feature the data have.

    `recency` ranks by the days since the last purchase, `recency_over_gap` by the same over the customer's own mean gap
    (without a gap, last), `contract_end` by how soon the contract ends (one that runs on, last), `earlier_renewals` by
    how few contracts the customer has had, and `plan_rate` by the churn rate of contracts with this price. With labels,
    and where there is nothing else, `one_feature` ranks by the feature that alone ranks the training rows best.
    """
    usable = set(usable_features(train)[0])
    if definition.kind == "labelled":
        return {"one_feature": one_feature(train)}
    if definition.kind == "non_contractual":
        found = {"recency": ordered(train, "recency_days", 1)}
        if "recency_over_gap" in usable:
            found["recency_over_gap"] = ordered(train, "recency_over_gap", 1, missing=0.0)
        return found
    found = {}
    if "days_to_contract_end" in usable:
        last = float(np.nanmax(train.columns["days_to_contract_end"])) + 1
        found["contract_end"] = ordered(train, "days_to_contract_end", -1, missing=last)
    if "contracts_total" in usable:
        found["earlier_renewals"] = ordered(train, "contracts_total", -1)
    if "contract_price" in usable:
        found["plan_rate"] = rates(train, "contract_price")
    return found or {"one_feature": one_feature(train)}


def best_rule(measured: Draws) -> str:
    """Return the rule with the highest AUC of those that were measured."""
    auc = {name: metrics["roc_auc"] for name, metrics in measured.points.items()}
    return max((name for name in auc if name in RULES), key=auc.__getitem__)


def one_feature(train: ChurnSet) -> Additive:
    """Rank by the one feature that alone ranks the training rows best, the way round that it does.

    The values of an attribute that is no number are ranked by the share of the training rows with them that churned.
    """
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - training alone needs it

    candidates = []
    for name in usable_features(train)[0]:
        if name in train.categories:
            candidates.append(rates(train, name))
        else:
            candidates += [ordered(train, name, 1), ordered(train, name, -1)]
    return max(candidates, key=lambda one: float(roc_auc_score(train.churned, one.scores(train))))

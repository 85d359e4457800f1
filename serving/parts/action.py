"""What to do about a risk: one action now, and the one that follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from serving.explain.actions import Action, Due, choose_actions
from serving.parts.churn import ChurnEngine, engine_of, known_customers, reasons_of, risks, writer_of
from serving.parts.recommendations import OfferEngine, askers, histories
from serving.scoring.part import AnswerPart, Computed, PartAnswer, Reading
from training.next_product.candidates.evidence import most_regular_due


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAnswer(PartAnswer):
    """What to do, by the policy of the playbook; nothing for customers in tiers that it leaves out."""

    now: Annotated[Action | None, Field(description="What to do first")] = None
    then: Annotated[Action | None, Field(description="What follows once that is done")] = None


class ActionPart(AnswerPart[ActionAnswer]):
    """One action at a time."""

    name = "action"
    schema = ActionAnswer
    role = "explain"
    engine = ChurnEngine
    helped_by = (OfferEngine,)

    def compute(self, reading: Reading) -> Mapping[str, Computed[ActionAnswer]]:
        """Return what to do about every known customer."""
        known, engine, writer = reading.once(known_customers), engine_of(reading), writer_of(reading)
        due, label = reading.once(due_products), engine.info.version.label
        answers = {}
        everyone = zip(known.customers, known.vectors, reading.once(reasons_of), reading.once(risks), strict=True)
        for customer, vector, reasons, (_, tier) in everyone:
            actions = choose_actions(reasons, tier, engine.playbook, writer, due.get(customer))
            now, then = (*actions, None, None)[:2]
            answers[customer] = Computed(vector.moment, ActionAnswer(model=label, now=now, then=then))
        return answers

    def texts(self, value: ActionAnswer | None) -> Mapping[str, object]:
        """Return the texts."""
        return {
            "action": value.now.text if value and value.now else None,
            "next_action": value.then.text if value and value.then else None,
        }


def due_products(reading: Reading) -> dict[str, Due]:
    """Return the product that each customer is due to buy again, where offers allow one; none without their model."""
    if reading.deployment.error(OfferEngine) is not None:
        return {}
    offers, writer = reading.deployment.engine(OfferEngine), writer_of(reading)
    found = {}
    for recommender, group in offers.by_arm(reading.once(askers)):
        catalogue, policy = recommender.model.catalogue, recommender.policy
        for asker, history in zip(group, histories(recommender, group, reading.as_of), strict=True):
            if policy.withholds(history):
                continue
            place = most_regular_due(history, catalogue, policy.allowed_as["repeat"])
            if place is not None:
                code = int(history.codes[place])
                product = str(catalogue.ids[code])
                name = writer.names.of("product", product, catalogue.label(code))
                found[asker.customer_id] = Due(product, name, float(np.round(history.cycle[place])))
    return found

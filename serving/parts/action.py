"""What to do about a risk: one action now, and the one that follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from serving.explain.actions import Action, Due, choose_actions
from serving.explain.wording import Writer
from serving.offers.recommender import OfferRecommender
from serving.parts.churn import ChurnEngine, engine_of, known_customers, reasons_of, risks, writer_of
from serving.parts.recommendations import OfferEngine, askers, histories
from serving.scoring.part import AnswerPart, Computed, PartAnswer, Reading
from training.next_product.candidates.evidence import most_regular_due
from training.next_product.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAnswer(PartAnswer):
    """What to do, by the policy of the playbook; nothing for customers in tiers that it leaves out."""

    now: Annotated[Action | None, Field(description="What to do first")] = None
    then: Annotated[Action | None, Field(description="What follows once that is done")] = None


@dataclass(frozen=True)
class Contact:
    """How a customer may be contacted.

    Attributes
    ----------
    due
        The product that they bought most often of those that they are due to buy again and that may be offered.
    marketing
        Whether they may be contacted with offers, by the rules of offers.
    """

    due: Due | None = None
    marketing: bool = True


class ActionPart(AnswerPart[ActionAnswer]):
    """One action at a time."""

    name = "action"
    schema = ActionAnswer
    role = "explain"
    engine = ChurnEngine
    helped_by = (OfferEngine,)
    # a product may be blocked, and a consent withdrawn
    exact = True

    def compute(self, reading: Reading) -> Mapping[str, Computed[ActionAnswer]]:
        """Return what to do about every known customer."""
        known, engine, writer = reading.once(known_customers), engine_of(reading), writer_of(reading)
        contacts, label = reading.once(contacts_of), engine.info.version.label
        answers = {}
        everyone = zip(known.customers, known.vectors, reading.once(reasons_of), reading.once(risks), strict=True)
        for customer, vector, reasons, (_, tier) in everyone:
            contact = contacts.get(customer, Contact())
            actions = choose_actions(reasons, tier, engine.playbook, writer, contact.due, marketing=contact.marketing)
            now, then = (*actions, None, None)[:2]
            answers[customer] = Computed(vector.moment, ActionAnswer(model=label, now=now, then=then))
        return answers

    def texts(self, value: ActionAnswer | None) -> Mapping[str, object]:
        """Return the texts."""
        return {
            "action": value.now.text if value and value.now else None,
            "next_action": value.then.text if value and value.then else None,
        }


def contacts_of(reading: Reading) -> dict[str, Contact]:
    """Return what offers say of the customers whom the policy has actions for.

    Where there are no offers, and so no rules, those who withdrew their consent get no marketing.
    """
    if reading.deployment.error(OfferEngine) is not None:
        known = reading.once(known_customers)
        consents = known.columns.get("marketing_consent", np.full(len(known.customers), np.nan))
        return {
            customer: Contact(marketing=consent != 0)
            for customer, consent in zip(known.customers, consents.tolist(), strict=True)
        }
    tiers = engine_of(reading).playbook.policy.tiers
    everyone = zip(reading.once(known_customers).customers, reading.once(risks), strict=True)
    asked = {customer for customer, (_, tier) in everyone if tier in tiers}
    offers, writer = reading.deployment.engine(OfferEngine), writer_of(reading)
    found = {}
    for recommender, group in offers.by_arm([one for one in reading.once(askers) if one.customer_id in asked]):
        for asker, history in zip(group, histories(recommender, group, reading.as_of), strict=True):
            found[asker.customer_id] = _contact(recommender, history, writer)
    return found


def _contact(recommender: OfferRecommender, history: History, writer: Writer) -> Contact:
    catalogue, policy = recommender.model.catalogue, recommender.policy
    if policy.withholds(history):
        return Contact(marketing=False)
    place = most_regular_due(history, catalogue, policy.allowed_as["repeat"])
    if place is None:
        return Contact()
    code = int(history.codes[place])
    product = str(catalogue.ids[code])
    name = writer.names.of("product", product, catalogue.label(code))
    return Contact(Due(product, name, round(float(history.cycle[place]))))

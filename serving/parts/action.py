"""What to do: one action of the playbook now and the one that follows, and the best action within the policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from core.errors import without_folders
from serving.decisions.answers import DecisionAnswer, decision_answers
from serving.explain.actions import Action, Due, choose_actions
from serving.explain.wording import Writer
from serving.offers.recommender import OfferRecommender
from serving.parts.churn import ChurnEngine, engine_of, known_customers, reasons_of, risks, writer_of
from serving.parts.deciding import DecisionEngine, offering_of, products_of
from serving.parts.population import population_of
from serving.parts.recommendations import OfferEngine, askers, histories
from serving.parts.standing import StandingEngine, placed_customers
from serving.parts.worth import ValueEngine
from serving.scoring.deployment import Deployment
from serving.scoring.part import AnswerPart, Column, Computed, PartAnswer, Question, Reading
from training.next_product.candidates.evidence import most_regular_due
from training.next_product.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAnswer(PartAnswer):
    """What to do: by the playbook, which answers reasons, and by the file of decisions, which weighs gain and cost."""

    now: Annotated[
        Action | None,
        Field(description="What to do first, by the policy of the playbook; null in tiers that it leaves out"),
    ] = None
    then: Annotated[Action | None, Field(description="What follows once that is done")] = None
    decision: Annotated[
        DecisionAnswer | None,
        Field(description="The best action of the file of decisions; null where none is configured"),
    ] = None


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
    """One action at a time.

    Parameters
    ----------
    parts
        Returns all parts: what they add to the score table, rules of decisions may read.
    """

    name = "action"
    schema = ActionAnswer
    role = "explain"
    engine = DecisionEngine
    helped_by = (ChurnEngine, OfferEngine, ValueEngine, StandingEngine)
    # a product may be blocked, and a consent withdrawn
    exact = True
    columns = (
        Column("best_action", "text", "Name of the best action of the file of decisions, or do_nothing"),
        Column("action_gain", "number", "What it is expected to bring after all costs"),
        Column("action_channel", "text", "The channel of its contact"),
    )
    listed_always = True

    def __init__(self, parts: Callable[[], Sequence[AnswerPart[Any]]] = list) -> None:
        self._parts = parts

    def key(self, deployment: Deployment, question: Question) -> str | None:
        """Keep no decision: contacts, reservations and the prices of plans change without an event of the customer."""
        return None if _decides(deployment) else super().key(deployment, question)

    def is_quick(self, deployment: Deployment) -> bool:
        """Return whether nothing is decided, which reads files."""
        return not _decides(deployment)

    def compute(self, reading: Reading) -> Mapping[str, Computed[ActionAnswer]]:
        """Return what to do about every known customer."""
        answers = _steps(reading)
        if not _decides(reading.deployment):
            return answers
        engine = reading.deployment.engine(DecisionEngine)
        others = [part for part in self._parts() if part.columns and part.name != self.name]
        population, vectors = population_of(reading, engine.profile, others, engine.needed)
        if not population.customers:
            return answers
        decided = engine.decide(population, reading.as_of)
        writer, places = engine.writers[reading.question.language], range(len(decided.choice))
        choose = offering_of(reading.deployment, reading.question.language, reading.as_of)
        decisions = decision_answers(decided, writer, products_of(decided, places, choose, writer))
        combined = {}
        for customer, vector, decision in zip(population.customers, vectors, decisions, strict=True):
            by_playbook = answers.get(customer)
            steps = by_playbook.value if by_playbook is not None else ActionAnswer()
            answer = replace(steps, status="ok", reason=None, model=engine.label, decision=decision)
            combined[customer] = Computed(vector.moment, answer)
        return combined

    def cells(self, value: ActionAnswer) -> Mapping[str, object]:
        """Return the decision."""
        decision = value.decision
        gain = decision.expected_gain if decision else None
        return {
            "best_action": decision.action if decision else None,
            "action_gain": gain.value if gain else None,
            "action_channel": decision.channel if decision else None,
        }

    def exported(self, value: ActionAnswer | None) -> Mapping[str, object]:
        """Return the same."""
        return self.cells(value or ActionAnswer())

    def texts(self, value: ActionAnswer | None) -> Mapping[str, object]:
        """Return the texts."""
        decision = value.decision if value else None
        return {
            "action": value.now.text if value and value.now else None,
            "next_action": value.then.text if value and value.then else None,
            "best_action_title": decision.title if decision else None,
            "best_action_reason": decision.reason if decision else None,
        }


def _decides(deployment: Deployment) -> bool:
    return deployment.error(DecisionEngine) is None and deployment.engine(DecisionEngine).decisions is not None


def _steps(reading: Reading) -> dict[str, Computed[ActionAnswer]]:
    """Return what the playbook says of every known customer."""
    error = reading.deployment.error(ChurnEngine)
    if error is not None:
        vectors = reading.once(placed_customers)
        answer = ActionAnswer(status="unavailable", reason=without_folders(str(error)))
        return {
            customer: Computed(vector.moment, answer)
            for customer, vector in zip(vectors.customers, vectors.vectors, strict=True)
        }
    known, engine, writer = reading.once(known_customers), engine_of(reading), writer_of(reading)
    contacts, label = reading.once(contacts_of), engine.info.version.label
    worked = reading.deployment.engine(DecisionEngine).worked
    answers = {}
    everyone = zip(known.customers, known.vectors, reading.once(reasons_of), reading.once(risks), strict=True)
    for customer, vector, reasons, (_, tier) in everyone:
        contact = contacts.get(customer, Contact())
        actions = choose_actions(reasons, tier, engine.playbook, writer, contact.due, marketing=contact.marketing)
        steps = [replace(action, worked=worked(action.finding, writer)) for action in actions]
        now, then = (*steps, None, None)[:2]
        answers[customer] = Computed(vector.moment, ActionAnswer(model=label, now=now, then=then))
    return answers


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

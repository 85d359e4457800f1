"""What to offer a customer, or a guest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from serving.offers.experiment import Experiment
from serving.offers.reasons import OfferAnswer, offer_reason
from serving.parts.recommendations import OfferEngine, askers, engine_of, guest, histories, status_of
from serving.scoring import metrics
from serving.scoring.deployment import Deployment
from serving.scoring.export import numbered
from serving.scoring.part import AnswerPart, Column, Computed, PartAnswer, Question, Reading, Shown
from training.monitoring.answers import Answer
from training.next_product.offers.rules import Kind

#: Offers in a row of an exported list.
_TOP = 5


@dataclass(frozen=True)
class OfferOptions:
    """Which offers are asked for.

    Attributes
    ----------
    basket
        Products in the basket now.
    attributes
        Of a guest; None for customers.
    """

    kind: Kind = "next"
    limit: int = 5
    basket: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OffersAnswer(PartAnswer):
    """Offers, best first."""

    horizon_days: Annotated[int | None, Field(description="Days that probabilities are for", examples=[14])] = None
    experiment: Annotated[Experiment | None, Field(description="Null where no experiment runs")] = None
    kind: Annotated[
        Kind | None, Field(description="The list that was asked for; each offer is labelled with what it is")
    ] = None
    offers: list[OfferAnswer] | None = None


class OffersPart(AnswerPart[OffersAnswer]):
    """Offers with their reasons."""

    name = "offers"
    schema = OffersAnswer
    role = "score"
    engine = OfferEngine
    # consent may have been withdrawn, or a product blocked
    exact = True
    columns = (
        Column("best_offer", "text", "Product of the first offer of the best mix"),
        Column("best_offer_probability", "number", "Probability that it is bought"),
    )

    def compute(self, reading: Reading) -> Mapping[str, Computed[OffersAnswer]]:
        """Return offers for every known customer, each by their arm of the experiment."""
        options, engine = _options(reading.question), engine_of(reading)
        writer = engine.writers[reading.question.language]
        known = reading.once(askers) if options.attributes is None else [guest(reading, dict(options.attributes))]
        answers = {}
        for recommender, group in engine.by_arm(known):
            seen = histories(recommender, group, reading.as_of)
            lists = recommender.offers(seen, options.kind, options.limit, reading.as_of, options.basket)
            for asker, history, offers in zip(group, seen, lists, strict=True):
                status, reason = status_of(recommender, history, writer)
                answer = OffersAnswer(
                    status=status,
                    reason=reason,
                    model=recommender.version.label,
                    horizon_days=recommender.model.settings.horizon_days,
                    experiment=asker.arm,
                    kind=options.kind,
                    offers=[offer_reason(offer, writer, engine.history_days) for offer in offers],
                )
                answers[asker.customer_id] = Computed(asker.moment, answer)
        return answers

    def key(self, deployment: Deployment, question: Question) -> str | None:
        """Keep one a list; none with a basket or for a guest, nor while there are campaigns, which end."""
        options = _options(question)
        if options.basket or options.attributes is not None or deployment.engine(OfferEngine).rules.pinned:
            return None
        return f"offers {question.language} {options.kind} {options.limit}"

    def cells(self, value: OffersAnswer) -> Mapping[str, object]:
        """Return the first offer of the best mix."""
        if value.kind != "next":
            return {}
        best = value.offers[0] if value.offers else None
        return {
            "best_offer": best.product_id if best else None,
            "best_offer_probability": best.probability if best else None,
        }

    def exported(self, value: OffersAnswer | None) -> Mapping[str, object]:
        """Return the first offers, and why there are none."""
        offers = value.offers or [] if value else []
        arm = value.experiment if value else None
        return {
            **numbered("offer_product", [offer.product_id for offer in offers], _TOP),
            **numbered("offer_kind", [offer.kind for offer in offers], _TOP),
            **numbered("offer_probability", [offer.probability for offer in offers], _TOP),
            "offers_status": value.status if value else None,
            "experiment": arm.name if arm else None,
            "experiment_arm": arm.arm if arm else None,
        }

    def texts(self, value: OffersAnswer | None) -> Mapping[str, object]:
        """Return what the first offers are called, and why they are made."""
        offers = value.offers or [] if value else []
        return {
            **numbered("offer_name", [offer.name for offer in offers], _TOP),
            **numbered("offer_title", [offer.title for offer in offers], _TOP),
            **numbered("offer_reason", [offer.text for offer in offers], _TOP),
        }

    def shown(self, deployment: Deployment, one: Shown) -> None:
        """Count offers by kind, and write an impression while an experiment runs."""
        for offer in one.answered.fields["offers"]:
            metrics.OFFERS.labels(offer["kind"]).inc()
        products = [offer["product_id"] for offer in one.answered.fields["offers"]]
        deployment.engine(OfferEngine).note_impression(one, products)

    def logged(self, one: Shown) -> Answer | None:
        """Keep products and kinds of a list that is not empty."""
        fields = one.answered.fields
        offers = tuple((offer["product_id"], offer["kind"]) for offer in fields["offers"])
        return Answer(one.customer_id, fields["model"], one.as_of, offers=offers) if offers else None

    def listed(self, row: Mapping[str, Any]) -> Answer | None:
        """Keep products and kinds of the offers of a row, where the columns name them."""
        places = [(row.get(f"offer_product_{place}"), row.get(f"offer_kind_{place}")) for place in range(1, _TOP + 1)]
        offers = tuple((product, kind) for product, kind in places if product is not None and kind is not None)
        model = row.get(f"{OfferEngine.model}_model")
        return Answer(row["customer_id"], model, row["as_of"], offers=offers) if offers and model else None


def _options(question: Question) -> OfferOptions:
    options = question.options.get(OffersPart.name)
    return options if isinstance(options, OfferOptions) else OfferOptions()

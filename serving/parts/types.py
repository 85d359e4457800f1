"""Product types that a customer never bought."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from serving.offers.experiment import Experiment
from serving.offers.reasons import TypeOfferAnswer, type_reason
from serving.parts.recommendations import OfferEngine, askers, engine_of, histories, status_of
from serving.scoring import metrics
from serving.scoring.deployment import Deployment
from serving.scoring.export import numbered
from serving.scoring.part import AnswerPart, Computed, PartAnswer, Question, Reading, Shown
from training.next_product.offers.types import recommend_types

#: Types in a row of an exported list.
_TOP = 3


@dataclass(frozen=True)
class TypeOptions:
    """How many types are asked for."""

    limit: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TypesAnswer(PartAnswer):
    """Product types that the customer never bought, best first."""

    horizon_days: Annotated[int | None, Field(description="Days that the model looks ahead", examples=[14])] = None
    experiment: Annotated[Experiment | None, Field(description="Null where no experiment runs")] = None
    types: list[TypeOfferAnswer] | None = None


class TypesPart(AnswerPart[TypesAnswer]):
    """Product types with their reasons."""

    name = "types"
    schema = TypesAnswer
    role = "score"
    engine = OfferEngine
    exact = True

    def compute(self, reading: Reading) -> Mapping[str, Computed[TypesAnswer]]:
        """Return types for every known customer, each by their arm of the experiment."""
        writer, limit = engine_of(reading).writers[reading.question.language], _limit(reading.question)
        answers = {}
        for recommender, group in engine_of(reading).by_arm(reading.once(askers)):
            seen = histories(recommender, group, reading.as_of)
            lists = recommend_types(recommender.model, recommender.policy, seen, limit, baseline=recommender.baseline)
            for asker, history, types in zip(group, seen, lists, strict=True):
                status, reason = status_of(recommender, history, writer)
                answer = TypesAnswer(
                    status=status,
                    reason=reason,
                    model=recommender.version.label,
                    horizon_days=recommender.model.settings.horizon_days,
                    experiment=asker.arm,
                    types=[type_reason(one, writer) for one in types],
                )
                answers[asker.customer_id] = Computed(asker.moment, answer)
        return answers

    def key(self, _: Deployment, question: Question) -> str | None:
        """Keep one a language and length."""
        return f"types {question.language} {_limit(question)}"

    def exported(self, value: TypesAnswer | None) -> Mapping[str, object]:
        """Return the first types, by their names in the data."""
        types = value.types or [] if value else []
        return numbered("new_type", [one.evidence["type"] for one in types], _TOP)

    def texts(self, value: TypesAnswer | None) -> Mapping[str, object]:
        """Return what the first types are called, and why they are suggested."""
        types = value.types or [] if value else []
        return {
            **numbered("new_type_name", [one.type for one in types], _TOP),
            **numbered("new_type_reason", [one.text for one in types], _TOP),
        }

    def shown(self, deployment: Deployment, one: Shown) -> None:
        """Count types, and write an impression while an experiment runs."""
        metrics.OFFERS.labels("type").inc(len(one.answered.fields["types"]))
        products = [offer["product_id"] for offer in one.answered.fields["types"]]
        deployment.engine(OfferEngine).note_impression(one, products)


def _limit(question: Question) -> int:
    options = question.options.get(TypesPart.name)
    return options.limit if isinstance(options, TypeOptions) else TypeOptions().limit

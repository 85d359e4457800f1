"""Risk, reasons, profile and offers of customers. One code for API, command line and exported lists."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, TypeVar

from core.errors import DataError
from core.settings import Settings
from features.settings import TimeSettings
from features.store.feature_store import Store
from serving.answers import (
    ChurnDefinition,
    Explanation,
    GuestOffers,
    Offers,
    ProfilePart,
    ReasonsPart,
    Risk,
    RiskPart,
    TypeOffers,
    WhatIfPart,
)
from serving.explain.risks import Risks
from serving.explain.wording import Language
from serving.offers.offering import Offered, Offering, Query
from serving.offers.recommender import make_makers
from serving.scoring.models import Models
from serving.settings import ExperimentSettings
from training.churn.definition import definition_of
from training.churn.settings import ChurnSettings
from training.lifecycle.tracking import Version
from training.next_product.rules import Rules

#: What can be told of a customer from the churn model's features.
Part = Literal["risk", "reasons", "what_if", "profile"]
_Answer = TypeVar("_Answer")


class UnknownCustomerError(DataError):
    """The feature store holds nothing of a customer."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"No customer {customer_id!r} is known.",
            "Check the id; a new customer is known after the first event, or the next materialisation.",
        )


class NoModelError(DataError):
    """A model is missing."""

    def __init__(self, model: Literal["churn", "next-product"]) -> None:
        super().__init__(
            f"There is no {model} model to answer with.",
            f"Ingest what it is learned from, and run `encore train {model}`.",
        )


@dataclass(frozen=True)
class Told:
    """What was told of a customer; parts that were not asked for are None."""

    customer_id: str
    feature_timestamp: datetime
    risk: RiskPart
    reasons: ReasonsPart | None = None
    what_if: WhatIfPart | None = None
    profile: ProfilePart | None = None


class Scorer:
    """Answers for customers. Immutable; a new champion or a new materialisation makes a new one.

    Parameters
    ----------
    materialized
        The moment the online store's rows are for.
    rules
        What may be offered.
    made_by
        Names all that answers depend on besides the customer.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        models: Models,
        materialized: datetime,
        rules: Rules,
        made_by: str = "",
    ) -> None:
        self._settings = settings
        self._store = store
        self._materialized = materialized
        self.models = models
        self.rules = rules
        self.made_by = made_by
        churn = models.churn
        self._risks = Risks(settings, store, churn.model, churn.version, materialized) if churn else None
        self.definition = (
            self._risks.definition if self._risks else ChurnDefinition(**asdict(definition_of(settings[ChurnSettings])))
        )
        makers = make_makers(models, settings[ExperimentSettings], rules)
        self._offering = Offering(store, makers, settings[ExperimentSettings]) if makers else None

    def with_rules(self, rules: Rules, made_by: str) -> "Scorer":
        """Return the scorer with other rules for offers."""
        other = copy(self)
        other.rules, other.made_by = rules, made_by
        makers = make_makers(self.models, self._settings[ExperimentSettings], rules)
        other._offering = Offering(self._store, makers, self._settings[ExperimentSettings]) if makers else None
        return other

    @property
    def churn(self) -> Risks:
        """What tells risks.

        Raises
        ------
        NoModelError
            If there is no churn model.
        """
        if self._risks is None:
            raise NoModelError("churn")
        return self._risks

    @property
    def offering(self) -> Offering:
        """What makes offers.

        Raises
        ------
        NoModelError
            If there is no next-product model: it was not trained, or the data have no order lines.
        """
        if self._offering is None:
            raise NoModelError("next-product")
        return self._offering

    @property
    def explains(self) -> bool:
        """Whether there is a model that tells risks."""
        return self._risks is not None

    @property
    def recommends(self) -> bool:
        """Whether there is a model that makes offers."""
        return self._offering is not None

    def as_of(self, now: datetime) -> datetime:
        """Return the moment to answer for: the clock, or what was materialised where the data stand still.

        Never before what was materialised, even where the clock is.
        """
        return max(now, self._materialized) if self._settings[TimeSettings].as_of == "now" else self._materialized

    def tell(self, customers: Sequence[str], as_of: datetime, parts: Sequence[Part], language: Language) -> list[Told]:
        """Return what was asked of every known customer, and always the risk, in the order asked for.

        Raises
        ------
        NoModelError, StoreError
            If there is no churn model, or the online store does not answer.
        """
        churn = self.churn
        known = churn.read(customers, as_of)
        nothing = [None] * len(known.customers)
        risks = churn.risks(known)
        reasons = churn.reasons(known, language) if "reasons" in parts else nothing
        what_ifs = churn.what_ifs(known, risks, language) if "what_if" in parts else nothing
        profiles = churn.profiles(known) if "profile" in parts else nothing
        return [
            Told(customer, vector.moment, *of)
            for customer, vector, *of in zip(
                known.customers, known.vectors, risks, reasons, what_ifs, profiles, strict=True
            )
        ]

    def risks(self, customers: Sequence[str], as_of: datetime) -> list[Risk]:
        """Return the risk of every known customer, in the order asked for."""
        return [
            Risk(**self._provenance(told, as_of), **_model(self.churn.version), **dict(told.risk))
            for told in self.tell(customers, as_of, ("risk",), "en")
        ]

    def explanations(self, customers: Sequence[str], as_of: datetime, language: Language) -> list[Explanation]:
        """Return risk, reasons and what would change it of every known customer, in the order asked for."""
        return [
            Explanation(
                **self._provenance(told, as_of),
                **_model(self.churn.version),
                **{name: value for part in (told.risk, told.reasons, told.what_if) if part for name, value in part},
            )
            for told in self.tell(customers, as_of, ("reasons", "what_if"), language)
        ]

    def offers(self, customers: Sequence[str], as_of: datetime, query: Query, language: Language) -> list[Offers]:
        """Return offers for every known customer, in the order asked for."""
        found = self.offering.offers(customers, as_of, query, language)
        return [Offers(**self._provenance(one, as_of), **dict(one.offered)) for one in found]

    def types(self, customers: Sequence[str], as_of: datetime, limit: int, language: Language) -> list[TypeOffers]:
        """Return product types that every known customer never bought, in the order asked for."""
        found = self.offering.types(customers, as_of, limit, language)
        return [TypeOffers(**self._provenance(one, as_of), **dict(one.offered)) for one in found]

    def guest_offers(
        self, as_of: datetime, query: Query, language: Language, attributes: Mapping[str, str]
    ) -> GuestOffers:
        """Return offers for somebody of whom nothing is known but a basket and attributes."""
        return GuestOffers(**dict(self.offering.guest(as_of, query, language, attributes)), as_of=as_of)

    def check(self) -> None:
        """Ask the online store for an answer.

        Raises
        ------
        StoreError
            If it gives none.
        """
        self._store.check()

    def _provenance(self, of: Told | Offered[_Answer], as_of: datetime) -> dict[str, object]:
        return {
            "customer_id": of.customer_id,
            "as_of": max(as_of, of.feature_timestamp),
            "feature_timestamp": of.feature_timestamp,
            "churn_definition": self.definition,
        }


def _model(version: Version) -> dict[str, object]:
    return {"model": version.label, "model_grade": version.grade}


def one(found: Sequence[_Answer], customer_id: str) -> _Answer:
    """Return the only answer.

    Raises
    ------
    UnknownCustomerError
        If there is none.
    """
    if not found:
        raise UnknownCustomerError(customer_id)
    return found[0]

"""Offers for customers and guests, from online histories and the next-product champion."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from features.store.feature_store import Store
from features.store.online import Vector
from features.views.profile import ATTRIBUTE
from serving.answers import Experiment, OfferList, TypeOfferAnswer, TypeOfferList
from serving.explain.wording import Language
from serving.offers.experiment import arm_of
from serving.offers.reasons import offer_reason, type_reason
from serving.offers.recommender import Maker
from serving.settings import ExperimentSettings
from training.next_product.catalogue import Catalogue
from training.next_product.history import History, read_history
from training.next_product.model import NextProductModel
from training.next_product.offers import Kind
from training.next_product.settings import NextProductSettings
from training.next_product.type_offers import TypeOffer, recommend_types

_List = TypeVar("_List")


@dataclass(frozen=True)
class Query:
    """Which offers are asked for."""

    kind: Kind = "next"
    limit: int = 5
    basket: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offered(Generic[_List]):
    """What a known customer is offered, and the moment of their features."""

    customer_id: str
    feature_timestamp: datetime
    offered: _List


class Offering:
    """Makes offers, each customer's by their arm of the experiment. Immutable.

    Parameters
    ----------
    makers
        By arm; there is always a champion.
    """

    def __init__(self, store: Store, makers: Mapping[str, Maker], experiment: ExperimentSettings) -> None:
        self._store = store
        self._makers = makers
        self._experiment = experiment

    @property
    def champion(self) -> NextProductModel:
        """The model that customers outside of an experiment are offered by."""
        return self._makers["champion"].model

    def offers(
        self, customers: Sequence[str], as_of: datetime, query: Query, language: Language
    ) -> list[Offered[OfferList]]:
        """Return offers for every known customer, in the order asked for.

        What is not in the catalogue is left out of the basket.
        """

        def make(maker: Maker, histories: Sequence[History], arms: Sequence[Experiment | None]) -> list[OfferList]:
            lists = maker.offers(histories, query.kind, query.limit, as_of, query.basket)
            return [
                OfferList(
                    **maker.source(history),
                    experiment=arm,
                    kind=query.kind,
                    offers=[offer_reason(offer, language) for offer in offers],
                )
                for history, arm, offers in zip(histories, arms, lists, strict=True)
            ]

        return self._for_each(customers, as_of, make)

    def types(
        self, customers: Sequence[str], as_of: datetime, limit: int, language: Language
    ) -> list[Offered[TypeOfferList]]:
        """Return product types that every known customer never bought, in the order asked for."""

        def make(maker: Maker, histories: Sequence[History], arms: Sequence[Experiment | None]) -> list[TypeOfferList]:
            lists = recommend_types(maker.model, maker.policy, histories, limit, baseline=maker.baseline)
            return [
                TypeOfferList(**maker.source(history), experiment=arm, types=_told(offers, language))
                for history, arm, offers in zip(histories, arms, lists, strict=True)
            ]

        return self._for_each(customers, as_of, make)

    def guest(self, as_of: datetime, query: Query, language: Language, attributes: Mapping[str, str]) -> OfferList:
        """Return offers for somebody of whom nothing is known but a basket and attributes."""
        maker = self._makers["champion"]
        values = {ATTRIBUTE + name: value for name, value in attributes.items()}
        history = read_history(values, maker.model.catalogue, as_of.timestamp(), as_of.timestamp())
        (offers,) = maker.offers([history], query.kind, query.limit, as_of, query.basket)
        told = [offer_reason(offer, language) for offer in offers]
        return OfferList(**maker.source(history), kind=query.kind, offers=told)

    def _for_each(
        self,
        customers: Sequence[str],
        as_of: datetime,
        make: Callable[[Maker, Sequence[History], Sequence[Experiment | None]], list[_List]],
    ) -> list[Offered[_List]]:
        """Let each known customer's arm of the experiment make a list."""
        vectors = self._store.online.vectors(NextProductSettings.service, customers)
        known = {place: vector for place, vector in enumerate(vectors) if vector is not None}
        parts = {place: arm_of(self._experiment, customers[place]) for place in known}
        found: dict[int, Offered[_List]] = {}
        for arm, maker in self._makers.items():
            places = [place for place, part in parts.items() if (part.arm if part else "champion") == arm]
            if not places:
                continue
            histories = [_history(known[place], as_of, maker.model.catalogue) for place in places]
            lists = make(maker, histories, [parts[place] for place in places])
            for place, one in zip(places, lists, strict=True):
                found[place] = Offered(customers[place], known[place].moment, one)
        return [found[place] for place in known]


def _told(offers: Sequence[TypeOffer], language: Language) -> list[TypeOfferAnswer]:
    return [type_reason(offer, language) for offer in offers]


def _history(vector: Vector, as_of: datetime, catalogue: Catalogue) -> History:
    moment = max(as_of, vector.moment)
    return read_history(vector.values, catalogue, moment.timestamp(), vector.moment.timestamp())

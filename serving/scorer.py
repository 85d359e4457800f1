"""Risk, reasons and offers of customers, from online features and the champions. One code for API and batch."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np

from features.config import Settings
from features.definitions import CHURN_SERVICE, NEXT_PRODUCT_SERVICE
from features.errors import DataError
from features.expressions.profile import ATTRIBUTE
from features.store import OnlineRows, Store
from features.vectors import Columns, Floats, columns_from_online, with_ages
from serving.answers import (
    ChurnDefinition,
    Explanation,
    GuestOffers,
    OfferAnswer,
    Offers,
    Risk,
    TypeOfferAnswer,
    TypeOffers,
)
from serving.contributions import explain
from serving.experiment import arm_of
from serving.maker import Maker, make_makers
from serving.models import Models
from serving.offer_reasons import offer_reason, type_reason
from serving.playbook import load_playbook
from serving.reasons import risk_reasons
from serving.tiers import make_tiers
from serving.what_if import what_would_change
from serving.wording import Language
from training.churn.pipeline import check_definition
from training.next_product.catalogue import Catalogue
from training.next_product.history import History, read_history
from training.next_product.offers import Kind
from training.next_product.rules import Rules
from training.next_product.type_offers import recommend_types

_Answer = TypeVar("_Answer")


class UnknownCustomerError(DataError):
    """The feature store holds nothing of a customer."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"No customer {customer_id!r} is known.",
            "Check the id; a new customer is known after the next materialisation.",
        )


class NoOffersError(DataError):
    """There is no next-product model: the data have no order lines."""

    def __init__(self) -> None:
        super().__init__(
            "There are no offers: the data have no order lines to learn the next product from.",
            "Ingest transactions and run `encore train next-product`.",
        )


@dataclass(frozen=True)
class _Rows:
    """Model inputs of the customers that are known, in the order they were asked for."""

    customers: list[str]
    stamps: list[datetime]
    inputs: Floats
    active: list[bool]


class Scorer:
    """Answers for customers. Immutable; a new champion or a new materialisation makes a new one.

    Parameters
    ----------
    materialized
        The moment the online store's rows are for.
    rules
        What may be offered.
    """

    def __init__(self, settings: Settings, store: Store, models: Models, materialized: datetime, rules: Rules) -> None:
        self._live = settings.time.as_of == "now"
        self._materialized = materialized
        self._store = store
        self.models = models
        check_definition(models.churn_version.label, models.churn.definition, settings.churn)
        self.definition = ChurnDefinition(**asdict(models.churn.definition))
        self._tiers = make_tiers(settings, store, models.churn, materialized)
        self._playbook = load_playbook(settings.serving.playbook)
        self._experiment = settings.experiment
        self._makers = make_makers(models, settings.experiment, rules)

    def with_rules(self, rules: Rules) -> "Scorer":
        """Return the scorer with other rules for offers."""
        other = copy(self)
        other._makers = make_makers(self.models, self._experiment, rules)
        return other

    @property
    def recommends(self) -> bool:
        """Whether there is a model that makes offers."""
        return bool(self._makers)

    def as_of(self, now: datetime) -> datetime:
        """Return the moment to answer for: the clock, or what was materialised where the data stand still."""
        return now if self._live else self._materialized

    def risks(self, customers: Sequence[str], as_of: datetime) -> list[Risk]:
        """Return the risk of every known customer, in the order asked for."""
        rows = self._rows(customers, as_of)
        return self._risks(rows, self.models.churn.risk(rows.inputs) if rows.customers else np.zeros(0), as_of)

    def explanations(self, customers: Sequence[str], as_of: datetime, language: Language) -> list[Explanation]:
        """Return risk and reasons of every known customer, in the order asked for."""
        rows = self._rows(customers, as_of)
        if not rows.customers:
            return []
        model = self.models.churn
        found = []
        for risk, inputs, explained in zip(
            self._risks(rows, model.risk(rows.inputs), as_of), rows.inputs, explain(model, rows.inputs), strict=True
        ):
            active = risk.risk is not None
            told = risk_reasons(explained, self._playbook, language) if active else []
            found.append(
                Explanation(
                    **dict(risk),
                    base_risk=model.base_risk,
                    reasons=[r for r in told if r.direction == "raises"],
                    protections=[r for r in told if r.direction == "lowers"],
                    untold_share=1 - sum(r.share for r in told) if active else 0.0,
                    what_if=None
                    if risk.risk is None
                    else what_would_change(model, inputs, risk.risk, self._tiers, language),
                )
            )
        return found

    def offers(
        self,
        customers: Sequence[str],
        as_of: datetime,
        kind: Kind,
        limit: int,
        language: Language,
        basket: Sequence[str] = (),
    ) -> list[Offers]:
        """Return offers for every known customer, in the order asked for.

        Parameters
        ----------
        basket
            Ids of products that lie in the customers' baskets now; what is not in the catalogue is left out.
        """

        def make(maker: Maker, histories: Sequence[History]) -> list[list[OfferAnswer]]:
            lists = maker.offers(histories, kind, limit, as_of, basket)
            return [[offer_reason(offer, language) for offer in offers] for offers in lists]

        return [Offers(**of, kind=kind, offers=offers) for of, offers in self._for_each(customers, as_of, make)]

    def types(self, customers: Sequence[str], as_of: datetime, limit: int, language: Language) -> list[TypeOffers]:
        """Return product types that every known customer never bought, in the order asked for."""

        def make(maker: Maker, histories: Sequence[History]) -> list[list[TypeOfferAnswer]]:
            lists = recommend_types(maker.model, maker.policy, histories, limit, baseline=maker.baseline)
            return [[type_reason(offer, language) for offer in offers] for offers in lists]

        return [TypeOffers(**of, types=types) for of, types in self._for_each(customers, as_of, make)]

    def guest_offers(
        self,
        as_of: datetime,
        kind: Kind,
        limit: int,
        language: Language,
        basket: Sequence[str],
        attributes: Mapping[str, str],
    ) -> GuestOffers:
        """Return offers for somebody of whom nothing is known but a basket and attributes."""
        if not self.recommends:
            raise NoOffersError
        maker = self._makers["champion"]
        values = {ATTRIBUTE + name: value for name, value in attributes.items()}
        history = read_history(values, maker.model.catalogue, as_of.timestamp(), as_of.timestamp())
        (offers,) = maker.offers([history], kind, limit, as_of, basket)
        told = [offer_reason(offer, language) for offer in offers]
        return GuestOffers(**maker.source(history), as_of=as_of, kind=kind, offers=told)

    def check(self) -> None:
        """Ask the online store for an answer.

        Raises
        ------
        StoreError
            If it gives none.
        """
        self._store.check()

    def _rows(self, customers: Sequence[str], as_of: datetime) -> _Rows:
        rows = self._store.online(CHURN_SERVICE, "customer_id", customers)
        known = [i for i, stamp in enumerate(rows.event_timestamps) if stamp is not None]
        moment = np.full(len(customers), as_of.timestamp())
        columns: Columns = with_ages(columns_from_online(rows.values), moment) if known else {}
        columns |= self.models.churn.codes(rows.values)
        inputs = self.models.churn.inputs(columns, len(customers)) if known else np.zeros((0, 0))
        active = self.models.churn.definition.active(columns) if known else np.zeros(0, dtype=bool)
        return _Rows(
            [customers[i] for i in known],
            [stamp for stamp in rows.event_timestamps if stamp is not None],
            inputs[known],
            [bool(active[i]) for i in known],
        )

    def _risks(self, rows: _Rows, risks: Floats, as_of: datetime) -> list[Risk]:
        return [
            Risk(
                customer_id=customer,
                as_of=as_of,
                feature_timestamp=stamp,
                risk=risk if active else None,
                tier=self._tiers.of(risk) if active else "inactive",
                churn_definition=self.definition,
                model=self.models.churn_version.label,
                model_grade=self.models.churn_version.grade,
            )
            for customer, stamp, risk, active in zip(
                rows.customers, rows.stamps, risks.tolist(), rows.active, strict=True
            )
        ]

    def _for_each(
        self,
        customers: Sequence[str],
        as_of: datetime,
        make: Callable[[Maker, Sequence[History]], list[list[_Answer]]],
    ) -> list[tuple[dict[str, Any], list[_Answer]]]:
        """Let each known customer's arm of the experiment make a list; return it with where it comes from."""
        if not self.recommends:
            raise NoOffersError
        rows = self._store.online(NEXT_PRODUCT_SERVICE, "customer_id", customers)
        known = [place for place, stamp in enumerate(rows.event_timestamps) if stamp is not None]
        parts = {place: arm_of(self._experiment, customers[place]) for place in known}
        found: dict[int, tuple[dict[str, Any], list[_Answer]]] = {}
        for arm, maker in self._makers.items():
            places = [place for place, part in parts.items() if (part.arm if part else "champion") == arm]
            histories = [_history(rows, place, as_of, maker.model.catalogue) for place in places]
            for place, history, made in zip(places, histories, make(maker, histories) if places else [], strict=True):
                source = {
                    "customer_id": customers[place],
                    "as_of": as_of,
                    "feature_timestamp": rows.event_timestamps[place],
                    "churn_definition": self.definition,
                    "experiment": parts[place],
                    **maker.source(history),
                }
                found[place] = source, made
        return [found[place] for place in known]


def _history(rows: OnlineRows, place: int, as_of: datetime, catalogue: Catalogue) -> History:
    values: dict[str, Any] = {name: answers[place] for name, answers in rows.values.items()}
    stamp = rows.event_timestamps[place] or as_of
    last = values.get("last_purchase")
    values["last_purchase"] = None if last is None else last.timestamp()
    return read_history(values, catalogue, as_of.timestamp(), stamp.timestamp())


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

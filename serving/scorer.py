"""Risk, reasons and offers of customers, from online features and the champions. One code for API and batch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np

from features.config import Settings
from features.definitions import CHURN_SERVICE, NEXT_PRODUCT_SERVICE
from features.errors import DataError
from features.store import OnlineRows, Store
from features.vectors import Columns, Floats, columns_from_online, with_ages
from serving.answers import ChurnDefinition, Explanation, Offers, Risk
from serving.contributions import explain
from serving.models import Models
from serving.playbook import load_playbook
from serving.reasons import offer_reason, risk_reasons
from serving.tiers import make_tiers
from serving.what_if import what_would_change
from serving.wording import Language
from training.churn.pipeline import check_definition
from training.next_product.history import History, read_history
from training.next_product.offers import Kind, make_offers

_Answer = TypeVar("_Answer")


class UnknownCustomerError(DataError):
    """The feature store holds nothing of a customer."""

    def __init__(self, customer_id: str) -> None:
        super().__init__(
            f"No customer {customer_id!r} is known.",
            "Check the id; a new customer is known after the next materialisation.",
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
    """

    def __init__(self, settings: Settings, store: Store, models: Models, materialized: datetime) -> None:
        self._live = settings.time.as_of == "now"
        self._materialized = materialized
        self._store = store
        self.models = models
        check_definition(models.churn_version.label, models.churn.definition, settings.churn)
        self.definition = ChurnDefinition(**asdict(models.churn.definition))
        self._tiers = make_tiers(settings, store, models.churn, materialized)
        self._playbook = load_playbook(settings.serving.playbook)

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
        self, customers: Sequence[str], as_of: datetime, kind: Kind, limit: int, language: Language
    ) -> list[Offers]:
        """Return offers for every known customer, in the order asked for."""
        rows = self._store.online(NEXT_PRODUCT_SERVICE, "customer_id", customers)
        known = [place for place, stamp in enumerate(rows.event_timestamps) if stamp is not None]
        histories = [self._history(rows, place, as_of) for place in known]
        lists = make_offers(self.models.next_product, histories, kind, limit)
        return [
            Offers(
                customer_id=customers[place],
                as_of=as_of,
                feature_timestamp=rows.event_timestamps[place] or as_of,
                kind=kind,
                offers=[offer_reason(offer, language) for offer in offers],
                churn_definition=self.definition,
                model=self.models.next_product_version.label,
            )
            for place, offers in zip(known, lists, strict=True)
        ]

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

    def _history(self, rows: OnlineRows, place: int, as_of: datetime) -> History:
        values: dict[str, Any] = {name: answers[place] for name, answers in rows.values.items()}
        stamp = rows.event_timestamps[place] or as_of
        last = values.get("last_purchase")
        values["last_purchase"] = None if last is None else last.timestamp()
        return read_history(values, self.models.next_product.catalogue, as_of.timestamp(), stamp.timestamp())


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

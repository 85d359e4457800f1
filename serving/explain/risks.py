"""Risk, reasons and profile of customers, from online features and the churn champion."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from core.arrays import Columns, Floats
from core.settings import Settings
from features.store.feature_store import Store
from features.store.online import Vector
from features.vectors import columns_from_vectors, with_ages
from serving.answers import ChurnDefinition, ProfilePart, ReasonsPart, RiskPart, WhatIfPart
from serving.explain.contributions import explain
from serving.explain.playbook import load_playbook
from serving.explain.reasons import risk_reasons
from serving.explain.tiers import make_tiers
from serving.explain.what_if import what_would_change
from serving.explain.wording import Language
from serving.settings import ServingSettings
from training.churn.definition import check_definition
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.lifecycle.tracking import Version


@dataclass(frozen=True)
class Known:
    """Customers of whom the online store knows something, and the model's inputs, aligned with each other."""

    customers: list[str]
    vectors: list[Vector]
    columns: Columns
    inputs: Floats
    active: list[bool]


class Risks:
    """Reads customers and tells their risk, and why. Immutable.

    Parameters
    ----------
    materialized
        The moment the online store's rows are for.
    """

    def __init__(
        self, settings: Settings, store: Store, model: ChurnModel, version: Version, materialized: datetime
    ) -> None:
        check_definition(version.label, model.definition, settings[ChurnSettings])
        self._store = store
        self.model = model
        self.version = version
        self.definition = ChurnDefinition(**asdict(model.definition))
        self._tiers = make_tiers(settings, store, model, materialized)
        self._playbook = load_playbook(settings[ServingSettings].playbook)

    def read(self, customers: Sequence[str], as_of: datetime) -> Known:
        """Read the known ones of some customers, in the order asked for; nobody for a moment before their features'.

        Raises
        ------
        StoreError
            If the online store does not answer.
        """
        vectors = self._store.online.vectors(ChurnSettings.service, customers)
        known = [(customer, vector) for customer, vector in zip(customers, vectors, strict=True) if vector is not None]
        values = [vector.values for _, vector in known]
        if not known:
            return Known([], [], {}, np.zeros((0, len(self.model.features))), [])
        moments = np.array([max(as_of, vector.moment).timestamp() for _, vector in known])
        columns = with_ages(columns_from_vectors(values), moments)
        texts = {name: [of.get(name) for of in values] for name in values[0]} if self.model.categories else {}
        inputs = self.model.inputs(columns | self.model.codes(texts), len(known))
        active = self.model.definition.active(columns).tolist()
        return Known([customer for customer, _ in known], [vector for _, vector in known], columns, inputs, active)

    def risks(self, known: Known) -> list[RiskPart]:
        """Return each customer's risk; None for those who are not active."""
        if not known.customers:
            return []
        return [
            RiskPart(risk=risk if active else None, tier=self._tiers.of(risk) if active else "inactive")
            for risk, active in zip(self.model.risk(known.inputs).tolist(), known.active, strict=True)
        ]

    def reasons(self, known: Known, language: Language) -> list[ReasonsPart]:
        """Return why each customer's risk is what it is; nothing is told of those who are not active."""
        if not known.customers:
            return []
        found = []
        for explained, active in zip(explain(self.model, known.inputs), known.active, strict=True):
            told = risk_reasons(explained, self._playbook, language) if active else []
            found.append(
                ReasonsPart(
                    base_risk=self.model.base_risk,
                    reasons=[r for r in told if r.direction == "raises"],
                    protections=[r for r in told if r.direction == "lowers"],
                    untold_share=1 - sum(r.share for r in told) if active else 0.0,
                )
            )
        return found

    def what_ifs(self, known: Known, risks: Sequence[RiskPart], language: Language) -> list[WhatIfPart]:
        """Return what would move each customer a tier down."""
        return [
            WhatIfPart(
                what_if=None
                if one.risk is None
                else what_would_change(self.model, inputs, one.risk, self._tiers, language)
            )
            for one, inputs in zip(risks, known.inputs, strict=True)
        ]

    def profiles(self, known: Known) -> list[ProfilePart]:
        """Return what is known of each customer: texts as they are, moments as ages."""
        numbers = {name: values.tolist() for name, values in known.columns.items()}
        return [
            ProfilePart(
                profile={name: _known(values[place]) for name, values in numbers.items()}
                | {name: value for name, value in vector.values.items() if isinstance(value, str)}
            )
            for place, vector in enumerate(known.vectors)
        ]


def _known(value: float) -> Any:  # noqa: ANN401 - a number or nothing
    return None if np.isnan(value) else value

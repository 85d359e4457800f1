"""What the part about values is computed by: the value champion, the risks, and the money."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import structlog

from core.arrays import Columns, Floats
from core.errors import StateError
from core.files import written
from serving.explain.language import Language, edition
from serving.explain.value import ExplainableValue
from serving.explain.wording import Writer
from serving.parts.standing import Placed, everyone_placed, writers_of
from serving.scoring.deployment import Ground, ModelInfo, NoModelError
from serving.scoring.models import Loaded
from serving.settings import TextSettings
from training.churn.definition import check_definition
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.customer_value.clv import Future, History, clv
from training.customer_value.model import Forecast, ValueModel, with_purchases
from training.customer_value.money import MONTH_DAYS, Assumptions, Worth
from training.customer_value.retention import after_forecast, monthly, own_survival, survival
from training.customer_value.settings import ValueSettings
from training.evaluation.peers import usual_of
from training.segments.matrix import MatrixCuts, fields
from training.segments.names import Names, column
from training.segments.pyramid import PyramidCuts, tiers
from training.segments.settings import SegmentSettings

_log = structlog.get_logger(__name__)
#: Contacts of these days say how many there are in a month.
_CONTACT_DAYS = 84


@dataclass(frozen=True)
class Values:
    """What customers are worth. Aligned arrays, one entry a customer; NaN for a customer without a purchase.

    Attributes
    ----------
    risk
        Of churn; NaN where it is not asked about, or there is no churn model.
    at_risk
        The risk times the amount that is forecast, in the currency of the data.
    """

    forecast: Forecast
    risk: Floats
    worth: Worth

    @cached_property
    def at_risk(self) -> Floats:
        """The risk times the amount that is forecast, in the currency of the data."""
        at_risk: Floats = self.risk * self.forecast.amount
        return at_risk


class Valuer:
    """Computes values: the forecast of the value model, retention by the risks of the churn model, and `[value]`."""

    def __init__(self, model: ValueModel, churn: ChurnModel | None, assumptions: Assumptions) -> None:
        self.model = model
        self.churn = churn
        self.assumptions = assumptions

    def values(self, placed: Placed) -> Values:
        """Return what customers are worth."""
        columns, rows = placed.columns, len(placed.customers)
        forecast = self.model.forecast(columns, rows)
        risk = self._risk(placed)
        return Values(forecast, risk, self._worth(columns, forecast, risk))

    def _risk(self, placed: Placed) -> Floats:
        """Return the churn risk of customers whose churn is asked about, NaN of the others."""
        rows = len(placed.customers)
        if self.churn is None:
            return np.full(rows, np.nan)
        columns = self.churn.columns([vector.values for vector in placed.vectors], placed.moments)
        risk = self.churn.risk(self.churn.inputs(columns, rows))
        return np.where(self.churn.definition.active(columns), risk, np.nan)

    def _worth(self, columns: Columns, forecast: Forecast, risk: Floats) -> Worth:
        rows, horizon = len(risk), self.model.horizon_days
        contacts = np.nan_to_num(column(columns, "contacts_84d", rows)) * MONTH_DAYS / _CONTACT_DAYS
        amount = np.nan_to_num(column(columns, "amount_total", rows))
        history = History(
            amount,
            self.margin(columns, rows),
            np.nan_to_num(column(columns, "contacts_total", rows)),
            np.full(rows, self.assumptions.acquisition_cost),
        )
        known = with_purchases(columns, rows)
        own = own_survival(lambda months: self.model.start.expected_orders(known, months * MONTH_DAYS))
        churn_days = float(self.churn.definition.horizon_days or horizon) if self.churn else float(horizon)
        survives = survival(risk if self.churn else None, churn_days, own, rows)
        future = Future(monthly(forecast.amount, horizon), contacts, after_forecast(survives, horizon))
        return clv(history, future, self.assumptions)

    def margin(self, columns: Columns, rows: int) -> Floats:
        """Return the share of each customer's amounts that is earned."""
        known, cost = (column(columns, name, rows) for name in ("margin_amount_known", "margin_cost"))
        return np.where(known > 0, 1 - cost / np.where(known > 0, known, 1), self.assumptions.margin)


class ValueEngine:
    """The value champion, with cuts among all customers. Immutable."""

    model: ClassVar[str] = ValueSettings.section
    quick: ClassVar[bool] = True

    def __init__(self, ground: Ground, loaded: Loaded[ValueModel], writers: Mapping[Language, Writer]) -> None:
        churn = _churn(ground)
        settings, segments = ground.settings[ValueSettings], ground.settings[SegmentSettings]
        self.info = ModelInfo(loaded.version, {"horizon_days": loaded.artifact.horizon_days})
        self.writers = writers
        self.valuer = Valuer(loaded.artifact, churn.artifact if churn else None, Assumptions.of(settings))
        placed = everyone_placed(ground)
        everyone = self.valuer.values(placed)
        self.explainable = ExplainableValue(loaded.artifact, usual_of(placed.columns))
        self.pyramid = PyramidCuts.learn(everyone.worth.total, segments.tiers)
        self.matrix = MatrixCuts.learn(everyone.worth.historic, everyone.worth.predicted, segments.high_share)
        labels = loaded.version.label, churn.version.label if churn else None
        # reasons compare with what is usual, which changes with the materialisation alone
        cuts = self.pyramid, self.matrix
        self.identity: Hashable = repr((labels, settings, segments, cuts, sorted(writers.items()), edition()))

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Look at both champions, the moment of the rows, and the time that names were written."""
        loaded = [ground.models.loaded(kind) for kind in (ValueModel, ChurnModel)]
        labels = tuple(one.version.label if one else None for one in loaded)
        return labels, ground.online.fingerprint, written(ground.settings[TextSettings].names)

    @classmethod
    def build(cls, ground: Ground, before: Self | None) -> Self:
        """Load what values are computed by, and learn the cuts from all customers.

        Raises
        ------
        NoModelError
            If there is no champion.
        EncoreError
            If there are no features, or names cannot be read and there were none before.
        """
        loaded = ground.models.loaded(ValueModel)
        if loaded is None:
            raise NoModelError.of(cls.model)
        horizon = ground.settings[ValueSettings].horizon_days
        if loaded.artifact.horizon_days != horizon:
            raise StateError(
                f"Expected a model of the next {horizon} days (value.horizon_days), found one of "
                f"the next {loaded.artifact.horizon_days}, {loaded.version.label}.",
                "Run `encore train value`.",
            )
        return cls(ground, loaded, writers_of(ground, before.writers if before else None))

    def tiers(self, values: Values) -> Names:
        """Return the tier of the value pyramid of each customer."""
        return tiers(values.worth.total, self.pyramid)

    def fields(self, values: Values) -> Names:
        """Return the field of the value matrix of each customer."""
        return fields(values.worth.historic, values.worth.predicted, self.matrix)


def _churn(ground: Ground) -> Loaded[ChurnModel] | None:
    """Return the churn champion; None where there is none, or one of another definition than the settings."""
    loaded = ground.models.loaded(ChurnModel)
    if loaded is None:
        return None
    try:
        check_definition(loaded.version.label, loaded.artifact.definition, ground.settings[ChurnSettings])
    except StateError as error:
        _log.warning("risks_left_out", problem=error.problem)
        return None
    return loaded

"""The engine of values: the champion that forecasts, the money, and cuts among all customers."""

from collections.abc import Hashable, Mapping
from typing import ClassVar, Self

import structlog

from core.errors import StateError
from core.files import written
from serving.explain.language import Language, edition
from serving.explain.wording import Writer
from serving.parts.standing import Placed, everyone_placed, writers_of
from serving.parts.valuers import ContractValuer, Money, OrderValuer, Valuer, Values
from serving.scoring.deployment import Ground, ModelInfo, NoModelError
from serving.scoring.models import Loaded
from serving.settings import TextSettings
from training.churn.definition import check_definition
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.customer_value.model import ValueModel
from training.customer_value.settings import ValueSettings
from training.lifecycle.version import Version
from training.segments.matrix import MatrixCuts, fields
from training.segments.names import Names
from training.segments.pyramid import PyramidCuts, tiers
from training.segments.settings import SegmentSettings

_log = structlog.get_logger(__name__)


class ValueEngine:
    """What values are computed by, with cuts among all customers. Immutable.

    Attributes
    ----------
    label
        Name and version of the model that answers; where contracts are valued, that of the churn model.
    """

    model: ClassVar[str] = ValueSettings.section
    quick: ClassVar[bool] = True

    def __init__(self, ground: Ground, version: Version, valuer: Valuer, writers: Mapping[Language, Writer]) -> None:
        segments = ground.settings[SegmentSettings]
        self.label = version.label
        # a formula values contracts, by the risks of another model
        self.info = None if valuer.explainable is None else ModelInfo(version, {"horizon_days": valuer.horizon_days})
        self.valuer, self.writers = valuer, writers
        everyone = valuer.values(everyone_placed(ground))
        self.pyramid = PyramidCuts.learn(everyone.worth.total, segments.tiers)
        self.matrix = MatrixCuts.learn(everyone.worth.historic, everyone.worth.predicted, segments.high_share)
        labels = tuple(one.version.label if one else None for one in _loaded(ground))
        answers = labels, valuer.money, self.pyramid, self.matrix, ground.settings[ValueSettings], segments
        self.identity: Hashable = repr((answers, sorted(writers.items()), edition()))

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Look at both champions, the moment of the rows, and the time that names were written."""
        labels = tuple(one.version.label if one else None for one in _loaded(ground))
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
        writers = writers_of(ground, before.writers if before else None)
        loaded, churn = _loaded(ground)
        money = Money.read(ground, risk_known=churn is not None)
        if loaded is not None:
            _check_horizon(ground, loaded)
            risks = churn.artifact if churn else None
            valuer: Valuer = OrderValuer(loaded.artifact, risks, money, everyone_placed(ground))
            return cls(ground, loaded.version, valuer, writers)
        if churn is not None and not ground.online.sells:
            return cls(ground, churn.version, ContractValuer(churn.artifact, ground, money), writers)
        raise NoModelError.of(cls.model)

    def values(self, placed: Placed) -> Values:
        """Return what customers are worth."""
        return self.valuer.values(placed)

    def tiers(self, values: Values) -> Names:
        """Return the tier of the value pyramid of each customer."""
        return tiers(values.worth.total, self.pyramid)

    def fields(self, values: Values) -> Names:
        """Return the field of the value matrix of each customer."""
        return fields(values.worth.historic, values.worth.predicted, self.matrix)


def _loaded(ground: Ground) -> tuple[Loaded[ValueModel] | None, Loaded[ChurnModel] | None]:
    """Return the value champion, and the churn champion where it has the definition of the settings."""
    value, churn = ground.models.loaded(ValueModel), ground.models.loaded(ChurnModel)
    if churn is None:
        return value, None
    try:
        check_definition(churn.version.label, churn.artifact.definition, ground.settings[ChurnSettings])
    except StateError as error:
        _log.warning("risks_left_out", problem=error.problem)
        return value, None
    return value, churn


def _check_horizon(ground: Ground, loaded: Loaded[ValueModel]) -> None:
    asked, answered = ground.settings[ValueSettings].horizon_days, loaded.artifact.horizon_days
    if asked != answered:
        raise StateError(
            f"Expected a model of the next {asked} days (value.horizon_days), found one of the next "
            f"{answered}, {loaded.version.label}.",
            "Run `encore train value`.",
        )

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
from training.customer_value.model import ValueModel, check_horizon
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

    def __init__(
        self, ground: Ground, version: Version, valuer: Valuer, everyone: Placed, writers: Mapping[Language, Writer]
    ) -> None:
        segments, settings = ground.settings[SegmentSettings], ground.settings[ValueSettings]
        self.label = version.label
        # a formula values contracts, by the risks of another model
        self.info = None if valuer.explainable is None else ModelInfo(version, {"horizon_days": valuer.horizon_days})
        self.valuer, self.writers = valuer, writers
        worth = valuer.values(everyone).worth
        self.pyramid = PyramidCuts.learn(worth.total, segments.tiers)
        self.matrix = MatrixCuts.learn(worth.historic, worth.predicted, segments.high_share)
        # margins and channels are those of the materialisation, which names answers too
        cuts = self.pyramid, self.matrix, settings, segments
        self.identity: Hashable = repr((_labels(ground), cuts, sorted(writers.items()), edition()))

    @classmethod
    def sees(cls, ground: Ground) -> Hashable:
        """Look at both champions, the moment of the rows, and the time that names were written."""
        return _labels(ground), ground.online.fingerprint, written(ground.settings[TextSettings].names)

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
        if loaded is not None:
            check_horizon(loaded.version.label, loaded.artifact, ground.settings[ValueSettings])
            money, everyone = Money.read(ground, risk_known=churn is not None), everyone_placed(ground)
            orders = OrderValuer(loaded.artifact, churn.artifact if churn else None, money, everyone)
            return cls(ground, loaded.version, orders, everyone, writers)
        if churn is not None and not ground.online.sells:
            contracts = ContractValuer(churn.artifact, ground, Money.read(ground, risk_known=True))
            return cls(ground, churn.version, contracts, everyone_placed(ground), writers)
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


def _labels(ground: Ground) -> tuple[str | None, ...]:
    return tuple(one.version.label if one is not None else None for one in _loaded(ground))

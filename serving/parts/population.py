"""All customers at the moment of the online store's rows: what is usual among them, and where cuts lie."""

import numpy as np

from core.arrays import Columns
from features.categories import Attributes, model_columns
from serving.scoring.deployment import Ground
from training.customer_value.settings import ValueSettings

#: As many customers are enough to know where cuts lie.
_SAMPLE = 20_000
#: Values and standing are computed from numbers; attributes of customers take no part.
NO_ATTRIBUTES = Attributes({}, ())


def read_population(ground: Ground) -> Columns:
    """Return the features of customers at the materialised moment, ages in days; of 20,000 where there are more.

    Raises
    ------
    StateError
        If no features have been built for the moment.
    """
    moment = ground.online.as_of
    everyone = ground.store.everyone(ValueSettings.service, moment, _SAMPLE)
    if not everyone:
        return {}
    return model_columns(list(everyone.values()), np.full(len(everyone), moment.timestamp()), NO_ATTRIBUTES)

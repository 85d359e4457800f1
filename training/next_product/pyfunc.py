"""The next-product model for MLflow's own server: customers as the online store holds them, to lists of products."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.evaluation.lists import K
from training.next_product.history import read_history
from training.next_product.model import NextProductModel


class ProductLists:
    """What `mlflow models serve` and `mlflow.pyfunc.load_model` call.

    The lists are those of the model alone: no rule, consent or campaign is looked at, which serving does.
    """

    def __init__(self, model: NextProductModel) -> None:
        self._model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Rank products for customers.

        Parameters
        ----------
        model_input
            One row per customer: `vector`, the text of Feast's view `next_product_v1_vector`, and `moment`, that it was
            computed for, in seconds since 1970.

        Returns
        -------
        One row per customer, in the same order: `products`, the ids of the ten likeliest, and `probabilities`, that an
        active customer buys each in the horizon.
        """
        del params
        histories = [
            read_history(json.loads(vector), self._model.catalogue, moment, moment)
            for vector, moment in zip(model_input["vector"], model_input["moment"], strict=True)
        ]
        ranked = list(self._model.rank(histories))
        return pd.DataFrame(
            {
                "products": [self._model.catalogue.ids[one.codes[:K]].tolist() for one in ranked],
                "probabilities": [one.probabilities[:K].tolist() for one in ranked],
            }
        )


def example_customers(model: NextProductModel, moment: datetime) -> pd.DataFrame:
    """Return two invented customers, who buy what is popular: the history of a real one would stay in MLflow."""
    popular = np.argsort(-np.nan_to_num(model.catalogue.statistics["product_baskets"]))
    return pd.DataFrame(
        {
            "vector": [_vector(model, popular[:6], moment), _vector(model, popular[6:8], moment)],
            "moment": moment.timestamp(),
        }
    )


def _vector(model: NextProductModel, codes: np.ndarray, moment: datetime) -> str:
    """Return the vector of a customer who bought each product four times, a week apart, until three days ago."""
    last = (moment - timedelta(days=3)).timestamp()
    first = (moment - timedelta(days=24)).timestamp()
    types = sorted({str(model.catalogue.texts["type"][code]) for code in codes} - {""})
    values = {
        "last_purchase": last,
        "baskets_28d": 4,
        "baskets_84d": 4,
        "history_products": [str(model.catalogue.ids[code]) for code in codes],
        "history_baskets": [4] * len(codes),
        "history_decayed": [3.2] * len(codes),
        "history_first": [int(first)] * len(codes),
        "history_last": [int(last)] * len(codes),
        "types_names": types,
        "types_baskets": [4] * len(types),
        "types_last": [int(last)] * len(types),
        "types_price": [None] * len(types),
    }
    return json.dumps(values)


def _load_pyfunc(path: str) -> ProductLists:
    """MLflow's entry point; the name is MLflow's."""
    return ProductLists(NextProductModel.load(Path(path)))

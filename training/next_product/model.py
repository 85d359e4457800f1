"""The fitted next-product model: candidate sources, a LambdaRank reranker, and the catalogue they speak of."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.config import NextProductSettings
from features.state import write_file
from features.vectors import Columns, Floats
from training.next_product.candidates import FEATURES, Candidates, find_candidates
from training.next_product.catalogue import Catalogue
from training.next_product.history import History
from training.next_product.sources import Sources


@dataclass(frozen=True)
class NextProductModel:
    """Ranks candidates for one customer. Offline evaluation, bulk scoring and the API all call `rank`.

    Attributes
    ----------
    labels_end
        Where the last label window the ranker learned from ends; it may be measured from there on.
    """

    ranker: lgb.Booster
    sources: Sources
    catalogue: Catalogue
    settings: NextProductSettings
    labels_end: datetime

    def rank(self, history: History) -> tuple[Candidates, Floats]:
        """Return the candidates and their scores, best first; a score only orders one customer's list."""
        found = find_candidates(history, self.sources, self.catalogue, self.settings)
        scores: Floats = np.asarray(self.ranker.predict(found.inputs, num_threads=1))
        best = np.argsort(-scores, kind="stable")
        return Candidates(found.codes[best], found.own[best], found.inputs[best]), scores[best]

    def with_statistics(self, statistics: Columns) -> "NextProductModel":
        """Return the model with the product statistics of another day."""
        return replace(self, catalogue=self.catalogue.with_statistics(statistics))

    def save(self, directory: Path) -> None:
        """Write the model as text, Parquet and NumPy files; none is a pickle, none names a customer."""
        write_file(directory / "ranker.txt", self.ranker.model_to_string().encode())
        meta = {"settings": self.settings.model_dump(mode="json"), "labels_end": self.labels_end.isoformat()}
        write_file(directory / "model.json", json.dumps(meta, indent=2).encode())
        self.catalogue.save(directory)
        self.sources.save(directory)

    @classmethod
    def load(cls, directory: Path) -> "NextProductModel":
        """Read what `save` wrote."""
        meta = json.loads((directory / "model.json").read_text())
        return cls(
            lgb.Booster(model_file=str(directory / "ranker.txt")),
            Sources.load(directory),
            Catalogue.load(directory),
            NextProductSettings(**meta["settings"]),
            datetime.fromisoformat(meta["labels_end"]),
        )


class _PyFunc:
    """What `mlflow models serve` calls: it ranks candidates that the caller has built."""

    def __init__(self, ranker: lgb.Booster) -> None:
        self._ranker = ranker

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        del params
        inputs = model_input[list(FEATURES)].to_numpy(dtype="float64")
        return pd.DataFrame({"score": np.asarray(self._ranker.predict(inputs))})


def _load_pyfunc(path: str) -> _PyFunc:
    """MLflow's entry point; the name is MLflow's."""
    return _PyFunc(lgb.Booster(model_file=str(Path(path) / "ranker.txt")))

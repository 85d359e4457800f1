"""The fitted next-product model: candidate sources, LambdaRank rankers, and the catalogue they speak of."""

import json
from collections.abc import Iterator, Sequence
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
from training.next_product.types import TypeSource


@dataclass(frozen=True)
class Ranked:
    """Candidates of one customer in the order of a ranker, best first; a score only orders one customer's list."""

    candidates: Candidates
    scores: Floats


@dataclass(frozen=True)
class NextProductModel:
    """Ranks candidates for customers. Offline evaluation, bulk scoring and the API all call `rank`.

    Attributes
    ----------
    general, novel
        Rankers of all candidates, and of those that a customer never bought.
    labels_end
        Where the last label window the rankers learned from ends; they may be measured from there on.
    """

    general: lgb.Booster
    novel: lgb.Booster
    sources: Sources
    types: TypeSource
    catalogue: Catalogue
    settings: NextProductSettings
    labels_end: datetime

    def rank(self, histories: Sequence[History], *, novel: bool = False) -> Iterator[Ranked]:
        """Yield each customer's candidates, best first; with `novel` only those never bought, by their own ranker."""
        ranker = self.novel if novel else self.general
        for found in find_candidates(histories, self.sources, self.catalogue, self.settings):
            kept = np.flatnonzero(found.own < 0) if novel else np.arange(len(found.codes))
            scores: Floats = np.asarray(ranker.predict(found.inputs[kept], num_threads=1)) if len(kept) else np.zeros(0)
            order = np.argsort(-scores, kind="stable")
            best = kept[order]
            yield Ranked(Candidates(found.codes[best], found.own[best], found.inputs[best]), scores[order])

    def with_statistics(self, statistics: Columns) -> "NextProductModel":
        """Return the model with the product statistics of another day."""
        return replace(self, catalogue=self.catalogue.with_statistics(statistics))

    def save(self, directory: Path) -> None:
        """Write the model as text, Parquet and NumPy files; none is a pickle, none names a customer."""
        for name in ("general", "novel"):
            write_file(directory / f"{name}.txt", getattr(self, name).model_to_string().encode())
        meta = {"settings": self.settings.model_dump(mode="json"), "labels_end": self.labels_end.isoformat()}
        write_file(directory / "model.json", json.dumps(meta, indent=2).encode())
        self.catalogue.save(directory)
        self.sources.save(directory)
        self.types.save(directory)

    @classmethod
    def load(cls, directory: Path) -> "NextProductModel":
        """Read what `save` wrote."""
        meta = json.loads((directory / "model.json").read_text())
        general, novel = (lgb.Booster(model_file=str(directory / f"{name}.txt")) for name in ("general", "novel"))
        return cls(
            general,
            novel,
            Sources.load(directory),
            TypeSource.load(directory),
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
    return _PyFunc(lgb.Booster(model_file=str(Path(path) / "general.txt")))

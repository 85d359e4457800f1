"""The fitted next-product model: candidate sources, the purchase model, and the catalogue of their codes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from core.arrays import Columns, Floats
from core.files import write_file
from core.progress import batches
from features.store.feature_store import Store
from training.evaluation.calibration import Calibration
from training.lifecycle.booster import load_booster, save_booster
from training.next_product.candidates.evidence import Facts
from training.next_product.candidates.finalists import finalists_of, first_margins
from training.next_product.candidates.find import BLOCK, Candidates, find_candidates
from training.next_product.candidates.segments import Segments
from training.next_product.candidates.sources import Sources
from training.next_product.candidates.upgrades import PriceHabits, Upgrades
from training.next_product.catalogue import STATISTICS, Catalogue, Codes
from training.next_product.history import History
from training.next_product.settings import NextProductSettings

#: Customers whose candidates one thread is enough for.
FEW = 8
_NONE: Codes = np.zeros(0, dtype="int64")


@dataclass(frozen=True)
class Learned:
    """What was learned from labels; it stays as it is when customers buy more.

    Attributes
    ----------
    booster, calibration
        The odds that an active customer buys a candidate in the horizon, and how they become a probability.
    first
        How the odds of the first trees become a probability.
    labels_end
        The end of the last label window it learned from; it may be measured from there on.
    """

    booster: lgb.Booster
    calibration: Calibration
    first: Calibration
    labels_end: datetime

    def probabilities(self, candidates: Sequence[Candidates]) -> list[Floats]:
        """Return the probability of each candidate, of some customers at once.

        The first trees choose finalists, which all trees look at; the others keep the probability of the first ones.
        """
        # more would take the cores of other requests
        threads = 1 if len(candidates) <= FEW else 0
        inputs = np.vstack([one.inputs for one in candidates])
        ends = np.cumsum([len(one.codes) for one in candidates])[:-1]
        likely = self.first.probability(first_margins(self.booster, inputs, threads))
        finalists = np.concatenate(
            [finalists_of(*pair) for pair in zip(candidates, np.split(likely, ends), strict=True)]
        )
        margins = np.asarray(self.booster.predict(inputs[finalists], raw_score=True, num_threads=threads))
        likely[finalists] = self.calibration.probability(margins)
        return np.split(likely, ends)


@dataclass(frozen=True)
class Ranked:
    """Candidates of one customer, best first, in arrays aligned with each other.

    Attributes
    ----------
    codes, own, better
        As of `Candidates`.
    probabilities
        That an active customer buys each in the horizon.
    """

    codes: Codes
    own: Codes
    better: npt.NDArray[np.bool_]
    probabilities: Floats


@dataclass(frozen=True)
class NextProductModel:
    """Ranks candidates for customers. Offline evaluation, bulk scoring and the API all call `rank`."""

    learned: Learned
    sources: Sources
    segments: Segments
    habits: PriceHabits
    catalogue: Catalogue
    settings: NextProductSettings

    @property
    def labels_end(self) -> datetime:
        """The end of the last label window it learned from."""
        return self.learned.labels_end

    @cached_property
    def upgrades(self) -> Upgrades:
        """What a better tier is, in this catalogue."""
        return Upgrades(self.catalogue, self.settings.upsell, self.habits)

    @cached_property
    def facts(self) -> Facts:
        """The evidence for offers."""
        return Facts(self.catalogue, self.sources, self.segments)

    def rank(self, histories: Sequence[History], also: Codes = _NONE) -> Iterator[Ranked]:
        """Yield each customer's candidates, the likeliest purchase first.

        Customers without purchases differ by their attributes alone, where there are any.

        Parameters
        ----------
        also
            Codes that are candidates for every customer.
        """
        for block in batches(histories, BLOCK):
            blocks = list(find_candidates(block, self.sources, self.upgrades, self.segments, also))
            probabilities = self.learned.probabilities(blocks)
            for history, candidates, likely in zip(block, blocks, probabilities, strict=True):
                alike = self.segments.scores(history)[candidates.codes] if history.cold else np.zeros(len(likely))
                order = np.lexsort((-likely, -alike))
                yield Ranked(candidates.codes[order], candidates.own[order], candidates.better[order], likely[order])

    def active(self, history: History) -> bool:
        """Return whether the purchase model knows customers like this: those who bought in the activity window."""
        return history.recency_days <= self.settings.activity_window_days

    def on_day(self, statistics: Columns, moment: datetime) -> "NextProductModel":
        """Return the model with the product statistics, and with them the new arrivals, of another day."""
        return replace(self, catalogue=self.catalogue.on_day(statistics, moment, self.settings))

    def prepared(self, store: Store, as_of: datetime) -> "NextProductModel":
        """Return the model with the product statistics that the online store holds."""
        ids = [str(product) for product in self.catalogue.ids]
        rows = store.online.rows(NextProductSettings.service, "product_id", ids)
        statistics: Columns = {}
        for name in STATISTICS:
            values = [np.nan if value is None else value for value in rows.values[name]]
            statistics[name] = np.array(values, dtype="float64")
        return self.on_day(statistics, as_of)

    def save(self, directory: Path) -> None:
        """Write the model as text, Parquet and NumPy files; none is a pickle, none names a customer."""
        meta = {
            "booster": save_booster(self.learned.booster, directory),
            "settings": self.settings.model_dump(mode="json"),
            "calibration": asdict(self.learned.calibration),
            "first_calibration": asdict(self.learned.first),
            "labels_end": self.learned.labels_end.isoformat(),
            "segments": self.segments.names,
        }
        write_file(directory / "model.json", json.dumps(meta, indent=2).encode())
        np.savez(directory / "segments.npz", sizes=self.segments.sizes, buyers=self.segments.buyers)
        np.savez(directory / "habits.npz", **asdict(self.habits))
        self.catalogue.save(directory)
        self.sources.save(directory)

    @classmethod
    def load(cls, directory: Path) -> "NextProductModel":
        """Read what `save` wrote."""
        meta = json.loads((directory / "model.json").read_text())
        booster = load_booster(directory, meta["booster"])
        with np.load(directory / "segments.npz") as segments, np.load(directory / "habits.npz") as habits:
            return cls(
                learned=Learned(
                    booster=booster,
                    calibration=Calibration(**meta["calibration"]),
                    first=Calibration(**meta["first_calibration"]),
                    labels_end=datetime.fromisoformat(meta["labels_end"]),
                ),
                sources=Sources.load(directory),
                segments=Segments(tuple((name, value) for name, value in meta["segments"]), **segments),
                habits=PriceHabits(**habits),
                catalogue=Catalogue.load(directory),
                settings=NextProductSettings(**meta["settings"]),
            )

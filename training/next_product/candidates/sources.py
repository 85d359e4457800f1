"""Candidate sources fitted on all histories: implicit's ALS and item similarity, EASE, like-minded customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from scipy import sparse
from threadpoolctl import threadpool_limits

from core.arrays import Floats
from core.logs import quiet
from training.next_product.candidates.reference import Reference, fit_reference
from training.next_product.candidates.types import TypeSource, fit_types
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History, stacked, summed

FACTORS = 64
NEIGHBOURS = 50
#: Confidence of a purchase of weight w is ALPHA * w.
ALPHA = 8.0
#: What every product is given of new buyers and of buyers, so that few do not make a rise.
NEW_PRIOR, BUYERS_PRIOR = 2.0, 5.0


@dataclass(frozen=True)
class Sources:
    """Fitted candidate sources. They hold purchases, but no customer's id.

    Attributes
    ----------
    reference
        The customers that one is compared with.
    types
        Types bought together.
    similar
        Products x products, cosine of their sets of buyers, the 50 nearest of each.
    buyers
        Customers who ever bought each product.
    """

    als: AlternatingLeastSquares
    similar: sparse.csr_matrix
    buyers: Floats
    reference: Reference
    types: TypeSource

    def scores(self, histories: Sequence[History]) -> dict[str, Floats]:
        """Return what each source says of every product for some customers, customers x products by source."""
        weights = stacked(histories, self.similar.shape[0], lambda history: np.log1p(history.decayed))
        factors = self.als.recalculate_user(np.arange(len(histories)), weights)
        return {
            "als": factors @ self.als.item_factors.T,
            "similar": summed(weights, self.similar),
            "ease": self.reference.ease(histories),
            "neighbours": self.reference.neighbours(histories),
        }

    def rises(self, catalogue: Catalogue) -> dict[str, Floats]:
        """Return by source what EASE's score of each product is multiplied by where others buy it for the first time.

        For `rising` the root of the share of buyers who are new in the last 28 days, for `rising_now` in the last 7.
        """
        return {name: self._rise(catalogue.new_buyers[days]) for name, days in (("rising", 28), ("rising_now", 7))}

    def _rise(self, new_buyers: Floats) -> Floats:
        return np.sqrt((new_buyers + NEW_PRIOR) / (self.buyers + BUYERS_PRIOR)).astype("float32")

    def save(self, directory: Path) -> None:
        """Write the sources; the factors of customers are left out."""
        self.als.user_factors = None
        self.als.save(str(directory / "als.npz"))
        sparse.save_npz(directory / "similar.npz", self.similar)
        np.savez(directory / "buyers.npz", buyers=self.buyers)
        self.reference.save(directory)
        self.types.save(directory)

    @classmethod
    def load(cls, directory: Path) -> "Sources":
        """Read what `save` wrote."""
        with threadpool_limits(1, "blas"), np.load(directory / "buyers.npz") as counts:
            return cls(
                AlternatingLeastSquares.load(str(directory / "als.npz")),
                sparse.csr_matrix(sparse.load_npz(directory / "similar.npz")),
                counts["buyers"],
                Reference.load(directory),
                TypeSource.load(directory),
            )


def fit_sources(histories: Sequence[History], catalogue: Catalogue, threads: int) -> Sources:
    """Fit ALS on decayed purchases and similarity on the sets of buyers, all at one moment."""
    bought = stacked(histories, len(catalogue), lambda history: np.log1p(history.decayed))
    ever = stacked(histories, len(catalogue), lambda history: np.ones(len(history)))
    # implicit has threads of its own; what it says is that it converts its own matrices
    with threadpool_limits(1, "blas"), quiet():
        als = AlternatingLeastSquares(
            factors=FACTORS,
            regularization=0.1,
            alpha=ALPHA,
            iterations=12,
            num_threads=threads,
            random_state=7,
        )
        als.fit(bought, show_progress=False)
        neighbours = CosineRecommender(K=NEIGHBOURS + 1, num_threads=threads)
        neighbours.fit(ever, show_progress=False)
    similar = neighbours.similarity.tocsr().astype("float32")
    similar.setdiag(0.0)
    similar.eliminate_zeros()
    similar.sort_indices()
    als.num_threads = 1  # from here on one customer at a time
    buyers = np.asarray(ever.sum(axis=0), dtype="float64").ravel()
    reference = fit_reference(histories, len(catalogue))
    return Sources(als, similar, buyers, reference, fit_types(histories, catalogue))


def top(scores: Floats, count: int) -> Codes:
    """Return the codes of the highest positive scores, best first."""
    count = min(count, len(scores))
    best = np.argpartition(-scores, count - 1)[:count] if count else np.zeros(0, dtype="int64")
    best = best[np.argsort(-scores[best], kind="stable")]
    return best[scores[best] > 0]

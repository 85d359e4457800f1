"""Candidate sources fitted on everybody's histories: implicit's ALS and item-to-item similarity."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from scipy import sparse
from threadpoolctl import threadpool_limits

from features.quiet import quiet
from features.vectors import Floats
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History

FACTORS = 64
NEIGHBOURS = 50
#: Confidence of a purchase of weight w is ALPHA * w.
ALPHA = 8.0


@dataclass(frozen=True)
class Sources:
    """Fitted candidate sources. They hold products only, no customer.

    Attributes
    ----------
    similar
        Products x products, cosine of their sets of buyers, the 50 nearest of each.
    buyers
        Customers who ever bought each product.
    customers
        Customers the sources were fitted on.
    """

    als: AlternatingLeastSquares
    similar: sparse.csr_matrix
    buyers: Floats
    customers: int

    def als_scores(self, history: History) -> Floats:
        """Return the affinity of a customer to every product, from factors solved for this history."""
        size = self.similar.shape[0]
        weights = np.log1p(history.decayed).astype("float32")
        row = sparse.csr_matrix((weights, history.codes, [0, len(history)]), shape=(1, size))
        factors = self.als.recalculate_user(0, row)
        scores: Floats = (self.als.item_factors @ factors).astype("float64")
        return scores

    def similar_scores(self, history: History) -> Floats:
        """Return how similar every product is to what the customer bought, weighted by how recently."""
        scores: Floats = np.log1p(history.decayed) @ self.similar[history.codes]
        return scores

    def lift(self, one: int, other: int) -> tuple[int, float]:
        """Return how many customers bought both products, and how much more often than by chance.

        The count is read back from the cosine: both / sqrt(buyers of one * buyers of other).
        """
        product = self.buyers[one] * self.buyers[other]
        both = float(self.similar[one, other]) * np.sqrt(product)
        return round(both), float(both * self.customers / product) if product else 0.0

    def save(self, directory: Path) -> None:
        """Write the sources; the factors of customers are left out."""
        self.als.user_factors = None
        self.als.save(str(directory / "als.npz"))
        sparse.save_npz(directory / "similar.npz", self.similar)
        np.savez(directory / "buyers.npz", buyers=self.buyers, customers=self.customers)

    @classmethod
    def load(cls, directory: Path) -> "Sources":
        """Read what `save` wrote."""
        with threadpool_limits(1, "blas"), np.load(directory / "buyers.npz") as counts:
            return cls(
                AlternatingLeastSquares.load(str(directory / "als.npz")),
                sparse.csr_matrix(sparse.load_npz(directory / "similar.npz")),
                counts["buyers"],
                int(counts["customers"]),
            )


def fit_sources(histories: Sequence[History], catalogue: Catalogue, threads: int) -> Sources:
    """Fit ALS on decayed purchases and similarity on the sets of buyers, all at one moment."""
    starts = np.cumsum([0, *(len(history) for history in histories)])
    codes = np.concatenate([history.codes for history in histories])
    weights = np.log1p(np.concatenate([history.decayed for history in histories])).astype("float32")
    shape = (len(histories), len(catalogue))
    bought = sparse.csr_matrix((weights, codes, starts), shape=shape)
    ever = sparse.csr_matrix((np.ones(len(codes)), codes, starts), shape=shape)
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
    similar = neighbours.similarity.tocsr()
    similar.setdiag(0.0)
    similar.eliminate_zeros()
    similar.sort_indices()
    als.num_threads = 1  # from here on one customer at a time
    return Sources(als, similar, np.asarray(ever.sum(axis=0), dtype="float64").ravel(), len(histories))


def top(scores: Floats, count: int) -> Codes:
    """Return the codes of the highest positive scores, best first."""
    count = min(count, len(scores))
    best = np.argpartition(-scores, count - 1)[:count] if count else np.zeros(0, dtype="int64")
    best = best[np.argsort(-scores[best], kind="stable")]
    return best[scores[best] > 0]

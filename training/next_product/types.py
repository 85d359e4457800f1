"""Which product type a customer never bought may come next: EASE on types, exact and small."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from features.vectors import Floats
from training.next_product.catalogue import Catalogue, Codes, popularity
from training.next_product.history import History

#: EASE's regularisation.
LAMBDA = 100.0


@dataclass(frozen=True)
class TypeSource:
    """Affinity between product types.

    Attributes
    ----------
    weights
        Types x types, EASE's matrix; the diagonal is 0.
    """

    weights: Floats

    def scores(self, history: History, catalogue: Catalogue) -> Floats:
        """Return the score of every type; 0 for a type bought before and for products of no known type."""
        known = types_of(history, catalogue)
        scores = self.weights[known].sum(axis=0) - self.weights.min()
        scores[known] = 0.0
        scores[catalogue.type_names == ""] = 0.0
        return np.asarray(scores, dtype="float64")

    def save(self, directory: Path) -> None:
        """Write the matrix."""
        np.savez(directory / "types.npz", weights=self.weights)

    @classmethod
    def load(cls, directory: Path) -> "TypeSource":
        """Read what `save` wrote."""
        with np.load(directory / "types.npz") as parts:
            return cls(parts["weights"])


def fit_types(histories: Sequence[History], catalogue: Catalogue) -> TypeSource:
    """Fit EASE on who bought which type; source as in `training.next_product.reference`."""
    known = [types_of(history, catalogue) for history in histories]
    starts = np.cumsum([0, *(len(codes) for codes in known)])
    ones = np.ones(starts[-1])
    bought = sparse.csr_matrix((ones, np.concatenate(known), starts), shape=(len(known), len(catalogue.type_names)))
    gram = (bought.T @ bought).toarray()
    inverse = np.linalg.inv(gram + LAMBDA * np.eye(len(gram)))
    weights = np.eye(len(gram)) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return TypeSource(weights.astype("float32"))


def types_of(history: History, catalogue: Catalogue) -> Codes:
    """Return the types a customer bought, as far as they are in the catalogue."""
    return np.union1d(catalogue.type_codes[history.codes], history.types.codes)


def type_popularity(catalogue: Catalogue) -> Floats:
    """Return the baskets of the last 28 days by type; 0 for products of no known type."""
    baskets = np.bincount(catalogue.type_codes, weights=popularity(catalogue), minlength=len(catalogue.type_names))
    baskets[catalogue.type_names == ""] = 0.0
    return np.asarray(baskets)

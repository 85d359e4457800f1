"""Affinity between product types: EASE on who bought which, exact and small."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from core.arrays import Floats
from training.next_product.catalogue import Catalogue, Codes
from training.next_product.history import History

#: EASE's regularisation.
LAMBDA = 1500.0


@dataclass(frozen=True)
class TypeSource:
    """Counts and weights of types bought together.

    Attributes
    ----------
    weights
        Types x types, EASE's matrix; the diagonal is 0.
    both
        Types x types, customers who bought both; the diagonal holds the buyers of each.
    customers
        Customers it was counted on.
    """

    weights: Floats
    both: Floats
    customers: int

    def scores(self, histories: Sequence[History], catalogue: Catalogue) -> Floats:
        """Return EASE's score of every type for each customer, customers x types."""
        scores: Floats = np.asarray(types_bought(histories, catalogue) @ self.weights)
        return scores

    def save(self, directory: Path) -> None:
        """Write the matrices."""
        np.savez_compressed(directory / "types.npz", weights=self.weights, both=self.both, customers=self.customers)

    @classmethod
    def load(cls, directory: Path) -> "TypeSource":
        """Read what `save` wrote."""
        with np.load(directory / "types.npz") as parts:
            return cls(parts["weights"], parts["both"], int(parts["customers"]))


def fit_types(histories: Sequence[History], catalogue: Catalogue) -> TypeSource:
    """Fit EASE on who bought which type; source as in `training.next_product.candidates.reference`."""
    bought = types_bought(histories, catalogue)
    both = (bought.T @ bought).toarray()
    inverse = np.linalg.inv(both + LAMBDA * np.eye(len(both)))
    weights = np.eye(len(both)) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return TypeSource(weights.astype("float32"), both.astype("float32"), len(histories))


def types_bought(histories: Sequence[History], catalogue: Catalogue) -> sparse.csr_matrix:
    """Return customers x types, 1 where bought."""
    known = [types_of(history, catalogue) for history in histories]
    starts = np.cumsum([0, *(len(codes) for codes in known)])
    ones = np.ones(starts[-1], dtype="float32")
    return sparse.csr_matrix((ones, np.concatenate(known), starts), shape=(len(known), len(catalogue.types)))


def types_of(history: History, catalogue: Catalogue) -> Codes:
    """Return the types a customer bought, as far as they are in the catalogue and have a name."""
    bought = np.union1d(catalogue.types.codes[history.codes], history.types.codes)
    return bought[catalogue.types.known[bought]]


def type_popularity(catalogue: Catalogue) -> Floats:
    """Return the baskets of the last 28 days by type; 0 for products of no known type."""
    return catalogue.types.sums(catalogue.popularity) * catalogue.types.known

"""Everybody else as evidence: what customers like this one buy, and EASE."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse

from core.arrays import Floats
from training.next_product.history import History, stacked, summed

#: As many customers as this are compared with; of more, a seeded sample.
MOST_CUSTOMERS = 4000
#: Of them, the nearest that count.
NEAREST = 100
#: EASE's regularisation.
LAMBDA = 1500.0
#: Customers whose products are held at once.
_BLOCK = 256


@dataclass(frozen=True)
class Reference:
    """Purchases of a few thousand customers, without their ids.

    Attributes
    ----------
    ever, decayed
        Customers x products: 1 where bought, and baskets that decay with age.
    taste
        Customers x products: log1p of `decayed`, each row of length 1.
    inverse
        Customers x customers: (ever ever' + lambda I)^-1.
    leverage
        Per product 1 less the diagonal of ever' inverse ever.
    """

    ever: sparse.csr_matrix
    decayed: sparse.csr_matrix
    taste: sparse.csr_matrix
    inverse: Floats
    leverage: Floats

    def ease(self, histories: Sequence[History]) -> Floats:
        """Return EASE's score of every product for each customer, customers x products.

        Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data (WWW 2019). With fewer customers than
        products the inverse of the products' matrix follows from that of the customers' (Woodbury), so that it is
        exact: P = (I - ever' inverse ever) / lambda, score = x - (x P) / diag(P).
        """
        rows = stacked(histories, self.ever.shape[1], lambda history: np.ones(len(history)))
        weights = summed(rows, self._by_product) @ self.inverse
        explained = np.asarray((self.ever.T @ weights.T).T)
        x = rows.toarray()
        scores: Floats = x - (x - explained) / self.leverage
        return scores

    def neighbours(self, histories: Sequence[History]) -> Floats:
        """Return what the nearest customers by cosine of taste bought, weighted by it; customers x products.

        The very nearest is left out, since it is the customer's own row where there is one.
        """
        similar = summed(taste(histories, self.taste.shape[1]), self._tastes_by_product)
        customers, count = len(similar), min(NEAREST + 1, similar.shape[1])
        nearest = np.argpartition(-similar, count - 1, axis=1)[:, :count]
        weights = np.take_along_axis(similar, nearest, axis=1)
        weights[np.arange(customers), weights.argmax(axis=1)] = 0.0
        starts = np.arange(customers + 1) * count
        kept = sparse.csr_matrix((weights.ravel(), nearest.ravel(), starts), shape=similar.shape)
        return summed(kept, self.decayed)

    @cached_property
    def _by_product(self) -> sparse.csr_matrix:
        """`ever` turned around once: a customer's few products then are a few rows of it."""
        return self.ever.T.tocsr()

    @cached_property
    def _tastes_by_product(self) -> sparse.csr_matrix:
        return self.taste.T.tocsr()

    def save(self, directory: Path) -> None:
        """Write the matrices."""
        for name in ("ever", "decayed", "taste"):
            sparse.save_npz(directory / f"reference_{name}.npz", getattr(self, name))
        np.savez(directory / "reference.npz", inverse=self.inverse, leverage=self.leverage)

    @classmethod
    def load(cls, directory: Path) -> "Reference":
        """Read what `save` wrote."""
        ever, decayed, own_taste = (
            sparse.csr_matrix(sparse.load_npz(directory / f"reference_{name}.npz"))
            for name in ("ever", "decayed", "taste")
        )
        with np.load(directory / "reference.npz") as parts:
            return cls(ever, decayed, own_taste, parts["inverse"], parts["leverage"])


def taste(histories: Sequence[History], products: int) -> sparse.csr_matrix:
    """Return rows of log1p of the decayed baskets, each of length 1."""
    return stacked(histories, products, lambda history: _unit(np.log1p(history.decayed)))


def _unit(values: Floats) -> Floats:
    length = np.linalg.norm(values)
    return values / length if length else values


def fit_reference(histories: Sequence[History], products: int) -> Reference:
    """Take the customers to compare with, all at one moment."""
    known = [history for history in histories if len(history)]
    chosen = np.random.default_rng(7).permutation(len(known))[:MOST_CUSTOMERS]
    sample = [known[place] for place in np.sort(chosen)]
    ever = stacked(sample, products, lambda history: np.ones(len(history)))
    gram = (ever @ ever.T).toarray().astype("float64")
    inverse = np.linalg.inv(gram + LAMBDA * np.eye(len(sample))).astype("float32")
    decayed = stacked(sample, products, lambda history: history.decayed)
    return Reference(ever, decayed, taste(sample, products), inverse, _leverage(inverse, ever))


def _leverage(inverse: Floats, ever: sparse.csr_matrix) -> Floats:
    """Return 1 - diag(ever' inverse ever), a block of customers after the other, as the product is dense."""
    explained = np.zeros(ever.shape[1])
    for start in range(0, len(inverse), _BLOCK):
        rows = slice(start, start + _BLOCK)
        explained += np.asarray(ever[rows].multiply((ever.T @ inverse[rows].T).T).sum(axis=0)).ravel()
    return (1.0 - explained).astype("float32")

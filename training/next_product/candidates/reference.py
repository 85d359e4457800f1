"""Everybody else as evidence: what customers like this one buy, and EASE."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import linalg, sparse

from core.arrays import Floats
from training.next_product.history import History, stacked, summed

#: As many customers as this are compared with; of more, a seeded sample.
MOST_CUSTOMERS = 4000
#: Of them, the nearest that count.
NEAREST = 100
#: EASE's regularisation.
LAMBDA = 1500.0
#: Directions in which customers differ most; more change no list, and take longer than all else of EASE.
RANK = 300


@dataclass(frozen=True)
class Reference:
    """Purchases of a few thousand customers, without their ids.

    Attributes
    ----------
    ever, decayed
        Customers x products: 1 where bought, and baskets that decay with age.
    taste
        Customers x products: log1p of `decayed`, each row of length 1.
    directions
        Customers x up to `RANK`: the eigenvectors of ever ever' with the largest eigenvalues s.
    shares
        Per direction s / (s + lambda).
    leverage
        Per product 1 less the diagonal of ever' inverse ever, where inverse is (ever ever' + lambda I)^-1.
    """

    ever: sparse.csr_matrix
    decayed: sparse.csr_matrix
    taste: sparse.csr_matrix
    directions: Floats
    shares: Floats
    leverage: Floats

    def ease(self, histories: Sequence[History]) -> Floats:
        """Return EASE's score of every product for each customer, customers x products.

        Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data (WWW 2019). With fewer customers than
        products the inverse of the products' matrix follows from that of the customers' (Woodbury):
        P = (I - ever' inverse ever) / lambda, score = x - (x P) / diag(P). With all directions V,
        inverse = (I - V diag(shares) V') / lambda; with the first of them, it is close.
        """
        rows = stacked(histories, self.ever.shape[1], lambda history: np.ones(len(history)))
        common = summed(rows, self._by_product)
        weights = (common - (common @ self.directions * self.shares) @ self.directions.T) / np.float32(LAMBDA)
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
        np.savez(directory / "reference.npz", directions=self.directions, shares=self.shares, leverage=self.leverage)

    @classmethod
    def load(cls, directory: Path) -> "Reference":
        """Read what `save` wrote."""
        ever, decayed, own_taste = (
            sparse.csr_matrix(sparse.load_npz(directory / f"reference_{name}.npz"))
            for name in ("ever", "decayed", "taste")
        )
        with np.load(directory / "reference.npz") as parts:
            return cls(ever, decayed, own_taste, parts["directions"], parts["shares"], parts["leverage"])


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
    # all of them by divide and conquer, which takes a third of the time of the last ones by the other method
    strengths, directions = (values[..., -RANK:] for values in linalg.eigh(gram, driver="evd"))
    shares, directions = (values.astype("float32") for values in (strengths / (strengths + LAMBDA), directions))
    decayed = stacked(sample, products, lambda history: history.decayed)
    # 1 - diag(ever' inverse ever), whose first term are the buyers of each product
    buyers = np.asarray(ever.sum(axis=0)).ravel()
    leverage = (1.0 - (buyers - (ever.T @ directions) ** 2 @ shares) / LAMBDA).astype("float32")
    return Reference(ever, decayed, taste(sample, products), directions, shares, leverage)

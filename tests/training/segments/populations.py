"""Populations of customers who are of a known number of kinds."""

from datetime import UTC, datetime

import numpy as np

from core.arrays import Columns, Ints
from training.segments.population import Population
from training.segments.settings import ClusterSettings, SegmentSettings

SETTINGS = ClusterSettings(columns=("visits", "amount", "share"), draws=8, most=6)
SEGMENTS = SegmentSettings(clusters=SETTINGS)
MOMENT = datetime(2024, 3, 5, tzinfo=UTC)
KINDS = ((2.0, 10.0, 0.1), (2.0, 200.0, 0.8), (30.0, 10.0, 0.8), (30.0, 200.0, 0.1))


def columns_of(kinds: int, seed: int = 1, each: int = 60) -> tuple[Columns, Ints]:
    """Customers of some kinds in any order, and which kind each one is."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.repeat(np.arange(kinds), each))
    centres = np.array(KINDS)[kind]
    spread = np.exp(rng.normal(0, 0.1, (len(kind), 2)))
    columns = {
        "visits": centres[:, 0] * spread[:, 0],
        "amount": centres[:, 1] * spread[:, 1],
        "share": np.clip(centres[:, 2] + rng.normal(0, 0.03, len(kind)), 0, 1),
    }
    return columns, kind


def population(kinds: int, seed: int = 1, each: int = 60) -> Population:
    """The same as a population; the mean gap of everybody is 9 days."""
    columns, kind = columns_of(kinds, seed, each)
    customers = np.array([f"c{place:04d}" for place in range(len(kind))], dtype=object)
    return Population(MOMENT, customers, {**columns, "gap_mean": np.full(len(kind), 9.0)})


def without_kinds(seed: int = 3, rows: int = 150) -> Population:
    """Customers who differ by degree: the same noise in every column."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(0, 1, rows) for name in SETTINGS.columns}
    customers = np.array([f"c{place:04d}" for place in range(rows)], dtype=object)
    return Population(MOMENT, customers, columns)

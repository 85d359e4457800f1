"""Which themes an answer rests on: contributions summed by theme, each checked against the model itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, Protocol, get_args

import numpy as np

from core.arrays import Columns, Floats
from features.categories import Categories
from serving.explain.themes import THEME_OF, THEMES, Subject, Theme, themes_of
from training.evaluation.peers import Group

Direction = Literal["raises", "lowers"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
#: Rows whose effects are asked for in one prediction.
_AT_ONCE = 5_000


class Explainable(Protocol):
    """A fitted model whose answers can be explained.

    Attributes
    ----------
    subject
        What its margins are about: log odds of a risk, or the logarithm of a value.
    features
        Names of its inputs.
    categories, numbers
        The attributes among them: the values of those that are no numbers, and the names of those that are.
    left
        For each attribute the share of the customers that left, by code; for "" that of all.
    everyone
        What is usual for all customers.
    background
        Typical customers, rows x features.
    """

    @property
    def subject(self) -> Subject: ...  # noqa: D102 - see the attributes of the class

    @property
    def features(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def categories(self) -> Categories: ...  # noqa: D102

    @property
    def numbers(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def left(self) -> Mapping[str, tuple[float, ...]]: ...  # noqa: D102

    @property
    def everyone(self) -> Group: ...  # noqa: D102

    @property
    def background(self) -> Floats: ...  # noqa: D102

    def margin(self, inputs: Floats) -> Floats:
        """Return the margin of each row of inputs."""
        ...

    def contributions(self, inputs: Floats) -> Floats:
        """Return what each input adds to the margins, rows x (features + 1); the last column is the base value."""
        ...

    def similar(self, columns: Columns, place: int) -> Group:
        """Return the customers like the one in a row of features."""
        ...


@dataclass(frozen=True)
class Part:
    """A theme's part in a risk, or in a value.

    Attributes
    ----------
    contribution
        Sum of the contributions of its features to the margin.
    effect
        The margin less what it is with the theme's features of typical customers; see `effects`.
    """

    contribution: float
    effect: float

    @property
    def direction(self) -> Direction:
        """Whether the theme raises or lowers the risk, or the value."""
        return "raises" if self.contribution > 0 else "lowers"

    @property
    def agrees(self) -> bool:
        """Whether the model, asked without the theme, says that the direction is right."""
        return bool(self.contribution * self.effect > 0)


@dataclass(frozen=True)
class Attribute:
    """A customer's value of an attribute, and the shares of customers that left: with this value, and of all."""

    text: str
    left: float
    left_of_all: float


@dataclass(frozen=True)
class Explained:
    """One customer's explanation.

    Attributes
    ----------
    values
        Raw features, NaN where missing, those that the model does not read among them; of an attribute its code.
    attributes
        Those that are known and no numbers, with how many of the customers with this value, and of all, left.
    numbers
        The attributes that are numbers.
    contributions
        What each of the model's inputs adds to the margin.
    similar
        The customers that this one is compared with, where there is no habit of the customer's own.
    everyone
        All customers that the model learned from.
    parts
        The part of each theme.
    themes
        Of the model.
    """

    values: dict[str, float]
    contributions: dict[str, float]
    similar: Group
    everyone: Group
    parts: dict[str, Part]
    attributes: dict[str, Attribute] = field(default_factory=dict)
    themes: tuple[Theme, ...] = THEMES
    numbers: tuple[str, ...] = ()
    subject: Subject = "risk"


def explain(model: Explainable, inputs: Floats, columns: Columns) -> list[Explained]:
    """Explain rows of model inputs, in their order.

    Parameters
    ----------
    columns
        All features of the same rows: sentences may speak of more than the model reads.
    """
    contributions = model.contributions(inputs)[:, :-1]
    places = _places(model.features, model.subject)
    found = dict(zip(places, effects(model, inputs, list(places.values())), strict=True))
    themes = themes_of(model.features, model.subject)
    known = {name: values.tolist() for name, values in columns.items() if name in THEME_OF}
    explained = []
    for at, row in enumerate(np.asarray(inputs)):
        parts = {theme: Part(contributions[at, of].sum(), found[theme][at]) for theme, of in places.items()}
        values = {name: column[at] for name, column in known.items()}
        explained.append(
            Explained(
                values | dict(zip(model.features, row.tolist(), strict=True)),
                dict(zip(model.features, contributions[at].tolist(), strict=True)),
                _similar(model, columns, at),
                model.everyone,
                parts,
                _attributes(model, row),
                themes,
                model.numbers,
                model.subject,
            )
        )
    return explained


def effects(model: Explainable, inputs: Floats, groups: Sequence[Sequence[int]]) -> list[Floats]:
    """Return what groups of inputs do to the margins, one array of rows a group.

    It is the margin less the mean of what it is with the values that the model's typical customers have in these
    inputs; one customer in the middle would be where a risk that falls and rises again is lowest.

    Parameters
    ----------
    groups
        Places of inputs.
    """
    background = model.background
    found = [np.zeros(len(inputs)) for _ in groups]
    for start in range(0, len(inputs), _AT_ONCE):
        rows = np.asarray(inputs)[start : start + _AT_ONCE]
        margin = model.margin(rows)
        for effect, places in zip(found, groups, strict=True):
            # every row once for each typical customer, in one prediction
            replaced = np.repeat(rows[None], len(background), axis=0)
            replaced[:, :, places] = background[:, None, places]
            without = model.margin(replaced.reshape(-1, len(model.features))).reshape(len(background), -1)
            effect[start : start + _AT_ONCE] = margin - without.mean(axis=0)
    return found


def _similar(model: Explainable, columns: Columns, place: int) -> Group:
    """Return whom a customer is compared with; with one purchase it is everyone, as the average falls by itself."""
    similar = model.similar(columns, place)
    once = "baskets_total" in columns and columns["baskets_total"][place] <= 1
    return model.everyone if once and similar.kind != "new" else similar


@cache
def _places(features: tuple[str, ...], subject: Subject) -> dict[str, list[int]]:
    """Return the places of each theme's features among a model's; themes without any are left out."""
    places_by_theme = {
        theme.name: [place for place, name in enumerate(features) if name in theme.features]
        for theme in themes_of(features, subject)
    }
    return {theme: places for theme, places in places_by_theme.items() if places}


def _attributes(model: Explainable, row: Floats) -> dict[str, Attribute]:
    attributes = {}
    for name, values in model.categories.items():
        code = row[model.features.index(name)]
        if not np.isnan(code):
            attributes[name] = Attribute(values[int(code)], model.left[name][int(code)], model.left[""][0])
    return attributes

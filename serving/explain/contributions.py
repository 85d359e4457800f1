"""Which themes a risk rests on: TreeSHAP values summed by theme, each checked against the model itself."""

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np

from core.arrays import Floats
from serving.explain.themes import THEMES, Theme, themes_of
from training.churn.model import ChurnModel
from training.churn.peers import Group

Direction = Literal["raises", "lowers"]


@dataclass(frozen=True)
class Part:
    """A theme's part in a risk.

    Attributes
    ----------
    contribution
        Sum of the TreeSHAP values of its features, in log odds.
    effect
        The margin less what it is when the theme's features are set to the median of the population.
    """

    contribution: float
    effect: float

    @property
    def direction(self) -> Direction:
        """Whether the theme raises or lowers the risk."""
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
        Raw model inputs, NaN where missing; of an attribute its code.
    attributes
        Those that are known and no numbers, with how many of the customers with this value, and of all, left.
    usual
        Of each attribute that is a number the median of the customers that the model learned from.
    contributions
        Their TreeSHAP values, in log odds.
    similar
        The customers that this one is compared with, where there is no habit of the customer's own.
    everyone
        All customers that the model learned from.
    parts
        The part of each theme.
    themes
        Of the model.
    renewal
        Whether the risk is that of a contract that is not renewed.
    """

    values: dict[str, float]
    contributions: dict[str, float]
    similar: Group
    everyone: Group
    parts: dict[str, Part]
    attributes: dict[str, Attribute] = field(default_factory=dict)
    themes: tuple[Theme, ...] = THEMES
    usual: dict[str, float] = field(default_factory=dict)
    renewal: bool = False


def explain(model: ChurnModel, inputs: Floats) -> list[Explained]:
    """Explain rows of model inputs, in their order."""
    contributions = model.contributions(inputs)[:, :-1]
    places = _places(model.features)
    # the customers as they are, then once more for each theme, in one prediction
    usual = np.repeat(np.asarray(inputs)[None], len(places) + 1, axis=0)
    everyone = np.array([model.peers.everyone[name] for name in model.features])
    for of_theme, columns in zip(usual[1:], places.values(), strict=True):
        of_theme[:, columns] = everyone[columns]
    margins = model.margin(usual.reshape(-1, len(model.features))).reshape(len(places) + 1, -1)
    parts = {
        theme: (contributions[:, columns].sum(axis=1).tolist(), effects.tolist())
        for (theme, columns), effects in zip(places.items(), margins[0] - margins[1:], strict=True)
    }
    themes, everybody = themes_of(model.features), model.peers.all
    usual_numbers = {name: model.peers.everyone[name] for name in model.numbers}
    return [
        Explained(
            dict(zip(model.features, row.tolist(), strict=True)),
            dict(zip(model.features, contributions[place].tolist(), strict=True)),
            model.similar(row),
            everybody,
            {theme: Part(sums[place], effects[place]) for theme, (sums, effects) in parts.items()},
            _attributes(model, row),
            themes,
            usual_numbers,
            model.definition.renewal,
        )
        for place, row in enumerate(np.asarray(inputs))
    ]


@cache
def _places(features: tuple[str, ...]) -> dict[str, list[int]]:
    """Return the places of each theme's features among a model's; themes without any are left out."""
    places_by_theme = {
        theme.name: [place for place, name in enumerate(features) if name in theme.features]
        for theme in themes_of(features)
    }
    return {theme: places for theme, places in places_by_theme.items() if places}


def _attributes(model: ChurnModel, row: Floats) -> dict[str, Attribute]:
    attributes = {}
    for name, values in model.categories.items():
        code = row[model.features.index(name)]
        if not np.isnan(code):
            attributes[name] = Attribute(values[int(code)], model.left[name][int(code)], model.left[""][0])
    return attributes

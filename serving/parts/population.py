"""The customers of a question as rules see them: features of now, and scores that are computed for the question."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.arrays import Columns, Floats
from features.categories import Texts, learn_attributes, numeric
from features.store.online import Vector
from features.vectors import with_ages
from features.views import VIEWS
from features.views.profile import ATTRIBUTE
from serving.scoring.part import AnswerPart, Reading
from serving.segments.columns import RuleColumn
from serving.segments.population import Population
from training.churn.settings import ChurnSettings

_DAY = 86_400.0
#: Of the calendar, and the same for everybody.
_SEASON = frozenset({"season_sin", "season_cos"})


@dataclass(frozen=True)
class Profile:
    """How the features of customers are read, learned from many: of one alone it is not seen what is missing.

    Attributes
    ----------
    texts
        Features that are texts.
    numbers
        Attributes among them that are read as numbers.
    """

    texts: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def learn(cls, rows: Iterable[Mapping[str, Any]]) -> "Profile":
        """Learn it from the features of customers."""
        found: dict[str, list[str]] = {}
        for row in rows:
            for name, value in row.items():
                if isinstance(value, str):
                    found.setdefault(name, []).append(value)
        attributes: Texts = {
            name: np.array(values, dtype=object) for name, values in found.items() if name.startswith(ATTRIBUTE)
        }
        return cls(frozenset(found), frozenset(learn_attributes(attributes).numbers))

    def read(self, vectors: Sequence[Vector], at: Floats, as_of: float) -> tuple[Columns, Texts, list[str]]:
        """Return numbers, texts, and the names of the numbers that are moments, as days from `as_of`.

        Parameters
        ----------
        vectors
            At least one.
        at
            The moment that the ages of each are counted to, as `as_of` in seconds since 1970.
        """
        texts: Texts = {name: _texts(vectors, name) for name in vectors[0].values if name in self.texts}
        stored: Columns = {
            name: _numbers(vectors, name)
            for name, value in vectors[0].values.items()
            if name not in self.texts and not isinstance(value, list | str)
        }
        as_numbers = numeric({name: texts.pop(name) for name in self.numbers if name in texts})
        numbers = with_ages(stored, at) | as_numbers
        moments = [name for name in _moments() if name in stored]
        numbers |= {name: (stored[name] - as_of) / _DAY for name in moments}
        finite = {name: np.where(np.isfinite(values), values, np.nan) for name, values in numbers.items()}
        return {name: values for name, values in finite.items() if name not in _SEASON}, texts, moments


def population_of(
    reading: Reading, profile: Profile, parts: Sequence[AnswerPart[Any]], needed: Collection[str]
) -> tuple[Population, Sequence[Vector]]:
    """Return the known customers of a question, and their features as they are stored.

    Parameters
    ----------
    parts
        Those with columns of the score table. Their answers are computed, as rows of the table may be old.
    needed
        Columns that are read: a part without any of them is not computed, and its columns are missing.

    Raises
    ------
    StoreError
        If the online store does not answer.
    """
    customers = reading.question.customers
    found = reading.deployment.ground.store.online.vectors(ChurnSettings.service, customers)
    known = {customer: vector for customer, vector in zip(customers, found, strict=True) if vector is not None}
    made_from = reading.deployment.ground.online.fingerprint
    if not known:
        return Population([], reading.as_of, {}, {}, {}, made_from), []
    vectors, as_of = list(known.values()), reading.as_of.timestamp()
    at = np.array([max(as_of, vector.moment.timestamp()) for vector in vectors])
    numbers, texts, moments = profile.read(vectors, at, as_of)
    columns = {name: RuleColumn(name, "moment" if name in moments else "number", "profile") for name in numbers}
    columns |= {name: RuleColumn(name, "text", "profile") for name in texts}
    for part in parts:
        cells = _cells(reading, part, list(known), needed)
        for column in part.columns:
            columns[column.name] = RuleColumn(column.name, column.type, "scores", column.description)
            values = [one.get(column.name) for one in cells]
            if column.type == "text":
                texts[column.name] = np.array(values, dtype=object)
            else:
                numbers[column.name] = np.array([np.nan if one is None else one for one in values], dtype="float64")
    return Population(list(known), reading.as_of, dict(sorted(columns.items())), numbers, texts, made_from), vectors


def _cells(
    reading: Reading, part: AnswerPart[Any], customers: Sequence[str], needed: Collection[str]
) -> list[Mapping[str, Any]]:
    """Return what a part adds to the score table of each customer; nothing where it has no answer."""
    is_needed = any(column.name in needed for column in part.columns)
    if not is_needed or reading.deployment.error(part.engine) is not None:
        return [{} for _ in customers]
    answers = part.compute(reading)
    return [part.cells(answers[customer].value) if customer in answers else {} for customer in customers]


def _moments() -> set[str]:
    return {moment for view in VIEWS for moment in (*view.ages.values(), *view.countdowns.values())}


def _texts(vectors: Sequence[Vector], name: str) -> Any:  # noqa: ANN401 - an array of texts
    values = (vector.values.get(name) for vector in vectors)
    return np.array([value if isinstance(value, str) else None for value in values], dtype=object)


def _numbers(vectors: Sequence[Vector], name: str) -> Floats:
    values = (vector.values.get(name) for vector in vectors)
    return np.array([value if isinstance(value, int | float) else np.nan for value in values], dtype="float64")

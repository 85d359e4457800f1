"""Attributes as numbers or categories: decided on training rows, the same for frames and online vectors."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from features.categories import Attributes, Texts, learn_attributes, model_columns, numeric
from features.settings import CustomerSettings

NAME = "attribute_x"


def texts(values: Sequence[str | None]) -> Texts:
    return {NAME: np.array(values, dtype=object)}


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2", "30"],
        ["1.5", "-2", "+3", ".5", "4.", "1e3"],
        ["20.35", None, " ", "", "70", "45"],
        [" 1 ", "2", "3"],
        ["0", "0.5", "1", "2"],
    ],
    ids=["whole", "ways of writing", "missing", "blanks around", "zero"],
)
def test_a_column_of_numbers_is_a_number(values: list[str | None]) -> None:
    assert learn_attributes(texts(values)) == Attributes({}, (NAME,))


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2", "three"],
        ["007", "008", "123"],
        ["0", "1", None, "1"],
        ["1", "2", "nan"],
        ["1", "2", "inf"],
        ["1_000", "2", "3"],
        ["1,5", "2,5", "3,5"],
        ["2024-01-01", "2024-01-02", "2024-01-03"],
        [None, None, " "],
    ],
    ids=["one word", "codes", "yes and no", "nan", "inf", "underscore", "decimal comma", "dates", "nothing"],
)
def test_any_other_column_is_a_category(values: list[str | None]) -> None:
    learned = learn_attributes(texts(values))
    assert learned.numbers == ()
    assert set(learned.categories[NAME]) == {value for value in values if value is not None}


def test_the_configuration_decides_where_it_says_so() -> None:
    zips = texts(["10115", "20095", "80331"])
    assert learn_attributes(zips, categories=[NAME]).categories == {NAME: ("10115", "20095", "80331")}
    mixed = texts(["1", "2", "many"])
    assert learn_attributes(mixed, numbers=[NAME]).numbers == (NAME,)
    assert np.isnan(numeric(mixed)[NAME][2])


def test_online_vectors_give_what_a_frame_gives() -> None:
    values = ["12", None, "7.25", "x", " 3 ", "007"]
    colors = ["red", "blue", None, "red", "green", "red"]
    read = Attributes({"attribute_color": ("red", "blue")}, (NAME,))
    frame = pd.DataFrame({NAME: values, "attribute_color": colors, "contract_price": [1.0] * 6})
    vectors = [
        {NAME: value, "attribute_color": color, "contract_price": 1.0}
        for value, color in zip(values, colors, strict=True)
    ]
    moments = np.zeros(6)
    offline, online = (model_columns(rows, moments, read) for rows in (frame, vectors))
    assert offline.keys() == online.keys() >= {NAME, "attribute_color"}
    for name in offline:
        np.testing.assert_array_equal(offline[name], online[name])
    np.testing.assert_array_equal(online[NAME], [12, np.nan, 7.25, np.nan, 3, 7])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"numeric_attributes": ["age"]}, "in `model_attributes` too"),
        ({"categorical_attributes": ["zip"]}, "in `model_attributes` too"),
        (
            {"model_attributes": ["a"], "numeric_attributes": ["a"], "categorical_attributes": ["a"]},
            "`numeric_attributes` and in `categorical_attributes`",
        ),
    ],
)
def test_a_decision_that_cannot_hold_is_refused(said: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CustomerSettings.model_validate(said)

"""The rows of a decision: inputs and outputs of every customer, as they are kept, and read again."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa

from core.arrays import Floats, Ints
from serving.decisions.actions import Action
from serving.decisions.effects import Effects, EffectSource
from serving.decisions.problem import NOTHING
from serving.decisions.stakes import Stakes
from serving.decisions.within import Decided

#: What is the same for all actions of a customer.
STAKES = tuple(one.name for one in fields(Stakes))


def table_of(decided: Decided) -> pa.Table:
    """Return a row for each customer, in the order of the decision; missing numbers are null.

    Columns are `customer_id`, those of `Stakes`, `choice` and `runner_up` (null is nothing), and for each action
    `<value>:<action>` with its code in `RULED_OUT`, base, lift with its interval, gain and cost. Of an assumed effect
    there is no interval.
    """
    columns: dict[str, Any] = {"customer_id": pa.array(decided.population.customers, pa.string())}
    columns |= {name: _numbers(getattr(decided.stakes, name)) for name in STAKES}
    names = [action.name for action in decided.actions]
    columns |= {"choice": _named(decided.choice, names), "runner_up": _named(decided.runner_up, names)}
    effects, worth = decided.effects, decided.worth
    for place, source in enumerate(effects.sources):
        name = source.action
        columns[f"code:{name}"] = pa.array(decided.eligibility.codes[:, place])
        kept = {"base": effects.base, "lift": effects.lift, "gain": worth.gain, "cost": worth.cost}
        if source.source != "assumed":
            kept |= {"low": effects.low, "high": effects.high}
        columns |= {f"{value}:{name}": _numbers(matrix[:, place]) for value, matrix in kept.items()}
    return pa.table(columns)


def stakes_in(table: pa.Table) -> Stakes:
    """Return the stakes of a table."""
    return Stakes(**{name: _array(table, name) for name in STAKES})


def effects_in(table: pa.Table, sources: Sequence[EffectSource]) -> Effects:
    """Return the effects of a table."""
    base, lift, low, high = (matrix_in(table, value, sources) for value in ("base", "lift", "low", "high"))
    return Effects(tuple(sources), base, lift, low, high)


def matrix_in(table: pa.Table, value: str, sources: Sequence[EffectSource]) -> Floats:
    """Return a value of each action, customers x actions; NaN where it is missing, or the table does not have it."""
    columns = [_array(table, f"{value}:{one.action}") for one in sources]
    return np.column_stack(columns) if columns else np.empty((table.num_rows, 0))


def places_in(table: pa.Table, column: str, actions: Sequence[Action]) -> Ints:
    """Return the places of the actions that a column names; -1 where it names none."""
    places: Mapping[str | None, int] = {action.name: place for place, action in enumerate(actions)} | {None: NOTHING}
    dictionary = table[column].combine_chunks().dictionary_encode()
    own = np.array([places[one] for one in dictionary.dictionary.to_pylist()] + [NOTHING], dtype="int64")
    found: Ints = own[dictionary.indices.fill_null(len(own) - 1).to_numpy(zero_copy_only=False)]
    return found


def _numbers(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _named(places: Ints, names: Sequence[str]) -> pa.Array:
    indices = pa.array(places.astype("int32"), mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string())).cast(pa.string())


def _array(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    values: Floats = table[name].to_numpy().astype("float64")
    return values

"""Groups of customers that the churn model is measured in on their own."""

from typing import Any

import numpy as np

from core.arrays import Floats, Rows
from core.errors import ConfigError
from core.settings import Settings, StoreSettings
from core.sql import engine, identifier, relation
from features.contract.tables import table_path
from training.churn.dataset import ChurnSet
from training.churn.settings import ChurnSettings

#: Ends of the tenure groups, in days since the first purchase or contract.
_TENURES = (90, 180, 365)
#: Attribute groups of fewer customers are left out.
_MIN_GROUP = 30

#: Rows of each group, by slice and group.
Slices = dict[str, dict[str, Rows]]


def slices_of(settings: Settings, rows: ChurnSet) -> Slices:
    """Group rows by tenure, by value, and by the attributes of `churn.slices`.

    Value is thirds of the amount spent in the last 84 days, or of the price of the contract. An attribute's
    groups hold at least 30 customers, and only those for whom it is known.

    Raises
    ------
    ConfigError
        If `customers` has no such column.
    """
    slices: Slices = {}
    contractual = settings[ChurnSettings].kind == "contractual"
    tenure = _known(rows, "contracts_tenure_days" if contractual else "tenure_days")
    if tenure is not None:
        slices["tenure"] = _between(tenure, _TENURES, "days")
    value = _known(rows, "contract_price" if contractual else "amount_84d")
    if value is not None:
        thirds = np.digitize(value, np.nanquantile(value, [1 / 3, 2 / 3]))
        slices["value"] = {
            name: (thirds == third) & ~np.isnan(value) for third, name in enumerate(("lowest", "middle", "highest"))
        }
    for attribute in settings[ChurnSettings].slices:
        slices[attribute] = _attribute_groups(settings, rows, attribute)
    return {name: {group: mask for group, mask in groups.items() if mask.any()} for name, groups in slices.items()}


def sizes(rows: ChurnSet, slices: Slices) -> dict[str, Any]:
    """Return rows and churn rate of every group."""
    return {
        name: {
            group: {"customers": int(mask.sum()), "churn_rate": float(rows.churned[mask].mean())}
            for group, mask in groups.items()
        }
        for name, groups in slices.items()
    }


def _known(rows: ChurnSet, name: str) -> Floats | None:
    values = rows.columns.get(name)
    return None if values is None or np.isnan(values).all() else values


def _between(values: Floats, ends: tuple[int, ...], unit: str) -> dict[str, Rows]:
    starts, stops = (0, *ends), (*ends, np.inf)
    names = [f"{start} to {stop} {unit}" for start, stop in zip(starts, ends, strict=False)]
    names.append(f"{ends[-1]} {unit} and more")
    return {name: (values >= start) & (values < stop) for name, start, stop in zip(names, starts, stops, strict=True)}


def _attribute_groups(settings: Settings, rows: ChurnSet, attribute: str) -> dict[str, Rows]:
    by_customer = _attribute(settings, attribute)
    values = np.array([by_customer.get(customer) or "" for customer in rows.customers], dtype=object)
    counts = {group: len(set(rows.customers[values == group])) for group in sorted(set(values) - {""})}
    return {group: values == group for group, count in counts.items() if count >= _MIN_GROUP}


def _attribute(settings: Settings, name: str) -> dict[str, str | None]:
    customers = relation(table_path(settings[StoreSettings], "customers"))
    with engine(settings) as con:
        columns = [str(row[0]) for row in con.execute(f"DESCRIBE FROM {customers}").fetchall()]
        if name not in columns:
            raise ConfigError(
                f"churn.slices names {name!r}; `customers` has {', '.join(columns)}.", "Correct or remove it."
            )
        rows = con.execute(f"SELECT customer_id, {identifier(name)}::VARCHAR FROM {customers}").fetchall()
    return dict(rows)

"""The churn champion beside its baselines: overall, by snapshot and by slice, with intervals."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import numpy as np

from core.errors import ConfigError
from core.progress import Report, silent
from core.settings import Settings, StoreSettings
from features.contract.tables import table_path
from training.churn.baselines import baselines
from training.churn.dataset import ChurnSet
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.evaluation.metrics import Draws, Rows, Scored, bootstrap, measure

CHAMPION = "champion"
#: Ends of the tenure groups, in days since the first purchase or contract.
_TENURES = (90, 180, 365)
#: Attribute groups of fewer customers are left out.
_MIN_GROUP = 30

Slices = dict[str, dict[str, Rows]]


@dataclass(frozen=True)
class Evaluation:
    """What the champion and every baseline say of the test rows, and how good that is."""

    rows: ChurnSet
    methods: dict[str, Scored]
    overall: Draws

    def point(self, method: str, mask: Rows) -> dict[str, float]:
        """Measure one method on some rows; nothing where all or none of them churned."""
        labels = self.rows.churned[mask]
        return measure(labels, self.methods[method].at(mask)) if 0 < labels.sum() < len(labels) else {}

    def part(self, mask: Rows) -> dict[str, Any]:
        """Measure every method on some rows, with intervals."""
        methods = {name: scored.at(mask) for name, scored in self.methods.items()}
        return as_json(bootstrap(self.rows.churned[mask], methods, self.rows.customers[mask]))


def evaluate(model: ChurnModel, train: ChurnSet, rows: ChurnSet) -> Evaluation:
    """Fit the baselines on the training rows and measure everything on the same test rows."""
    inputs = model.inputs(rows.columns, len(rows))
    risk = model.risk(inputs)
    methods = {CHAMPION: Scored(risk, risk), **baselines(train, rows, model.definition)}
    return Evaluation(rows, methods, bootstrap(rows.churned, methods, rows.customers))


def by_snapshot(found: Evaluation, report: Report = silent) -> dict[str, Any]:
    """Measure at each test snapshot on its own."""
    parts = {}
    moments = np.unique(found.rows.snapshots)
    for number, moment in enumerate(moments):
        report(number / len(moments), f"{moment.astype('datetime64[D]')}")
        parts[str(moment.astype("datetime64[D]"))] = found.part(found.rows.snapshots == moment)
    return parts


def by_slice(found: Evaluation, slices: Slices, report: Report = silent) -> dict[str, Any]:
    """Measure in each group of each slice."""
    parts: dict[str, Any] = {}
    for number, (name, groups) in enumerate(slices.items()):
        report(number / len(slices), f"by {name}")
        parts[name] = {group: found.part(mask) for group, mask in groups.items()}
    return parts


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
    return {name: {g: mask for g, mask in groups.items() if mask.any()} for name, groups in slices.items()}


def sizes(rows: ChurnSet, slices: Slices) -> dict[str, Any]:
    """Return rows and churn rate of every group."""
    return {
        name: {
            group: {"customers": int(mask.sum()), "churn_rate": float(rows.churned[mask].mean())}
            for group, mask in groups.items()
        }
        for name, groups in slices.items()
    }


def as_json(draws: Draws) -> dict[str, Any]:
    """Return estimates as plain numbers."""
    return {
        method: {metric: asdict(estimate) for metric, estimate in of.items()}
        for method, of in draws.estimates().items()
    }


def _known(rows: ChurnSet, name: str) -> np.ndarray | None:
    values = rows.columns.get(name)
    return None if values is None or np.isnan(values).all() else values


def _between(values: np.ndarray, ends: tuple[int, ...], unit: str) -> dict[str, Rows]:
    starts, stops = (0, *ends), (*ends, np.inf)
    names = [f"{start} to {stop} {unit}" for start, stop in zip(starts, ends, strict=False)]
    names.append(f"{ends[-1]} {unit} and more")
    return {name: (values >= start) & (values < stop) for name, start, stop in zip(names, starts, stops, strict=True)}


def _attribute_groups(settings: Settings, rows: ChurnSet, attribute: str) -> dict[str, Rows]:
    values = _attribute(settings, attribute)
    mine = np.array([values.get(customer) or "" for customer in rows.customers], dtype=object)
    counts = {group: len(set(rows.customers[mine == group])) for group in sorted(set(mine) - {""})}
    return {group: mine == group for group, count in counts.items() if count >= _MIN_GROUP}


def _attribute(settings: Settings, name: str) -> Mapping[str, str | None]:
    file = str(table_path(settings[StoreSettings], "customers"))
    with duckdb.connect() as con:
        table = con.read_parquet(file)
        if name not in table.columns:
            raise ConfigError(
                f"churn.slices names {name!r}; `customers` has {', '.join(table.columns)}.",
                "Correct or remove it.",
            )
        chosen = table.select(duckdb.ColumnExpression("customer_id"), duckdb.ColumnExpression(name).cast("VARCHAR"))
        return dict(chosen.fetchall())

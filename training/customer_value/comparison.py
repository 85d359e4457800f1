"""Two value models on the same customers of the test snapshots."""

import numpy as np

from core.arrays import Rows
from training.customer_value.dataset import ValueSet
from training.customer_value.evaluation import DECIDING
from training.customer_value.model import ValueModel
from training.evaluation.amounts import bootstrap
from training.evaluation.bootstrap import Draws
from training.evaluation.comparison import Comparison, Slice, differences, groups_of

_CHALLENGER, _CHAMPION = "challenger", "champion"
#: Customers by their recent amount.
_GROUPS = ("small", "middle", "large")
#: Of smaller groups there is no ranking to measure.
_LEAST = 20


def compare_value(challenger: ValueModel, champion: ValueModel, rows: ValueSet) -> Comparison:
    """Measure both on the same rows; each reads its own features of them."""
    methods = {
        _CHALLENGER: challenger.forecast(rows.columns, len(rows)).amount,
        _CHAMPION: champion.forecast(rows.columns, len(rows)).amount,
    }

    def measured(mask: Rows) -> Draws:
        own = {name: amounts[mask] for name, amounts in methods.items()}
        return bootstrap(rows.spent[mask], own, rows.customers[mask])

    recent = np.nan_to_num(rows.columns.get("amount_84d", np.zeros(len(rows))))
    slices = {}
    for name, mask in groups_of(recent, _GROUPS).items():
        if mask.sum() >= _LEAST and rows.spent[mask].sum() > 0:
            found = differences(measured(mask), _CHALLENGER, _CHAMPION)
            slices[name] = Slice(int(mask.sum()), found[DECIDING])
    return Comparison(
        deciding=DECIDING,
        snapshots=tuple(f"{moment:%Y-%m-%d}" for moment in rows.moments),
        rows=len(rows),
        customers=len(set(rows.customers)),
        metrics=differences(measured(np.ones(len(rows), dtype=bool)), _CHALLENGER, _CHAMPION),
        slices={"recent amount": slices},
        sizes="amounts",
    )

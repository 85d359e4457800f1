"""Two churn models on the same customers of the test snapshots."""

import numpy as np

from core.arrays import Rows
from training.churn.dataset import ChurnSet
from training.churn.model import ChurnModel
from training.churn.slices import Slices
from training.evaluation.bootstrap import Draws
from training.evaluation.comparison import Comparison, Slice, differences
from training.evaluation.metrics import Scored, bootstrap

DECIDING = "roc_auc"
_CHALLENGER, _CHAMPION = "challenger", "champion"


def compare_churn(
    challenger: tuple[ChurnModel, ChurnSet], champion: tuple[ChurnModel, ChurnSet], slices: Slices
) -> Comparison:
    """Measure both on the same rows.

    Parameters
    ----------
    challenger, champion
        A model and the test rows as it reads them: the same rows in the same order, whose attributes may differ.
    slices
        Groups of the rows.
    """
    rows = challenger[1]
    methods = {}
    for name, (model, own) in ((_CHALLENGER, challenger), (_CHAMPION, champion)):
        risk = model.risk(model.inputs(own.columns, len(own)))
        methods[name] = Scored(risk, risk)

    def measured(mask: Rows) -> Draws:
        of_rows = {name: scored.at(mask) for name, scored in methods.items()}
        return bootstrap(rows.churned[mask], of_rows, rows.customers[mask])

    groups: dict[str, dict[str, Slice]] = {}
    for name, masks in slices.items():
        for group, mask in masks.items():
            found = differences(measured(mask), _CHALLENGER, _CHAMPION)
            if found:
                groups.setdefault(name, {})[group] = Slice(int(mask.sum()), found[DECIDING])
    return Comparison(
        deciding=DECIDING,
        snapshots=tuple(str(moment.astype("datetime64[D]")) for moment in np.unique(rows.snapshots)),
        rows=len(rows),
        customers=len(set(rows.customers)),
        metrics=differences(measured(np.ones(len(rows), dtype=bool)), _CHALLENGER, _CHAMPION),
        slices=groups,
    )

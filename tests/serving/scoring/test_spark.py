"""Scores by Spark's processes are those of one process."""

from pathlib import Path

import pandas as pd
import pytest

from core.progress import silent
from serving.cli.asking import Asking
from serving.cli.context import Context
from serving.cli.scores import scored
from serving.scoring.export import export_scores
from tests.conftest import World
from tests.spark import on_spark
from training.churn.labels import active_customers


@pytest.mark.world
def test_a_list_scored_on_spark_is_the_same(at_home: World, tmp_path: Path) -> None:
    context = Context(None)
    asking = Asking(context)
    customers = active_customers(at_home.settings, asking.as_of)
    lists = {}
    for name, settings in (("one", at_home.settings), ("spark", on_spark(at_home.settings))):
        vars(context)["settings"] = settings
        rows = scored(context, asking, [*customers, "nobody"], ("en", "zh"), silent)
        file = tmp_path / f"{name}.parquet"
        assert export_scores(rows, asking.as_of, file) == len(customers)
        lists[name] = pd.read_parquet(file).sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(lists["spark"], lists["one"])
    assert len(lists["one"]) > 100

"""Scores by Spark's processes are those of one process."""

from pathlib import Path

import pandas as pd
import pytest

from serving.cli.spark_scores import Job, score_on_spark
from serving.scoring.export import export_scores, score_rows
from tests.conftest import NOW, Scoring, World
from tests.spark import on_spark
from training.churn.labels import active_customers


@pytest.mark.world
def test_a_list_scored_on_spark_is_the_same(at_home: World, scoring: Scoring, tmp_path: Path) -> None:
    deployment = scoring.reloader.load()
    as_of = scoring.reloader.as_of(deployment)
    customers = active_customers(at_home.settings, as_of)
    whole = score_rows(scoring.service, deployment, customers, as_of, "en")
    job = Job(on_spark(at_home.settings), NOW, as_of, "en")
    by_spark = list(score_on_spark(job, [*customers, "nobody"]))
    assert len(by_spark) > 0
    for name, rows in (("one", [whole]), ("spark", by_spark)):
        assert export_scores(rows, as_of, tmp_path / f"{name}.parquet") == len(whole)
    one, spark = (
        pd.read_parquet(tmp_path / f"{name}.parquet").sort_values("customer_id", ignore_index=True)
        for name in ("one", "spark")
    )
    pd.testing.assert_frame_equal(spark, one)

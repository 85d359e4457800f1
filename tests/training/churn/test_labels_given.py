"""The business's own labels against a naive loop, and columns that give them away."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError, DataError
from core.settings import Settings, StoreSettings
from features.engine.duckdb import Sources
from features.engine.inputs import snapshot_table
from features.ingest.pipeline import ingest
from features.ingest.settings import DataSettings, InputSettings
from features.settings import CustomerSettings
from serving.settings import default_settings
from tests.conftest import NOW, inside
from tests.features.events import (
    SNAPSHOTS,
    as_table,
    make_interactions,
    make_products,
    make_subscriptions,
    make_transactions,
)
from tests.telecom import simulate
from training.churn.dataset import ChurnSet
from training.churn.giveaways import check_giveaways
from training.churn.labelled import check_not_the_label
from training.churn.labels import active, labels
from training.churn.pipeline import CHURN
from training.churn.settings import ChurnSettings
from training.readiness.check import check_data

LABELLED = ChurnSettings(kind="labelled")


def customers() -> pd.DataFrame:
    """Five customers of the file; c1 signed up at the first snapshot, c2 before it, the others nobody knows when."""
    signed_up = [None, SNAPSHOTS[0], SNAPSHOTS[0] - timedelta(days=1), None, None]
    return pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(5)],
            "signup_timestamp": pd.Series(signed_up, dtype="datetime64[us, UTC]"),
        }
    )


def sources(labelled: pd.DataFrame) -> Sources:
    some = (make_transactions(1), make_interactions(1), make_subscriptions(1))
    lines, contacts, contracts = (as_table(frame).filter(ibis.literal(value=False)) for frame in some)
    people = as_table(customers())
    return Sources(lines, as_table(make_products()), people, contacts, contracts, as_table(labelled))


def label_rows(seed: int, moments: Sequence[datetime | None]) -> pd.DataFrame:
    """Label c0 to c6 at some moments; c5 and c6 are in no other table."""
    rng = np.random.default_rng(seed)
    pairs = [(f"c{number}", moment) for number in range(7) for moment in moments if rng.random() < 0.8]
    return pd.DataFrame(
        {
            "customer_id": [customer for customer, _ in pairs],
            "churned": rng.random(len(pairs)) < 0.5,
            "snapshot": pd.Series([moment for _, moment in pairs], dtype="datetime64[us, UTC]"),
        }
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "moments",
    [[None], [*SNAPSHOTS], [*SNAPSHOTS, None], [*SNAPSHOTS, SNAPSHOTS[1] + timedelta(days=9)]],
    ids=["without", "with", "some without", "later"],
)
def test_labels_equal_a_naive_loop(con: Any, seed: int, moments: list[datetime | None]) -> None:
    given = label_rows(seed, moments)
    asked = SNAPSHOTS if moments != [None] else SNAPSHOTS[1:]
    labelled = con.to_pandas(labels(sources(given), snapshot_table(asked), LABELLED))
    actual = {(row.customer_id, row.snapshot): row.churned for row in labelled.itertuples()}
    signups: dict[str, Any] = dict(customers().itertuples(index=False))
    wanted = {}
    for customer, churned, snapshot in given.itertuples(index=False):
        of = asked if moments == [None] else [t for t in asked if t == snapshot]
        for t in of:
            if customer in signups and not signups[customer] >= t:
                wanted[customer, t] = int(churned)
    assert actual == wanted
    assert len(labelled) == len(wanted) > 2


def test_everybody_who_is_known_is_scored_with_a_label_or_without(con: Any) -> None:
    seen = con.to_pandas(active(sources(label_rows(1, [None]).head(0)), snapshot_table(SNAPSHOTS), LABELLED))
    by_snapshot = {moment: sorted(rows["customer_id"]) for moment, rows in seen.groupby("snapshot")}
    assert by_snapshot == {
        SNAPSHOTS[0]: ["c0", "c2", "c3", "c4"],
        SNAPSHOTS[1]: ["c0", "c1", "c2", "c3", "c4"],
    }
    lines = make_transactions(5)
    both = replace(sources(label_rows(1, [None])), transactions=as_table(lines))
    found = con.to_pandas(active(both, snapshot_table(SNAPSHOTS[1:]), LABELLED))
    bought = lines[(lines["event_timestamp"] < SNAPSHOTS[1]) & (lines["created_timestamp"] <= SNAPSHOTS[1])]
    assert set(found["customer_id"]) == {"c0", "c1", "c2", "c3", "c4", *bought["customer_id"]}


def settings_of(tmp_path: Any, rows: pd.DataFrame, *attributes: str, churned: str = "Churn = 'Yes'") -> Settings:
    """Return settings that read a flat file, with some of its columns as inputs of the model."""
    rows.to_csv(tmp_path / "flat.csv", index=False)
    people = InputSettings(table="customers", path="flat.csv", columns={"customer_id": "customerID"})
    label = InputSettings(table="labels", path="flat.csv", columns={"customer_id": "customerID", "churned": churned})
    return default_settings(
        StoreSettings(data=tmp_path / "data"),
        DataSettings(source="files", root=tmp_path, inputs=(people, label)),
        CustomerSettings(model_attributes=attributes),
        LABELLED,
    )


HONEST = ("TenureMonths", "MonthlyCharges", "Contract", "Payment", "Region")


def test_honest_attributes_are_not_suspected(tmp_path: Any) -> None:
    settings = settings_of(tmp_path, simulate(), *HONEST)
    with inside(tmp_path):
        ingest(settings, NOW)
        check_giveaways(settings, [NOW])


@pytest.mark.parametrize("kind", ["category", "only where they left", "each of its own", "number", "code", "lack"])
def test_a_column_that_gives_the_label_away_is_refused_by_name(tmp_path: Any, kind: str) -> None:
    rows, rng = simulate(), np.random.default_rng(2)
    left = (rows["Churn"] == "Yes").to_numpy()
    leaks: dict[str, Any] = {
        "category": np.where(left, "Closed", np.where(rng.random(len(rows)) < 0.5, "Active", "Paused")),
        "only where they left": np.where(left, rng.choice(["price", "service", "moved"], len(rows)), ""),
        "each of its own": [f"2024-{n % 12 + 1:02}-{n % 28 + 1:02}" if gone else "" for n, gone in enumerate(left)],
        "number": np.where(left, rng.uniform(0, 5, len(rows)), rng.uniform(4.9, 100, len(rows))).round(3),
        "code": np.where(left, 3, rng.choice([1, 2, 4, 5], len(rows))),
        "lack": np.where(left, "", rng.integers(1, 100, len(rows)).astype(str)),
    }
    rows["Trace"] = leaks[kind]
    settings = settings_of(tmp_path, rows, *HONEST, "Trace")
    with inside(tmp_path):
        ingest(settings, NOW)
        with pytest.raises(DataError, match=r"customers\.Trace alone separates .* AUC (0\.9[89]|1\.00)") as refused:
            check_giveaways(settings, [NOW])
    assert "Contract" not in refused.value.problem
    assert "customers.excluded_attributes" in refused.value.remedy
    assert "known_since_timestamp" in refused.value.remedy


@pytest.mark.parametrize(
    ("churned", "attribute"),
    [("Churn", "Churn"), ("known(\"Churn\") IN ('Yes')", "Churn"), ("known(\"Churn\") IN ('Yes')", "churn")],
)
def test_the_label_is_no_input(tmp_path: Any, churned: str, attribute: str) -> None:
    settings = settings_of(tmp_path, simulate(50), "Contract", attribute, churned=churned)
    with pytest.raises(ConfigError, match=rf"names '{attribute}', and labels\.churned is made of it"):
        check_not_the_label(settings)
    check_not_the_label(settings_of(tmp_path, simulate(50), "Contract", churned=churned))


def test_undated_labels_beside_events_are_warned_of(tmp_path: Any) -> None:
    settings = settings_of(tmp_path, simulate(), *HONEST)
    events = "".join(f"T-{number:05},2017-12-01,visit\n" for number in range(1000))
    (tmp_path / "visits.csv").write_text("customer_id,event_timestamp,kind\n" + events)
    (tmp_path / "more.csv").write_text("customer_id,churned\nunknown,true\n")
    visits = InputSettings(table="interactions", path="visits.csv")
    more = InputSettings(table="labels", path="more.csv")
    data = settings[DataSettings]
    both = settings.replaced(data.model_copy(update={"inputs": (*data.inputs, visits, more)}))
    said = {}
    with inside(tmp_path):
        for name, one in (("alone", settings), ("beside", both)):
            ingest(one, NOW)
            (fitness,) = check_data(one, NOW, [CHURN]).fitness
            said[name] = {finding.what: finding.verdict for finding in fitness.findings}
    late = "The labels have no snapshot, and there are events: those after a customer left are seen, and tell it"
    assert said["beside"][late] == "weak"
    unused = "1 labels are not used: of customers that no other table has, without a snapshot, or later"
    assert said["beside"][unused] == "weak"
    assert not {late, unused} & set(said["alone"])


def test_labels_alone_ask_for_their_definition(tmp_path: Any) -> None:
    settings = settings_of(tmp_path, simulate(), *HONEST).replaced(ChurnSettings())
    with inside(tmp_path):
        ingest(settings, NOW)
        with pytest.raises(DataError, match="Expected events") as refused:
            check_data(settings, NOW, [CHURN])
    assert refused.value.remedy == 'There are 1,000 labels: set churn.kind = "labelled".'


def test_more_snapshots_than_features_are_made_at_are_refused(tmp_path: Any) -> None:
    settings = settings_of(tmp_path, simulate(), *HONEST)
    days = "".join(f"T-{n:05},{n % 2 == 0},2024-{n % 12 + 1:02}-{n % 28 + 1:02}\n" for n in range(1000))
    (tmp_path / "daily.csv").write_text("customer_id,churned,snapshot\n" + days)
    people = settings[DataSettings].inputs[0]
    daily = InputSettings(table="labels", path="daily.csv")
    settings = settings.replaced(settings[DataSettings].model_copy(update={"inputs": (people, daily)}))
    with inside(tmp_path):
        ingest(settings, NOW)
        with pytest.raises(DataError, match="at most 60 different snapshots, found 84") as refused:
            check_data(settings, NOW, [CHURN])
    assert "date_trunc('month', …)" in refused.value.remedy


def test_too_few_labels_and_labels_that_say_the_same_are_refused() -> None:
    rows = ChurnSet(
        customers=np.array([f"c{n}" for n in range(120)], dtype=object),
        snapshots=np.full(120, np.datetime64("2024-05-01", "us")),
        columns={},
        churned=np.zeros(120, dtype="int64"),
    )
    with pytest.raises(DataError, match="labels of at least 100 known customers for test, found 60") as few:
        rows.rows(np.arange(120) < 60).check("test", labelled=True)
    assert "map customers" in few.value.remedy
    with pytest.raises(DataError, match="churn rate of 0% among 120 labels for test") as alike:
        rows.check("test", labelled=True)
    assert "labels.churned" in alike.value.remedy

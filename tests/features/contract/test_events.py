"""Event kinds are declared once, and everything that takes events reads the declaration."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from core.settings import StoreSettings
from features.contract.events import EVENT_KINDS, event_reader, interaction_kinds, kind_of
from features.contract.events.kind import EventKind
from features.contract.tables import CONTRACT, table_path
from features.ingest.pipeline import ingest
from features.live.log import EventLog
from features.live.rows import tables_of
from tests.conftest import NOW, World, connected, copied
from tests.features.contract.phone_order import PHONE_ORDER

DOCS = Path(__file__).parents[3] / "docs"
MOMENT = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def phone_order() -> Iterator[EventKind]:
    EVENT_KINDS.append(PHONE_ORDER)
    yield PHONE_ORDER
    EVENT_KINDS.remove(PHONE_ORDER)


@pytest.mark.parametrize("kind", EVENT_KINDS, ids=lambda kind: kind.name)
def test_the_example_of_a_kind_becomes_rows_of_its_contract_table(kind: EventKind) -> None:
    event = event_reader().validate_python({"kind": kind.name, **kind.example})
    assert kind_of(event) is kind
    rows = kind.rows(event, MOMENT, MOMENT)
    assert rows
    columns = {column.name: column for column in CONTRACT[kind.table].columns}
    for row in rows:
        assert row.keys() <= columns.keys()
        assert all(row[name] is not None for name, column in columns.items() if column.required)


def test_an_event_is_kept_with_the_same_text_as_before_kinds_were_declared() -> None:
    visit = {"value": 3, "kind": "visit", "channel": "web", "customer_id": "a", "event_id": "e1"}
    text = event_reader().validate_python(visit).model_dump_json(exclude_none=True)
    # logs hold a hash of it: with another text an event that is sent again would be a conflict
    assert text == '{"event_id":"e1","customer_id":"a","channel":"web","kind":"visit","value":3.0}'


def test_a_kind_of_a_table_that_takes_no_events_is_refused() -> None:
    with pytest.raises(ValueError, match="products takes no rows of events"):
        EventKind("launch", "a new product", PHONE_ORDER.payload, "products", PHONE_ORDER.rows, {})


def test_interactions_are_those_of_the_kinds() -> None:
    assert len(interaction_kinds()) == len(set(interaction_kinds())) == 14
    assert {"purchase", "subscription"}.isdisjoint(interaction_kinds())


def test_what_people_write_stays_in_the_log(tmp_path: Path) -> None:
    complaint = {"kind": "complaint", "event_id": "e1", "customer_id": "a", "text": "The milk was sour.\nTwice."}
    log = EventLog(StoreSettings(data=tmp_path))
    log.append([event_reader().validate_python(complaint)], MOMENT)
    (logged,) = log.of(["a"])
    assert getattr(logged.event, "text", None) == complaint["text"]
    assert "text" not in tables_of([logged])["interactions"].column_names


def test_the_documentation_lists_every_kind_as_it_is_declared() -> None:
    table = documented(EVENT_KINDS)
    assert table in (DOCS / "api.md").read_text(), f"docs/api.md: expected this table of events:\n\n{table}"


def documented(kinds: list[EventKind]) -> str:
    """Return the documentation's table of event kinds."""
    lines = ["| kind | event | its own fields (**required**) | contract table |", "| --- | --- | --- | --- |"]
    every = {"event_id", "customer_id", "event_timestamp", "channel", "kind"}
    for kind in kinds:
        fields = [
            f"**{name}**" if field.is_required() else name
            for name, field in kind.payload.model_fields.items()
            if name not in every
        ]
        lines.append(f"| `{kind.name}` | {kind.description} | {', '.join(fields)} | `{kind.table}` |")
    return "\n".join(lines)


def test_a_kind_that_is_not_registered_is_unknown() -> None:
    with pytest.raises(ValidationError, match="phone_order"):
        event_reader().validate_python({"kind": "phone_order", **PHONE_ORDER.example})


def test_a_registered_kind_is_kept_and_read_again(phone_order: EventKind, tmp_path: Path) -> None:
    log = EventLog(StoreSettings(data=tmp_path))
    log.append([event_reader().validate_python({"kind": phone_order.name, **phone_order.example})], MOMENT)
    (row,) = tables_of(log.all(log.last()))["transactions"].to_pylist()
    assert (row["order_id"], row["product_id"], row["channel"]) == ("c1", "1029743", "phone")


def test_a_registered_kind_is_in_the_api_the_online_features_and_ingestion(
    phone_order: EventKind, world: World, tmp_path: Path
) -> None:
    with copied(world, tmp_path) as settings, connected(settings) as client:
        document = client.get("/openapi.json").json()
        assert document["components"]["schemas"]["PhoneOrder"]["properties"]["kind"]["const"] == "phone_order"
        event = {"kind": "phone_order", **phone_order.example, "customer_id": "12"}
        incomplete = {name: value for name, value in event.items() if name != "article"}
        refused = client.post("/v1/events", json={"events": [incomplete]})
        assert refused.status_code == 422
        assert "article" in refused.text

        before = baskets(client)
        answer = client.post("/v1/events", json={"events": [event]}).json()
        assert answer == {"events": [{"event_id": "call-1", "outcome": "accepted"}], "applied": True}
        assert baskets(client) == before + 1

        ingest(settings, NOW)
        lines = pd.read_parquet(table_path(settings[StoreSettings], "transactions"))
        assert lines.loc[lines["order_id"] == "c1", ["customer_id", "channel", "amount"]].values.tolist() == [
            ["12", "phone", 2.5]
        ]


def baskets(client: TestClient) -> float:
    answer = client.post("/v1/scores", json={"customer_ids": ["12"], "include": ["profile"]}).json()
    total: float = answer["scores"][0]["profile"]["profile"]["baskets_total"]
    return total

"""`encore check-data`: everything that is worth knowing before a model is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from core.settings import Settings, StoreSettings
from core.sql import relation
from core.stamps import read_stamp
from features.contract.tables import CONTRACT, REPLACED, TableName, contract_directory
from features.contract.unmatched import Unmatched
from features.engine.completeness import complete_until, find_gaps, last_rows
from features.engine.duckdb import connect, contract_file, read_sources
from features.engine.labelled import data_range
from features.ingest.facts import unmatched_from
from features.ingest.segments import InputTotals, inputs_from
from features.settings import CustomerSettings, TimeSettings
from features.snapshots import resolve_as_of
from training.readiness.facts import DataFacts, SalesFacts, TableFacts, sales_facts, table_facts
from training.readiness.fitness import Fitness
from training.readiness.freshness import freshness
from training.readiness.observations import observe
from training.readiness.silence import Silence, measure_silence


class Judge(Protocol):
    """A model, as far as it judges data."""

    def judge(self, settings: Settings, facts: DataFacts) -> Fitness | None:
        """Judge whether the data can carry the model; None where they have no rows of what the model is about."""
        ...


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes
    ----------
    first, last
        Moments of the first and the last event.
    cleaning
        How many rows of each input were kept, and how many were not.
    sales, silence
        None where nothing is sold.
    unmatched
        Inputs of products whose ids do not occur in order lines.
    fitness
        The judgement of each model that the data have rows for.
    freshness
        How far the data reach, in sentences.
    observations
        The ten most important things about the data, in sentences; the first says how far they reach.
    complete
        Until when each table that labels come from is complete.
    """

    first: datetime
    last: datetime
    as_of: datetime
    tables: tuple[TableFacts, ...]
    cleaning: tuple[InputTotals, ...]
    sales: SalesFacts | None
    silence: Silence | None
    unmatched: tuple[Unmatched, ...]
    fitness: tuple[Fitness, ...]
    freshness: tuple[str, ...]
    observations: tuple[str, ...]
    complete: Mapping[TableName, datetime]


def page_path(stores: StoreSettings) -> Path:
    """Return the file that `encore check-data` writes its page to unless another one is named."""
    return stores.data / "check.html"


def check_data(settings: Settings, now: datetime, models: Sequence[Judge]) -> Checked:
    """Count what is in the contract tables, and let each model judge whether they can carry it.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    reach = data_range(settings)
    first, last, sells = reach.first, reach.last, reach.sells
    as_of = resolve_as_of(settings[TimeSettings], last, now)
    last_of = last_rows(settings, now)
    sold_until = complete_until(last_of, as_of).get("transactions", as_of)
    files = {name: contract_file(settings[StoreSettings], name) for name in CONTRACT}
    lines, products = (relation(files[name]) for name in ("transactions", "products"))
    backend = connect(settings)
    if REPLACED.name in {row[0] for row in backend.con.execute(f"DESCRIBE FROM {lines}").fetchall()}:
        lines = f"(FROM {lines} WHERE {REPLACED.name} IS NULL)"  # an order that was replaced counts as it is now
    facts = DataFacts(
        engine=backend,
        sources=read_sources(backend, settings[StoreSettings]),
        lines=lines,
        products=products,
        tables={name: table_facts(backend.con, name, file) for name, file in files.items()},
        sales=sales_facts(backend.con, lines, products) if sells else None,
        silence=measure_silence(backend.con, lines, sold_until) if sells else None,
        first=first,
        as_of=as_of,
        last=last_of,
        given=reach.given(as_of, has_attributes=bool(settings[CustomerSettings].kept)),
        gaps=find_gaps(settings, as_of),
    )
    stamp = read_stamp(contract_directory(settings[StoreSettings]))
    cleaning, unmatched, fresh = inputs_from(stamp), unmatched_from(stamp), tuple(freshness(facts))
    judged = (model.judge(settings, facts) for model in models)
    return Checked(
        first=first,
        last=last,
        as_of=as_of,
        tables=tuple(facts.tables.values()),
        cleaning=cleaning,
        sales=facts.sales,
        silence=facts.silence,
        unmatched=unmatched,
        fitness=tuple(fitness for fitness in judged if fitness is not None),
        freshness=fresh,
        observations=observe(backend.con, facts, cleaning, unmatched, fresh),
        complete=facts.complete,
    )

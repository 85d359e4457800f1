"""`encore check-data`: everything that is worth knowing before a model is trained."""

from dataclasses import dataclass
from datetime import datetime

from core.settings import Settings, StoreSettings
from core.sql import relation
from core.stamps import read_stamp
from features.contract.tables import CONTRACT, contract_directory, table_path
from features.engine.duckdb import connect, event_range, read_sources
from features.ingest.segments import InputTotals, inputs_from
from features.settings import TimeSettings
from features.snapshots import resolve_as_of
from training.churn.settings import ChurnSettings
from training.readiness.facts import SalesFacts, TableFacts, sales_facts, table_facts
from training.readiness.fitness import Fitness
from training.readiness.judge import judge_churn, judge_next_product
from training.readiness.silence import Silence, measure_silence
from training.readiness.trials import Trial, trials


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes
    ----------
    first, last
        Moments of the first and the last event.
    cleaning
        What became of the rows of each input.
    silence
        None where nothing is sold.
    trials
        The definition in force, then the recommended one where it is another.
    """

    first: datetime
    last: datetime
    as_of: datetime
    tables: tuple[TableFacts, ...]
    cleaning: tuple[InputTotals, ...]
    sales: SalesFacts | None
    silence: Silence | None
    trials: tuple[Trial, ...]
    fitness: tuple[Fitness, ...]


def check_data(settings: Settings, now: datetime) -> Checked:
    """Count what is in the contract tables, and judge what it is fit for.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    first, last, sells = event_range(settings)
    as_of = resolve_as_of(settings[TimeSettings], last, now)
    files = {name: table_path(settings[StoreSettings], name) for name in CONTRACT}
    lines, products = (relation(files[name]) for name in ("transactions", "products"))
    backend = connect(settings)
    con = backend.con
    tables = {name: table_facts(con, name, file) for name, file in files.items()}
    sales = sales_facts(con, lines, products) if sells else None
    silence = measure_silence(con, lines, as_of) if sells else None
    tried = trials(
        backend, read_sources(backend, settings[StoreSettings]), settings[ChurnSettings], silence, first, as_of
    )
    fitness = [judge_churn(settings, tables["subscriptions"], tried, first, as_of, sells=sells)]
    if sales is not None:
        fitness.append(judge_next_product(con, settings, sales, lines, first, as_of))
    cleaning = inputs_from(read_stamp(contract_directory(settings[StoreSettings])))
    return Checked(first, last, as_of, tuple(tables.values()), cleaning, sales, silence, tried, tuple(fitness))

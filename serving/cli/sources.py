"""What commands about all customers read from. Loads no model: scores are those of the score table."""

from dataclasses import dataclass

from core.settings import StoreSettings
from features.settings import TimeSettings
from features.store.feature_store import Store
from features.store.materialized import read_online
from serving.cli.context import Context
from serving.parts import PARTS
from serving.scoring.intake import EventIntake
from serving.scoring.score_table import ScoreTable
from serving.segments.service import Source


@dataclass(frozen=True)
class Opened:
    """The score table, and what customers are read from."""

    table: ScoreTable
    store: Store
    source: Source


def open_source(context: Context) -> Opened:
    """Open the stores after features have followed the events that wait."""
    settings = context.settings
    stores, online = settings[StoreSettings], read_online(settings[StoreSettings])
    columns = [column for part in PARTS for column in part.columns]
    table, store = ScoreTable(stores, columns), Store(settings)
    intake = EventIntake(settings, table, lambda: context.now)
    intake.use(store, online)
    intake.catch_up()
    as_of = max(context.now, online.as_of) if settings[TimeSettings].as_of == "now" else online.as_of
    return Opened(table, store, Source(online, store.online.vectors, as_of))

"""What came back of a campaign: contacts, openings, answers and complaints, as exports and events report them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from core.settings import Settings, StoreSettings
from core.sql import engine, quoted, relation
from core.stamps import read_stamp
from features.contract.events.interactions import CLICK, COMPLAINT, CONTACT, OPENING, REDEMPTION, RESPONSE
from features.contract.tables import contract_directory
from features.engine.duckdb import contract_file
from features.live.log import EventLog
from features.live.rows import tables_of, with_events
from training.effects.attribution import Contacts
from training.effects.outcomes import Assigned

#: The kinds of interactions that belong to a campaign by their `campaign_id`.
KINDS = tuple(kind.name for kind in (CONTACT, OPENING, CLICK, RESPONSE, REDEMPTION, COMPLAINT))


def read_responses(settings: Settings) -> Contacts:
    """Read the interactions of all campaigns, acknowledged events among them.

    Raises
    ------
    StateError
        If nothing was ingested yet.
    """
    stores = settings[StoreSettings]
    # first: of tables that another ingestion replaces meanwhile, events are found twice and not never
    since = int(read_stamp(contract_directory(stores)).get("events", 0))
    log = EventLog(stores)
    live = tables_of(log.after(since, KINDS) if log.exists else ())["interactions"]
    named = f"kind IN ({', '.join(map(quoted, KINDS))}) AND campaign_id IS NOT NULL"
    with engine(settings) as con:
        con.register("live", live)
        rows = with_events(relation(contract_file(stores, "interactions")), "live", "interactions")
        found: pa.Table = con.execute(
            "SELECT customer_id, campaign_id, kind, make_timestamp(epoch_us(event_timestamp)) AS at "
            f"FROM ({rows}) WHERE {named} ORDER BY ALL"
        ).to_arrow_table()
    return Contacts(
        found["customer_id"].to_numpy().astype(object),
        found["campaign_id"].to_numpy().astype(object),
        found["at"].to_numpy().astype("datetime64[us]"),
        found["kind"].to_numpy().astype(object),
    )


def by_arm(assigned: Assigned, responses: Contacts) -> Mapping[str, Mapping[str, int]]:
    """Count the customers of each arm by the kinds of what came back of them, each customer once a kind.

    What was before the assignment, or names another campaign, is none of it.
    """
    sides = pd.DataFrame({"customer": assigned.customers, "campaign": assigned.campaigns, "arm": assigned.arms})
    sides["assigned"] = assigned.moments
    seen = pd.DataFrame({"customer": responses.customers, "campaign": responses.campaigns, "kind": responses.kinds})
    seen["at"] = responses.moments
    joined = sides.merge(seen, on=["customer", "campaign"])
    joined = joined[joined["at"] >= joined["assigned"]].drop_duplicates(["customer", "campaign", "kind"])
    counts = joined.groupby(["arm", "kind"]).size().to_dict()
    arms = [str(arm) for arm in np.unique(assigned.arms.astype(str))]
    return {arm: {kind: int(counts.get((arm, kind), 0)) for kind in KINDS} for arm in arms}

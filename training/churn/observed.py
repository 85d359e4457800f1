"""What a churn model reads and answers about customers who are active at snapshots, with labels or without."""

from collections.abc import Sequence
from datetime import datetime

from core.settings import Settings, StoreSettings
from features.engine.duckdb import connect, read_sources
from features.engine.inputs import snapshot_table
from features.engine.portions import learners, learning_share
from features.settings import CustomerSettings
from features.store.feature_store import Store
from training.churn.labels import active
from training.churn.model import ChurnModel
from training.churn.settings import ChurnSettings
from training.model import Observed


def observe(settings: Settings, store: Store, model: ChurnModel, snapshots: Sequence[datetime]) -> Observed:
    """Return inputs and risks; see `training.model.ObservableModel.observe`."""
    con, churn = connect(settings), settings[ChurnSettings]
    whole = read_sources(con, settings[StoreSettings])
    sources = learners(whole, learning_share(con, whole, settings[CustomerSettings].max_training_customers))
    known = con.to_pandas(active(sources, snapshot_table(snapshots), churn))
    known = known.sort_values(["snapshot", "customer_id"], ignore_index=True)
    entities = known.rename(columns={"snapshot": "event_timestamp"})[["customer_id", "event_timestamp"]]
    frame = store.point_in_time(ChurnSettings.service, entities).drop(columns=["customer_id", "event_timestamp"])
    moments = known["snapshot"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    inputs = model.inputs(model.columns(frame, moments.astype("datetime64[s]").astype("float64")), len(known))
    return Observed(
        customers=known["customer_id"].to_numpy(dtype=object),
        snapshots=moments,
        columns=dict(zip(model.features, inputs.T, strict=True)),
        scores=model.risk(inputs),
        high=churn.high_risk if churn.tiers == "threshold" else None,
    )

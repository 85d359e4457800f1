"""What a list of an experiment gained over its control: impressions beside the order lines that followed them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from core.errors import StateError
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from features.engine.duckdb import connect, read_sources
from features.spans.visible import purchases, standing
from serving.offers.experiment import Impressions
from serving.settings import ExperimentSettings
from training.effects.difference import Effect
from training.effects.findings import LEAST, Verdict
from training.effects.lists import Bought, Followed, Shown, followed, list_gain
from training.effects.outcomes import completeness
from training.effects.power import needed_more
from training.effects.ratio import SampleRatio, sample_ratio

#: The list that the others are compared with.
CONTROL = "champion"
#: Purchases of products that were shown, purchases of any product, and the amount of these; for each customer.
Measure = Literal["shown", "any", "revenue"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class Difference:
    """What an arm brings more than the control, for each customer.

    Attributes
    ----------
    verdict
        `not_yet_known` where the interval includes 0, or where there are fewer than `LEAST` customers on a side.
    needed_more
        About how many more customers would show the difference, if it is real; None where no number is enough, or where
        it is seen already.
    """

    effect: Effect
    verdict: Verdict
    needed_more: int | None

    @classmethod
    def of(cls, effect: Effect) -> "Difference":
        """Judge a difference by its own interval of 95 %."""
        enough = min(effect.customers, effect.controls) >= LEAST
        if enough and effect.low > 0:
            return cls(effect, "effect", None)
        if enough and effect.high < 0:
            return cls(effect, "harm", None)
        return cls(effect, "not_yet_known", needed_more(effect) or None)


@dataclass(frozen=True)
class Arm:
    """A list of an experiment.

    Attributes
    ----------
    customers
        Those with an impression whose window is over.
    impressions
        Theirs.
    means
        By measure, for each customer.
    differences
        To the control, by measure; empty for the control.
    """

    name: str
    customers: int
    impressions: int
    means: Mapping[Measure, float]
    differences: Mapping[Measure, Difference]


@dataclass(frozen=True)
class GainReport:
    """What the lists of an experiment gained.

    Attributes
    ----------
    days
        After an impression in which a purchase counts: [impression, impression + days).
    until
        Order lines are complete until here, exclusive.
    open
        Impressions whose window is not over; they are left out.
    moved
        Customers who saw lists of several arms, as the share or the other list was changed; they are left out.
    arms
        The control first, then by name.
    ratio
        Customers by arm beside the configured share; None where that is not known, or expects fewer than 5.
    """

    experiment: str
    days: int
    until: datetime
    open: int
    moved: int
    arms: tuple[Arm, ...]
    ratio: SampleRatio | None

    def as_json(self) -> dict[str, Any]:
        """Return everything; NaN is null in JSON."""
        return asdict(self)


def gain_of_lists(settings: Settings, days: int) -> GainReport:
    """Report on the experiment that is configured, else on the last one that impressions are of.

    Customers whose erasure has begun are left out. Amounts are those of the order lines: what was given back later is
    not subtracted.

    Raises
    ------
    StateError
        If there are no impressions of it, or nothing was ingested yet.
    """
    experiment, lines = _impressions(settings)
    until = completeness(settings)[1]
    frame = _frame(lines, until - np.timedelta64(days, "D"))
    moved = frame.groupby("customer")["arm"].nunique()
    moved = moved[moved > 1]
    closed = frame[frame["closed"] & ~frame["customer"].isin(moved.index)]
    arms = closed["arm"].to_numpy(dtype=object)
    customers = closed["customer"].to_numpy(dtype=object)
    shown = Shown(customers, closed["at"].to_numpy(), arms, closed["products"].tolist())
    found = followed(shown, _bought(settings, sorted(set(customers)), until), days)
    others = sorted(set(found.arms) - {CONTROL})
    return GainReport(
        experiment=experiment,
        days=days,
        until=_moment(until),
        open=int((~frame["closed"]).sum()),
        moved=len(moved),
        arms=tuple(_arm(found, name, int((arms == name).sum())) for name in (CONTROL, *others)),
        ratio=_ratio(settings[ExperimentSettings], experiment, found),
    )


def _impressions(settings: Settings) -> tuple[str, list[dict[str, Any]]]:
    """Return the name of the experiment, and its impressions without those of erased customers."""
    lines = Impressions(settings[StoreSettings]).read()
    name = settings[ExperimentSettings].name or (lines[-1]["experiment"] if lines else None)
    own = [line for line in lines if line["experiment"] == name]
    if name is None or not own:
        raise StateError(
            f"Expected impressions of {'an experiment' if name is None else repr(name)}, found none.",
            "Name an experiment in [experiment], and let the API answer with offers; see docs/offers.md.",
        )
    gone = set(Erased(settings[StoreSettings]).open_among({line["customer_id"] for line in own}))
    return name, [line for line in own if line["customer_id"] not in gone]


def _frame(lines: Sequence[Mapping[str, Any]], last: np.datetime64) -> pd.DataFrame:
    """Return one row per impression; `closed` says whether its window is over."""
    moments = pd.to_datetime(pd.Series([line["as_of"] for line in lines], dtype=object), utc=True, format="ISO8601")
    columns = {"customer": "customer_id", "arm": "arm", "products": "products"}
    frame = pd.DataFrame({to: pd.Series([line[name] for line in lines], dtype=object) for to, name in columns.items()})
    frame["at"] = moments.dt.tz_localize(None).astype("datetime64[us]")
    frame["closed"] = frame["at"] <= last
    return frame


def _bought(settings: Settings, customers: Iterable[str], until: np.datetime64) -> Bought:
    """Read the order lines of customers that are purchases, in the last version of each order."""
    con = connect(settings)
    lines = standing(purchases(read_sources(con, settings[StoreSettings]).transactions))
    asked = ibis.memtable(pa.table({"customer_id": pa.array(customers, pa.string())}))
    own = lines.semi_join(asked, "customer_id").filter(lines.event_timestamp < _moment(until))
    table = con.to_pyarrow(own.select("customer_id", "event_timestamp", "product_id", "amount"))
    return Bought(
        table["customer_id"].to_numpy().astype(object),
        table["event_timestamp"].to_numpy().astype("datetime64[us]"),
        table["product_id"].to_numpy().astype(object),
        table["amount"].to_numpy().astype("float64"),
    )


def _arm(found: Followed, name: str, impressions: int) -> Arm:
    own = found.arms == name
    means: dict[Measure, float] = {
        one: float(getattr(found, one)[own].mean()) if own.any() else float("nan") for one in MEASURES
    }
    differences: dict[Measure, Difference] = {}
    if name != CONTROL:
        gain = list_gain(found, arm=name, control=CONTROL)
        differences = {one: Difference.of(getattr(gain, one)) for one in MEASURES}
    return Arm(name, int(own.sum()), impressions, means, differences)


def _ratio(experiment: ExperimentSettings, name: str, found: Followed) -> SampleRatio | None:
    """Compare the arms with the configured share; other arms than the configured ones are not drawn by it."""
    if experiment.name != name or not set(found.arms) <= {CONTROL, experiment.other}:
        return None
    share = np.where(found.arms == CONTROL, 1 - experiment.share, experiment.share)
    return sample_ratio(found.arms, share, np.zeros(len(share), dtype="int64"))


def _moment(at: np.datetime64) -> datetime:
    return pd.Timestamp(at).to_pydatetime().replace(tzinfo=UTC)

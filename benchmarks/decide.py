"""Measure a whole decision: what is worth what, what is ruled out, the choice, and the records of it.

Customers, their contacts and consents are generated in a folder that is deleted afterwards. The yardstick is a list as
marketers make it: all options by gain for money, taken from the top while money and contacts last.
"""

import argparse
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from core.settings import Settings, StoreSettings
from core.stamps import write_stamp
from features.contract.arrow import arrow_schema
from features.contract.tables import contract_directory
from serving.decisions.choosing import choose
from serving.decisions.decide import Decider
from serving.decisions.listing import rows_of
from serving.decisions.records import DecisionRecords
from serving.decisions.replay import replay
from serving.decisions.within import Decided
from serving.scoring.score_table import ScoreTable
from serving.segments.columns import RuleColumn
from serving.segments.population import Population
from serving.settings import DecisionSettings, default_settings

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
#: What a decision about a million customers may take.
MOST_SECONDS, MOST_GIGABYTES = 60, 4
DECISIONS = """
[policy]
budget = {budget}
capacity = {{phone = {phone}, email = {email}, sms = {sms}}}
caps = [{{channel = "email", contacts = 2, days = 7}}, {{contacts = 4, days = 28}}]
cool_down = {{contact_days = 3, complaint_days = 14, return_days = 7}}
margin = 0.3
[actions.call]
goal = "retain"
channel = "phone"
cost = 4.0
saves = 0.12
rule = {{column = "risk", at_least = 0.3}}
[actions.letter]
goal = "win_back"
channel = "post"
cost = 1.2
discount = 0.05
saves = 0.06
[actions.mail]
goal = "retain"
channel = "email"
cost = 0.05
saves = 0.03
[actions.mail-discount]
goal = "retain"
channel = "email"
cost = 0.05
discount = 0.1
saves = 0.06
rule = {{any = [{{column = "risk", at_least = 0.2}}, {{column = "value_tier", in = ["gold", "diamond"]}}]}}
[actions.offer]
goal = "cross_sell"
channel = "email"
cost = 0.05
adds = 0.02
[actions.text]
goal = "repeat"
channel = "sms"
cost = 0.2
adds = 0.03
"""


def main() -> None:
    """Run and print; fails where a decision about a million customers takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    count = parser.parse_args().customers
    table = Table("step", "seconds", title=f"A decision about {count:,} customers with 6 actions")
    with TemporaryDirectory() as folder:
        settings = _deployment(Path(folder), count)
        population, before = _population(count), _gigabytes()
        decider, records = (
            Decider(settings, ScoreTable(settings[StoreSettings], ())),
            DecisionRecords(settings[StoreSettings]),
        )
        with _timed(table, "read contacts, rule out, value, choose") as decided_in:
            decided = decider.decide_for(population, NOW)
        with _timed(table, "keep the record") as kept_in:
            run = records.write(decided)
        peak = _gigabytes()
        allowed = decided.eligibility.allowed & np.isfinite(decided.worth.gain)
        with _timed(table, "  of this the choice alone") as chosen_in:
            choose(decided.actions, decided.worth, allowed, decided.limits.budget, decided.limits.capacity)
        with _timed(table, "  the same by gain for money") as ranked_in:
            ranked = _by_gain_for_money(decided, allowed)
        with _timed(table, "write the list of all customers"):
            rows_of(decided).to_parquet(Path(folder) / "list.parquet")
        with _timed(table, "replay"):
            found = replay(records, run)
        with _timed(table, "erase a customer"):
            records.erase(population.customers[count // 2])
    whole = decided_in[0] + kept_in[0]
    console, solution = Console(width=120), decided.solution
    console.print(table)
    console.print(f"  A whole decision: {whole:.1f} s, peak {peak:.2f} GB ({before:.2f} GB of it the customers)")
    console.print(
        f"  Gain {solution.total:,.0f}, at most {solution.gap:.1e} of it missing; replay holds: {found.holds}"
    )
    console.print(
        f"  By gain for money {ranked:,.0f}: the choice gains {solution.total / ranked:.3f} times as much, and takes "
        f"{chosen_in[0] / ranked_in[0]:.1f} times as long"
    )
    if count >= 1_000_000 and (whole > MOST_SECONDS or peak > MOST_GIGABYTES):
        sys.exit(f"Expected at most {MOST_SECONDS} s and {MOST_GIGABYTES} GB.")


@contextmanager
def _timed(table: Table, name: str) -> Iterator[list[float]]:
    found: list[float] = []
    start = perf_counter()
    yield found
    found.append(perf_counter() - start)
    table.add_row(name, f"{found[0]:.2f}")


def _gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _deployment(folder: Path, count: int) -> Settings:
    """Write decisions, and contract tables in which each customer has one contact, complaint or consent on average."""
    limits = {"budget": 0.05 * count, "phone": count // 250, "email": count // 10, "sms": count // 20}
    (folder / "decisions.toml").write_text(DECISIONS.format(**limits))
    settings = default_settings(StoreSettings(data=folder), DecisionSettings(file=folder / "decisions.toml"))
    contract = contract_directory(settings[StoreSettings])
    contract.mkdir(parents=True)
    rng = np.random.default_rng(1)
    kinds = rng.choice(["contact", "complaint", "return", "consent"], count, p=[0.85, 0.05, 0.05, 0.05])
    moments = [NOW - timedelta(seconds=float(ago)) for ago in rng.uniform(0, 60 * 86_400, count)]
    columns = {
        "customer_id": [_id(place) for place in rng.integers(0, count, count)],
        "kind": kinds.tolist(),
        "event_timestamp": moments,
        "channel": rng.choice(["phone", "email", "sms", "post"], count).tolist(),
        "value": np.where(kinds == "consent", rng.integers(0, 2, count), np.nan).tolist(),
    }
    schema = arrow_schema("interactions")
    rest = {name: [None] * count for name in schema.names if name not in columns}
    pq.write_table(pa.table({**columns, **rest}).select(schema.names).cast(schema), contract / "interactions.parquet")
    pq.write_table(arrow_schema("customers").empty_table(), contract / "customers.parquet")
    write_stamp(contract, {"events": 0})
    return settings


def _population(count: int) -> Population:
    rng = np.random.default_rng(2)
    risk, amount = rng.beta(1.2, 4, count), rng.lognormal(4, 1, count)
    numbers = {
        "risk": np.where(rng.random(count) < 0.1, np.nan, risk),
        "amount": amount,
        "orders": rng.gamma(2, 2, count),
        "amount_total": amount * rng.uniform(1, 10, count),
        "baskets_total": rng.integers(1, 60, count).astype("float64"),
    }
    texts = {
        "value_tier": rng.choice(np.array(["gold", "diamond", "basic", None], dtype=object), count),
        "reason_1": rng.choice(np.array(["silence", "price", None], dtype=object), count),
    }
    columns = {name: RuleColumn(name, "number", "scores") for name in numbers}
    columns |= {name: RuleColumn(name, "text", "scores") for name in texts}
    return Population([_id(place) for place in range(count)], NOW, columns, numbers, texts, "generated")


def _id(place: int) -> str:
    return f"C{place:07}"


def _by_gain_for_money(decided: Decided, allowed: np.ndarray) -> float:
    """Return the total of a list: the best option of each customer for its money, from the top while limits last."""
    gains, costs = decided.worth.gain, decided.worth.cost
    ratio = np.where(allowed & (gains > 0), gains / np.maximum(costs, 1e-9), -np.inf)
    option = ratio.argmax(axis=1)
    rows = np.arange(len(option))
    order = np.argsort(-ratio[rows, option], kind="stable")
    order = order[np.isfinite(ratio[order, option[order]])]
    channels = np.array(decided.channels)[option[order]]
    fits = np.ones(len(order), dtype=bool)
    for channel, most in (decided.limits.capacity or {}).items():
        own = channels == channel
        fits[own] = np.cumsum(own)[own] <= most
    spent = np.cumsum(np.where(fits, costs[order, option[order]], 0.0))
    fits &= spent <= (decided.limits.budget or np.inf)
    return float(gains[order, option[order]][fits].sum())


if __name__ == "__main__":
    main()

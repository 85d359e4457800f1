"""Two shops of other rhythms than a grocer's: one where customers buy about twice a year, and a wholesaler.

In both a customer who will leave shows it: the half-yearly one sends things back, that of the wholesaler orders less
and complains. What is usual in such a business, such as ten weeks without a purchase, is no alarm.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from core.settings import Settings
from features.engine.build import build_features
from features.ingest.pipeline import ingest
from features.store.feature_store import Store
from serving.settings import load_settings
from tests import subscriptions
from training.churn.pipeline import CHURN
from training.lifecycle.runner import train

START = datetime(2019, 1, 1, tzinfo=UTC)
#: After the last event of each business.
LATER = datetime(2024, 12, 1, tzinfo=UTC)
_HALF_YEARLY_DAYS, _WHOLESALE_WEEKS = 1800, 104
_CATEGORIES = ("boots", "jackets", "tents", "bags", "lamps", "stoves", "ropes", "maps")
_GOODS = ("flour", "sugar", "oil", "rice", "coffee", "tea", "spices", "pasta", "cheese", "fruit")

_INPUTS = """
[data]
source = "files"
root = "{root}"
[[data.inputs]]
table = "transactions"
path = "lines.csv"
[[data.inputs]]
table = "products"
path = "products.csv"
[[data.inputs]]
table = "interactions"
path = "interactions.csv"
"""
_HALF_YEARLY = """
threads = 2
[texts]
currency = "EUR"
[time]
snapshot_spacing_days = 84
min_history_days = 365
history_days = 1095
[churn]
activity_window_days = 365
horizon_days = 182
tiers = "share"
[next_product]
activity_window_days = 365
horizon_days = 182
training_snapshots = 2
"""
_WHOLESALE = """
threads = 2
[texts]
currency = "CNY"
purchase = "order"
[time]
snapshot_spacing_days = 14
[churn]
activity_window_days = 42
horizon_days = 28
[next_product]
horizon_days = 14
training_snapshots = 2
"""


@dataclass(frozen=True)
class Trade:
    """The exports of a shop: order lines, products and interactions, and a configuration that fits its rhythm."""

    lines: pd.DataFrame
    products: pd.DataFrame
    interactions: pd.DataFrame
    config: str


def half_yearly(customers: int = 1200, seed: int = 5) -> Trade:
    """Return five years of a shop for outdoor goods where customers buy about twice a year.

    Customers come at a day of the first four years and buy again after Gamma(4, pace / 4) days, paces from 120 to 260
    days. A purchase has 1 + Poisson(0.8) lines of 20 to 200 each, mostly of two favourite categories; one in four is
    reduced by a fifth. Contentment s is N(0, 1) and moves by N(-0.1, 0.3) with each purchase; with probability
    1 / (1 + exp(1.5 + s)) something comes back three weeks later, and with 1 / (1 + exp(1.6 + 1.2 s)), or twice that
    after the first purchase, the customer never buys again.
    """
    rng = np.random.default_rng(seed)
    lines, events = [], []
    for customer in range(customers):
        pace, content = rng.uniform(120, 260), rng.normal()
        favourites = rng.choice(len(_CATEGORIES), 2, replace=False)
        day, orders = float(rng.uniform(0, 1460)), 0
        while day < _HALF_YEARLY_DAYS:
            moment, orders = START + timedelta(minutes=int(day * 1440)), orders + 1
            order = f"h{customer}-{orders}"
            for _ in range(1 + int(rng.poisson(0.8))):
                category = int(rng.choice(favourites) if rng.random() < 0.7 else rng.integers(len(_CATEGORIES)))
                amount = float(rng.uniform(20, 200))
                discount = amount / 5 if rng.random() < 0.25 else 0.0
                product = f"{_CATEGORIES[category]}-{rng.integers(12)}"
                lines.append((f"h{customer}", order, product, moment, 1, round(amount - discount, 2), discount))
            if rng.random() < 1 / (1 + np.exp(1.5 + content)):
                events.append((f"h{customer}", moment + timedelta(days=21), "return"))
            if rng.random() < (2 if orders == 1 else 1) / (1 + np.exp(1.6 + 1.2 * content)):
                break
            content += rng.normal(-0.1, 0.3)
            day += float(rng.gamma(4, pace / 4))
    until = START + timedelta(days=_HALF_YEARLY_DAYS)
    return _trade(lines, events, _products(_CATEGORIES, 12, "outdoor"), until, _HALF_YEARLY)


def wholesale(customers: int = 300, seed: int = 7) -> Trade:
    """Return two years of a wholesaler of food with few customers, who order every week or every second one.

    Three in five order weekly, on a weekday of their own, give or take an hour; one in twelve orders is left out.
    Amounts are lognormal around the customer's own mean, which is lognormal around 3,000; of ten categories customers
    keep to four to nine. In each week one customer in 70 begins to leave: over Poisson(6) weeks every third order is
    left out, the others come to half as much in half as many categories, and there are 0.25 complaints a week instead
    of 0.02; then they are gone, and another customer comes.
    """
    rng = np.random.default_rng(seed)
    lines, events, number = [], [], 0
    for place in range(customers):
        week = 0 if place % 3 else int(rng.integers(0, 90))
        while week < _WHOLESALE_WEEKS:
            number += 1
            customer, every = f"w{number}", 1 if rng.random() < 0.6 else 2
            weekday, mean = int(rng.integers(0, 5)), float(rng.lognormal(np.log(3000), 0.8))
            kept = rng.choice(len(_GOODS), rng.integers(4, 10), replace=False)
            leaves = week + int(rng.geometric(1 / 70))
            gone = leaves + int(rng.poisson(6))
            for at in range(week, min(gone, _WHOLESALE_WEEKS)):
                leaving = at >= leaves
                monday = START + timedelta(weeks=at)
                if rng.random() < (0.25 if leaving else 0.02):
                    events.append((customer, monday + timedelta(days=float(rng.uniform(0, 6))), "complaint"))
                if (at - week) % every or rng.random() < (1 / 3 if leaving else 1 / 12):
                    continue
                moment = monday + timedelta(days=weekday, hours=float(rng.uniform(9, 11)))
                total = mean * float(rng.lognormal(0, 0.25)) * (0.5 if leaving else 1)
                goods = rng.choice(kept, max(1, len(kept) // (2 if leaving else 1) - int(rng.integers(0, 2))), False)
                for good in goods.tolist():
                    amount = round(total / len(goods) * float(rng.uniform(0.7, 1.3)), 2)
                    pieces, product = int(rng.integers(5, 60)), f"{_GOODS[good]}-{rng.integers(3)}"
                    lines.append((customer, f"{customer}-{at}", product, moment, pieces, amount, 0.0))
            week = gone + int(rng.integers(1, 6))
    until = START + timedelta(weeks=_WHOLESALE_WEEKS)
    return _trade(lines, events, _products(_GOODS, 3, "food"), until, _WHOLESALE)


def _products(categories: tuple[str, ...], each: int, department: str) -> pd.DataFrame:
    rows = [
        (f"{category}-{number}", f"{category.title()} no. {number}", department, category, category)
        for category in categories
        for number in range(each)
    ]
    return pd.DataFrame(rows, columns=["product_id", "name", "department", "category", "type"])


def _trade(
    lines: Sequence[tuple[object, ...]],
    events: Sequence[tuple[object, ...]],
    products: pd.DataFrame,
    until: datetime,
    config: str,
) -> Trade:
    names = ["customer_id", "order_id", "product_id", "event_timestamp", "quantity", "amount", "discount"]
    sold = pd.DataFrame(lines, columns=names).sort_values("event_timestamp", kind="stable")
    happened = pd.DataFrame(events, columns=["customer_id", "event_timestamp", "kind"])
    happened = happened[happened["event_timestamp"] < until].sort_values("event_timestamp", kind="stable")
    return Trade(sold, products, happened, config)


def write_trade(directory: Path, trade: Trade) -> None:
    """Write the exports and an encore.toml that reads them."""
    exports = directory / "exports"
    exports.mkdir(parents=True)
    trade.lines.to_csv(exports / "lines.csv", index=False)
    trade.products.to_csv(exports / "products.csv", index=False)
    trade.interactions.to_csv(exports / "interactions.csv", index=False)
    (directory / "encore.toml").write_text(trade.config + _INPUTS.format(root=exports))


#: By name, what writes the exports and the configuration of a business into a folder.
BUSINESSES: Mapping[str, Callable[[Path], None]] = {
    "twice a year": lambda directory: write_trade(directory, half_yearly()),
    "wholesale": lambda directory: write_trade(directory, wholesale()),
    "subscription": lambda directory: subscriptions.write_business(directory, subscriptions.simulate()),
}


def fit_churn() -> Settings:
    """Go from the exports of the working directory to a churn champion, and return the settings."""
    settings = load_settings()
    ingest(settings, LATER)
    build_features(settings, LATER)
    Store(settings).apply()
    train(CHURN, settings)
    return settings

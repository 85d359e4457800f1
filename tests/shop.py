"""A year of an online shop's invoices with every defect that exports are met with, planted and counted.

`python -m tests.shop FOLDER` writes them, for the tutorial in docs/own-data.md.
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

START = datetime(2024, 1, 1)  # noqa: DTZ001 - the shop's clock, in Berlin
DAYS = 366
NAMES = (
    "Invoice",
    "StockCode",
    "Description",
    "Category",
    "Quantity",
    "InvoiceDate",
    "Price",
    "Customer ID",
    "Note",
    "Note",
)
#: Products: code, name and category; two names are Chinese, one has a comma and one a quote.
_WORDS = ("Cushion", "Lantern", "Mug", "Candle", "Basket", "Frame", "Clock", "Towel", "绿茶", 'Tray 12"')
_CATEGORIES = ("LIVING", "LIGHT", "KITCHEN", "LIGHT", "LIVING", "LIVING", "LIVING", "BATH", "TEA", "KITCHEN")


@dataclass
class Shop:
    """What was written.

    Attributes
    ----------
    files
        Bytes by file name.
    planted
        Rows by what is the matter with them: rules of ingestion, `returns`, `merged`, and `kept`.
    amount
        What the kept lines came to.
    customers
        Who bought, each by one spelling.
    returns_of_a_sale
        Returns of something that the customer has bought before.
    july
        Lines of July that are kept.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    planted: Counter[str] = field(default_factory=Counter)
    amount: float = 0.0
    customers: set[str] = field(default_factory=set)
    returns_of_a_sale: int = 0
    july: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        """All rows."""
        return self.planted.total()


def simulate(customers: int = 420, seed: int = 11) -> Shop:
    """Let customers buy at a pace of their own until they leave, and write it down as a careless shop would.

    Each customer comes after Gamma(2, pace / 2) days, paces from 6 to 30 days, and leaves after each order with
    probability 0.04, or 0.15 within the first three; of six favourite products they take one to four.
    """
    rng = np.random.default_rng(seed)
    shop = Shop()
    months: dict[int, list[str]] = {month: [] for month in range(1, 13)}
    bought: dict[int, set[int]] = {}
    for at, sale in enumerate(_sales(rng, customers)):
        own = bought.setdefault(sale.customer, set())
        if _write(shop, months, at, sale, guest=rng.random() < 0.02):
            own.add(sale.product)
        if at % 40 == 7:
            _return(shop, months, sale, own, unknown=rng.random() < 0.2)
    _defects(shop, months)
    for month, lines in months.items():
        shop.files[f"invoices-2024-{month:02}.csv"] = _encoded(month, lines)
    # the first days of July are in two exports; equal rows are one
    again = shop.july[:25]
    shop.planted["merged"] += len(again)
    shop.files["invoices-2024-07b.csv"] = _encoded(0, again)
    shop.files["invoices-2024-13.csv"] = b""
    return shop


class Sale(NamedTuple):
    """An order line; customers and products by their numbers."""

    moment: datetime
    order: int
    product: int
    pieces: int
    customer: int


def _sales(rng: np.random.Generator, customers: int) -> list[Sale]:
    """Return all order lines in order of time."""
    sales, order = [], 536_000
    for customer in range(customers):
        pace, favourites = rng.uniform(6, 30), rng.choice(80, 6, replace=False)
        day, orders = float(rng.uniform(0, 240)), 0
        while day < DAYS:
            order += 1
            orders += 1
            moment = START + timedelta(minutes=int(day * 1440))
            products = rng.choice(favourites, rng.integers(1, 5), replace=False).tolist()
            sales += [Sale(moment, order, product, int(rng.integers(1, 6)), customer) for product in products]
            if rng.random() < (0.15 if orders <= 3 else 0.04):
                break
            day += float(rng.gamma(2, pace / 2))
    return sorted(sales)


def _line(
    code: str, name: str, category: str, order: str, quantity: str, moment: str, price: str, customer: str
) -> str:
    quoted = '"' + name.replace('"', '""') + '"' if set(name) & set(',"\n') else name
    return ",".join((order, code, quoted, category, quantity, moment, price, customer, "", ""))


def _product(product: int) -> tuple[str, str, str, float]:
    kind = product % len(_WORDS)
    name = f"{_WORDS[kind]}, no. {product}" if product % 7 == 0 else f"{_WORDS[kind]} {product}"
    name = f"{_WORDS[kind]}\nset {product}" if product % 19 == 0 else name
    return f"{20_000 + product}", name, _CATEGORIES[kind], 2.5 + product % 23


def _moment(moment: datetime, at: int) -> str:
    """Write a moment in one of the two ways that the shop's tills do."""
    return f"{moment:%Y-%m-%d %H:%M}" if at % 3 else f"{moment:%d.%m.%Y %H:%M}"


def _spelled(place: int, at: int) -> str:
    name = f"C{10_000 + place}"
    return {0: f" {name}", 1: name.lower(), 2: f"C {10_000 + place}"}.get(at % 9, name)


def _write(shop: Shop, months: dict[int, list[str]], at: int, sale: Sale, *, guest: bool) -> bool:
    """Write an order line, if need be of somebody who did not say who they are. Returns whether it is kept."""
    code, name, category, price = _product(sale.product)
    amount = f"£{price:,.2f}" if at % 5 == 0 else f"{price:.2f}"
    customer = "" if guest else _spelled(sale.customer, at)
    line = _line(code, name, category, str(sale.order), str(sale.pieces), _moment(sale.moment, at), amount, customer)
    months[sale.moment.month].append(line)
    shop.planted["guest" if guest else "kept"] += 1
    if guest:
        return False
    shop.amount += sale.pieces * price
    shop.customers.add(f"C{10_000 + sale.customer}")
    if sale.moment.month == 7:
        shop.july.append(line)
    return True


def _return(shop: Shop, months: dict[int, list[str]], sale: Sale, bought: set[int], *, unknown: bool) -> None:
    """Take something back minutes later: what the customer has bought, or something they never have."""
    code, name, category, price = _product(99 if unknown else sale.product)
    later = sale.moment + timedelta(minutes=5)
    if later.month != sale.moment.month:
        return
    shop.planted["returns"] += 1
    shop.returns_of_a_sale += not unknown and sale.product in bought
    customer, order = f"C{10_000 + sale.customer}", f"C{sale.order}"
    line = _line(code, name, category, order, "-1", _moment(later, 1), f"{price:.2f}", customer)
    months[later.month].append(line)


def _defects(shop: Shop, months: dict[int, list[str]]) -> None:
    """Plant what is the matter with single lines, each a known number of times."""
    customer, when = "C10000", "2024-05-05 12:00"
    for month in range(1, 13):
        months[month].append(
            _line("POST", "POSTAGE", "", str(900_000 + month), "1", f"2024-{month:02}-10 09:00", "4.95", customer)
        )
        months[month].append(
            _line(
                "TEST001", "Test article", "", str(910_000 + month), "1", f"2024-{month:02}-10 09:00", "1.00", customer
            )
        )
    shop.planted["no_goods"] += 24
    broken = {
        "too few columns": ["912000,20001,half a line"] * 4,
        "too many columns": [_line("20001", "Mug", "KITCHEN", "912001", "1", when, "3.50", customer) + ",,surplus"] * 3,
        "broken quotes": ['912002,20001,"Mug" no. 2,KITCHEN,1,2024-05-05 12:00,3.50,C10000,,'] * 2,
        "unreadable event_timestamp": [
            _line("20001", "Mug", "KITCHEN", "912003", "1", "2024-02-31 12:00", "3.50", customer)
        ]
        * 5,
        "missing event_timestamp": [_line("20001", "Mug", "KITCHEN", "912004", "1", "", "3.50", customer)] * 2,
        "future event_timestamp": [
            _line("20001", "Mug", "KITCHEN", "912005", "1", "2031-01-01 12:00", "3.50", customer)
        ]
        * 3,
        "unreadable quantity": [_line("20001", "Mug", "KITCHEN", "912006", "a pair", when, "3.50", customer)] * 3,
        "missing amount": [_line("20001", "Mug", "KITCHEN", "912007", "1", when, "free", customer)] * 4,
        "missing product_id": [_line("", "Mug", "KITCHEN", "912008", "1", when, "3.50", customer)] * 2,
        "missing order_id": [_line("20001", "Mug", "KITCHEN", "", "1", when, "3.50", customer)] * 2,
    }
    for rule, lines in broken.items():
        months[5] += lines
        shop.planted[rule] += len(lines)
    # clocks go forward on 31 March and back on 27 October: 02:30 is skipped once, and comes twice once
    for moment in ("2024-03-31 02:30", "2024-10-27 02:30"):
        months[int(moment[5:7])].append(
            _line("20001", "Mug", "KITCHEN", f"9{moment[5:7]}300", "1", moment, "3.50", customer)
        )
        shop.planted["kept"] += 1
        shop.amount += 3.5
    shop.customers.add(customer)


def _encoded(month: int, lines: list[str]) -> bytes:
    end = "\r\n" if month % 4 == 2 else "\n"
    text = end.join([",".join(NAMES), *lines]) + end
    # a row over two lines keeps its own line end
    return text.encode({3: "utf-8-sig", 4: "utf-16"}.get(month, "utf-8"))


def write(folder: Path, shop: Shop) -> None:
    """Write the exports."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in shop.files.items():
        (folder / name).write_bytes(content)


def tutorial_config(exports: Path) -> str:
    """Return the configuration that the tutorial ends with, for exports in another folder."""
    page = (Path(__file__).parent.parent / "docs/own-data.md").read_text()
    tutorial = page.split("## The contract tables")[0]
    (block,) = re.findall(r"^```toml\n(.*?)^```$", tutorial, re.MULTILINE | re.DOTALL)
    return str(block).replace('root = "exports"', f'root = "{exports}"')


if __name__ == "__main__":
    write(Path(sys.argv[1]), simulate())

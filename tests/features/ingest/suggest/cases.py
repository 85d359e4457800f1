"""Exports as shops really have them, each with the right value of what comes of them."""

from collections.abc import Callable

from tests.features.ingest.suggest import faults, systems
from tests.features.ingest.suggest.shop import Files, Right

#: Every case, by what it shows. Each must come in right as `encore init` writes it.
CASES: dict[str, Callable[[], tuple[Files, Right]]] = {
    "Shopify": systems.shopify,
    "Shopify without cancelled orders": lambda: systems.shopify(cancelled=False),
    "Square": systems.square,
    "Square with refunds": systems.refunds_of_square,
    "UCI Online Retail": systems.uci,
    "Olist": systems.olist,
    "words for nothing": faults.null_words,
    "ids in several spellings": faults.spelled_ids,
    "short years": faults.short_years,
    "kinds of files in a zip": faults.zip_of_kinds,
    "staff": faults.staff,
    "a log of events": faults.event_log,
    "states in other words": faults.states_of_their_own,
    "returns by a word": faults.returns_by_word,
    "currencies without a name": faults.unnamed_currency,
    "a rate by arithmetic": faults.rate_by_arithmetic,
    "ids of lines": faults.line_ids,
    "a price of the line": faults.price_of_the_line,
    "numbers that begin again": faults.numbers_again,
    "French": faults.french,
    "files with reserved names": faults.reserved_names,
    "sister files with other dates": faults.sister_dates,
    "workbook": faults.workbook,
    "numbered lines in exports that overlap": faults.numbered_lines,
    "equal lines of an order": faults.equal_lines,
    "Navision in one file": systems.navision,
    "Navision in two files": lambda: systems.navision(one_file=False),
    "fees as lines": faults.order_level_lines,
    "headers and lines": faults.headers_and_lines,
    "dates turned by a spreadsheet": faults.turned_dates,
    "the order's total on every line": lambda: faults.order_totals(on_every_line=True),
    "the order's total on its first line": lambda: faults.order_totals(on_every_line=False),
    "totals and no price": faults.only_totals,
    "a price called amount": faults.unit_price_as_amount,
    "two currencies": faults.currencies,
    "an unfamiliar customer": faults.unfamiliar,
    "a school": faults.courses,
    "WooCommerce": systems.woocommerce,
    "Taobao": systems.taobao,
    "JD": systems.jingdong,
    "HubSpot": systems.hubspot,
    "Stripe": systems.stripe,
}

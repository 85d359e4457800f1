"""Products that the rules of offers and the list of upgrades name, and that the data do not have."""

import pandas as pd

from core.settings import Settings, StoreSettings
from core.sql import engine, relation
from features.contract.tables import table_path
from features.contract.unmatched import Unmatched, unmatched
from training.next_product.offers.rules import Rules, read_facts
from training.next_product.settings import NextProductSettings

#: What a message calls the place where products occur.
DATA = "the data"


def unknown_products(settings: Settings, rules: Rules) -> list[Unmatched]:
    """Compare the products of the rules, of their file of facts, and of the list of upgrades with those of the data.

    Raises
    ------
    ConfigError
        If the file of facts cannot be read.
    """
    few = {"the rules": _named(rules), "next_product.upsell.upgrades": _upgrades(settings)}
    facts: pd.DataFrame | None = read_facts(rules)
    named = few if facts is None or rules.facts is None else few | {rules.facts.name: set(facts.index)}
    if not any(named.values()):
        return []
    files = [table_path(settings[StoreSettings], name) for name in ("transactions", "products")]
    with engine(settings) as con:
        query = " UNION ".join(f"SELECT product_id FROM {relation(file)}" for file in files if file.is_file())
        known = {str(product) for (product,) in con.execute(query).fetchall()} if query else set()
    found = [unmatched(source, products, DATA, known, few=source in few) for source, products in named.items()]
    return [one for one in found if one is not None]


def _named(rules: Rules) -> set[str]:
    pairs = {product for pair in rules.block.pairs for product in pair}
    return {*rules.block.products, *pairs, *(pin.product for pin in rules.pinned)}


def _upgrades(settings: Settings) -> set[str]:
    upgrades = settings[NextProductSettings].upsell.upgrades
    return {*upgrades, *(better for several in upgrades.values() for better in several)}

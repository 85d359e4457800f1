"""Offers as the tests ask for them."""

from typing import Any

from tests.conftest import NOW
from training.next_product.history import History
from training.next_product.model import NextProductModel
from training.next_product.offers.policy import Policy
from training.next_product.offers.recommend import Offer, recommend
from training.next_product.offers.rules import Kind, Rules
from training.next_product.offers.selection import Request


def offered(
    model: NextProductModel,
    histories: list[History],
    kind: Kind,
    limit: int,
    rules: Rules | None = None,
    **request: Any,
) -> list[list[Offer]]:
    policy = Policy(rules or Rules(), model.catalogue)
    return list(recommend(model, policy, histories, Request(kind, limit, NOW, **request)))

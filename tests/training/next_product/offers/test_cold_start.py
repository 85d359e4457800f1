"""Customers without purchases, and products without sales."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.next_product.asking import offered
from training.next_product.candidates.segments import fit_segments
from training.next_product.dataset import Dataset
from training.next_product.history import History, read_history
from training.next_product.model import NextProductModel
from training.next_product.offers.policy import Policy
from training.next_product.offers.rules import Rules


def test_a_customer_without_history_gets_what_is_popular(model: NextProductModel) -> None:
    nobody = read_history({}, model.catalogue, 0.0, 0.0)
    (offers,) = offered(model, [nobody], "next", 5)
    assert len(offers) == 5
    assert {offer.evidence.path for offer in offers} == {"popular"}
    assert {offer.probability for offer in offers} == {None}
    assert len(model.upgrades.better(nobody)) == 0


@pytest.mark.parametrize(("stored", "consent"), [(0.0, False), (1.0, True), (None, None), (np.nan, None)])
def test_what_is_on_file_is_read_from_the_store(
    model: NextProductModel, stored: float | None, consent: bool | None
) -> None:
    values = {"marketing_consent": stored, "attribute_region": "north", "attribute_plan": None}
    history = read_history(values, model.catalogue, 0.0, 0.0)
    assert history.consent is consent
    assert history.attributes == {"region": "north"}
    policy = Policy(Rules(), model.catalogue)
    assert policy.withholds(history) == (consent is False)


def test_a_customer_known_by_attributes_alone_gets_what_others_like_them_buy(
    model: NextProductModel, histories: list[History], dataset: Dataset
) -> None:
    alike = [replace(h, attributes={"region": "north" if i % 2 else "south"}) for i, h in enumerate(dataset.histories)]
    segments = fit_segments(alike, len(model.catalogue))
    segmented = replace(model, segments=segments)
    newcomer = replace(read_history({}, model.catalogue, 0.0, 0.0), attributes={"region": "north"})
    (offers,) = offered(segmented, [newcomer], "next", 5)
    north = [h for h in alike if h.attributes["region"] == "north" and (h.days_since < 28).any()]
    for offer in offers:
        assert offer.evidence.path == "popular_alike"
        assert (offer.evidence.attribute, offer.evidence.value) == ("region", "north")
        code = model.catalogue.codes([offer.product_id])[0]
        assert offer.evidence.buyers == sum((h.days_since[h.codes == code] < 28).any() for h in north)
        assert offer.evidence.of == len(north)
    bought = [offer.evidence.buyers or 0 for offer in offers]
    assert bought == sorted(bought, reverse=True)
    (with_basket,) = offered(segmented, [newcomer], "next", 5, basket=model.catalogue.codes([offers[0].product_id]))
    assert [offer.product_id for offer in with_basket[:4]] == [offer.product_id for offer in offers[1:]]


def test_a_product_without_sales_is_offered_to_who_buys_its_type(
    model: NextProductModel, histories: list[History]
) -> None:
    history = histories[0]
    types = model.catalogue.types
    mine = types.codes[history.codes[types.known[types.codes[history.codes]]]]
    kind = int(np.bincount(mine).argmax())
    unsold = next(c for c in np.flatnonzero(types.codes == kind) if c not in history.codes)
    arrivals = np.zeros(len(model.catalogue), dtype=bool)
    arrivals[unsold] = True
    fresh = replace(model, catalogue=replace(model.catalogue, arrivals=arrivals))
    (offers,) = offered(fresh, [history], "next", 5)
    assert offers[-1].product_id == str(model.catalogue.ids[unsold])
    assert offers[-1].evidence.path == "arrival"
    (none,) = offered(fresh, [history], "next", 5, Rules(arrivals=0))
    assert "arrival" not in {offer.evidence.path for offer in none}
    stranger = read_history({}, model.catalogue, 0.0, 0.0)
    (others,) = offered(fresh, [stranger], "next", 5)
    assert "arrival" not in {offer.evidence.path for offer in others}

"""What may be done for a customer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.settings import Moment
from features.contract.events.kind import Money, Strict, Word
from features.contract.ids import Id
from serving.segments.definitions import CheckedRule, Name, Titles

Goal = Literal["retain", "win_back", "repeat", "cross_sell", "up_sell", "welcome", "renew", "serve"]
#: Goals whose success is a sale; the success of the others is a customer who stays.
SELLING: frozenset[Goal] = frozenset({"repeat", "cross_sell", "up_sell"})
#: What is always possible.
DO_NOTHING = "do_nothing"
#: Names that no action can have, and why.
RESERVED: Mapping[str, str] = {
    DO_NOTHING: "do_nothing is always there, and costs nothing",
    "holdout": "holdout names the customers of a campaign who are not contacted",
}


class OfferChoice(Strict):
    """The products that go with an action: those of a kind that the recommender chooses, or a list."""

    kind: Literal["repeat", "cross_sell", "up_sell", "next"] | None = None
    products: Annotated[tuple[Id, ...], Field(max_length=1_000)] = ()

    @model_validator(mode="after")
    def _is_one(self) -> "OfferChoice":
        if (self.kind is None) == (not self.products):
            raise ValueError("expected `kind` or `products`, found both or neither")
        return self


class Action(Strict):
    """Something that can be done for a customer.

    Attributes
    ----------
    name
        That of its table in the file.
    moments
        Only for customers for whom one of these moments is recent; empty is for customers at any time.
    """

    name: Name
    goal: Goal
    channel: Word
    cost: Money = Field(0.0, description="Of one contact")
    discount: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="Share of what the customer then spends")
    offer: OfferChoice | None = None
    rule: CheckedRule | None = Field(None, description="Who may get it; None is everybody")
    moments: tuple[Name, ...] = ()
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = Field(
        0, description="The higher wins among actions of equal worth"
    )
    valid_from: Moment | None = None
    valid_until: Moment | None = Field(None, description="Exclusive")
    saves: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Assumed effect: the share of the customers who would leave that it keeps"
    )
    adds: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Assumed effect: what it adds to the probability of success"
    )
    amount: Money | None = Field(
        None, description="Net amount of one sale, for goals that sell; None is the customer's usual basket"
    )
    titles: Titles = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_an_effect(self) -> "Action":
        if (self.saves is None) == (self.adds is None):
            raise ValueError("expected `saves` or `adds`, the assumed effect, found both or neither")
        if self.sells and self.saves is not None:
            raise ValueError(f"expected `adds` for the goal {self.goal}, which keeps nobody, found `saves`")
        if not self.sells and self.amount is not None:
            raise ValueError(f"expected `amount` with a goal that sells, found it with {self.goal}")
        return self

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> "Action":
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ValueError(
                f"expected valid_until after valid_from, found {self.valid_until:%Y-%m-%d %H:%M} and "
                f"{self.valid_from:%Y-%m-%d %H:%M}"
            )
        return self

    @property
    def sells(self) -> bool:
        """Whether its success is a sale; otherwise it is a customer who stays."""
        return self.goal in SELLING

    @property
    def is_marketing(self) -> bool:
        """Whether it needs consent: all but service does."""
        return self.goal != "serve"

    def is_valid(self, now: datetime) -> bool:
        """Return whether a moment is in [valid_from, valid_until)."""
        starts, ends = self.valid_from, self.valid_until
        return (starts is None or starts <= now) and (ends is None or now < ends)

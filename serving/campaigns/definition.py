"""What somebody says about a campaign: for whom, with which actions, when, for how much, and how it is measured."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.errors import DataError
from core.settings import Share
from features.contract.assigned import HOLDOUT
from features.contract.events.kind import Moment, Money, Strict, Word
from serving.decisions.definitions import Action, Decisions, Goal
from serving.decisions.policy import Count
from serving.explain.language import Language
from serving.segments.definitions import CheckedRule, Name, Title

ActionName = Annotated[str, Field(min_length=1, max_length=100, examples=["call"])]


class Campaign(Strict):
    """A campaign: who gets which action within [starts, ends), and who is held out so that its effect can be seen."""

    name: Name = Field(examples=["spring"])
    goal: Goal | None = Field(None, description="All actions with this goal; leave it out where `actions` names some")
    actions: tuple[ActionName, ...] = Field((), max_length=50, description="Actions of the file; or give a `goal`")
    segment: Name | None = Field(None, description="Only its members; null, and no rule: all customers")
    rule: CheckedRule | None = Field(None, description="Only customers for whom it holds; or name a segment")
    budget: Money | None = Field(None, description="Of contacts and expected discounts; null: that of the policy")
    capacity: dict[Word, Count] = Field(
        default_factory=dict,
        description="Contacts of the campaign at most, by channel; the policy limits them too",
    )
    starts: Moment = Field(description="With a time zone", examples=["2024-05-01T00:00:00Z"])
    ends: Moment = Field(description="Contacts are exported before this moment", examples=["2024-05-15T00:00:00Z"])
    holdout: Share = Field(0.1, description="Share of the chosen customers who are not contacted, by a stable hash")
    allocation: Literal["best", "random"] = Field(
        "best",
        description="best: each customer gets the action that gains most; random: the actions are drawn by lot, in "
        "equal shares, among customers who may get every one of them",
    )
    titles: dict[Language, Title] = Field(default_factory=dict, examples=[{"en": "Spring calls"}])

    @model_validator(mode="after")
    def _checked(self) -> "Campaign":
        if (self.goal is None) == (not self.actions):
            raise ValueError("expected a goal or a list of actions, and not both")
        if len(set(self.actions)) < len(self.actions):
            raise ValueError(f"expected each action once, found {', '.join(self.actions)}")
        if self.segment is not None and self.rule is not None:
            raise ValueError("expected a segment or a rule, found both")
        if self.starts >= self.ends:
            raise ValueError(f"expected starts before ends, found {self.starts:%Y-%m-%d} and {self.ends:%Y-%m-%d}")
        return self

    def days_left(self, now: datetime) -> int:
        """Return on how many days from `now` on contacts can be made; at least 1."""
        return max(1, math.ceil((self.ends - max(self.starts, now)) / timedelta(days=1)))


def actions_of(campaign: Campaign, decisions: Decisions) -> Mapping[str, Action]:
    """Return the actions of a campaign by name, in the order of their names.

    Raises
    ------
    DataError
        If the file has no such action, none with the goal, or none on a channel of the capacity.
    """
    known = decisions.actions
    channels = sorted({one.channel for one in known.values()})
    strange = [channel for channel in campaign.capacity if channel not in channels]
    if strange:
        raise DataError(
            f"No action is on the channel {strange[0]!r}; there are {', '.join(channels) or 'none'}.",
            "Correct the channel of the capacity.",
        )
    if campaign.goal is not None:
        found = {name: one for name, one in sorted(known.items()) if one.goal == campaign.goal}
        if not found:
            goals = ", ".join(sorted({one.goal for one in known.values()})) or "none"
            raise DataError(
                f"No action has the goal {campaign.goal}; there are actions for {goals}.",
                "Correct the goal, or add an action to the file of decisions.",
            )
        return found
    unknown = [name for name in campaign.actions if name not in known or name == HOLDOUT]
    if unknown:
        raise DataError(
            f"There is no action {unknown[0]!r}; there are {_named(sorted(known))}.",
            "Correct the name, or add the action to the file of decisions.",
        )
    return {name: known[name] for name in sorted(campaign.actions)}


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"

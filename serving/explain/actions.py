"""From reasons to one action at a time: the playbook's policy applied to a customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from serving.explain.playbook import Playbook
from serving.explain.reasons import Reason
from serving.explain.tiers import AnyTier
from serving.explain.wording import LONGEST, Writer, shortened

#: The action that is due now, and the one that follows.
_MOST = 2


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do about a customer's risk."""

    finding: Annotated[str, Field(description="The finding it answers", examples=["long_silence"])]
    text: Annotated[str, Field(examples=["Remind them of “FRUIT BREAD”, usually bought every 12 days."])]
    product_id: Annotated[str | None, Field(description="The product in the text", examples=["1029743"])] = None
    worked: Annotated[
        str | None,
        Field(description="What campaigns have shown to work for this reason; null where nothing was seen to work"),
    ] = None


@dataclass(frozen=True)
class Due:
    """A product that a customer is due to buy again.

    Attributes
    ----------
    every_days
        The customer's usual days between purchases of it.
    """

    product_id: str
    name: str
    every_days: float


def choose_actions(
    reasons: Sequence[Reason],
    tier: AnyTier | None,
    playbook: Playbook,
    writer: Writer,
    due: Due | None = None,
    *,
    marketing: bool = True,
) -> list[Action]:
    """Choose what to do: the action that comes first by the policy, and the one that follows.

    Parameters
    ----------
    reasons
        The customer's reasons; those that lower the risk ask for nothing.
    due
        A product to remind the customer of; an action without one has a text without a product.
    marketing
        Whether the customer may be contacted with offers; others get what the policy calls service alone.

    Returns
    -------
    Up to two actions; none in tiers that the policy leaves out.
    """
    policy = playbook.policy
    if tier not in policy.tiers:
        return []
    found = [reason.finding for reason in reasons if reason.direction == "raises" and reason.finding is not None]
    found = [finding for finding in found if marketing or finding in policy.service]
    order = {finding: place for place, finding in enumerate(policy.order)}
    actions: list[Action] = []
    for finding in sorted(found, key=lambda finding: order.get(finding, len(order))):
        groups = [group for group in policy.exclusive if finding in group]
        if any(action.finding in group for group in groups for action in actions):
            continue
        action = _action(finding, playbook, writer, due)
        if action is not None:
            actions.append(action)
    return actions[:_MOST]


def _action(finding: str, playbook: Playbook, writer: Writer, due: Due | None) -> Action | None:
    suggestion = playbook.suggestion(finding)
    if suggestion is None:
        return None
    with_product = suggestion.product.get(writer.language)
    if due is not None and with_product is not None:
        every = writer.amount(due.every_days, "every")
        room = LONGEST - len(writer.fill(with_product, product=writer.quoted(""), every=every))
        text = writer.fill(with_product, product=writer.quoted(shortened(due.name, room)), every=every)
        return Action(finding, text, due.product_id)
    plain = suggestion.plain.get(writer.language)
    return None if plain is None else Action(finding, writer.fill(plain))

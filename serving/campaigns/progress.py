"""How far campaigns are: customers by arm and channel, those handed to the channel, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.contract.assigned import HOLDOUT
from serving.campaigns.database import CampaignDatabase


@dataclass(frozen=True)
class ArmProgress:
    """Customers of a campaign with the same arm and channel.

    Attributes
    ----------
    channel
        None is the holdout, who are not contacted.
    assigned, handed_over
        Customers, and those whose contacts an export has claimed.
    cost
        Of the contacts that were handed over, with expected discounts.
    """

    campaign: str
    arm: str
    channel: str | None
    assigned: int
    handed_over: int
    cost: float

    @property
    def waiting(self) -> int:
        """Customers who wait for a contact."""
        return 0 if self.arm == HOLDOUT else self.assigned - self.handed_over


def progress_of(database: CampaignDatabase, name: str | None = None) -> list[ArmProgress]:
    """Return the arms of one campaign, or of all, in the order of their names."""
    rows, had = database.assignments, database.contacts
    same = sa.and_(had.c.campaign == rows.c.campaign, had.c.customer_id == rows.c.customer_id)
    claimed = had.c.contact_id.is_not(None)
    keys = (rows.c.campaign, rows.c.arm, rows.c.channel)
    query = (
        sa.select(
            *keys,
            sa.func.count(),
            sa.func.count(had.c.contact_id),
            sa.func.sum(sa.case((claimed, rows.c.cost), else_=0.0)),
        )
        .select_from(rows.outerjoin(had, same))
        .group_by(*keys)
        .order_by(*keys)
    )
    with database.database.connection() as con:
        found: Sequence[Any] = con.execute(query if name is None else query.where(rows.c.campaign == name)).all()
    return [
        ArmProgress(campaign, arm, channel, assigned, handed_over, float(cost or 0.0))
        for campaign, arm, channel, assigned, handed_over, cost in found
    ]

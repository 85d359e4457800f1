"""An export with what its columns hold, and the roles that they play in a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from features.ingest.suggest.exports import Export
from features.ingest.suggest.match import assign
from features.ingest.suggest.profile import Profile

#: In fewer rows every product may be another one.
_ROWS = 30
#: Roles that the columns of an export can play, by what the export may hold.
SALES = (
    "customer_id", "order_id", "line_id", "product_id", "event_timestamp", "time_of_day", "time_zone", "quantity",
    "amount", "order_total", "unit_price", "discount", "cost", "unit_cost", "currency", "status", "cancelled_at",
    "document_type", "store_id", "channel", "name", "department", "category", "type", "brand", "size",
)  # fmt: skip
CONTRACTS = (
    "customer_id", "contract_id", "start_timestamp", "end_timestamp", "plan", "price", "cancelled_timestamp",
    "is_cancel", "currency", "created_timestamp",
)  # fmt: skip
EVENTS = (
    "customer_id", "event_timestamp", "time_of_day", "kind", "campaign_id", "product_id", "order_id", "channel",
    "value",
)  # fmt: skip
GOODS = ("product_id", "name", "department", "category", "type", "brand", "size", "unit_price", "unit_cost")
PEOPLE = (
    "customer_id", "signup_timestamp", "birth_date", "acquisition_channel", "marketing_consent", "churned", "snapshot",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """An export whose columns were looked at.

    Attributes
    ----------
    customer
        The column that names the customer, found by its values where no name shows it.
    """

    export: Export
    profiles: dict[str, Profile]
    customer: str | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)

    def roles(self, roles: Sequence[str]) -> dict[str, Profile]:
        """Return the columns that play some roles."""
        found = self._assigned(self.profiles, roles)
        product, line = found.get("product_id"), found.get("line_id")
        if "line_id" in roles and line is None and product is not None and product.rows >= _ROWS and product.is_unique:
            # an id that differs on every line names the line, where another column can name the product
            others = {name: profile for name, profile in self.profiles.items() if name != product.name}
            again = self._assigned(others, roles)
            if "product_id" in again:
                return {"line_id": product} | again
        return found

    def _assigned(self, profiles: dict[str, Profile], roles: Sequence[str]) -> dict[str, Profile]:
        if self.customer is None:
            return assign(profiles, roles)
        others = {name: profile for name, profile in profiles.items() if name != self.customer}
        return {"customer_id": profiles[self.customer]} | assign(others, [r for r in roles if r != "customer_id"])

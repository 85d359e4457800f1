"""Columns of customers as a reader says them: their names, and their values with the unit of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from features.views.profile import ATTRIBUTE
from serving.explain.wording import Unit, Writer
from training.segments.matrix import FIELDS
from training.segments.pyramid import TIERS
from training.segments.rfm import GROUPS
from training.segments.stages import STAGES

#: Columns of shares, which are written in percent.
_SHARES = frozenset({"risk", "alive", "best_offer_probability", "answer_rate", "categories_kept_28d"})
_MONEY = frozenset({"value_at_risk", "lifetime_value", "action_gain", "contract_price"})
#: Columns of days; those that end in `_days` are too.
_SPANS = frozenset(
    {
        "days_to_next_order",
        "gap_mean",
        "gap_median",
        "gap_p90",
        "gap_std",
        "days_since_contact",
        "days_since_redemption",
        "days_since_visit",
        "days_to_contract_end",
    }
)
#: Columns of numbers that say yes (1) or no (0).
FLAGS = frozenset({"marketing_consent", "contract_cancelled"})
_REASONS = ("reason_1", "reason_2", "reason_3")
#: By column the kind of texts that its values are said with; of reasons a finding or a theme.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "tier": ("tier",),
    "value_tier": ("value_tier",),
    "value_field": ("matrix",),
    "rfm_group": ("rfm",),
    "stage": ("stage",),
    "ladder": ("ladder",),
    "action_channel": ("channel",),
    **dict.fromkeys(_REASONS, ("finding", "theme")),
}
#: Texts in an order that means something; others are in that of their words.
_ORDERS: Mapping[str, Sequence[str]] = {
    "tier": ("high", "medium", "low", "new", "not_due", "inactive"),
    "value_tier": TIERS,
    "value_field": FIELDS,
    "rfm_group": GROUPS,
    "stage": STAGES,
}


def unit_of(column: str) -> Unit:
    """Return the unit of a column of numbers; moments are in days."""
    if column in _SHARES or "_share" in column:
        return "percent"
    if column in _SPANS or column.endswith("_days"):
        return "span"
    is_amount = column.startswith(("amount", "basket_amount", "returned_amount")) and not column.endswith("_trend")
    return "money" if column in _MONEY or is_amount else "number"


def channel_of(writer: Writer, channel: str) -> str:
    """Return what a channel is called; one that no text names by its own name."""
    key = f"channel.{channel.lower()}"
    return writer.say(key) if writer.has(key) else channel


@dataclass(frozen=True)
class Fields:
    """Says columns and values in the language of a writer.

    Attributes
    ----------
    titles
        By column and value, titles that are no texts of ours: of clusters that a model found, of actions that a file
        defines, of products.
    columns
        By column, names that go before ours: those that a page has for attributes.
    """

    writer: Writer
    titles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    def name(self, column: str) -> str:
        """Return the name of a column within a sentence; of an attribute its display name."""
        if column in self.columns:
            return self.columns[column]
        if self.writer.has(f"field.{column}"):
            return self.writer.say(f"field.{column}")
        plain = column.removeprefix(ATTRIBUTE)
        return self.writer.names.of("attribute", plain, plain.replace("_", " "))

    def heading(self, column: str) -> str:
        """Return the name of a column as it heads a table or labels a field."""
        return self.writer.sentence(self.name(column))

    def text(self, column: str, value: str) -> str:
        """Return a text of a column as a reader says it."""
        known = self.titles.get(column, {}).get(value)
        if known is not None:
            return known
        for kind in _KINDS.get(column, ()):
            # a text with a gap is no name of its own
            if self.writer.has(f"{kind}.{value}") and "{" not in self.writer.texts[f"{kind}.{value}"]:
                return self.writer.say(f"{kind}.{value}")
        if column in _REASONS:  # an attribute
            return self.name(value)
        return self.writer.names.of("product" if column == "best_offer" else "value", value)

    def label(self, column: str, value: str) -> str:
        """Return a text of a column as it stands by itself."""
        return self.writer.sentence(self.text(column, value))

    def choices(self, column: str, values: Sequence[str]) -> list[tuple[str, str]]:
        """Return texts of a column with their words, in the order in which a reader looks for them."""
        order = {value: place for place, value in enumerate(_ORDERS.get(column, ()))}
        named = [(value, self.label(column, value)) for value in values]
        often = Counter(words for _, words in named)
        # products may have the same name
        named = [(value, words if often[words] == 1 else f"{words} ({value})") for value, words in named]
        return sorted(named, key=lambda one: (order.get(one[0], len(order)), one[1]))

    def number(self, column: str, value: float) -> str:
        """Return a number of a column with its unit, rounded as a reader would say it."""
        if column in FLAGS and value in (0, 1):
            return self.writer.say(f"field_value.{'yes' if value else 'no'}")
        return self.writer.amount(value, unit_of(column))

    def exact(self, column: str, value: float) -> str:
        """Return a number of a column with its unit, and with the decimals that a limit has."""
        unit, writer = unit_of(column), self.writer
        if unit == "span":
            return self.days(value)
        if unit == "percent":
            return f"{writer.plain(round(100 * value, 6))}%"
        if unit == "money":
            return writer.money(value, cents=value != round(value))
        return self.number(column, value)

    def days(self, count: float) -> str:
        """Return a number of days, which are not rounded to months."""
        if count == round(count):
            return self.writer.amount(count, "days")
        return self.writer.say("unit.day.other", n=self.writer.plain(count))

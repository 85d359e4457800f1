"""Columns of the score table in words: what they are called, and what is in them, in the reader's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from features.views.profile import ATTRIBUTE
from serving.console.visitors import Visitor
from serving.console.words import Words
from serving.decisions.definitions import Decisions
from serving.decisions.wording import DecisionWriter
from serving.parts.deciding import DecisionEngine
from serving.parts.standing import StandingEngine
from training.segments.matrix import FIELDS
from training.segments.pyramid import TIERS
from training.segments.rfm import GROUPS
from training.segments.stages import STAGES

Form = Literal["percent", "money", "span", "plain"]
#: How numbers are written; others are plain.
_FORMS: Mapping[str, Form] = {
    **dict.fromkeys(("risk", "alive", "best_offer_probability"), "percent"),
    **dict.fromkeys(("amount", "amount_low", "amount_high", "value_at_risk", "lifetime_value", "action_gain"), "money"),
    "days_to_next_order": "span",
}
#: The texts of values by column: `<kind>.<value>`.
_KINDS = {
    "tier": "tier",
    "value_tier": "value_tier",
    "value_field": "matrix",
    "rfm_group": "rfm",
    "stage": "stage",
    "ladder": "ladder",
    "action_channel": "column.channel",
}
#: Values in an order that means something; others are in that of their words.
_ORDERS: Mapping[str, Sequence[str]] = {
    "tier": ("high", "medium", "low", "new", "not_due", "inactive"),
    "value_tier": TIERS,
    "value_field": FIELDS,
    "rfm_group": GROUPS,
    "stage": STAGES,
}
#: Signs of values that say how things are; see `badge` in parts.html.
_SIGNS = {
    ("tier", "high"): "bad",
    ("tier", "medium"): "watch",
    ("tier", "low"): "good",
}


@dataclass(frozen=True)
class ColumnWords:
    """Writes columns of the score table, and values in them.

    Attributes
    ----------
    clusters
        Titles by name.
    decisions
        None where no actions are configured.
    """

    words: Words
    clusters: Mapping[str, str] = field(default_factory=dict)
    decisions: Decisions | None = None

    @classmethod
    def of(cls, visitor: Visitor) -> "ColumnWords":
        """Return what writes for a visitor, with the titles of clusters and actions where they are loaded.

        Raises
        ------
        NotReadyError
            If nothing is loaded yet.
        """
        deployment = visitor.state.reloader.deployment
        clusters, decisions = {}, None
        if deployment.error(StandingEngine) is None:
            described = deployment.engine(StandingEngine).clusters[visitor.language]
            clusters = {name: one.title for name, one in described.items()}
        if deployment.error(DecisionEngine) is None:
            decisions = deployment.engine(DecisionEngine).decisions
        return cls(visitor.words, clusters, decisions)

    def title(self, name: str) -> str:
        """Return what a column is called; one that no text names by its own name."""
        key = f"column.title.{name}"
        return self.words.say(key) if self.words.has(key) else self._plain(name)

    @staticmethod
    def form(name: str) -> Form:
        """Return how numbers of a column are written."""
        return _FORMS.get(name, "plain")

    @staticmethod
    def sign(name: str, value: str) -> str:
        """Return the kind of badge that a text has; empty for one without."""
        return _SIGNS.get((name, value), "plain" if name == "tier" else "")

    def number(self, name: str, value: float) -> str:
        """Write a number of a column."""
        form = self.form(name)
        if form == "money":
            return self.words.amount(value, "money")
        if form == "span":
            return self.words.amount(value, "span")
        return self.words.percent(value) if form == "percent" else self.words.plain(round(value, 1))

    def text(self, name: str, value: str) -> str:
        """Write a text of a column; one that no text names as it is."""
        if name.startswith("reason_"):
            return self.reason(value)
        if name == "best_action":
            return self._actions.get(value, value)
        if name == "best_offer":
            return self.words.names.of("product", value)
        if name == "cluster":
            return self.clusters.get(value, value)
        key = f"{_KINDS[name]}.{value}" if name in _KINDS else ""
        return self.words.sentence(self.words.say(key)) if self.words.has(key) else value

    def reason(self, name: str) -> str:
        """Write a reason as a short sentence: a finding, or else a theme or an attribute of the customer."""
        for kind in ("finding", "theme"):
            text = self.words.texts.get(f"{kind}.{name}", "")
            if text and "{" not in text:
                return text
        return self.attribute(name.removeprefix(ATTRIBUTE))

    def attribute(self, name: str) -> str:
        """Return what an attribute of customers is called."""
        return self.words.names.of("attribute", name, self._plain(name))

    def _plain(self, name: str) -> str:
        return self.words.sentence(name.replace("_", " "))

    def choices(self, name: str, values: Sequence[str]) -> list[tuple[str, str]]:
        """Return values of a column with their words, in the order in which a reader looks for them."""
        order = {value: place for place, value in enumerate(_ORDERS.get(name, ()))}
        named = [(value, self.text(name, value)) for value in values]
        return sorted(named, key=lambda one: (order.get(one[0], len(order)), one[1]))

    @cached_property
    def _actions(self) -> Mapping[str, str]:
        """What actions are called, by name."""
        write = DecisionWriter(self.words)
        actions = self.decisions.actions if self.decisions is not None else {}
        return {"do_nothing": write.title(None), **{name: write.title(one) for name, one in actions.items()}}

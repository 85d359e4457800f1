"""What a risk means, in words: built from what the model was asked."""

from dataclasses import dataclass

from serving.explain.tiers import AnyTier
from serving.explain.wording import Writer
from training.churn.definition import Definition


@dataclass(frozen=True)
class Meaning:
    """Says what a model's risks mean.

    Attributes
    ----------
    typical
        The risk of the median customer.
    order_only
        Whether the percentages are too far off to be said.
    """

    definition: Definition
    typical: float
    order_only: bool = False

    def text(self, risk: float | None, tier: AnyTier, writer: Writer) -> str:
        """Say what a customer's risk means, or why there is none."""
        definition = self.definition
        days = writer.amount(self._days, "span")
        if tier == "inactive" or risk is None:
            key = "not_due" if tier == "not_due" else "no_contract"
            if definition.activity_window_days is not None:
                return writer.say("risk.inactive", days=writer.amount(definition.activity_window_days, "span"))
            return writer.say(f"risk.{key}", days=days)
        if tier == "new":
            key = "risk.new_unsure" if self.order_only else "risk.new"
            return writer.say(key, risk=writer.percent(risk), days=days)
        if self.order_only:
            return writer.say(f"order.{tier}")
        key = "renewal" if definition.renewal else definition.kind
        return writer.say(f"risk.{key}", risk=writer.percent(risk), days=days, typical=writer.percent(self.typical))

    @property
    def _days(self) -> int:
        """From now to the end of the label window."""
        return self.definition.gap_days + (self.definition.horizon_days or 0)

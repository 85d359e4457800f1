"""Rules of segments, what was found of them and what distinguishes their members, in a reader's language."""

from collections.abc import Sequence
from functools import reduce

from serving.explain.fields import FLAGS, Fields
from serving.explain.language import title_in
from serving.segments.check import RuleFinding
from serving.segments.compare import Trait
from serving.segments.definitions import SegmentDefinition
from serving.segments.rules import AnyOf, Condition, NotOf, Rule, part_at, parts_of

_OF_MOMENTS = frozenset({"within_days", "next_days", "older_than_days"})


class RuleWords:
    """Says rules in words.

    Parameters
    ----------
    fields
        Says columns and their values.
    """

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self._say = fields.writer.say

    def rule(self, rule: Rule) -> str:
        """Return a rule as a sentence without its end."""
        return self.fields.writer.sentence(self._part(rule))

    def trait(self, trait: Trait) -> str:
        """Return what distinguishes members from all other customers."""
        fields, percent = self.fields, self.fields.writer.percent
        if trait.measure == "share":
            value = fields.writer.quoted(fields.text(trait.column, trait.value or ""))
            figures = percent(trait.members), percent(trait.others)
            return self._trait(trait, *figures, value=value)
        return self._trait(trait, *(fields.number(trait.column, one) for one in (trait.members, trait.others)))

    def finding(self, finding: RuleFinding, rule: Rule) -> str:
        """Return what is wrong with a rule; a part of it in words."""
        key = f"rule_finding.{finding.kind}"
        if finding.kind in {"part_never", "part_always", "unknown_value"}:
            return self._say(key, part=self._part(part_at(rule, finding.place)))
        return self._say(key)

    def _trait(self, trait: Trait, members: str, others: str, **more: str) -> str:
        name = self.fields.heading(trait.column)
        return self._say(f"rule_trait.{trait.measure}", name=name, members=members, others=others, **more)

    def _part(self, rule: Rule) -> str:
        if isinstance(rule, Condition):
            return self._condition(rule, negated=False)
        if isinstance(rule, NotOf):
            inner = rule.negated
            if isinstance(inner, Condition):
                return self._condition(inner, negated=True)
            return self._say("rule.not", text=self._part(inner))
        joint = "rule.or" if isinstance(rule, AnyOf) else "rule.and"
        return self._joined(joint, [self._inner(part) for part in parts_of(rule)])

    def _inner(self, part: Rule) -> str:
        """Return a part of a group: a group of several in brackets."""
        text = self._part(part)
        is_group = not isinstance(part, NotOf) and len(parts_of(part)) > 1
        return self._say("rule.group", text=text) if is_group else text

    def _condition(self, condition: Condition, *, negated: bool) -> str:
        operator, name = condition.operator, self.fields.name(condition.column)
        if operator == "missing":
            return self._say("rule.missing" if condition.operand != negated else "rule.known", name=name)
        return self._say(
            f"rule_not.{operator}" if negated else f"rule.{operator}", name=name, **self._values(condition)
        )

    def _values(self, condition: Condition) -> dict[str, str]:
        operator, operand, column = condition.operator, condition.operand, condition.column
        if operator in _OF_MOMENTS:
            return {"days": self.fields.days(operand)}
        if operator == "between":
            low, high = (self.fields.exact(column, end) for end in operand)
            return {"low": low, "high": high}
        given = operand if operator == "in" else (operand,)
        return {"value": self._joined("rule.or_value", [self._value(column, one) for one in given])}

    def _value(self, column: str, value: float | str) -> str:
        if isinstance(value, str):
            return self.fields.writer.quoted(self.fields.text(column, value))
        return self.fields.number(column, value) if column in FLAGS else self.fields.exact(column, value)

    def _joined(self, joint: str, texts: Sequence[str]) -> str:
        return reduce(lambda one, other: self._say(joint, one=one, other=other), texts)


def title_of(definition: SegmentDefinition, language: str) -> str:
    """Return what a segment is called in a language; else in another one, else its name."""
    return title_in(definition.titles, language, definition.name)

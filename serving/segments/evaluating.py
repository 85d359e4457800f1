"""Evaluate segments over all customers: members, sizes, overlaps, traits, findings. Reads and writes no store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.errors import DataError
from serving.segments.check import RuleFinding, check_rule, in_words
from serving.segments.columns import RuleError
from serving.segments.compare import overlaps, traits
from serving.segments.definitions import SegmentDefinition
from serving.segments.population import Population
from serving.segments.rules import Condition, columns_of, placed_conditions
from serving.segments.store import Evaluation
from serving.segments.values import Mask


class ContradictoryRuleError(DataError):
    """A rule can hold for nobody."""

    def __init__(self, finding: RuleFinding) -> None:
        super().__init__(finding.text, "Correct the rule.")
        self.finding = finding


@dataclass(frozen=True)
class Evaluated:
    """An evaluation with its members, by their ids in order, and their places among all customers."""

    evaluation: Evaluation
    members: Sequence[str]
    mask: Mask


def evaluate(
    definitions: Iterable[SegmentDefinition], frozen: Mapping[str, Sequence[str]], population: Population, now: datetime
) -> dict[str, Evaluated]:
    """Evaluate segments together.

    A rule that does not fit the columns, such as one about a feature that there was once, is no error: its segment has
    no members, and the problem is in its evaluation.

    Parameters
    ----------
    frozen
        Members of static segments that were evaluated before, by name.
    now
        The time on the clock.
    """
    found = {one.name: _one(one, frozen.get(one.name), population, now) for one in definitions}
    shares = overlaps({name: one.mask for name, one in found.items()})
    return {
        name: replace(one, evaluation=replace(one.evaluation, overlaps=shares[name])) for name, one in found.items()
    }


def check_definition(definition: SegmentDefinition, population: Population) -> None:
    """Refuse a definition that nobody can mean.

    Raises
    ------
    RuleError
        If a condition does not fit the columns.
    ContradictoryRuleError
        If the rule can hold for nobody.
    """
    never = [one for one in check_rule(definition.rule, population.columns) if one.kind == "never"]
    if never:
        raise ContradictoryRuleError(never[0])


def _one(
    definition: SegmentDefinition, frozen: Sequence[str] | None, population: Population, now: datetime
) -> Evaluated:
    base = Evaluation(
        definition.fingerprint, population.made_from, population.as_of, now, size=0, customers=len(population.customers)
    )
    if frozen is not None:
        members, mask = frozen, population.are(frozenset(frozen))
        findings: list[RuleFinding] = []
    else:
        try:
            mask, findings = population.members(definition.rule), check_rule(definition.rule, population.columns)
        except RuleError as error:
            return Evaluated(replace(base, problem=str(error)), (), population.are(frozenset()))
        members = population.chosen(mask)
        findings += _unknown_values(definition, population)
    if not members and not any(one.kind == "never" for one in findings):
        findings.append(RuleFinding("empty", "Nobody is in the segment now."))
    distinguishing = tuple(traits(population, mask, columns_of(definition.rule)))
    evaluation = replace(base, size=len(members), traits=distinguishing, findings=tuple(findings))
    return Evaluated(evaluation, members, mask)


def _unknown_values(definition: SegmentDefinition, population: Population) -> list[RuleFinding]:
    """Return the conditions that ask for texts which no customer has, as a misspelt one."""
    findings = []
    for place, condition in placed_conditions(definition.rule):
        if condition.column in population.texts and condition.operator in {"equals", "in"}:
            there = {value for value in population.texts[condition.column] if value is not None}
            unknown = [value for value in _texts_of(condition) if value not in there]
            if unknown:
                named = ", ".join(sorted(there)[:8]) or "none"
                text = f"{in_words(condition)}: no customer has {', '.join(unknown)}; there are {named}."
                findings.append(RuleFinding("unknown_value", text, place))
    return findings


def _texts_of(condition: Condition) -> list[str]:
    given = condition.operand if condition.operator == "in" else (condition.operand,)
    return [str(value) for value in given]

"""Filters of the list of customers as a rule, so that whom somebody found can become a segment."""

from serving.scoring.listing import Listing
from serving.segments.rules import AllOf, AnyOf, Condition, Rule


def rule_of(listing: Listing, within: Rule | None = None) -> Rule | None:
    """Return a rule that holds for the rows of a listing, on whichever page they are; None where it filters nothing.

    Ids are no column of rules: whom `begins` and `among` leave out, the rule does not.

    Parameters
    ----------
    within
        The rule of a segment whose members are listed.
    """
    parts: list[Rule] = [] if within is None else [within]
    parts += [Condition(column=name, equals=text) for name, text in listing.equal.items()]
    parts += [_one_of(name, sorted(texts)) for name, texts in listing.one_of.items()]
    for name in dict.fromkeys((*listing.least, *listing.most)):
        if name in listing.least:
            parts.append(Condition(column=name, at_least=listing.least[name]))
        if name in listing.most:
            parts.append(_at_most(name, listing.most[name]))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else AllOf(all=tuple(parts))


def _one_of(name: str, texts: list[str]) -> Condition:
    if len(texts) == 1:
        return Condition(column=name, equals=texts[0])
    return Condition.model_validate({"column": name, "in": texts})


def _at_most(name: str, number: float) -> Rule:
    """Return a rule for numbers up to and with one: intervals of rules are half-open."""
    return AnyOf(any=(Condition(column=name, below=number), Condition(column=name, equals=number)))

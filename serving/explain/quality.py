"""Whether a marketer can read the reasons: what they compare with, alarms about the usual, actions, length, ease."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from serving.explain.actions import Action
from serving.explain.contributions import Explained
from serving.explain.reasons import Reason
from serving.explain.tiers import AnyTier
from serving.explain.wording import LONGEST

#: Findings that raise an alarm about a change of habit, with the fact, the habit, and which side of it is harmless.
_ALARMS = {
    "long_silence": ("recency_days", "gap_mean", -1),
    "buys_less_often": ("baskets_28d", "baskets_usual_28d", 1),
    "spends_less": ("amount_28d", "amount_usual_28d", 1),
    "narrower_basket": ("categories_28d", "categories_usual_28d", 1),
    "uses_less_than_usual": ("visits_28d", "visits_usual_28d", 1),
    "buys_less": ("baskets_28d", "baskets_usual_28d", 1),
}
#: Without a purchase for so long a customer who buys again counts as returning.
_BREAK_DAYS = 56
#: Findings that compare with others, with the customer's own fact and habit: alarms where they are clear.
_LEVELS = {
    "less_frequent": ("baskets_28d", "baskets_usual_28d"),
    "smaller_spender": ("amount_28d", "amount_usual_28d"),
    "narrower_range": ("categories_28d", "categories_usual_28d"),
    "uses_less": ("visits_28d", "visits_usual_28d"),
}
_WELCOMES = frozenset({"first_purchase", "new_customer", "first_contract", "returning"})
_RENEWALS = frozenset({"notice_given", "contract_ends_soon"})
_WORD = re.compile(r"[A-Za-z']+")
_SENTENCE_END = re.compile(r"[.!?:;](?:\s|$)")
_VOWELS = re.compile(r"[aeiouy]+")


def readable(explained: Sequence[Explained], reasons: Sequence[Sequence[Reason]]) -> dict[str, Any]:
    """Measure the reasons of customers, in English.

    Returns
    -------
    `compared`: the share of reasons that compare, are merged, or state what a customer is.

    `alarms_about_the_usual`: reasons that raise an alarm about a change where this customer's own habit shows none.

    `blamed_on_a_recent_purchase`: reasons that raise the risk by a last purchase of less than seven days ago which is
    not late by the customer's own habit.
    """
    everyone = [(one, reason) for one, listed in zip(explained, reasons, strict=True) for reason in listed]
    return {
        "reasons": len(everyone),
        "compared": sum(reason.finding is not None for _, reason in everyone) / len(everyone) if everyone else 1.0,
        "alarms_about_the_usual": sum(is_usual(one, reason) for one, reason in everyone),
        "blamed_on_a_recent_purchase": sum(_blames_recent(one, reason) for one, reason in everyone),
    }


def is_usual(one: Explained, reason: Reason) -> bool:
    """Tell whether a reason raises an alarm about something that is usual for the customer.

    Checks the values again: a count is usual on the harmless side of the habit, and none at all while the last purchase
    is no longer ago than the mean gap; a silence up to the mean gap; a break of eight weeks where the mean gap is as
    long.
    """
    if reason.direction == "raises" and reason.finding == "returning":
        return one.values.get("gap_mean", math.nan) >= _BREAK_DAYS
    if reason.direction == "raises" and reason.finding in _LEVELS and reason.certainty == "clear":
        fact, habit = _LEVELS[reason.finding]
        return one.values.get(fact, math.nan) >= one.values.get(habit, math.nan)
    if reason.direction != "raises" or reason.finding not in _ALARMS:
        return False
    fact, habit, harmless = _ALARMS[reason.finding]
    value, usual = one.values.get(fact, math.nan), one.values.get(habit, math.nan)
    if (value - usual) * harmless >= 0 and reason.finding != "buys_less":
        return True
    since, gap = one.values.get("recency_days", math.nan), one.values.get("gap_mean", math.nan)
    # no purchase at all says no more than that the next one is late
    return fact != "recency_days" and value == 0 and not math.isnan(gap) and since <= gap


def _blames_recent(one: Explained, reason: Reason) -> bool:
    if reason.direction != "raises" or reason.theme != "silence":
        return False
    since, gap = one.values.get("recency_days", math.nan), one.values.get("gap_mean", math.nan)
    return since < 7 and not since > gap


def contradictions(
    tiers: Sequence[AnyTier], reasons: Sequence[Sequence[Reason]], actions: Sequence[Sequence[Action]]
) -> dict[str, int]:
    """Count the customers whose actions contradict their tier, their reasons, or each other.

    An action is for high or medium risk, answers a reason that raises the risk, does not pass over complaints, and
    nobody is welcomed and asked to renew at once.
    """
    wrong = 0
    for tier, listed, chosen in zip(tiers, reasons, actions, strict=True):
        raising = {reason.finding for reason in listed if reason.direction == "raises"}
        asked = {action.finding for action in chosen}
        wrong += bool(
            (chosen and tier not in {"high", "medium"})
            or not asked <= raising
            or ("complains_more" in raising and chosen and chosen[0].finding != "complains_more")
            or (asked & _WELCOMES and asked & _RENEWALS)
        )
    return {"customers": len(tiers), "with_an_action": sum(map(bool, actions)), "contradicting": wrong}


def lengths(texts: Iterable[str]) -> dict[str, int]:
    """Return how many texts there are, and how many have more than 140 characters."""
    listed = list(texts)
    return {
        "texts": len(listed),
        "longest": max(map(len, listed), default=0),
        "too_long": sum(len(text) > LONGEST for text in listed),
    }


def reading_grade(texts: Iterable[str]) -> float:
    """Return the mean Flesch-Kincaid grade of English texts (Kincaid et al., 1975): years of school to read them.

    Syllables are counted by groups of vowels, without a silent e at the end.
    """
    grades = [_grade(text) for text in texts]
    return sum(grades) / len(grades) if grades else 0.0


def _grade(text: str) -> float:
    words = _WORD.findall(text)
    sentences = max(1, len(_SENTENCE_END.findall(text)))
    syllables = sum(map(_syllables, words))
    return 0.39 * len(words) / sentences + 11.8 * syllables / max(1, len(words)) - 15.59


def _syllables(word: str) -> int:
    lower = word.lower()
    groups = len(_VOWELS.findall(lower))
    silent = lower.endswith("e") and not lower.endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent)

"""What somebody has typed to plan a campaign, and the campaign that it means."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode

from pydantic import TypeAdapter, ValidationError

from serving.campaigns.definition import Campaign
from serving.campaigns.kept import Kept
from serving.decisions.definitions import Decisions
from serving.explain.language import Language
from serving.segments.definitions import Name
from serving.segments.rules import Rule

_T = TypeVar("_T")
_DAY = timedelta(days=1)
#: A campaign lasts so long unless somebody says otherwise, and holds out such a share, in percent.
_DAYS, _HOLDOUT = 14, "10"
#: Before the name of a channel, in the name of its field.
CAPACITY = "capacity_"
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_RULE: TypeAdapter[Rule] = TypeAdapter(Rule)
_LARGEST = 1_000_000_000
#: Any day, as only the names of the fields are asked for.
_START = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PlanForm:
    """The form of a plan.

    Attributes
    ----------
    values
        What the fields show, by their names.
    actions
        Names of the actions that are ticked.
    campaign
        What it means; None where a field is not acceptable.
    wrong
        Names of the fields that are not acceptable.
    """

    values: Mapping[str, str]
    actions: tuple[str, ...]
    campaign: Campaign | None
    wrong: frozenset[str]

    @property
    def query(self) -> str:
        """The form as the query of an address."""
        # a field without a default says nothing where it is empty
        pairs = [(name, value) for name, value in self.values.items() if value or name in {"goal", "budget"}]
        return urlencode([*pairs, ("of", self.values["goal"]), *(("action", name) for name in self.actions)])

    @property
    def editing(self) -> str:
        """The name of the plan that is changed; empty for a new one."""
        return self.values["campaign"]


def read_form(query: str, decisions: Decisions, now: datetime, language: Language) -> PlanForm:
    """Read the fields from the query of an address.

    Parameters
    ----------
    now
        Fields that are missing are filled in for a campaign that begins on this day.
    """
    given = parse_qs(query, keep_blank_values=True)
    values = _defaults(decisions, now) | {name: found[-1].strip() for name, found in given.items() if name != "action"}
    possible = [one.name for one in decisions.actions.values() if values["goal"] in {"", one.goal}]
    asked = given.get("action", [])
    # actions of another goal than the one that is asked for were ticked before it was chosen
    ticked = [name for name in possible if name in asked] if values.get("of") == values["goal"] else possible
    return _checked(values, tuple(ticked), possible, decisions, language)


def form_of(kept: Kept, decisions: Decisions, now: datetime, language: Language) -> PlanForm:
    """Return the form of a plan that was saved."""
    campaign = kept.campaign
    numbers = {"budget": campaign.budget, "holdout": 100 * campaign.holdout}
    values = {name: "" if value is None else f"{value:.12g}" for name, value in numbers.items()}
    values |= {
        "campaign": campaign.name,
        "name": campaign.name,
        "title": campaign.titles.get(language, ""),
        "goal": campaign.goal or "",
        "segment": campaign.segment or "",
        "rule": "" if campaign.rule is None else _RULE.dump_json(campaign.rule, exclude_none=True).decode(),
        "allocation": campaign.allocation,
        "starts": f"{campaign.starts:%Y-%m-%d}",
        "ends": f"{campaign.ends - timedelta(microseconds=1):%Y-%m-%d}",
        **{f"{CAPACITY}{channel}": str(most) for channel, most in campaign.capacity.items()},
    }
    names = campaign.actions or tuple(one.name for one in decisions.actions.values() if one.goal == campaign.goal)
    query = urlencode([*values.items(), ("of", values["goal"]), *(("action", name) for name in names)])
    return read_form(query, decisions, now, language)


def _defaults(decisions: Decisions, now: datetime) -> dict[str, str]:
    goals = sorted({one.goal for one in decisions.actions.values()})
    goal = "retain" if "retain" in goals else ""
    budget = decisions.policy.budget
    return {
        "campaign": "",
        "goal": goal,
        "segment": "",
        "rule": "",
        "budget": "" if budget is None else f"{budget:.12g}",
        "holdout": _HOLDOUT,
        "allocation": "best",
        "starts": f"{now:%Y-%m-%d}",
        "ends": f"{now + (_DAYS - 1) * _DAY:%Y-%m-%d}",
        "name": f"plan-{now:%Y-%m-%d}",
        "title": "",
        **{f"{CAPACITY}{channel}": "" for channel in sorted(decisions.channels)},
    }


def _checked(
    values: Mapping[str, str],
    ticked: tuple[str, ...],
    possible: Sequence[str],
    decisions: Decisions,
    language: Language,
) -> PlanForm:
    """Read each field; those that cannot be read are wrong."""
    wrong: set[str] = set()

    def read(name: str, as_value: Callable[[str], _T]) -> _T | None:
        try:
            return as_value(values[name]) if values[name] else None
        except (ValueError, OverflowError):
            wrong.add(name)
            return None

    channels = [channel for channel in sorted(decisions.channels) if values[f"{CAPACITY}{channel}"]]
    capacity = {channel: read(f"{CAPACITY}{channel}", _count) for channel in channels}
    starts, ends = read("starts", _day), read("ends", _day)
    asked: dict[str, Any] = {
        "budget": read("budget", _money),
        "holdout": read("holdout", _share),
        # a segment that is chosen takes the place of a rule that a plan had
        "rule": None if values["segment"] else read("rule", _rule),
        "capacity": capacity,
        "starts": starts,
        "ends": None if ends is None else ends + _DAY,
        "name": read("name", _name),
        "segment": values["segment"] or None,
        "allocation": values["allocation"] if values["allocation"] == "random" else "best",
        "titles": {language: values["title"][:100]} if values["title"] else {},
    }
    wrong |= {name for name in ("holdout", "starts", "ends", "name") if asked[name] is None}
    if starts and ends and ends < starts:
        wrong.add("ends")
    if not ticked:
        wrong.add("action")
    # all actions of a goal, those that are added to the file before the start too
    is_goal = values["goal"] and len(ticked) == len(possible)
    asked |= {"goal": values["goal"]} if is_goal else {"actions": ticked}
    shown = {name: values[name] for name in _defaults(decisions, _START)}
    return PlanForm(shown, ticked, None if wrong else _campaign(asked, wrong), frozenset(wrong))


def _campaign(asked: Mapping[str, Any], wrong: set[str]) -> Campaign | None:
    """Return the campaign of the fields; where one cannot be, its field is wrong."""
    try:
        return Campaign.model_validate(asked)
    except ValidationError as error:
        wrong |= {str(one["loc"][0]) if one["loc"] else "action" for one in error.errors()}
        return None


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= _LARGEST:
        raise ValueError(text)
    return count


def _money(text: str) -> float:
    # as people write it: 1,000.50 or 1 000.50
    amount = float(re.sub(r"[,\s]", "", text))
    if not (math.isfinite(amount) and 0 <= amount <= _LARGEST):
        raise ValueError(text)
    return amount


def _share(text: str) -> float:
    share = float(text.removesuffix("%")) / 100
    if not 0 < share <= 0.9:
        raise ValueError(text)
    return share


def _day(text: str) -> datetime:
    day = date.fromisoformat(text)
    if not 1970 <= day.year <= 2200:
        raise ValueError(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _name(text: str) -> str:
    try:
        return _NAME.validate_python(text)
    except ValidationError as error:
        raise ValueError(text) from error


def _rule(text: str) -> Rule:
    try:
        return _RULE.validate_json(text)
    except ValidationError as error:
        raise ValueError(text) from error

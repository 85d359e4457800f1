"""Cards of forty customers in every language, written from what the model said of them.

`customers.json` holds what was read and computed of real and simulated customers: values, contributions, what is
typical. `python -m tests.serving.explain.golden` writes the cards again; read what has changed, in each language.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serving.explain.actions import Due, choose_actions
from serving.explain.contributions import Attribute, Explained, Part
from serving.explain.language import LANGUAGES, Language
from serving.explain.meaning import Meaning
from serving.explain.playbook import load_playbook
from serving.explain.reasons import write_reasons
from serving.explain.themes import THEMES, themes_of
from serving.explain.tiers import AnyTier
from serving.explain.wording import Writer
from serving.settings import TextSettings
from training.churn.definition import Definition
from training.evaluation.peers import Group

FOLDER = Path(__file__).parent
_DIGITS = 6
#: What sentences read: facts, habits, what says the same, and what states and certainty need.
_READ = frozenset(
    [
        *(name for theme in THEMES for fact in theme.facts for name in (fact.feature, *fact.family)),
        *(fact.habit.feature for theme in THEMES for fact in theme.facts if fact.habit),
        *(name for theme in THEMES for state in theme.states for name in state.needs),
        "gap_p90",
    ]
)


@dataclass(frozen=True)
class Customer:
    """A customer with all that a card is written from."""

    name: str
    explained: Explained
    risk: float | None
    tier: AnyTier
    typical: float
    definition: Definition
    due: Due | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, numbers to six digits, missing ones as null; without what no sentence reads."""
        known = [name for name in self.explained.values if name in _READ or name.startswith("attribute_")]
        one = {
            "values": {name: self.explained.values[name] for name in known},
            "contributions": {name: value for name, value in self.explained.contributions.items() if name in known},
            "similar": _group(self.explained.similar, known),
            "everyone": _group(self.explained.everyone, known),
            "parts": {name: asdict(part) for name, part in self.explained.parts.items()},
            "attributes": {name: asdict(attribute) for name, attribute in self.explained.attributes.items()},
            "numbers": self.explained.numbers,
            "subject": self.explained.subject,
        }
        rest = {"name": self.name, "risk": self.risk, "tier": self.tier, "typical": self.typical}
        due = None if self.due is None else asdict(self.due)
        content: dict[str, Any] = _short({**rest, "definition": asdict(self.definition), "due": due, "explained": one})
        return content

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Customer":
        """Read what `to_json` wrote."""
        one = content["explained"]
        values = {name: math.nan if value is None else value for name, value in one["values"].items()}
        explained = Explained(
            values,
            one["contributions"],
            Group(**one["similar"]),
            Group(**one["everyone"]),
            {name: Part(**part) for name, part in one["parts"].items()},
            {name: Attribute(**attribute) for name, attribute in one["attributes"].items()},
            themes_of(tuple(values)),
            tuple(one["numbers"]),
            one["subject"],
        )
        due = None if content["due"] is None else Due(**content["due"])
        return cls(
            content["name"],
            explained,
            content["risk"],
            content["tier"],
            content["typical"],
            Definition(**content["definition"]),
            due,
        )

    def card(self, language: Language) -> str:
        """Write what a marketer reads about the customer."""
        writer, playbook = Writer(language, TextSettings(currency="USD")), load_playbook(None)
        reasons = [] if self.risk is None else write_reasons(self.explained, writer, playbook.actionable)
        actions = choose_actions(reasons, self.tier, playbook, writer, self.due)
        meaning = Meaning(self.definition, self.typical)
        lines = [f"## {self.name}", meaning.text(self.risk, self.tier, writer)]
        for reason in reasons:
            sign = "▲" if reason.direction == "raises" else "▼"
            lines.append(f"{sign} {reason.share:.0%} [{reason.title}] {reason.text}")
        lines += [writer.say(f"heading.{name}", text=a.text) for name, a in zip(_STEPS, actions, strict=False)]
        return "\n".join(lines)


_STEPS = ("action", "next_action")


def _group(group: Group, known: list[str]) -> dict[str, Any]:
    return {
        "kind": group.kind,
        "usual": {name: group.usual[name] for name in known if name in group.usual},
        "middle": {name: group.middle[name] for name in known if name in group.middle},
    }


def _short(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _short(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_short(value) for value in content]
    if isinstance(content, float):
        return None if math.isnan(content) else float(f"{content:.{_DIGITS}g}")
    return content


def customers() -> list[Customer]:
    """Return the customers of the golden cards."""
    content = json.loads((FOLDER / "customers.json").read_text(encoding="utf-8"))
    return [Customer.of(one) for one in content]


def cards(language: Language) -> str:
    """Return the cards of all of them."""
    return "\n\n".join(one.card(language) for one in customers()) + "\n"


def write() -> None:
    """Write the cards again."""
    for language in LANGUAGES:
        (FOLDER / f"{language}.md").write_text(cards(language), encoding="utf-8")

"""The playbook: what to do about a finding, and which action comes first; the business may edit it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import ConfigError
from serving.explain.language import DEFAULT, LANGUAGES, Language, catalogue
from serving.explain.themes import FINDINGS
from serving.explain.tiers import AnyTier
from serving.explain.wording import Writer

_LANGUAGES = (
    "texts by language, in [<finding>.product] those with {product} and {every}; <purchase> and <purchases> are the "
    "words of the trade"
)


class Policy(BaseModel):
    """Which of several actions a customer gets.

    Attributes
    ----------
    tiers
        Customers in other tiers get none.
    order
        Findings in the order in which they are acted on; what is not named comes last.
    exclusive
        Groups of findings; of each a customer gets one action at most.
    service
        Findings whose actions are no marketing: customers who do not want to be contacted with offers get these alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiers: tuple[AnyTier, ...] = ("high", "medium")
    order: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, ...], ...] = ()
    service: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """What to do about one finding, by language; `product` is for a customer with a product that is due."""

    plain: Mapping[Language, str]
    product: Mapping[Language, str]


@dataclass(frozen=True)
class Playbook:
    """What can be done, by finding. A finding that is not in it cannot be acted on."""

    policy: Policy
    suggestions: Mapping[str, Suggestion]

    def suggestion(self, finding: str | None) -> Suggestion | None:
        """Return what to do about a finding."""
        return self.suggestions.get(finding or "")

    @property
    def actionable(self) -> frozenset[str]:
        """The findings that something can be done about."""
        return frozenset(self.suggestions)


class _File(BaseModel):
    """A playbook file: the policy, and texts by finding."""

    model_config = ConfigDict(extra="allow", frozen=True)

    policy: Policy = Field(default_factory=Policy)


_Texts = TypeAdapter(dict[Language, str])


def load_playbook(path: Path | None) -> Playbook:
    """Read a playbook; None is Encore's own. What a file with texts does not name cannot be acted on.

    Raises
    ------
    ConfigError
        If the file cannot be read, or names a finding, a language or a placeholder that does not exist.
    """
    own = _read(Path(str(resources.files("serving.explain") / "playbook.toml")))
    file = own if path is None else _read(path)
    texts: dict[str, Any] = file.model_extra or {}
    given = {name: getattr(file.policy, name) for name in file.policy.model_fields_set}
    policy = own.policy.model_copy(update=given)
    named = {*texts, *policy.order, *policy.service, *(finding for group in policy.exclusive for finding in group)}
    if unknown := named - FINDINGS:
        raise ConfigError(
            f"{path}: nothing is named {', '.join(sorted(unknown))}; expected some of {', '.join(sorted(FINDINGS))}.",
            "Correct or remove the section.",
        )
    if not texts:
        return Playbook(policy, _own())
    return Playbook(policy, {finding: _suggestion(path, finding, section) for finding, section in texts.items()})


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The playbook cannot be read: {error}.", "Correct serving.playbook or the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"{path}: {'.'.join(str(p) for p in first['loc'])} = {first['input']!r}: {first['msg']}.",
            "Correct the file.",
        ) from error


def _own() -> dict[str, Suggestion]:
    """Return Encore's own texts, in all languages."""
    suggestions = {}
    for finding in sorted(FINDINGS):
        if f"action.{finding}" in catalogue(DEFAULT).texts:
            plain, product = (_by_language(f"{kind}.{finding}") for kind in ("action", "action_product"))
            suggestions[finding] = Suggestion(plain, product)
    return suggestions


def _by_language(key: str) -> dict[Language, str]:
    texts = {language: catalogue(language).texts.get(key) for language in LANGUAGES}
    return {language: text for language, text in texts.items() if text is not None}


def _suggestion(path: Path | None, finding: str, section: object) -> Suggestion:
    if not isinstance(section, dict):
        raise ConfigError(
            f"{path}: {finding} = {section!r}: expected a section with {_LANGUAGES}.", "Correct the file."
        )
    try:
        plain = dict(section)
        product = plain.pop("product", {})
        suggestion = Suggestion(_Texts.validate_python(plain), _Texts.validate_python(product))
        for texts, allowed in ((suggestion.plain, {}), (suggestion.product, {"product": "", "every": ""})):
            for language, text in texts.items():
                Writer(language).fill(text, **allowed)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([finding, *(str(part) for part in first["loc"] if part != "[key]")])
        raise ConfigError(
            f"{path}: {place} = {first['input']!r}: {first['msg']}; expected {_LANGUAGES}.", "Correct the file."
        ) from error
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{path}: {finding}: a text cannot be filled: {error}; expected {_LANGUAGES}.", "Correct the file."
        ) from error
    return suggestion

"""Where questions about customers arrive: answered from the last scores where nothing has happened, else computed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import orjson
import structlog
from pydantic import BaseModel

from core.errors import StoreError
from core.settings import Settings
from features.settings import TimeSettings
from serving.explain.wording import Language
from serving.offers.offering import Query
from serving.scoring.score_table import Cached, ScoreCache
from serving.scoring.scorer import Part, Scorer
from serving.settings import ServingSettings

#: What can be asked of a customer.
Include = Literal["risk", "reasons", "what_if", "offers", "profile"]
#: Why nobody gets a part.
Absence = Literal["no_model"]
_CHURN: tuple[Part, ...] = ("risk", "reasons", "what_if", "profile")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Question:
    """What is asked of some customers.

    Attributes
    ----------
    live
        Compute now, whatever was computed before.
    """

    customers: tuple[str, ...]
    include: frozenset[Include]
    language: Language
    query: Query = field(default_factory=Query)
    live: bool = False


@dataclass(frozen=True)
class Entry:
    """What is answered of one customer.

    Attributes
    ----------
    parts
        JSON objects without their braces, by part.
    missing
        Parts that cannot be told while a store is away.
    model
        The churn version that computed it, where that may be another than answers now.
    """

    customer_id: str
    as_of: datetime
    feature_timestamp: datetime
    computed: Literal["now", "materialised"]
    stale: bool
    parts: dict[Include, bytes]
    missing: tuple[Include, ...] = ()
    model: str | None = None


@dataclass(frozen=True)
class Reply:
    """What is answered.

    Attributes
    ----------
    unavailable
        Customers of whom nothing can be said while a store is away.
    absent
        Parts that nobody gets, and why.
    """

    entries: list[Entry]
    unavailable: list[str] = field(default_factory=list)
    absent: dict[Include, Absence] = field(default_factory=dict)


class Desk:
    """Answers questions, and keeps what it computed for those who ask next."""

    def __init__(self, settings: Settings, cache: ScoreCache) -> None:
        self._cache = cache
        self._is_live = settings[TimeSettings].as_of == "now"
        self._oldest = timedelta(hours=settings[ServingSettings].score_age_hours)

    def recall(self, scorer: Scorer, question: Question, as_of: datetime) -> Reply | None:
        """Answer all of a question from what was computed before; None where any of it is not there, or not current.

        Takes microseconds a customer, so that an event loop may ask.
        """
        wanted, absent = _wanted(scorer, question)
        found = self._recalled(scorer, question, as_of, wanted)
        return Reply(found, absent=absent) if len(found) == len(question.customers) else None

    def answer(self, scorer: Scorer, question: Question, as_of: datetime) -> Reply:
        """Answer a question; compute what has to be.

        Where the online store is away, the last that was computed is answered as stale.

        Raises
        ------
        StoreError
            If nothing can be said of anybody.
        """
        wanted, absent = _wanted(scorer, question)
        found = {one.customer_id: one for one in self._recalled(scorer, question, as_of, wanted)}
        rest = replace(question, customers=tuple(name for name in question.customers if name not in found))
        unavailable: list[str] = []
        try:
            computed = self._computed(scorer, rest, as_of, wanted, keep=not question.live)
        except StoreError as error:
            computed = self._last(scorer, rest, wanted)
            if not computed and not found:
                raise
            _log.warning("answered_stale", problem=error.problem)
            unavailable = sorted({*rest.customers} - {one.customer_id for one in computed})
        found |= {one.customer_id: one for one in computed}
        return Reply([found[name] for name in question.customers if name in found], unavailable, absent)

    def prepare(self, scorer: Scorer, question: Question, as_of: datetime) -> None:
        """Compute the answer to a question that will be asked, and keep it."""
        wanted, _ = _wanted(scorer, question)
        self._computed(scorer, question, as_of, wanted, keep=True)

    def _computed(
        self, scorer: Scorer, question: Question, as_of: datetime, wanted: Sequence[Include], *, keep: bool
    ) -> list[Entry]:
        if not (keep and question.customers and _may_keep(scorer, question)):
            return _compute(scorer, question, as_of, wanted)
        try:
            erasures = self._cache.erasures()
        except StoreError as error:  # an answer is worth more than its copy
            _log.warning("not_kept", problem=error.problem)
            return _compute(scorer, question, as_of, wanted)
        entries = _compute(scorer, question, as_of, wanted)
        self._keep(scorer, question, entries, erasures)
        return entries

    def _recalled(self, scorer: Scorer, question: Question, as_of: datetime, wanted: Sequence[Include]) -> list[Entry]:
        if question.live or not wanted or "profile" in wanted or not _may_keep(scorer, question):
            return []
        entries = []
        for customer, parts in self._find(wanted, question).items():
            # parts of one answer are of one moment
            whole = len(parts) == len(wanted) and len({one.as_of for one in parts.values()}) == 1
            if whole and all(self._is_current(one, scorer, as_of) for one in parts.values()):
                entries.append(_entry(customer, parts, stale=False))
        return entries

    def _keep(self, scorer: Scorer, question: Question, entries: Sequence[Entry], erasures: int) -> None:
        churn, following = scorer.models.churn, scorer.models.next_product
        try:
            for part in question.include - {"profile"}:
                model = following if part == "offers" else churn
                label = model.version.label if model else ""
                kept = {
                    one.customer_id: Cached(
                        scorer.made_by, label, one.as_of, one.feature_timestamp, True, one.parts[part]
                    )
                    for one in entries
                    if part in one.parts
                }
                if kept:
                    self._cache.keep(_name(part, question), kept, erasures)
        except StoreError as error:
            _log.warning("not_kept", problem=error.problem)

    def _last(self, scorer: Scorer, question: Question, wanted: Sequence[Include]) -> list[Entry]:
        """Return the last that was computed; offers only where customer, rules and models are as then.

        Consent may be gone, or a product blocked.
        """

        def holds(part: Include, one: Cached) -> bool:
            same = one.current and one.made_by == scorer.made_by and _may_keep(scorer, question)
            return part != "offers" or same

        entries = []
        for customer, found in self._find(wanted, question).items():
            parts = {part: one for part, one in found.items() if holds(part, one)}
            if parts:
                missing = tuple(part for part in wanted if part not in parts)
                model = next((one.model for part, one in parts.items() if part != "offers"), None)
                entries.append(replace(_entry(customer, parts, stale=True), missing=missing, model=model))
        return entries

    def _find(self, wanted: Sequence[Include], question: Question) -> dict[str, dict[Include, Cached]]:
        names = {_name(part, question): part for part in wanted}
        try:
            found = self._cache.find(question.customers, list(names))
        except StoreError as error:
            _log.warning("not_recalled", problem=error.problem)
            return {}
        return {customer: {names[name]: one for name, one in of.items()} for customer, of in found.items()}

    def _is_current(self, one: Cached, scorer: Scorer, as_of: datetime) -> bool:
        young = not self._is_live or as_of - one.as_of < self._oldest
        return young and one.current and one.made_by == scorer.made_by


def _compute(scorer: Scorer, question: Question, as_of: datetime, wanted: Sequence[Include]) -> list[Entry]:
    churn = [part for part in _CHURN if part in wanted]
    told = (
        {one.customer_id: one for one in scorer.tell(question.customers, as_of, churn, question.language)}
        if churn
        else {}
    )
    offered = (
        {
            one.customer_id: one
            for one in scorer.offering.offers(question.customers, as_of, question.query, question.language)
        }
        if "offers" in wanted
        else {}
    )
    entries = []
    for customer in question.customers:
        known = [one for one in (told.get(customer), offered.get(customer)) if one is not None]
        if not known:
            continue
        parts: dict[Include, bytes] = {}
        if customer in told:
            parts |= {part: _members(getattr(told[customer], part)) for part in churn}
        if customer in offered:
            parts["offers"] = _members(offered[customer].offered)
        moment = known[0].feature_timestamp
        entries.append(Entry(customer, max(as_of, moment), moment, "now", False, parts))
    return entries


def _wanted(scorer: Scorer, question: Question) -> tuple[list[Include], dict[Include, Absence]]:
    """Split what is asked for into what there is a model for, and what there is none for."""
    wanted: list[Include] = []
    absent: dict[Include, Absence] = {}
    for part in sorted(question.include):
        if scorer.recommends if part == "offers" else scorer.explains:
            wanted.append(part)
        else:
            absent[part] = "no_model"
    return wanted, absent


def _may_keep(scorer: Scorer, question: Question) -> bool:
    """Tell whether an answer is the same for who asks later: not with a basket, nor with campaigns that end."""
    return "offers" not in question.include or not (question.query.basket or scorer.rules.pinned)


def _entry(customer: str, parts: dict[Include, Cached], *, stale: bool) -> Entry:
    return Entry(
        customer,
        min(one.as_of for one in parts.values()),
        min(one.feature_timestamp for one in parts.values()),
        "materialised",
        stale,
        {part: one.body for part, one in parts.items()},
    )


def _name(part: Include, question: Question) -> str:
    if part == "risk":
        return part
    if part == "offers":
        return f"offers {question.language} {question.query.kind} {question.query.limit}"
    return f"{part} {question.language}"


def _members(part: BaseModel) -> bytes:
    return part.model_dump_json().encode()[1:-1]


def members(**values: object) -> bytes:
    """Return members of a JSON object, without its braces."""
    return orjson.dumps(values, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)[1:-1]


def provenance(entry: Entry) -> bytes:
    """Return what is said of where an entry comes from."""
    return members(
        customer_id=entry.customer_id,
        as_of=entry.as_of,
        feature_timestamp=entry.feature_timestamp,
        computed=entry.computed,
        stale=entry.stale,
    )

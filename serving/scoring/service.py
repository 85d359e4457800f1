"""The scoring service: every answer about a customer, for the API, the commands, exported lists and the console.

It answers from the score table where nothing has happened since, else computes, and keeps what it computed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import structlog

from core.errors import DataError, StoreError, without_folders
from core.settings import Settings
from features.settings import TimeSettings
from serving.scoring.deployment import Deployment, NoModelError
from serving.scoring.part import WITH_VALUES, Answered, AnswerPart, PartAnswer, Parts, Question, Reading, Shown, Status
from serving.scoring.score_table import Kept, ScoreTable
from serving.settings import ServingSettings
from training.monitoring.answers import AnswerLog

_log = structlog.get_logger(__name__)
_UNAVAILABLE = "The feature store is unavailable, and this was not computed before."
_STALE = "The feature store is unavailable: this is the last answer that was computed."


class UnknownCustomerError(DataError):
    """The feature store has no data for a customer."""

    def __init__(
        self,
        customer_id: str,
        remedy: str = "Check the id; a new customer is known after the first event, or the next materialisation.",
    ) -> None:
        super().__init__(f"No customer {customer_id!r} is known.", remedy)


@dataclass(frozen=True)
class ScoredCustomer:
    """What is answered about one customer.

    Attributes
    ----------
    as_of
        The moment the answer is for.
    feature_timestamp
        The moment the features were computed for; None where there are none.
    computed
        For this question, or before it.
    parts
        By name, one for each that was asked for.
    """

    customer_id: str
    as_of: datetime
    feature_timestamp: datetime | None
    computed: Literal["now", "materialised"]
    parts: Mapping[str, Answered[Any]]

    @cached_property
    def statuses(self) -> frozenset[str]:
        """The statuses of its parts."""
        return frozenset(part.field("status") for part in self.parts.values())

    def status(self, part: str) -> str:
        """Return the status of a part."""
        return str(self.parts[part].field("status"))


@dataclass(frozen=True)
class Reply:
    """The answer to a question: one entry per customer, in the order asked for."""

    deployment: Deployment
    customers: Sequence[ScoredCustomer]

    @property
    def models(self) -> set[str]:
        """Names and versions of the models that computed it."""
        answered = (part.field("model") for one in self.customers for part in one.parts.values())
        return {model for model in answered if model}


@dataclass(frozen=True)
class _Work:
    """A question with what can be computed for it, and why the other parts cannot."""

    deployment: Deployment
    question: Question
    as_of: datetime
    parts: Parts
    without: Mapping[str, Answered[PartAnswer]] = field(default_factory=dict)

    def of(self, customers: Sequence[str]) -> "_Work":
        """Return the same question about other customers."""
        return replace(self, question=replace(self.question, customers=tuple(customers)))


class ScoringService:
    """Answers questions by asking the registered parts.

    Parameters
    ----------
    parts
        The parts that there are.
    """

    def __init__(self, settings: Settings, parts: Parts, table: ScoreTable, answers: AnswerLog) -> None:
        self.parts = {part.name: part for part in parts}
        self.table = table
        self.answers = answers
        self._is_live = settings[TimeSettings].as_of == "now"
        self._oldest = timedelta(hours=settings[ServingSettings].score_age_hours)

    def recall(self, deployment: Deployment, question: Question, as_of: datetime) -> Reply | None:
        """Answer all of a question from the score table; None where any of it is not there, or not current.

        Takes microseconds a customer, so that an event loop may ask.
        """
        if question.live:
            return None
        work = self._work(deployment, question, as_of)
        recalled = self._recalled(work)
        if len(recalled) < len(question.customers):
            return None
        return Reply(deployment, [recalled[name] for name in question.customers])

    def recalled(self, deployment: Deployment, question: Question, as_of: datetime) -> Mapping[str, ScoredCustomer]:
        """Return the answers about the customers whose whole answer is in the score table and current."""
        return self._recalled(self._work(deployment, question, as_of))

    def answer(self, deployment: Deployment, question: Question, as_of: datetime) -> Reply:
        """Answer a question; compute what has to be.

        Where the online store is unavailable, the last answer that was computed has the status `stale`.

        Raises
        ------
        StoreError
            If nothing can be said about any customer.
        """
        work = self._work(deployment, question, as_of)
        scored = self._recalled(work)
        rest = work.of([name for name in question.customers if name not in scored])
        if rest.question.customers:
            scored |= self._computed_or_last(rest, anything=bool(scored))
        return Reply(deployment, [scored[name] for name in question.customers])

    def prepare(self, deployment: Deployment, question: Question, as_of: datetime) -> None:
        """Compute the answer to a question that will be asked, and keep it."""
        self._compute(self._work(deployment, question, as_of))

    def keeps(self, deployment: Deployment, question: Question, as_of: datetime) -> tuple[str, ...]:
        """Return the parts of a question whose answers are kept; of the others, the score table has columns alone."""
        return tuple(self._keys(self._work(deployment, question, as_of)))

    def shown(self, reply: Reply, question: Question) -> None:
        """Note that somebody gets an answer: parts count it and write impressions, and the answer log keeps it."""
        kept = []
        for one in reply.customers:
            for name in question.parts:
                if one.status(name) in WITH_VALUES:
                    shown = Shown(one.customer_id, one.as_of, one.parts[name])
                    self.parts[name].shown(reply.deployment, shown)
                    if one.customer_id and (answer := self.parts[name].logged(shown)) is not None:
                        kept.append(answer)
        self.answers.add(kept)

    def listed(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Note that somebody gets rows of a list, by columns: the answer log keeps them."""
        answers = (part.listed(row) for row in rows for part in self.parts.values())
        self.answers.add(answer for answer in answers if answer is not None)

    def _work(self, deployment: Deployment, question: Question, as_of: datetime) -> _Work:
        parts: list[AnswerPart[Any]] = []
        without: dict[str, Answered[PartAnswer]] = {}
        for name in question.parts:
            part = self.parts[name]
            error = deployment.error(part.engine)
            if error is None:
                parts.append(part)
            else:
                status: Status = "no_model" if isinstance(error, NoModelError) else "unavailable"
                without[name] = Answered.of(part.schema(status=status, reason=without_folders(str(error))))
        return _Work(deployment, question, as_of, parts, without)

    # -- from the score table

    def _recalled(self, work: _Work) -> dict[str, ScoredCustomer]:
        """Return the customers whose whole answer is in the score table and current."""
        keys = self._keys(work)
        if work.question.live or not keys or len(keys) < len(work.parts):
            return {}
        made_by = {part.name: work.deployment.made_by(part.engine, *part.helped_by) for part in work.parts}
        recalled: dict[str, ScoredCustomer] = {}
        for customer, kept in self._find(work, keys).items():
            # parts of one answer are of one moment
            whole = len(kept) == len(work.parts) and len({one.as_of for one in kept.values()}) == 1
            if whole and all(self._is_current(one, made_by[name], work.as_of) for name, one in kept.items()):
                recalled[customer] = self._entry(work, customer, kept)
        return recalled

    def _is_current(self, one: Kept, made_by: str, as_of: datetime) -> bool:
        young = not self._is_live or as_of - one.as_of < self._oldest
        return young and one.current and one.made_by == made_by

    def _keys(self, work: _Work) -> dict[str, str]:
        """Return the keys that answers are kept by, by part; parts that must not be kept have none."""
        keys = {part.name: part.key(work.deployment, work.question) for part in work.parts if part.kept}
        return {name: key for name, key in keys.items() if key is not None}

    def _find(self, work: _Work, keys: Mapping[str, str]) -> dict[str, dict[str, Kept]]:
        names = {key: name for name, key in keys.items()}
        try:
            entries = self.table.find(work.question.customers, list(names))
        except StoreError as error:
            _log.warning("not_recalled", problem=error.problem)
            return {}
        return {customer: {names[key]: one for key, one in kept.items()} for customer, kept in entries.items()}

    def _entry(self, work: _Work, customer: str, kept: Mapping[str, Kept]) -> ScoredCustomer:
        answered = {name: Answered(self.parts[name].schema, json=one.body) for name, one in kept.items()}
        return ScoredCustomer(
            customer,
            min(one.as_of for one in kept.values()),
            min(one.feature_timestamp for one in kept.values()),
            "materialised",
            {name: answered.get(name) or work.without[name] for name in work.question.parts},
        )

    # -- computed

    def _computed_or_last(self, work: _Work, *, anything: bool) -> dict[str, ScoredCustomer]:
        try:
            return self._compute(work, keep=not work.question.live)
        except StoreError as error:
            last = self._last(work)
            if not last and not anything:
                raise
            _log.warning("answered_stale", problem=error.problem)
            missing = [name for name in work.question.customers if name not in last]
            return last | {name: self._nothing(work, name, "unavailable", _UNAVAILABLE) for name in missing}

    def _compute(self, work: _Work, *, keep: bool = True) -> dict[str, ScoredCustomer]:
        erasures = self._erasures() if keep else None
        reading = Reading(work.deployment, work.question, work.as_of)
        computed = {part.name: part.compute(reading) for part in work.parts}
        scored: dict[str, ScoredCustomer] = {}
        for customer in work.question.customers:
            moments = [answers[customer].feature_timestamp for answers in computed.values() if customer in answers]
            if not moments:
                scored[customer] = self._nothing(
                    work, customer, "unknown_customer", str(UnknownCustomerError(customer))
                )
                continue
            parts: dict[str, Answered[Any]] = dict(work.without)
            for name, answers in computed.items():
                found = answers.get(customer)
                parts[name] = Answered.of(found.value if found else self._unknown(name, customer))
            ordered = {name: parts[name] for name in work.question.parts}
            scored[customer] = ScoredCustomer(customer, max(work.as_of, moments[0]), moments[0], "now", ordered)
        if erasures is not None:
            self._keep(work, scored.values(), erasures)
        return scored

    def _erasures(self) -> int | None:
        try:
            return self.table.erasures()
        except StoreError as error:  # an answer is worth more than its copy
            _log.warning("not_kept", problem=error.problem)
            return None

    def _keep(self, work: _Work, entries: Iterable[ScoredCustomer], erasures: int) -> None:
        """Keep the answers of parts that have values, and the scores taken from them."""
        known, keys = list(entries), self._keys(work)
        try:
            for part in work.parts:
                name, key = part.name, keys.get(part.name)
                if key is None and not part.listed_always:
                    continue
                kept, cells = {}, {}
                made_by = work.deployment.made_by(part.engine, *part.helped_by)
                for one in known:
                    if one.feature_timestamp is None or one.status(name) not in WITH_VALUES:
                        continue
                    answered = one.parts[name]
                    kept[one.customer_id] = Kept(made_by, one.as_of, one.feature_timestamp, True, answered.json)
                    if part.columns:
                        cells[one.customer_id] = part.cells(answered.value)
                self.table.keep(key, kept, erasures, cells)
        except StoreError as error:
            _log.warning("not_kept", problem=error.problem)

    # -- while the online store is unavailable

    def _last(self, work: _Work) -> dict[str, ScoredCustomer]:
        """Return the last answers, marked as stale; of parts that must be exact only those that are current."""
        scored: dict[str, ScoredCustomer] = {}
        for customer, kept in self._find(work, self._keys(work)).items():
            usable = {name: one for name, one in kept.items() if self._may_be_stale(work, name, one)}
            if not usable:
                continue
            parts: dict[str, Answered[Any]] = dict(work.without)
            for part in work.parts:
                one = usable.get(part.name)
                if one is None:
                    parts[part.name] = Answered.of(self._without(part.name, "unavailable", _UNAVAILABLE))
                else:
                    last = Answered(part.schema, json=one.body).value
                    parts[part.name] = Answered.of(
                        last if last.status == "withheld" else replace(last, status="stale", reason=_STALE)
                    )
            moments = list(usable.values())
            scored[customer] = ScoredCustomer(
                customer,
                min(one.as_of for one in moments),
                min(one.feature_timestamp for one in moments),
                "materialised",
                {name: parts[name] for name in work.question.parts},
            )
        return scored

    def _may_be_stale(self, work: _Work, name: str, one: Kept) -> bool:
        part = self.parts[name]
        return not part.exact or (one.current and one.made_by == work.deployment.made_by(part.engine, *part.helped_by))

    def _nothing(self, work: _Work, customer: str, status: Status, reason: str) -> ScoredCustomer:
        parts = {
            name: work.without.get(name) or Answered.of(self._without(name, status, reason))
            for name in work.question.parts
        }
        return ScoredCustomer(customer, work.as_of, None, "now", parts)

    def _unknown(self, name: str, customer: str) -> PartAnswer:
        return self._without(name, "unknown_customer", str(UnknownCustomerError(customer)))

    def _without(self, name: str, status: Status, reason: str) -> PartAnswer:
        answer: PartAnswer = self.parts[name].schema(status=status, reason=reason)
        return answer


def check_values(one: ScoredCustomer) -> None:
    """Refuse an answer of which a part has no values.

    Raises
    ------
    UnknownCustomerError
        If there are no data for the customer.
    NoModelError
        If there is no model for a part.
    StoreError
        If the feature store is unavailable, and not all that was asked for was computed before.
    """
    for part in one.parts.values():
        status, reason = part.field("status"), part.field("reason")
        if status == "no_model":
            raise NoModelError(reason)
        if status == "unavailable":
            raise StoreError(reason, "Check stores.online, and that it runs; ask again then.")
        if status == "unknown_customer":
            raise UnknownCustomerError(one.customer_id)

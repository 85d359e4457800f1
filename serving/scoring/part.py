"""What a part of an answer is: the contract that the scoring service, the API, the commands and files rely on."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

import orjson
from pydantic import Field, TypeAdapter

from serving.access.keys import Role
from serving.explain.language import Language
from serving.scoring.deployment import Deployment, Engine
from training.monitoring.answers import Answer

Status = Literal["ok", "stale", "withheld", "no_model", "unknown_customer", "unavailable"]
#: What is said of a customer, so that values can be used: the others have none.
WITH_VALUES: frozenset[Status] = frozenset({"ok", "stale", "withheld"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAnswer:
    """What every part of an answer has.

    Values are null unless the status is `ok`, `stale` or `withheld`.
    """

    status: Annotated[
        Status,
        Field(
            description="`ok`; `stale`: the last answer that was computed, since the feature store is unavailable; "
            "`withheld`: not for this customer; `no_model`: there is no model to answer with; `unknown_customer`: no "
            "data for this customer; `unavailable`: the feature store is unavailable, and nothing was computed before"
        ),
    ] = "ok"
    reason: Annotated[str | None, Field(description="Why the status is not `ok`")] = None
    model: Annotated[
        str | None, Field(description="Name and version of the model that computed it", examples=["encore-churn/1"])
    ] = None


P = TypeVar("P", bound=PartAnswer)
T = TypeVar("T")


class Answered(Generic[P]):
    """A part's answer about one customer, as a typed value and as JSON; whichever is missing is made when asked for."""

    def __init__(self, schema: type[P], *, value: P | None = None, json: bytes | None = None) -> None:
        self._schema = schema
        self._value, self._json = value, json

    @classmethod
    def of(cls, value: P) -> "Answered[P]":
        """Wrap a typed value."""
        return cls(type(value), value=value)

    @property
    def value(self) -> P:
        """The typed value."""
        if self._value is None:
            self._value = _adapter(self._schema).validate_json(self._json or b"null")
        return self._value

    @property
    def json(self) -> bytes:
        """A JSON object."""
        if self._json is None:
            self._json = orjson.dumps(self._value, option=JSON_OPTIONS)
        return self._json

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The JSON object as a dict."""
        fields: dict[str, Any] = orjson.loads(self.json)
        return fields

    def field(self, name: str) -> Any:  # noqa: ANN401 - as the schema has it
        """Return a field that is a text or a number, without reading the whole JSON object where there is a value."""
        return self.fields[name] if self._value is None else getattr(self._value, name)


#: Moments as the API writes them; numbers of NumPy as numbers.
JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_SERIALIZE_NUMPY

_ADAPTERS: dict[type[PartAnswer], TypeAdapter[Any]] = {}


def _adapter(schema: type[P]) -> TypeAdapter[P]:
    if schema not in _ADAPTERS:
        _ADAPTERS[schema] = TypeAdapter(schema)
    return _ADAPTERS[schema]


@dataclass(frozen=True)
class Column:
    """A column that a part adds to the score table.

    Attributes
    ----------
    type
        `number` columns can be limited by `min_<name>` and `max_<name>` and sorted by; `text` columns be asked for by
        value.
    """

    name: str
    type: Literal["number", "text"]
    description: str


@dataclass(frozen=True)
class Question:
    """A question about customers.

    Attributes
    ----------
    customers
        Ids, each once; an empty id is a guest, who is only known by `options`.
    parts
        Names of the parts that are asked for.
    options
        Options of a part, by its name; a part that is missing has its defaults.
    live
        Compute now, whatever was computed before.
    """

    customers: tuple[str, ...]
    parts: tuple[str, ...]
    language: Language = "en"
    options: Mapping[str, Hashable] = field(default_factory=dict)
    live: bool = False

    @property
    def kind(self) -> Hashable:
        """Questions of one kind differ in their customers only."""
        return self.parts, self.language, tuple(sorted(self.options.items(), key=lambda item: item[0])), self.live


class Reading:
    """What parts share while they answer one question."""

    def __init__(self, deployment: Deployment, question: Question, as_of: datetime) -> None:
        self.deployment = deployment
        self.question = question
        self.as_of = as_of
        self._shared: dict[Hashable, Any] = {}

    def once(self, make: Callable[["Reading"], T]) -> T:
        """Return what `make` returns, made once for all parts."""
        if make not in self._shared:
            self._shared[make] = make(self)
        value: T = self._shared[make]
        return value

    def give(self, make: Callable[["Reading"], T], value: T) -> None:
        """Take a value in the place of what `make` would return, such as customers as they were at another moment."""
        self._shared[make] = value


@dataclass(frozen=True)
class Shown:
    """An answer of a part that somebody gets.

    Attributes
    ----------
    customer_id
        Empty for a guest.
    """

    customer_id: str
    as_of: datetime
    answered: Answered[Any]


@dataclass(frozen=True)
class Computed(Generic[P]):
    """What a part computed of one customer, and the moment of the features it was computed from."""

    feature_timestamp: datetime
    value: P


class AnswerPart(ABC, Generic[P]):
    """A part of an answer. Each is one file of `serving.parts`, which lists them.

    Attributes
    ----------
    schema
        What it answers about a customer.
    role
        The role of a key that may ask for it.
    engine
        What it is computed by, which names the model that it needs.
    helped_by
        Engines that it uses too where there are any.
    kept
        Whether its answers are kept in the score table.
    exact
        Whether an answer that may be out of date is worse than none.
    columns
        What it adds to the score table.
    listed_always
        Whether it adds that too where the answer itself must not be kept.
    """

    name: ClassVar[str]
    schema: ClassVar[type[Any]]
    role: ClassVar[Role]
    engine: ClassVar[type[Engine]]
    helped_by: ClassVar[tuple[type[Engine], ...]] = ()
    kept: ClassVar[bool] = True
    exact: ClassVar[bool] = False
    columns: ClassVar[tuple[Column, ...]] = ()
    listed_always: ClassVar[bool] = False

    @abstractmethod
    def compute(self, reading: Reading) -> Mapping[str, Computed[P]]:
        """Answer for the known ones of the customers of a question.

        Raises
        ------
        StoreError
            If the online store does not answer.
        """

    def key(self, deployment: Deployment, question: Question) -> str | None:  # noqa: ARG002 - what others need
        """Return the name that an answer to the question is kept by; None for one that must not be kept."""
        return f"{self.name} {question.language}"

    def is_quick(self, deployment: Deployment) -> bool:  # noqa: ARG002
        """Return whether an event loop may wait for the answer about one customer."""
        return self.engine.quick

    def cells(self, value: P) -> Mapping[str, object]:  # noqa: ARG002
        """Return the values of its columns."""
        return {}

    def exported(self, value: P | None) -> Mapping[str, object]:  # noqa: ARG002
        """Return what it adds to a row of an exported list; None is a customer that it has no answer about."""
        return {}

    def texts(self, value: P | None) -> Mapping[str, object]:  # noqa: ARG002
        """Return the texts that it adds to a row of an exported list, which there are once for each language."""
        return {}

    def shown(self, deployment: Deployment, one: Shown) -> None:
        """Count an answer that somebody gets, and write down what has to be."""

    def logged(self, one: Shown) -> Answer | None:  # noqa: ARG002
        """Return what the answer log keeps of an answer that somebody gets; None keeps nothing."""
        return None

    def listed(self, row: Mapping[str, Any]) -> Answer | None:  # noqa: ARG002
        """Return what the answer log keeps of a row of a list, by columns; None keeps nothing."""
        return None


Parts = Sequence[AnswerPart[Any]]

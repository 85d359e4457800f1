"""Segments as the API and the commands use them: defined, evaluated when they are old, listed."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog

from core.errors import DataError, StateError, StoreError
from core.files import written
from core.settings import Settings, StoreSettings
from features.store.materialized import Online
from serving.scoring.score_table import ScoreTable
from serving.segments.columns import RuleColumn
from serving.segments.definitions import SegmentDefinition, load_definitions
from serving.segments.evaluating import check_definition, evaluate
from serving.segments.known import Known, known_values
from serving.segments.population import Population
from serving.segments.reading import Vectors, read_population
from serving.segments.rules import Rule
from serving.segments.store import Evaluation, SegmentSize, SegmentStore
from serving.settings import ServingSettings

Origin = Literal["file", "api"]
Defined = dict[str, tuple[SegmentDefinition, Origin]]
_log = structlog.get_logger(__name__)
#: How often customers are read again because one was erased meanwhile.
_ATTEMPTS = 3
#: Names that an error lists at most.
_MOST_NAMED = 12


class UnknownSegmentError(DataError):
    """There is no segment of a name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        there = f"there are {', '.join(sorted(known)[:_MOST_NAMED])}" if known else "none is defined"
        super().__init__(f"There is no segment {name!r}; {there}.", "Correct the name, or define the segment.")


class TakenNameError(DataError):
    """A segment of the file cannot be changed through the API."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The segment {name!r} is defined in the file.", "Change it there, or choose another name.")


@dataclass(frozen=True)
class Segment:
    """A segment, where it is defined, and what was found of it."""

    definition: SegmentDefinition
    origin: Origin
    evaluation: Evaluation


@dataclass(frozen=True)
class Source:
    """What customers are read from.

    Attributes
    ----------
    vectors
        Reads the features of customers with events since the materialisation.
    as_of
        The moment to answer for.
    """

    online: Online
    vectors: Vectors
    as_of: datetime


class Segments:
    """The segments of a deployment. Safe for threads and processes.

    Parameters
    ----------
    table
        The score table.
    clock
        The wall clock.
    """

    def __init__(
        self, settings: Settings, table: ScoreTable, clock: Callable[[], datetime], store: SegmentStore | None = None
    ) -> None:
        serving = settings[ServingSettings]
        self._settings = settings
        self._clock = clock
        self._path = serving.segments
        self._oldest = timedelta(minutes=serving.segment_age_minutes)
        self._of_file: tuple[tuple[str, ...], dict[str, SegmentDefinition]] = ((), {})
        self._columns: tuple[str, Mapping[str, RuleColumn]] = ("", {})
        self._known: tuple[datetime, Mapping[str, Known]] | None = None
        self._evaluating = threading.Lock()
        self.table = table
        self.store = store or SegmentStore(settings[StoreSettings])

    def definitions(self) -> Defined:
        """Return every definition with where it is from, by name; one of the file wins over one of the API.

        Raises
        ------
        ConfigError
            If the file cannot be read.
        """
        seen = written(self._path)
        if seen != self._of_file[0]:
            self._of_file = (seen, load_definitions(self._path))
        defined: Defined = {name: (one, "api") for name, one in self.store.definitions().items()}
        defined |= {name: (one, "file") for name, one in self._of_file[1].items()}
        return dict(sorted(defined.items()))

    def columns(self, source: Source) -> Mapping[str, RuleColumn]:
        """Return the columns that rules may read, which are the same until the next materialisation."""
        if self._columns[0] != source.online.fingerprint:
            with self._evaluating:
                self._read(source)
        return self._columns[1]

    def known(self, source: Source) -> Mapping[str, Known]:
        """Return what customers have in each column, as it was at most `serving.segment_age_minutes` ago."""
        now, known = self._clock(), self._known
        if known is not None and now - known[0] < self._oldest:
            return known[1]
        with self._evaluating:
            # another thread may have read them while this one waited
            if self._known is known:
                self._known = (now, known_values(self._read(source)))
            return self._known[1] if self._known is not None else {}

    def means(self, names: Sequence[str], columns: Sequence[str], source: Source) -> dict[str, dict[str, float | None]]:
        """Return the mean of some columns of numbers over the members of segments, by segment and column.

        Customers without a value take no part; None where no member has one, or where there is no such column.
        """
        with self._evaluating:
            population = self._read(source)
        members = {name: population.are(frozenset(self.store.members(name))) for name in names}
        return {name: {column: population.mean(column, mask) for column in columns} for name, mask in members.items()}

    def every(self, source: Source, *, now: bool = False) -> dict[str, Segment]:
        """Return every segment; all are evaluated again where one is old, or of features before the last ones.

        The last evaluation answers while another thread evaluates, and where customers cannot be read, as while
        features are built; `as_of` says of when it is. Nothing stays of segments that are not defined any more.

        Parameters
        ----------
        now
            Evaluate in any case.

        Raises
        ------
        ConfigError
            If the file cannot be read.
        StateError, StoreError
            If customers cannot be read, and something was not evaluated before, or is to be evaluated in any case.
        """
        defined, found = self.definitions(), self.store.evaluations()
        if (now or self._is_due(defined, found, source)) and self._evaluating.acquire(
            blocking=now or not _are_known(defined, found)
        ):
            try:
                # another thread may have done it meanwhile
                defined, found = self.definitions(), self.store.evaluations()
                if now or self._is_due(defined, found, source):
                    found = self._evaluated_or_last(defined, found, source, now=now)
            finally:
                self._evaluating.release()
        return {name: Segment(one, origin, found[name]) for name, (one, origin) in defined.items()}

    def one(self, name: str, source: Source) -> Segment:
        """Return a segment.

        Raises
        ------
        UnknownSegmentError
            If there is none of this name.
        """
        segments = self.every(source)
        if name not in segments:
            raise UnknownSegmentError(name, list(segments))
        return segments[name]

    def trend(self, segment: Segment) -> list[SegmentSize]:
        """Return the sizes by day since the segment has this rule."""
        return self.store.trend(segment.definition.name, segment.definition.fingerprint)

    def preview(self, definition: SegmentDefinition, source: Source) -> Segment:
        """Return what would be found of a segment, and save nothing.

        Raises
        ------
        RuleError, ContradictoryRuleError
            If nobody can mean its rule; see `check_definition`.
        """
        with self._evaluating:
            population = self._read(source)
        check_definition(definition, population)
        found = evaluate([definition], {}, population, self._clock())
        return Segment(definition, "api", found[definition.name].evaluation)

    def matching(self, rule: Rule, source: Source) -> list[str]:
        """Return the customers for whom a rule holds, by their ids in order; keeps nothing.

        Raises
        ------
        RuleError
            If it does not fit the columns.
        """
        with self._evaluating:
            population = self._read(source)
        return population.chosen(population.members(rule))

    def define(self, definition: SegmentDefinition, source: Source) -> Segment:
        """Define a segment, in the place of one that the API has defined before.

        Raises
        ------
        TakenNameError
            If the file defines one of this name.
        RuleError, ContradictoryRuleError
            If nobody can mean its rule; see `check_definition`.
        """
        name = definition.name
        with self._evaluating:
            defined, found = self.definitions(), self.store.evaluations()
            self._check_free(name, defined)
            found.pop(name, None)  # a static segment is frozen again
            evaluated = self._evaluate({**defined, name: (definition, "api")}, found, source, new=definition)
            self.store.save(definition, self._clock())
        return Segment(definition, "api", evaluated[name])

    def delete(self, name: str) -> None:
        """Remove a segment that the API has defined.

        Raises
        ------
        UnknownSegmentError
            If there is none of this name.
        TakenNameError
            If the file defines it.
        """
        with self._evaluating:
            defined = self.definitions()
            if name not in defined:
                raise UnknownSegmentError(name, list(defined))
            self._check_free(name, defined)
            self.store.remove(name)

    @staticmethod
    def _check_free(name: str, defined: Defined) -> None:
        if name in defined and defined[name][1] == "file":
            raise TakenNameError(name)

    def _is_due(self, defined: Defined, found: Mapping[str, Evaluation], source: Source) -> bool:
        forgotten = found.keys() - defined.keys()
        return bool(forgotten) or any(self._is_old(one, found.get(name), source) for name, (one, _) in defined.items())

    def _is_old(self, definition: SegmentDefinition, found: Evaluation | None, source: Source) -> bool:
        if found is None or found.fingerprint != definition.fingerprint:
            return True
        aged = self._clock() - found.evaluated >= self._oldest
        return definition.kind == "following" and (aged or found.made_from != source.online.fingerprint)

    def _evaluated_or_last(
        self, defined: Defined, found: dict[str, Evaluation], source: Source, *, now: bool
    ) -> dict[str, Evaluation]:
        try:
            return self._evaluate(defined, found, source)
        except (StateError, StoreError) as error:
            if now or not _are_known(defined, found):
                raise
            _log.warning("segments_not_evaluated", problem=error.problem)
            return found

    def _evaluate(
        self, defined: Defined, found: Mapping[str, Evaluation], source: Source, new: SegmentDefinition | None = None
    ) -> dict[str, Evaluation]:
        """Evaluate all segments together and keep what was found; forget those that are not defined any more.

        Raises
        ------
        RuleError, ContradictoryRuleError
            If nobody can mean the rule of the new one; nothing is kept then.
        StoreError
            If a store cannot be used, or customers are erased all the time.
        """
        definitions = [one for one, _ in defined.values()]
        for _ in range(_ATTEMPTS):
            erasures = self.store.erasures()
            population = self._read(source)
            if new is not None:
                check_definition(new, population)
            frozen = self._frozen(definitions, found)
            evaluated = evaluate(definitions, frozen, population, self._clock())
            if all(self.store.keep(name, one.evaluation, one.members, erasures) for name, one in evaluated.items()):
                # another process may have defined segments meanwhile
                for name in found.keys() - self.definitions().keys() - defined.keys():
                    self.store.forget(name)
                return {name: one.evaluation for name, one in evaluated.items()}
        raise StoreError("Segments were not evaluated, since customers are being erased.", "Try again.")

    def _frozen(
        self, definitions: Sequence[SegmentDefinition], found: Mapping[str, Evaluation]
    ) -> dict[str, Sequence[str]]:
        """Return the members of static segments that have been evaluated with the rule that they have now."""
        return {
            one.name: self.store.members(one.name)
            for one in definitions
            if one.kind == "static"
            and one.name in found
            and found[one.name].problem is None
            and found[one.name].fingerprint == one.fingerprint
        }

    def _read(self, source: Source) -> Population:
        """Read all customers: one thread at a time, as they take memory."""
        population = self._population(source)
        self._columns = (source.online.fingerprint, population.columns)
        return population

    def _population(self, source: Source) -> Population:
        return read_population(self._settings, source.online, source.vectors, self.table, source.as_of)


def _are_known(defined: Defined, found: Mapping[str, Evaluation]) -> bool:
    """Return whether every segment was evaluated with the rule that it has now."""
    return all(name in found and found[name].fingerprint == one.fingerprint for name, (one, _) in defined.items())

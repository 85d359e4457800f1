"""A customer's timeline in steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from serving.console.visitors import Visitor
from serving.overview.timeline import Entry, Story, read_story
from serving.parts.deciding import DecisionEngine

#: Entries that are shown at first, and with each `show more`.
STEP = 15


@dataclass(frozen=True)
class Timeline:
    """The entries of a page, newest first.

    Attributes
    ----------
    until
        How many are shown, with those of the steps before.
    left
        How many older ones there are.
    """

    entries: Sequence[Entry]
    until: int
    left: int


def story_of(visitor: Visitor, customer: str) -> Story:
    """Read what the data, the events and the answers say about a customer.

    Raises
    ------
    StoreError
        If a log cannot be read.
    NotReadyError
        If nothing is loaded yet.
    """
    state = visitor.state
    deployment = state.reloader.deployment
    decisions = None if deployment.error(DecisionEngine) else deployment.engine(DecisionEngine).decisions
    consent = {} if decisions is None else decisions.policy.consent
    log, answers = state.reloader.intake.log, state.service.answers
    return read_story(state.settings, deployment.ground.online, log, answers, customer, consent)


def page_of(entries: Sequence[Entry], skip: int, count: int) -> Timeline:
    """Return the entries of a page of a timeline, and how many follow."""
    until = min(skip + count, len(entries))
    return Timeline(entries[skip:until], until, len(entries) - until)

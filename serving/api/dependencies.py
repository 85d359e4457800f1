"""What routes are given: the scorer, the moment, the reader's language."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from serving.ready import Ready
from serving.scorer import Scorer
from serving.wording import Language, preferred


def _ready(request: Request) -> Ready:
    ready: Ready = request.app.state.ready
    return ready


CurrentReady = Annotated[Ready, Depends(_ready)]


def _scorer(ready: CurrentReady) -> Scorer:
    return ready.scorer


def _as_of(ready: CurrentReady, scorer: Annotated[Scorer, Depends(_scorer)]) -> datetime:
    return ready.as_of(scorer)


def _language(
    language: Annotated[Language | None, Query(description="Wins over the Accept-Language header")] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> Language:
    return language or preferred(accept_language)


CurrentScorer = Annotated[Scorer, Depends(_scorer)]
AsOf = Annotated[datetime, Depends(_as_of)]
ReaderLanguage = Annotated[Language, Depends(_language)]
CustomerId = Annotated[str, Path(min_length=1, max_length=200, examples=["1"])]

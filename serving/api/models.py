"""Which models answer, and which did before."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from core.settings import StoreSettings
from serving.api.problems import documented
from serving.api.security import Admin
from serving.scoring.deployment import ModelInfo
from training.lifecycle.promotions import Action, Entry, PromotionLog

router = APIRouter(prefix="/v1", tags=["models"], responses=documented(401, 403, 429, 503))


class VersionAnswer(BaseModel):
    """A registered version that answers requests."""

    name: str = Field(examples=["encore-churn"])
    version: str = Field(examples=["1"])
    aliases: list[str] = Field(examples=[["champion"]])
    run_id: str = Field(description="MLflow run that made it")
    created: datetime
    grade: str | None = Field(description="A to D by the rule of the model; null if not graded", examples=["A"])
    grade_in_words: str | None = Field(
        description="How good it is, for those who do not read metrics",
        examples=["ranks well; percentages can be taken as they are"],
    )
    order_only: bool = Field(description="Whether only the order of risks can be used, as percentages are too far off")
    caveat: str | None = Field(
        description="What a reader has to know beside the grade, such as why it is better than it will turn out to be",
        examples=["no time split: optimistic"],
    )
    definition: dict[str, str | int | float | None] = Field(description="What it predicts; windows in days")
    metrics: dict[str, float] = Field(
        description="On the test snapshots of its run, beside the baselines",
        examples=[{"champion.roc_auc": 0.856, "recency.roc_auc": 0.761}],
    )


class ModelsAnswer(BaseModel):
    """All models in use."""

    models: list[VersionAnswer]


@router.get("/models", operation_id="getModels")
async def models(caller: Admin) -> ModelsAnswer:
    """Return the versions in use and how they measured on their test snapshots. Takes the role `admin`."""
    infos = caller.state.reloader.deployment.models.values()
    return ModelsAnswer(models=[_answer(info) for info in infos])


class CheckAnswer(BaseModel):
    """What a rule of the gate found about a version."""

    name: str = Field(examples=["gain"])
    passes: bool
    text: str = Field(description="A sentence with the figures")
    figures: dict[str, float]


class HistoryEntry(BaseModel):
    """A decision about a version."""

    moment: datetime
    name: str = Field(examples=["encore-churn"])
    action: Action = Field(
        description="`promoted`: it became the champion; `rolled_back`: it became the champion again; `refused`: the "
        "gate kept it from that; `found`: it is the champion, and no entry says why"
    )
    version: str = Field(examples=["2"])
    previous: str | None = Field(description="The champion before; null where there was none", examples=["1"])
    by: str = Field(description="Who decided")
    why: str = Field(description="In their own words")
    grade: str | None
    reason: str = Field(description="What the gate said")
    checks: list[CheckAnswer] = Field(description="What each rule of the gate found; none where it was not asked")


class HistoryAnswer(BaseModel):
    """Decisions about versions, the newest first."""

    entries: list[HistoryEntry]


@router.get("/models/history", operation_id="getModelHistory", responses=documented(422))
async def history(
    caller: Admin,
    name: Annotated[str | None, Query(description="Of one model only", examples=["encore-churn"])] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> HistoryAnswer:
    """Return which version answered since when, who decided it and why. Takes the role `admin`."""
    log = PromotionLog(caller.state.settings[StoreSettings])
    entries = await run_in_threadpool(log.entries, name, limit)
    return HistoryAnswer(entries=[_entry(entry) for entry in entries])


def _entry(entry: Entry) -> HistoryEntry:
    values: dict[str, Any] = {
        name: getattr(entry, name)
        for name in ("moment", "action", "version", "previous", "why", "grade", "reason", "checks")
    }
    return HistoryEntry.model_validate({**values, "name": entry.model, "by": entry.decided_by})


def _answer(info: ModelInfo) -> VersionAnswer:
    version = info.version
    return VersionAnswer(
        name=version.name,
        version=version.number,
        aliases=list(version.aliases),
        run_id=version.run_id,
        created=datetime.fromtimestamp(version.created / 1000, tz=UTC),
        grade=version.grade,
        grade_in_words=version.words,
        order_only=version.order_only,
        caveat=version.caveat,
        definition=dict(info.definition),
        metrics=version.metrics,
    )

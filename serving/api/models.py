"""Which models answer."""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from serving.api.problems import documented
from serving.api.security import Admin
from serving.scoring.deployment import ModelInfo

router = APIRouter(prefix="/v1", tags=["models"], responses=documented(401, 403, 429, 503))


class VersionAnswer(BaseModel):
    """A registered version that answers requests."""

    name: str = Field(examples=["encore-churn"])
    version: str = Field(examples=["1"])
    aliases: list[str] = Field(examples=[["champion"]])
    run_id: str = Field(description="MLflow run that made it")
    created: datetime
    grade: str | None = Field(description="A to D by the rule of the model; null if not graded", examples=["A"])
    caveat: str | None = Field(
        description="Why grade and metrics are better than they will turn out to be; null where they are not",
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


def _answer(info: ModelInfo) -> VersionAnswer:
    version = info.version
    return VersionAnswer(
        name=version.name,
        version=version.number,
        aliases=list(version.aliases),
        run_id=version.run_id,
        created=datetime.fromtimestamp(version.created / 1000, tz=UTC),
        grade=version.grade,
        caveat=version.caveat,
        definition=dict(info.definition),
        metrics=version.metrics,
    )

"""Which models answer."""

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from serving.answers import ChurnDefinition
from serving.api.problems import documented
from serving.api.security import Admin
from training.lifecycle.tracking import Version

router = APIRouter(prefix="/v1", tags=["models"], responses=documented(401, 403, 429, 503))


class ModelAnswer(BaseModel):
    """A registered version that answers requests."""

    name: str = Field(examples=["encore-churn"])
    version: str = Field(examples=["1"])
    aliases: list[str] = Field(examples=[["champion"]])
    run_id: str = Field(description="MLflow run that made it")
    created: datetime
    grade: str | None = Field(description="A to D by the rule of docs/churn.md; null if not graded", examples=["A"])
    metrics: dict[str, float] = Field(
        description="On the test snapshots of its run, beside the baselines",
        examples=[{"champion.roc_auc": 0.856, "recency.roc_auc": 0.761}],
    )


class ModelsAnswer(BaseModel):
    """All models in use."""

    churn_definition: ChurnDefinition
    models: list[ModelAnswer]


@router.get("/models", operation_id="getModels")
async def models(caller: Admin) -> ModelsAnswer:
    """Return the versions in use and how they measured on their test snapshots. Takes the role `admin`."""
    scorer = caller.scorer
    return ModelsAnswer(
        churn_definition=scorer.definition, models=[_answer(version) for version in scorer.models.versions]
    )


def _answer(version: Version) -> ModelAnswer:
    return ModelAnswer(
        name=version.name,
        version=version.number,
        aliases=list(version.aliases),
        run_id=version.run_id,
        created=datetime.fromtimestamp(version.created / 1000, tz=UTC),
        grade=version.grade,
        metrics=version.metrics,
    )

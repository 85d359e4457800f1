"""The clock and the customers."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from core.settings import Days, Moment, Section


class TimeSettings(Section):
    """The clock and the snapshots. All intervals are half-open."""

    section: ClassVar[str] = "time"

    as_of: Literal["data_end", "now"] | Moment = Field(
        "data_end",
        description="The moment features are built for: midnight after the last event, the last midnight, or a date",
    )
    snapshot_spacing_days: Days = 7
    min_history_days: Days = Field(84, description="No snapshot earlier than this after the first event")
    history_days: Days = Field(365, description="How far back a customer's purchase history reaches")


class CustomerSettings(Section):
    """What is used of the table of customers."""

    section: ClassVar[str] = "customers"
    renamed: ClassVar[Mapping[str, str]] = {
        "never": "excluded_attributes",
        "inputs": "model_attributes",
        "learned_from": "max_training_customers",
    }

    attributes: tuple[str, ...] = Field(
        (), description="Columns of `customers` by which one without purchases is offered what others like them buy"
    )
    max_training_customers: Annotated[int, Field(ge=100)] = Field(
        50_000, description="Customers that models learn from, drawn by a hash where there are more; all are scored"
    )
    model_attributes: tuple[str, ...] = Field(
        (), description="Columns of `customers` that the churn model reads, as numbers where all values are numbers"
    )
    numeric_attributes: tuple[str, ...] = Field(
        (), description="Of `model_attributes`, those that are numbers whatever the values; other texts are missing"
    )
    categorical_attributes: tuple[str, ...] = Field(
        (),
        description="Of `model_attributes`, those that are categories though their values are numbers, such as codes",
    )
    excluded_attributes: tuple[str, ...] = Field(
        (), description="Columns of `customers` that no model reads and no reason names"
    )

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns that features are made of."""
        return tuple(dict.fromkeys((*self.attributes, *self.model_attributes)))

    @model_validator(mode="after")
    def _numbers_or_categories(self) -> "CustomerSettings":
        for name in (*self.numeric_attributes, *self.categorical_attributes):
            if name not in self.model_attributes:
                raise ValueError(f"expected {name!r} in `model_attributes` too, as it is said how the model reads it")
        if both := set(self.numeric_attributes) & set(self.categorical_attributes):
            raise ValueError(f"{min(both)!r} is named in `numeric_attributes` and in `categorical_attributes`")
        return self

    @model_validator(mode="after")
    def _excluded_is_excluded(self) -> "CustomerSettings":
        excluded = {name.lower() for name in self.excluded_attributes}
        if both := [name for name in self.kept if name.lower() in excluded]:
            raise ValueError(
                f"{both[0]!r} is named in `excluded_attributes`, and in `attributes` or `model_attributes` too"
            )
        return self


class FeatureSettings(Section):
    """Where features are computed, and who answers for them."""

    section: ClassVar[str] = "features"

    owner: str = Field("", description="Who answers for the features, as Feast shows it, such as an e-mail address")
    engine: Literal["duckdb", "spark"] = Field("duckdb", description="Spark needs the extra `spark`, and Java")
    spark_master: str = Field(
        "local[*]", description="`local[*]` is all cores of this machine, `spark://host:7077` a cluster"
    )

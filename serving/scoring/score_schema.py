"""The tables of the score table."""

from collections.abc import Sequence

import sqlalchemy as sa

from serving.scoring.part import Column


def answers_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of answers: one row per customer and key of a part."""
    return sa.Table(
        "answers",
        metadata,
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("as_of", sa.Double, nullable=False),
        sa.Column("features", sa.Double, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def scores_table(metadata: sa.MetaData, name: str, columns: Sequence[Column]) -> sa.Table:
    """Return the table of scores: one row per customer, a column for each column of a part."""
    cells = [sa.Column(column.name, sa.Double if column.type == "number" else sa.Text) for column in columns]
    indexes = [sa.Index(f"{name}_by_{column.name}", column.name) for column in columns if column.type == "number"]
    return sa.Table(
        name,
        metadata,
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("as_of", sa.Double, nullable=False),
        sa.Column("features", sa.Double, nullable=False),
        *cells,
        *indexes,
    )


def changes_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of the last change of each customer."""
    return sa.Table(
        "changes",
        metadata,
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("moment", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )


def erasures_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table that counts erasures."""
    return sa.Table("erasures", metadata, sa.Column("number", sa.Integer, primary_key=True, autoincrement=False))

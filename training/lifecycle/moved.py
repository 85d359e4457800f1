"""MLflow's own database in a folder that was copied, moved or restored: it keeps whole addresses of artifacts."""

from pathlib import Path

import sqlalchemy as sa

#: Columns of addresses below the folder of artifacts, and how many of their last parts are below it. A run has
#: `<run>/artifacts`, a model `models/<model>/artifacts`.
_ADDRESSES = (
    ("runs", "artifact_uri", 2),
    ("logged_models", "artifact_location", 3),
    ("model_versions", "storage_location", 3),
)


def take_over_artifacts(database: str, experiment: str, artifacts: Path) -> None:
    """Let MLflow read and write artifacts in a folder, where its database names another one.

    Artifacts that are not in the folder keep their address, so that they are found where an earlier configuration has
    put them. New ones are written to the folder.

    Parameters
    ----------
    database
        SQLAlchemy's address of the database.
    experiment
        Name of the experiment whose new artifacts are written to the folder.
    """
    folder = artifacts.resolve()
    here = folder.as_uri()
    changes = []
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    with engine.connect() as con:
        experiments = sa.table("experiments", sa.column("name"), sa.column("artifact_location"))
        wanted = sa.select(experiments.c.artifact_location).where(experiments.c.name == experiment)
        if con.scalar(wanted) not in {None, here}:
            changes.append(
                sa.update(experiments).where(experiments.c.name == experiment).values(artifact_location=here)
            )
        for name, column, depth in _ADDRESSES:
            table = sa.table(name, sa.column(column))
            for address in con.scalars(sa.select(table.c[column]).distinct()):
                below = (address or "").split("/")[-depth:]
                moved = "/".join([here, *below])
                if address and address != moved and folder.joinpath(*below).exists():
                    changes.append(sa.update(table).where(table.c[column] == address).values({column: moved}))
    if changes:
        with engine.begin() as con:
            for change in changes:
                con.execute(change)

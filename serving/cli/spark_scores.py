"""Score customers on Spark: each of its Python processes loads what answers, and scores some of them.

The processes read the online store, the registry of models and the feature registry of the settings. Those of a cluster
need addresses of servers, and the working folder of this process under the same path.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pyarrow as pa

from core.progress import batches
from core.settings import Settings
from features.engine.spark import open_spark, session_of, spark_answering
from serving.explain.language import Language
from serving.parts import make_scoring
from serving.scoring.deployment import Deployment
from serving.scoring.export import BATCH, Row, score_rows
from serving.scoring.service import ScoringService

#: A core gets about as many shares of the customers, so that none waits long for the last one.
_SHARES = 4


@dataclass(frozen=True)
class Job:
    """What customers are scored with.

    Attributes
    ----------
    now
        The clock.
    as_of
        The moment to answer for.
    name
        One job is not another, whatever is in it.
    """

    settings: Settings = field(compare=False)
    now: datetime
    as_of: datetime
    languages: tuple[Language, ...]
    directory: Path = field(default_factory=Path.cwd)
    name: str = field(default_factory=lambda: uuid4().hex)


def score_on_spark(job: Job, customers: Sequence[str]) -> Iterator[list[Row]]:
    """Yield rows of `score_rows` about customers, share by share.

    Raises
    ------
    ConfigError, StoreError
        If Spark cannot be started, or fails.
    """
    session = session_of(open_spark(job.settings))
    shares = min(-(-len(customers) // BATCH), session.sparkContext.defaultParallelism * _SHARES)
    ids = session.createDataFrame(pa.table({"customer_id": customers})).repartition(max(1, shares))
    # rows of every type in one column: which columns there are is decided by the parts
    with spark_answering():
        scored = ids.mapInPandas(partial(_score, job), "rows binary").collect()
    for share in scored:
        yield pa.ipc.open_stream(share.rows).read_all().to_pylist()


def _score(job: Job, shares: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    service, deployment = _loaded(job)
    for share in shares:
        for batch in batches(share["customer_id"].tolist(), BATCH):
            rows = score_rows(service, deployment, batch, job.as_of, job.languages, live=True)
            if rows:
                yield pd.DataFrame({"rows": [_as_bytes(rows)]})


@lru_cache(maxsize=1)
def _loaded(job: Job) -> tuple[ScoringService, Deployment]:
    """Load what answers, once a process."""
    os.chdir(job.directory)
    service, reloader = make_scoring(job.settings, lambda: job.now)
    return service, reloader.load()


def _as_bytes(rows: list[Row]) -> bytes:
    table = pa.Table.from_pylist(rows)
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    written: bytes = stream.getvalue().to_pybytes()
    return written

"""The last report of each campaign: shown again without another look at outcomes that are still to come."""

import json
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from pydantic import TypeAdapter, ValidationError

from serving.campaigns.database import CampaignDatabase
from serving.campaigns.kept import moment_of
from serving.campaigns.report import CampaignReport


@dataclass(frozen=True)
class LastReport:
    """A report as somebody read it last.

    Attributes
    ----------
    made
        The moment that it was made for.
    """

    made: datetime
    report: CampaignReport


_log = structlog.get_logger(__name__)
_REPORT: TypeAdapter[CampaignReport] = TypeAdapter(CampaignReport)


class LastReports:
    """Keeps the last report of each campaign; it has numbers of groups, and names no customer."""

    def __init__(self, database: CampaignDatabase) -> None:
        self._db = database

    def keep(self, name: str, made: datetime, report: CampaignReport) -> None:
        """Keep a report in the place of the one before."""
        # numbers that are not known are NaN, which Python's JSON has
        body = json.dumps(_REPORT.dump_python(report))
        with self._db.writing() as cursor:
            cursor.run(self._db.upsert(self._db.reports), campaign=name, made=made.timestamp(), body=body)

    def one(self, name: str) -> LastReport | None:
        """Return the last report of a campaign; None where nobody read one."""
        return self._where(self._db.reports.c.campaign == name).get(name)

    def all(self) -> dict[str, LastReport]:
        """Return the last report of every campaign that has one, by name."""
        return self._where(sa.true())

    def _where(self, condition: sa.ColumnElement[bool]) -> dict[str, LastReport]:
        table = self._db.reports
        with self._db.database.connection() as con:
            rows = con.execute(sa.select(table).where(condition)).all()
        found: dict[str, LastReport] = {}
        for name, made, body in rows:
            try:
                found[name] = LastReport(moment_of(made), _REPORT.validate_python(json.loads(body)))
            except ValidationError:  # of another version of Encore; the next look makes a new one
                _log.warning("report_of_another_version", campaign=name)
        return found

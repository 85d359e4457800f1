"""The tables of `campaigns.db`. Moments are seconds since 1970."""

import sqlalchemy as sa


def _id(name: str, *, key: bool = False) -> sa.Column[str]:
    """Return a column of ids, in the order of their bytes, whatever the collation of a server."""
    ordered = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, ordered, primary_key=key, nullable=False)


def campaigns(metadata: sa.MetaData) -> sa.Table:
    """Return the campaigns: the definition and the plan as JSON, and how far each is.

    `written` is 1 once the Parquet file of its assignments is there.
    """
    return sa.Table(
        "campaigns",
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("planned", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("stopped", sa.Double),
        sa.Column("run", sa.Text),
        sa.Column("written", sa.Integer, nullable=False),
    )


def assignments(metadata: sa.MetaData) -> sa.Table:
    """Return who is in a campaign with which arm; never changed after the start but by an erasure.

    Segments and the main reason are those of the start: later ones may have been changed by the campaign itself.
    """
    return sa.Table(
        "campaign_assignments",
        metadata,
        sa.Column("campaign", sa.Text, primary_key=True),
        _id("customer_id", key=True),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("intended", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("offer", sa.Text),
        sa.Column("cost", sa.Double, nullable=False),
        sa.Column("propensity", sa.Double, nullable=False),
        sa.Column("gain", sa.Double),
        sa.Column("segments", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Index("campaign_assignments_by_customer", "customer_id"),
        sqlite_with_rowid=False,
    )


def exports(metadata: sa.MetaData) -> sa.Table:
    """Return the exports; `target` is `csv` or `webhook`."""
    return sa.Table(
        "campaign_exports",
        metadata,
        sa.Column("export", sa.Text, primary_key=True),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
    )


def contacts(metadata: sa.MetaData) -> sa.Table:
    """Return the contacts that exports have claimed: by the key no customer is contacted twice by a campaign.

    `at` is the moment from which the contact may be made, and `day` its day in the time zone of the policy.
    """
    return sa.Table(
        "campaign_contacts",
        metadata,
        sa.Column("campaign", sa.Text, primary_key=True),
        _id("customer_id", key=True),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("export", sa.Text, nullable=False),
        sa.Column("batch", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Index("campaign_contacts_by_customer", "customer_id"),
        sa.Index("campaign_contacts_by_export", "export"),
        sa.Index("campaign_contacts_by_day", "channel", "day"),
        sa.Index("campaign_contacts_by_moment", "at"),
        sqlite_with_rowid=False,
    )


def batches(metadata: sa.MetaData) -> sa.Table:
    """Return the batches of webhook exports that a receiver has acknowledged."""
    return sa.Table(
        "campaign_batches",
        metadata,
        sa.Column("export", sa.Text, primary_key=True),
        sa.Column("batch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("delivered", sa.Double, nullable=False),
    )


def looks(metadata: sa.MetaData) -> sa.Table:
    """Return how often the report of a campaign was read while outcomes were still to come."""
    return sa.Table(
        "campaign_looks",
        metadata,
        sa.Column("campaign", sa.Text, primary_key=True),
        sa.Column("looks", sa.Integer, nullable=False),
    )


def reports(metadata: sa.MetaData) -> sa.Table:
    """Return the last report of each campaign that somebody read, which is shown without another look at outcomes."""
    return sa.Table(
        "campaign_reports",
        metadata,
        sa.Column("campaign", sa.Text, primary_key=True),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def erasures(metadata: sa.MetaData) -> sa.Table:
    """Return one row for each customer who was erased, who is not named."""
    return sa.Table(
        "campaign_erasures", metadata, sa.Column("number", sa.Integer, primary_key=True, autoincrement=False)
    )


def turn(metadata: sa.MetaData) -> sa.Table:
    """Return a table of one row that every writer writes first, so that one writes at a time on a server too."""
    return sa.Table(
        "campaign_turn",
        metadata,
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("taken", sa.Integer, nullable=False),
    )

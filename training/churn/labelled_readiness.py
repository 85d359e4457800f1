"""Whether the business's own labels can carry a churn model, and which columns give them away."""

from collections import Counter

import numpy as np
import pandas as pd

from core.errors import DataError, EncoreError
from core.settings import Settings
from features.engine.build import schedule_for
from features.engine.inputs import snapshot_table
from features.settings import CustomerSettings
from features.snapshots import Split
from training.churn.giveaways import REMEDY, giveaways
from training.churn.labelled import check_not_the_label, given_labels
from training.churn.split import OPTIMISTIC, groups
from training.evaluation.sheet import Sheet
from training.readiness.facts import DataFacts
from training.readiness.fitness import FEW_CUSTOMERS, MIN_CUSTOMERS, Finding, Fitness, at_least, within

#: Customers of either outcome.
MIN_OUTCOMES = 20
#: Churn rates outside of the first pair carry no model; outside of the second they are worth a second look.
CHURN_RATES, USUAL_CHURN_RATES = (0.005, 0.995), (0.03, 0.6)
_MORE = "Ingest labels of more customers."
_MAPPING = "Check the mapping of labels.churned: which values say that a customer has left?"


def judge_labelled(settings: Settings, facts: DataFacts) -> Fitness:
    """Judge whether churn can be learned from the business's own labels."""
    labels = given_labels(facts.sources, snapshot_table(facts.given.labelled))
    rows: pd.DataFrame = facts.engine.to_pandas(labels)
    if rows.empty:
        unknown = "No label is of a customer in customers, orders, contracts or interactions"
        return Fitness("churn", (Finding("unfit", unknown, "Map customers, and check that both name them by one id."),))
    findings = [*_counts(rows, facts), *_split(settings, facts, rows), *_attributes(settings, facts)]
    return Fitness("churn", tuple(findings), (_sheet(rows),), values={"labels": _values(rows)})


def _counts(rows: pd.DataFrame, facts: DataFacts) -> list[Finding]:
    customers, rate = rows["customer_id"].nunique(), float(rows["churned"].mean())
    rarer = min(int(rows["churned"].sum()), int((1 - rows["churned"]).sum()))
    findings = [
        at_least(customers, MIN_CUSTOMERS, FEW_CUSTOMERS, f"{customers:,} customers have a label", _MORE),
        within(rate, CHURN_RATES, USUAL_CHURN_RATES, f"{rate:.1%} of the labels say that the customer left", _MAPPING),
        at_least(rarer, MIN_OUTCOMES, 5 * MIN_OUTCOMES, f"{rarer:,} labels of the rarer outcome", _MORE),
    ]
    unused = facts.tables["labels"].rows - len(rows)
    if unused:
        what = f"{unused:,} labels are not used: of customers that no other table has, without a snapshot, or later"
        findings.append(Finding("weak", what, "Check that customers and labels name customers by one id."))
    return findings


def _split(settings: Settings, facts: DataFacts, rows: pd.DataFrame) -> list[Finding]:
    """Judge the groups of customers that the model would be trained, calibrated and measured on."""
    try:
        schedule = schedule_for(
            settings,
            facts.first,
            facts.as_of,
            sells=facts.sales is not None,
            complete=facts.complete,
            given=facts.given,
            gaps=facts.gaps,
        )
    except DataError as error:
        return [Finding("unfit", error.problem.rstrip("."), error.remedy)]
    split = schedule.splits["churn"]
    moments = rows["snapshot"].dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    customers = rows["customer_id"].to_numpy(dtype=object)
    masks = groups(split, customers, moments)
    sizes = {name: len(set(customers[mask])) for name, mask in masks.items()}
    shown = ", ".join(f"{size:,} for {name}" for name, size in sizes.items())
    what = f"customers with a label: {shown}"
    findings = [at_least(min(sizes.values()), MIN_CUSTOMERS, MIN_CUSTOMERS, what[0].upper() + what[1:], _MORE)]
    churned = rows["churned"].to_numpy()
    alike = [name for name, mask in masks.items() if len(set(churned[mask].tolist())) < 2]
    findings += [Finding("unfit", f"All labels for {name} say the same", _MORE) for name in alike if sizes[name]]
    return [*findings, *_time(split, facts)]


def _time(split: Split, facts: DataFacts) -> list[Finding]:
    if not split.by_customers:
        tests = ", ".join(f"{t:%Y-%m-%d}" for t in split.test)
        return [Finding("fit", f"{len(split.every)} snapshots, so that the model is measured on later ones: {tests}")]
    remedy = "Map labels.snapshot, the moment that each label is of, and keep labels of several."
    what = f"Fewer than three snapshots, so that customers are split and figures are marked: {OPTIMISTIC}"
    findings = [Finding("weak", what, remedy)]
    if has_events(facts) and "snapshot" in facts.tables["labels"].absent:
        late = "The labels have no snapshot, and there are events: those after a customer left are seen, and tell it"
        findings.append(Finding("weak", late, remedy))
    return findings


def has_events(facts: DataFacts) -> bool:
    """Return whether there are events that features can be made of."""
    return any(facts.tables[name].rows for name in ("transactions", "subscriptions", "interactions"))


def _attributes(settings: Settings, facts: DataFacts) -> list[Finding]:
    try:
        check_not_the_label(settings)
    except EncoreError as error:
        return [Finding("unfit", error.problem.rstrip("."), error.remedy)]
    chosen = settings[CustomerSettings].model_attributes
    lacking = [name for name in chosen if name not in facts.sources.customers.columns]
    if lacking:
        return [Finding("unfit", f"The table of customers has no column {lacking[0]!r}", "Correct model_attributes.")]
    if not chosen:
        what, remedy = "customers.model_attributes names no column", "Name those that were known before customers left."
        return [Finding("weak" if has_events(facts) else "unfit", what, remedy)]
    found = giveaways(settings, facts.engine, facts.sources, facts.given.labelled)
    return [Finding("unfit", one.text, REMEDY) for one in found] or [
        Finding("fit", f"None of {len(chosen)} attributes gives the label away on its own")
    ]


def _sheet(rows: pd.DataFrame) -> Sheet:
    return Sheet(
        "Labels",
        ("snapshot", "customers", "churned"),
        [(str(one["snapshot"]), f"{one['customers']:,}", f"{one['churn_rate']:.1%}") for one in _values(rows)],
    )


def _values(rows: pd.DataFrame) -> list[dict[str, object]]:
    """Return customers and churn rate of each snapshot."""
    days = rows["snapshot"].dt.strftime("%Y-%m-%d")
    counts = Counter(days)
    return [
        {"snapshot": day, "customers": counts[day], "churn_rate": float(np.mean(rows["churned"][days == day]))}
        for day in sorted(counts)
    ]

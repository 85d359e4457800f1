"""Whether the data can carry a churn model, and which definition of churn they recommend."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from core.errors import DataError
from core.settings import Settings
from features.engine.build import schedule_for
from training.churn.labelled_readiness import CHURN_RATES, MIN_OUTCOMES, USUAL_CHURN_RATES, judge_labelled
from training.churn.recommendation import recommend
from training.churn.settings import ChurnSettings
from training.churn.trials import CURRENT, RECOMMENDED, Trial, trials
from training.evaluation.sheet import Sheet
from training.readiness.facts import DataFacts, TableFacts
from training.readiness.fitness import FEW_CUSTOMERS, MIN_CUSTOMERS, Finding, Fitness, at_least, within
from training.readiness.freshness import judge_freshness
from training.readiness.pictures import comes_back
from training.readiness.silence import Silence

_MORE = "Ingest more customers, or a longer history."
_WAIT = "Ingest a longer history, or choose a longer churn.activity_window_days."
_OTHER_DEFINITION = "Choose another churn.activity_window_days or churn.horizon_days; see the recommendation."
_POPULATION = (
    'Choose a longer churn.horizon_days, or churn.population = "all", which is the one for contracts that run on.'
)
_COME_BACK = "When customers come back"


def judge_churn(settings: Settings, facts: DataFacts) -> Fitness | None:
    """Judge whether churn can be learned by the current definition; None where the data are assignments alone."""
    churn = settings[ChurnSettings]
    if churn.kind == "labelled":
        return judge_labelled(settings, facts)
    if facts.given.alone and not facts.tables["labels"].rows:
        return None
    if facts.tables["labels"].rows and facts.sales is None and not facts.tables["subscriptions"].rows:
        missing = "There are labels, and no events that another definition of churn could be made of"
        return Fitness("churn", (Finding("unfit", missing, 'Set churn.kind = "labelled".'),))
    if churn.kind == "non_contractual" and facts.sales is None:
        missing = "There are no order lines, and churn is defined by purchases"
        return Fitness("churn", (Finding("unfit", missing, 'Set churn.kind = "contractual".'),))
    tried = trials(churn, facts)
    pictures = {}
    if facts.silence is not None:
        windows = {CURRENT: churn.activity_window_days, RECOMMENDED: facts.silence.window}
        pictures[_COME_BACK] = partial(comes_back, facts.silence, windows)
    return Fitness(
        model="churn",
        findings=tuple(_findings(settings, facts, tried)),
        sheets=_sheets(churn, facts.silence, tried),
        pictures=pictures,
        values={"trials": [asdict(trial) for trial in tried]},
        recommended=recommend(settings, facts),
    )


def _findings(settings: Settings, facts: DataFacts, tried: Sequence[Trial]) -> list[Finding]:
    churn = settings[ChurnSettings]
    findings = judge_freshness(facts, churn.windows.labels)
    findings += [_contracts(facts.tables["subscriptions"])] if churn.kind == "contractual" else []
    history = at_least(
        facts.days,
        2 * churn.horizon_days,
        6 * churn.horizon_days,
        f"{facts.days:,.0f} days of history for a horizon of {churn.horizon_days}",
        _WAIT,
    )
    if not tried or tried[0].name != CURRENT:
        nobody = (
            "No contract ends within the horizon, for all that is known" if churn.renewal else "No customer was active"
        )
        return [*findings, history, Finding("unfit", nobody, _POPULATION if churn.renewal else _WAIT)]
    active, rate = tried[0].active, tried[0].churn_rate
    asked = "have a contract that ends within the horizon" if churn.renewal else "are active"
    more, leave = (_POPULATION, "do not renew") if churn.renewal else (_MORE, "churn")
    fewer = min(rate, 1 - rate) * active
    return [
        *findings,
        at_least(active, MIN_CUSTOMERS, FEW_CUSTOMERS, f"{active:,.0f} customers {asked} at a time", more),
        history,
        within(rate, CHURN_RATES, USUAL_CHURN_RATES, f"{rate:.1%} of them {leave}", _OTHER_DEFINITION),
        at_least(
            fewer, MIN_OUTCOMES / 4, MIN_OUTCOMES, f"{fewer:,.0f} customers of the rarer outcome at a time", _MORE
        ),
        *_schedule(settings, facts),
    ]


def _contracts(contracts: TableFacts) -> Finding:
    if not contracts.rows:
        return Finding("unfit", "There are no contracts", "Map an input to subscriptions.")
    return Finding("fit", f"{contracts.rows:,} contract periods of {contracts.customers:,} customers")


def _schedule(settings: Settings, facts: DataFacts) -> list[Finding]:
    """Say why the snapshots cannot be laid out, if they cannot."""
    try:
        sells = facts.sales is not None
        schedule_for(settings, facts.first, facts.as_of, sells=sells, complete=facts.complete, gaps=facts.gaps)
    except DataError as error:
        return [Finding("unfit", error.problem.rstrip("."), error.remedy)]
    return []


def _sheets(churn: ChurnSettings, silence: Silence | None, tried: Sequence[Trial]) -> tuple[Sheet, ...]:
    definitions = Sheet(
        "Churn definitions",
        ("churn definition", "activity window", "horizon", "active", "churn rate"),
        [
            (
                trial.name,
                f"{trial.window_days} days" if trial.window_days else "–",
                f"{trial.horizon_days} days",
                f"{trial.active:,.0f}",
                f"{trial.churn_rate:.1%}",
            )
            for trial in tried
        ],
    )
    return (definitions,) if silence is None else (_come_back(churn, silence), definitions)


def _come_back(churn: ChurnSettings, silence: Silence) -> Sheet:
    window = churn.activity_window_days
    reached = (
        f"After {silence.gone_after} days no more than half do: the recommended activity window."
        if silence.gone_after
        else "The data do not reach far enough to show when half of them are gone; the recommended activity window is "
        "twice the horizon."
    )
    days = dict.fromkeys((7, 14, 28, window, silence.window, 2 * silence.window))
    return Sheet(
        _COME_BACK,
        ("silent for", "come back"),
        [(f"{day} days", f"{silence.come_back(day):.0%}") for day in days if day <= silence.days],
        (
            f"Of customers silent for {window} days, the current activity window, {silence.come_back(window):.0%} come "
            f"back within the {silence.days} days that the data cover.",
            reached,
            f"Nine of ten customers who come back do so within {silence.horizon} days, from any day on: the "
            "recommended horizon.",
        ),
    )

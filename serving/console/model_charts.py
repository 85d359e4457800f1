"""Pictures of how a model does in use, from what `encore monitor` has kept."""

from collections.abc import Callable, Sequence

from serving.console.charts import Chart, Format, Series
from serving.console.words import Words
from training.evaluation.bootstrap import Estimate
from training.monitoring.monitor import InUse
from training.monitoring.realised import Band, RiskWeek, Shown

#: The metrics that are shown by week, and how their values are written.
_BY_WEEK: dict[str, Format] = {"roc_auc": "number", "churn_rate": "percent"}


def by_week(one: InUse, words: Words) -> list[Chart]:
    """Draw the realised figures of each week, beside those that training promised and those expected from the risks."""
    return [
        _by_week(one, metric, form, words)
        for metric, form in _BY_WEEK.items()
        if any(week.realised is not None and metric in week.realised for week in one.weeks)
    ]


def calibration(bands: Sequence[Band], words: Words) -> Chart:
    """Draw the risk that was answered beside the share who left, by band of risk."""
    names = [f"{words.percent(band.low)} – {words.percent(band.high)}" for band in bands]
    risks, left = [band.risk for band in bands], [band.churned for band in bands]
    return Chart(
        key="calibration",
        title=words.say("models.calibration.chart"),
        unit=words.say("models.unit.share"),
        across=words.say("models.calibration.across"),
        categories=names,
        series=[
            _plain(words.say("models.calibration.promised"), risks, words.percent),
            _plain(
                words.say("models.calibration.left"),
                left,
                words.percent,
                [words.plural("models.of_customers", band.customers) for band in bands],
            ),
        ],
        format="percent",
    )


def offers(one: InUse, words: Words) -> list[Chart]:
    """Draw the share of shown offers that were bought: by week, and by place in the list."""
    places: dict[int, Shown] = {}
    for week in one.offers:
        for place, shown in week.by_place.items():
            so_far = places.get(place, Shown(0, 0))
            places[place] = Shown(so_far.shown + shown.shown, so_far.bought + shown.bought)
    by_place = [shown for _, shown in sorted(places.items())]
    weeks = _labels([(week.model, words.date(week.week)) for week in one.offers])
    return [
        _bought("offers-week", "models.offers.by_week", weeks, [week.all for week in one.offers], words),
        _bought("offers-place", "models.offers.by_place", [str(place) for place in sorted(places)], by_place, words),
    ]


def _by_week(one: InUse, metric: str, form: Format, words: Words) -> Chart:
    write = words.percent if form == "percent" else words.plain
    promised = [one.promised.get(week.model, {}).get(metric) for week in one.weeks]
    return Chart(
        key=metric.replace("_", "-"),
        title=words.say(f"models.weeks.{metric}"),
        unit=words.say(f"models.unit.{metric}"),
        across=words.say("models.weeks.across"),
        categories=_labels([(week.model, words.date(week.week)) for week in one.weeks]),
        series=[
            _estimates(
                words.say("models.weeks.realised"), [_realised(week, metric) for week in one.weeks], words, write
            ),
            _plain(words.say("models.weeks.promised"), promised, write),
            _plain(
                words.say("models.weeks.estimated"),
                [week.estimated[metric].value if metric in week.estimated else None for week in one.weeks],
                write,
            ),
        ],
        kind="line",
        format=form,
        scale=True,
    )


def _realised(week: RiskWeek, metric: str) -> Estimate | None:
    return None if week.realised is None else week.realised.get(metric)


def _labels(weeks: Sequence[tuple[str, str]]) -> list[str]:
    """Return the name of each week; with the number of the version where several answered."""
    several = len({model for model, _ in weeks}) > 1
    return [f"{day} · {model.rpartition('/')[2]}" if several else day for model, day in weeks]


def _estimates(name: str, values: Sequence[Estimate | None], words: Words, write: Callable[[float], str]) -> Series:
    texts = [
        words.say("models.weeks.open")
        if one is None
        else words.say("models.between", value=write(one.value), low=write(one.low), high=write(one.high))
        for one in values
    ]
    return Series(
        name=name,
        values=[None if one is None else one.value for one in values],
        texts=texts,
        low=[None if one is None else one.low for one in values],
        high=[None if one is None else one.high for one in values],
    )


def _plain(
    name: str, values: Sequence[float | None], write: Callable[[float], str], more: Sequence[str] = ()
) -> Series:
    texts = ["–" if value is None else write(value) for value in values]
    if more:
        texts = [f"{text} {extra}" for text, extra in zip(texts, more, strict=True)]
    return Series(name=name, values=values, texts=texts)


def _bought(key: str, title: str, names: Sequence[str], shown: Sequence[Shown], words: Words) -> Chart:
    more = [words.plural("models.of_offers", one.shown) for one in shown]
    return Chart(
        key=key,
        title=words.say(f"{title}.title"),
        unit=words.say("models.unit.bought"),
        across=words.say(f"{title}.across"),
        categories=names,
        series=[_plain(words.say("models.offers.bought"), [one.share for one in shown], words.percent, more)],
        kind="line" if key.endswith("week") else "bars",
        format="percent",
    )

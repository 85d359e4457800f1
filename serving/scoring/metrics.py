"""Prometheus metrics. With several workers each writes to files, and the one that is asked adds them up."""

import os
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from math import nan
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

#: The variable that names the folder of the workers' files for prometheus_client.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_RISKS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

#: Whether there are such files. Asked once, as prometheus_client does: libraries set the variable later for themselves.
_IS_SHARED = bool(os.environ.get(SHARED))
_REGISTRY = CollectorRegistry()
REQUESTS = Counter("encore_requests", "Requests answered.", ("route", "method", "status"), registry=_REGISTRY)
LATENCY = Histogram(
    "encore_request_seconds", "Time until the answer was sent.", ("route",), buckets=_LATENCIES, registry=_REGISTRY
)
RISK = Histogram("encore_risk", "Risks that were answered.", buckets=_RISKS, registry=_REGISTRY)
SCORES = Counter("encore_scores", "Scores answered.", ("computed",), registry=_REGISTRY)
OFFERS = Counter("encore_offers", "Offers answered, by kind.", ("kind",), registry=_REGISTRY)
EVENTS = Counter("encore_events", "Events received, by outcome.", ("kind", "outcome"), registry=_REGISTRY)
MODEL = Gauge(
    "encore_model_info",
    "1 for versions that answer.",
    ("model", "version"),
    registry=_REGISTRY,
    multiprocess_mode="livemostrecent",
)
FEATURE_AGE = Gauge(
    "encore_feature_age_seconds",
    "Age of the last materialisation, at the moment that answers are for.",
    registry=_REGISTRY,
    multiprocess_mode="livemostrecent",
)
DATA_AGE = Gauge(
    "encore_data_age_seconds",
    "Age of the newest event of the last materialisation, at the moment that answers are for.",
    registry=_REGISTRY,
    multiprocess_mode="livemostrecent",
)
OUTDATED = Gauge(
    "encore_features_outdated",
    "1 where features online were computed by other code or settings than the API's, so that events wait.",
    registry=_REGISTRY,
    multiprocess_mode="livemostrecent",
)
EVENT_LAG = Gauge(
    "encore_event_lag_seconds",
    "Age of the first event that features do not follow yet, at the moment that answers are for; 0 without any.",
    registry=_REGISTRY,
    multiprocess_mode="livemostrecent",
)
PENDING = Gauge(
    "encore_events_pending",
    "Customers whose features do not follow their events yet.",
    registry=_REGISTRY,
    multiprocess_mode="livemostrecent",
)

#: What `encore monitor` found, by the name of the figure in its file.
MONITORED = {
    "versions": Gauge(
        "encore_model_performance",
        "Figures of a version in use: of the last week whose outcomes are known, or estimated for the last week.",
        ("model", "version", "figure"),
        registry=_REGISTRY,
        multiprocess_mode="livemostrecent",
    ),
    "largest_movement": Gauge(
        "encore_drift_largest_movement",
        "Stability index of the feature that moved most over its limit; above 1 it has drifted.",
        ("model",),
        registry=_REGISTRY,
        multiprocess_mode="livemostrecent",
    ),
    "drifted_features": Gauge(
        "encore_drifted_features",
        "Features that have drifted since the training.",
        ("model",),
        registry=_REGISTRY,
        multiprocess_mode="livemostrecent",
    ),
    "drifted": Gauge(
        "encore_drifted",
        "1 where a model's inputs, scores, base rate or volume have drifted.",
        ("model",),
        registry=_REGISTRY,
        multiprocess_mode="livemostrecent",
    ),
}
MONITORED_AT = Gauge(
    "encore_monitored_timestamp_seconds",
    "When `encore monitor` ran last, in seconds since 1970; 0 where it has not.",
    registry=_REGISTRY,
    multiprocess_mode="livemostrecent",
)
ALERTS_OPEN = Gauge(
    "encore_alerts_open",
    "Alerts of the last `encore monitor` that are open.",
    registry=_REGISTRY,
    multiprocess_mode="livemostrecent",
)


@lru_cache(maxsize=1024)
def counted(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Return where a request is counted; looking labels up takes longer than counting."""
    return REQUESTS.labels(route, method, str(status)), LATENCY.labels(route)


def exposition() -> bytes:
    """Return all metrics in Prometheus's text format, of all workers."""
    if _IS_SHARED:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(_REGISTRY)


def show_models(labels: tuple[str, ...]) -> None:
    """Say which versions answer."""
    wanted = {tuple(label.rsplit("/", 1)) for label in labels}
    for known in {*_SHOWN, *wanted}:
        MODEL.labels(*known).set(1 if known in wanted else 0)
    _SHOWN.update(wanted)


def show_monitored(found: Mapping[str, Any]) -> None:
    """Show what `encore monitor` has written, as `training.monitoring.report.measures` returns it.

    What was shown before and is not found any more is no number.
    """
    values: dict[tuple[str, tuple[str, ...]], float] = {
        ("versions", (*label.rsplit("/", 1), figure)): value
        for label, figures in found["versions"].items()
        for figure, value in figures.items()
    }
    for name in MONITORED:
        if name != "versions":
            values |= {(name, (model,)): value for model, value in found[name].items()}
    for name, labels in {*_MONITORED, *values}:
        MONITORED[name].labels(*labels).set(values.get((name, labels), nan))
    _MONITORED.update(values)
    ALERTS_OPEN.set(found["alerts_open"])
    MONITORED_AT.set(datetime.fromisoformat(found["at"]).timestamp())


_SHOWN: set[tuple[str, ...]] = set()
_MONITORED: set[tuple[str, tuple[str, ...]]] = set()


def age(now: datetime, then: datetime | None) -> float:
    """Return the seconds since a moment, 0 where there is none or it lies ahead."""
    return max(0.0, (now - then).total_seconds()) if then else 0.0

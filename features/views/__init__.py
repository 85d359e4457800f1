"""Features, written once as Ibis expressions, one file a feature view. Adding one is its file and one line here."""

from features.services import FeatureService
from features.views import (
    activity,
    cycle,
    engagement,
    habit,
    history,
    margin,
    preference,
    product_statistics,
    profile,
    subscription,
    types,
    usage,
    value,
)
from features.views.view import FeatureView

#: Every view, in the order in which they are built and joined to vectors.
VIEWS: list[FeatureView] = [
    activity.VIEW,
    habit.VIEW,
    value.VIEW,
    margin.VIEW,
    preference.VIEW,
    engagement.VIEW,
    usage.VIEW,
    subscription.VIEW,
    profile.VIEW,
    history.VIEW,
    types.VIEW,
    cycle.VIEW,
    product_statistics.VIEW,
]


def views_of(service: FeatureService) -> tuple[FeatureView, ...]:
    """Return the views that are in a service."""
    return tuple(view for view in VIEWS if view.group in service.groups or view.name in service.views)


def customer_views_of(service: FeatureService) -> tuple[FeatureView, ...]:
    """Return those of them whose key is the customer."""
    return tuple(view for view in views_of(service) if view.entity == "customer")

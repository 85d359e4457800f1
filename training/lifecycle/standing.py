"""Where a model stands: which version answers since when, and which one waits."""

from dataclasses import dataclass

from training.lifecycle.promotions import CHANGES, Entry, PromotionLog
from training.lifecycle.tracking import CHALLENGER, Tracking
from training.lifecycle.version import Version


@dataclass(frozen=True)
class Standing:
    """The versions of a model that carry an alias.

    Attributes
    ----------
    since
        The entry of the log that made the champion; None where the log does not know it.
    challenger
        The last one that was registered and is not the champion; None without any.
    """

    champion: Version | None
    since: Entry | None
    challenger: Version | None


def standing(name: str, tracking: Tracking, log: PromotionLog) -> Standing:
    """Return where a model stands; changes nothing.

    Parameters
    ----------
    name
        Its name in MLflow's registry.

    Raises
    ------
    StoreError
        If MLflow or the log do not answer.
    """
    champion = tracking.find(name)
    changes = (entry for entry in log.entries(tracking.own(name)) if entry.action in CHANGES)
    last = next(changes, None)
    since = last if champion is not None and last is not None and last.version == champion.number else None
    return Standing(champion, since, tracking.find(name, CHALLENGER))

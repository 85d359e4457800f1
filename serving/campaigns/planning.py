"""What a campaign would do: whom it asks about, what can be done for them, and the plan within budget and capacity."""

from collections.abc import Hashable
from datetime import datetime

from core.files import written
from core.settings import Settings, StoreSettings
from features.contract.erased import Erased
from serving.campaigns.allocation import Allocation, Candidates
from serving.campaigns.candidates import Deciding, churners_of, planned
from serving.campaigns.definition import Campaign, actions_of
from serving.campaigns.drafts import SPOKEN, Curve, Draft, Drafts, Ground
from serving.campaigns.kept import CampaignStateError, shown
from serving.campaigns.plan import Plan
from serving.campaigns.store import CampaignStore
from serving.decisions.definitions import DecisionFile, Decisions
from serving.decisions.within import Decided, Limits, Valued, within
from serving.segments.service import Segments, Source


class Planning:
    """Plans campaigns of a deployment, and keeps none of the plans. Safe for threads.

    Parameters
    ----------
    store
        The campaigns that there are.
    """

    def __init__(self, settings: Settings, segments: Segments, decider: Deciding, store: CampaignStore) -> None:
        self._stores = settings[StoreSettings]
        self._segments, self._decider, self._store = segments, decider, store
        self._drafts = Drafts(self._ground, self._limits)
        self.file = DecisionFile(settings)

    def decisions(self) -> Decisions:
        """Return actions and policy as they are now.

        Raises
        ------
        CampaignStateError
            If no file of decisions is configured.
        ConfigError
            If it never could be read.
        """
        found = self.file.current()
        if found is None:
            raise CampaignStateError(
                "Expected a file of actions and policy, found none.", "Name it in encore.toml: decisions.file."
            )
        return found

    def decide(self, campaign: Campaign, source: Source) -> Decided:
        """Choose the customers and actions of a campaign, within its budget and capacity."""
        return within(self._valued(campaign, source), self._limits(campaign, source))

    def _limits(self, campaign: Campaign, source: Source) -> Limits:
        now, decisions = source.as_of, self.decisions()
        days = campaign.days_left(now)
        capacity = {channel: most * days for channel, most in decisions.policy.capacity.items()}
        for channel, most in campaign.capacity.items():
            capacity[channel] = min(most, capacity.get(channel, most))
        return Limits(tuple(actions_of(campaign, decisions)), campaign.budget, capacity)

    def _valued(self, campaign: Campaign, source: Source) -> Valued:
        now, decisions = source.as_of, self.decisions()
        return self._decider.value(
            source,
            now,
            customers=self._members(campaign, source),
            actions=tuple(actions_of(campaign, decisions)),
            campaigns_of=self._store.campaigns_of(self._running_rivals(campaign, decisions, now)),
        )

    def _running_rivals(self, campaign: Campaign, decisions: Decisions, now: datetime) -> list[str]:
        rivals = decisions.policy.rivals(campaign.name)
        return [
            one.campaign.name
            for one in self._store.all()
            if one.campaign.name in rivals and one.status(now) == "started"
        ]

    def plan(self, campaign: Campaign, decided: Decided, now: datetime) -> tuple[Plan, Candidates, Allocation]:
        """Return what a campaign would do by a decision, and for whom."""
        return planned(campaign, decided, churners_of(self._segments.table), now)

    def draft(self, campaign: Campaign, source: Source) -> Draft:
        """Say what a campaign would do, and keep nothing; quick where only limits, holdout or name have changed.

        Customers, and what they are worth, are those of at most a minute ago.

        Raises
        ------
        DataError, CampaignStateError
            As `plan` does.
        """
        check_to_come(campaign, source.as_of)
        return self._drafts.draft(campaign, source, self._ground_key(campaign, source))

    def curve(self, campaign: Campaign, source: Source) -> Curve:
        """Say what one budget after another would bring, beside the other limits of a campaign; see `draft`."""
        return self._drafts.curve(campaign, source, self._ground_key(campaign, source))

    def _ground(self, campaign: Campaign, source: Source) -> Ground:
        valued = self._valued(campaign, source).speaking_of(SPOKEN)
        return Ground(valued, churners_of(self._segments.table))

    def _ground_key(self, campaign: Campaign, source: Source) -> Hashable:
        """Name what customers of a plan and their worth depend on, but for events of the last minute."""
        decisions = self.decisions()
        return (
            source.online.fingerprint,
            decisions.version,
            tuple(actions_of(campaign, decisions)),
            campaign.segment,
            repr(campaign.rule),
            tuple(self._running_rivals(campaign, decisions, source.as_of)),
            # of an erased customer nothing is answered from then on
            Erased(self._stores).version(),
            written(self._stores.data / "effects.json"),
        )

    def _members(self, campaign: Campaign, source: Source) -> list[str] | None:
        """Return whom a campaign asks about; None is everybody."""
        if campaign.segment is not None:
            self._segments.one(campaign.segment, source)
            return self._segments.store.members(campaign.segment)
        return None if campaign.rule is None else self._segments.matching(campaign.rule, source)


def check_to_come(campaign: Campaign, now: datetime) -> None:
    """Refuse a campaign whose time is over.

    Raises
    ------
    CampaignStateError
        If it is.
    """
    if campaign.ends <= now:
        raise CampaignStateError(
            f"Expected a campaign that ends after {shown(now)}, found {shown(campaign.ends)}.", "Correct its dates."
        )

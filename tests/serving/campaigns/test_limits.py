"""No cap, consent, capacity or budget is broken, whatever events come between plan, start and export.

A machine of hypothesis plans, starts, exports and reports; a list of everything that was contacted is the judge.
"""

import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.errors import EncoreError
from features.contract.assigned import HOLDOUT
from tests.serving.campaigns.shops import CALL, MAIL, Shop, campaign
from tests.serving.decisions.worlds import DAY, NOW, report

_NAMES = st.sampled_from(["spring", "summer", "autumn"])
_CUSTOMERS = st.integers(0, 11).map(lambda place: f"c{place:03}")
_CAPACITY = {"phone": 4, "email": 4}
_POLICY = {
    "caps": [{"contacts": 2, "days": 2}, {"channel": "email", "contacts": 1, "days": 3}],
    "cool_down": {"complaint_days": 14},
    "capacity": _CAPACITY,
    "budget": 40,
    "exclusive": [["spring", "autumn"]],
    "quiet": {"start": "21:00", "end": "08:00", "timezone": "UTC"},
    "holdout": 0.1,
}


class Limits(RuleBasedStateMachine):
    """Twelve customers, two actions, three campaigns; two of them run from the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.shop = Shop.of(Path(self.folder.name), 12, _POLICY, {"call": CALL, "mail": MAIL})
        self.events = 0
        #: what each customer was contacted with: moment, channel, campaign
        self.contacts: list[tuple[str, datetime, str, str]] = []
        for name in ("spring", "summer"):
            self.shop.started(name, goal="retain", holdout=0.05, allocation="random")
        self.complained: set[str] = set()
        self.consents: dict[str, int] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(hours=st.sampled_from([1, 7, 24]))
    def wait(self, hours: int) -> None:
        self.shop.now = min(self.shop.now + timedelta(hours=hours), NOW + 5 * DAY)

    @rule(customers=st.sets(_CUSTOMERS, min_size=1, max_size=6), given=st.sampled_from([0, 0, 1]))
    def consent(self, customers: set[str], given: int) -> None:
        for customer in sorted(customers):
            self._report({"customer_id": customer, "kind": "consent", "value": given})
            self.consents[customer] = given

    @rule(customer=_CUSTOMERS)
    def complain(self, customer: str) -> None:
        self._report({"customer_id": customer, "kind": "complaint"})
        self.complained.add(customer)

    def _report(self, event: dict[str, Any]) -> None:
        self.events += 1
        report(self.shop.settings, [{**event, "event_timestamp": self.shop.now}], first=self.events)

    @rule(name=_NAMES, allocation=st.sampled_from(["best", "random"]))
    def begin(self, name: str, allocation: str) -> None:
        campaigns = self.shop.open()
        try:
            campaigns.plan(campaign(name, goal="retain", allocation=allocation), self.shop.source, save=True)
            campaigns.start(name, self.shop.source)
        except EncoreError:
            return
        rows = campaigns.store.assignments(name)
        assert rows["cost"].sum() <= 40 + 1e-9

    @rule(name=_NAMES, channel=st.sampled_from(["phone", "email"]))
    def export(self, name: str, channel: str) -> None:
        campaigns = self.shop.open()
        try:
            done = campaigns.export(name, channel, "csv", self.shop.now)
        except EncoreError:
            return
        if done.export is None:
            return
        arms: dict[str, str] = dict(campaigns.store.assignments(name)[["customer_id", "arm"]].itertuples(index=False))
        for one in campaigns.claims.contacts(done.export.id):
            assert arms[one.customer_id] == one.action != HOLDOUT
            assert self.consents.get(one.customer_id) != 0
            assert one.customer_id not in self.complained
            assert 8 <= one.not_before.hour < 21
            self.contacts.append((one.customer_id, one.not_before, channel, name))

    @rule(place=st.integers(0, 100))
    def come_back(self, place: int) -> None:
        """The channel reports a contact that it has made."""
        if self.contacts:
            customer, _, channel, name = self.contacts[place % len(self.contacts)]
            self.shop.now += timedelta(minutes=1)
            self._report({"customer_id": customer, "kind": "contact", "channel": channel, "campaign_id": name})

    @invariant()
    def nothing_is_broken(self) -> None:
        assert max(Counter((customer, name) for customer, _, _, name in self.contacts).values(), default=0) <= 1
        days = Counter((channel, at.date()) for _, at, channel, _ in self.contacts)
        assert all(count <= _CAPACITY[channel] for (channel, _), count in days.items())
        for customer, at, channel, _ in self.contacts:
            own = [(other, through) for one, other, through, _ in self.contacts if one == customer]
            assert sum(at - 2 * DAY < other <= at for other, _ in own) <= 2
            if channel == "email":
                assert sum(at - 3 * DAY < other <= at for other, through in own if through == "email") <= 1


TestLimits = Limits.TestCase
TestLimits.settings = settings(
    max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)

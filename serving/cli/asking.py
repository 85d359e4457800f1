"""The scoring service as commands use it."""

from datetime import datetime

from serving.cli.context import Context
from serving.parts import make_scoring
from serving.scoring.deployment import Deployment
from serving.scoring.part import Question
from serving.scoring.reloader import ModelReloader
from serving.scoring.service import ScoredCustomer, ScoringService, check_values
from training.churn.settings import ChurnSettings


class Asking:
    """The scoring service with what answers now; events are applied first that a materialisation could not see."""

    def __init__(self, context: Context) -> None:
        scoring = make_scoring(context.settings, lambda: context.now)
        self.service: ScoringService = scoring[0]
        self.reloader: ModelReloader = scoring[1]
        self.deployment: Deployment = self.reloader.load()
        self.reloader.intake.catch_up()
        self.reloader.intake.follow()

    @property
    def as_of(self) -> datetime:
        """The moment to answer for."""
        return self.reloader.as_of(self.deployment)

    @property
    def everyone(self) -> list[str]:
        """The customers that the online store was filled with, whether they are active or not."""
        ground = self.deployment.ground
        return ground.store.customers(ChurnSettings.service, ground.online.as_of)

    def ask(self, question: Question) -> ScoredCustomer:
        """Return the answer about one customer, whatever the status of its parts."""
        (scored,) = self.service.answer(self.deployment, question, self.as_of).customers
        return scored

    def one(self, question: Question) -> ScoredCustomer:
        """Return the answer about one customer.

        Raises
        ------
        EncoreError
            If a part of it has no values.
        """
        scored = self.ask(question)
        check_values(scored)
        return scored

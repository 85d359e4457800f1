"""Questions that arrive together are answered together, so that what a call into a library costs is shared."""

import asyncio
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from serving.scoring.deployment import Deployment
from serving.scoring.part import Question
from serving.scoring.service import Reply

_Answer = Callable[[Deployment, Question, datetime], Reply]
#: Customers that are computed in one go: by a thread, and on the event loop, which has others to serve meanwhile.
_MOST, _MOST_ON_LOOP = 64, 8


@dataclass(frozen=True)
class _Waiting:
    deployment: Deployment
    question: Question
    as_of: datetime
    future: "asyncio.Future[Reply]"

    @property
    def kind(self) -> Hashable:
        """Questions of one kind differ in their customers only."""
        return id(self.deployment), self.question.kind

    def settle(self, result: Reply | Exception) -> None:
        """Wake up who waits; they may have gone meanwhile."""
        if self.future.done():
            return
        if isinstance(result, Reply):
            self.future.set_result(result)
        else:
            self.future.set_exception(result)


class Batcher(ABC):
    """Answers questions that wait together."""

    def __init__(self, answer: _Answer) -> None:
        self._answer = answer

    async def ask(self, deployment: Deployment, question: Question, as_of: datetime) -> Reply:
        """Return the answer to a question, or raise what answering it raises."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._wait(_Waiting(deployment, question, as_of, future))
        return await future

    @abstractmethod
    def _wait(self, one: _Waiting) -> None:
        """Let a question wait for those that arrive with it."""

    def _replies(self, together: Sequence[_Waiting]) -> list[tuple[_Waiting, Reply | Exception]]:
        kinds: dict[Hashable, list[_Waiting]] = {}
        for one in together:
            kinds.setdefault(one.kind, []).append(one)
        return [pair for alike in kinds.values() for pair in self._reply(alike)]

    def _reply(self, alike: Sequence[_Waiting]) -> list[tuple[_Waiting, Reply | Exception]]:
        first = alike[0]
        customers = tuple(dict.fromkeys(customer for one in alike for customer in one.question.customers))
        try:
            question = replace(first.question, customers=customers)
            reply = self._answer(first.deployment, question, max(one.as_of for one in alike))
        except Exception as error:  # each of them gets it
            return [(one, error) for one in alike]
        scored = {entry.customer_id: entry for entry in reply.customers}
        return [
            (one, replace(reply, customers=[scored[customer] for customer in one.question.customers])) for one in alike
        ]


class LoopBatcher(Batcher):
    """Answers on the event loop, for questions that take about a millisecond and wait for no network.

    A thread would have to be given Python's lock again after each call into SQLite or LightGBM, and takes nearly
    twice as long beside a busy loop; see docs/decisions/0015.
    """

    def __init__(self, answer: _Answer) -> None:
        super().__init__(answer)
        self._waiting: list[_Waiting] = []

    def _wait(self, one: _Waiting) -> None:
        self._waiting.append(one)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._work)

    def _work(self) -> None:
        together, self._waiting = self._waiting[:_MOST_ON_LOOP], self._waiting[_MOST_ON_LOOP:]
        for one, result in self._replies(together):
            one.settle(result)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._work)


class ThreadBatcher(Batcher):
    """Answers in a thread of its own, so that the event loop is never blocked."""

    def __init__(self, answer: _Answer, name: str) -> None:
        super().__init__(answer)
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=f"encore-{name}", daemon=True).start()

    def _wait(self, one: _Waiting) -> None:
        self._waiting.put(one)

    def _work(self) -> None:
        while True:
            together = [self._waiting.get()]
            while sum(len(one.question.customers) for one in together) < _MOST and not self._waiting.empty():
                together.append(self._waiting.get())
            for one, result in self._replies(together):
                one.future.get_loop().call_soon_threadsafe(one.settle, result)

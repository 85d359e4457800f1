"""Alerts: once an episode with a recovery, sent again where a sink was unavailable, without secrets."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from math import nan
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core import webhook
from core.errors import StoreError
from core.settings import Settings, StoreSettings
from training.monitoring import sinks
from training.monitoring.alerts import Sent, alert, judge
from training.monitoring.figures import Figure
from training.monitoring.settings import AlertRule, AlertSettings

NOW = datetime(2024, 5, 1, 3, tzinfo=UTC)
RULES = (AlertRule(measure="nps", below=20), AlertRule(measure="order_lines", spreads=4))
HISTORY = tuple(float(value) for value in (980, 1_000, 1_020, 1_010, 990, 1_005, 995, 1_000, 1_015))


class Receiver:
    """A server on loopback that keeps what it gets, and answers with a status."""

    def __init__(self) -> None:
        self.status, self.got = 200, list[dict[str, Any]]()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/hook?token=${{HOOK_TOKEN}}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("HOOK_TOKEN", "s3cret")
    monkeypatch.setattr(webhook, "_PAUSES", (0.0, 0.0))
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path, receiver: Receiver) -> Settings:
    alerts = AlertSettings(webhook=receiver.address, file=tmp_path / "alerts.jsonl", rules=RULES)
    return Settings(StoreSettings(data=tmp_path / "data"), alerts)


def run(settings: Settings, nps: float, lines: float, day: int = 0, *, dry_run: bool = False) -> Sent:
    figures = [Figure("nps", nps), Figure("order_lines", lines, HISTORY)]
    return alert(settings, judge(RULES, figures), NOW + timedelta(days=day), dry_run=dry_run)


def test_an_episode_is_sent_once_and_so_is_its_end(settings: Settings, receiver: Receiver, tmp_path: Path) -> None:
    assert run(settings, 35, 1_000).messages == ()
    (opened,) = run(settings, 12, 1_000, 1).messages
    assert (opened.alert, opened.status, opened.value) == ("nps below 20", "open", 12)
    assert opened.text == "Net promoter score of four weeks: 12; limits: at least 20."
    again = run(settings, 10, 1_000, 2)
    assert (again.messages, list(again.open)) == ((), ["nps below 20"])
    assert run(settings, nan, 1_000, 3).open == again.open  # not known: neither open nor over
    (closed,) = run(settings, 30, 1_000, 4).messages
    assert (closed.status, closed.since, closed.at) == ("recovered", opened.at, "2024-05-05T03:00:00+00:00")
    assert [one["status"] for one in receiver.got] == ["open", "recovered"]
    written = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert written == receiver.got
    assert run(settings, 30, 1_000, 5) == Sent((), {})


def test_limits_are_learned_from_the_history(settings: Settings) -> None:
    (low,) = run(settings, 30, 700).messages
    assert (low.alert, low.status) == ("order_lines spreads 4", "open")
    assert "usual: 920 to 1,080" in low.text  # the median, and 4 times 2 % of it
    young = judge(RULES, [Figure("order_lines", 5, HISTORY[:4])])
    assert young[0].outside is None
    assert "too few earlier figures" in young[0].text


def test_a_broken_webhook_is_reported_and_gets_the_alert_the_next_time(
    settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.status = 500
    sent = run(settings, 12, 1_000)
    assert sent.problems == ("1 alerts wait for webhook 127.0.0.1: it answered 500.",)
    assert len(receiver.got) == 3  # attempts
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 1
    receiver.status = 200
    again = run(settings, 12, 1_000, 1)
    assert (again.messages, again.problems) == ((), ())
    assert receiver.got[-1] == receiver.got[0]
    assert len(receiver.got) == 4
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 1  # once


def test_a_webhook_that_is_not_there_breaks_nothing(settings: Settings, receiver: Receiver) -> None:
    receiver.close()
    (problem,) = run(settings, 12, 1_000).problems
    assert problem == "1 alerts wait for webhook 127.0.0.1: it did not answer (ConnectionRefusedError)."


def test_a_refused_alert_is_not_tried_again_at_once(settings: Settings, receiver: Receiver) -> None:
    receiver.status = 403
    assert run(settings, 12, 1_000).problems
    assert len(receiver.got) == 1


def test_a_run_that_is_killed_while_it_sends_sends_again(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(sinks.Posts, "send", killed)
        run(settings, 12, 1_000)
    run(settings, 12, 1_000, 1)
    assert [one["alert"] for one in receiver.got] == ["nps below 20"]


def test_a_dry_run_sends_and_keeps_nothing(settings: Settings, receiver: Receiver) -> None:
    assert len(run(settings, 12, 10, dry_run=True).messages) == 2
    assert receiver.got == []
    assert not (settings[StoreSettings].data / "alerts.json").exists()
    assert len(run(settings, 12, 10).messages) == 2


def test_neither_state_nor_messages_hold_the_secret(settings: Settings, receiver: Receiver) -> None:
    receiver.status = 500
    sent = run(settings, 12, 1_000)
    state = (settings[StoreSettings].data / "alerts.json").read_text()
    assert "s3cret" not in state + repr(sent)
    assert "HOOK_TOKEN" not in state + repr(sent)


def test_a_secret_without_a_value_is_reported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK_TOKEN")
    (problem,) = run(settings, 12, 1_000).problems
    assert "Expected one of the variables HOOK_TOKEN and HOOK_TOKEN_FILE" in problem


def test_a_redirection_is_none_that_arrived(settings: Settings, receiver: Receiver) -> None:
    receiver.status = 302
    assert run(settings, 12, 1_000).problems == ("1 alerts wait for webhook 127.0.0.1: it answered 302.",)


def test_a_state_that_cannot_be_read_says_what_to_do(settings: Settings) -> None:
    run(settings, 12, 1_000)
    (settings[StoreSettings].data / "alerts.json").write_text("{")
    with pytest.raises(StoreError, match="Remove the file"):
        run(settings, 12, 1_000)


@pytest.mark.parametrize("rule", [{}, {"above": 1, "spreads": 3}, {"spreads": 0}, {"measure": "weather", "above": 1}])
def test_a_rule_has_fixed_limits_or_learned_ones(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AlertRule(**{"measure": "nps", **rule})

"""What people were never told, were told twice, or were told with the key to the door."""

from __future__ import annotations

import re
from collections import Counter

from stagedrollout.core.model import CommandVerb
from tests.acceptance.stories import short
from tests.incidents.scene import fails, strikes, struck, told
from tests.simulation.by_hand import order
from tests.simulation.test_newer_releases import messages


def test_grafana_alerting_156():
    """Grafana Alerting #156 (and grafana #68162): what waited to be told at a restart was never told. The daemon dies again
    and again while Slack is down, and everything arrives."""
    halt = order(3, CommandVerb.HALT, "5.2.0")
    left = told(14, halt, fails("slack", "down", begins=1, ends=5), calm_from=6, lives=40)
    assert sum(times for mark, times in left.marks.items() if mark.startswith("crash: ")) > 3
    assert len(messages(left, "HALTED at")) == 1
    assert messages(left, "is steered from here")


def test_alertmanager_1005():
    """Alertmanager #1005: the same notification arrived several times. Slack takes it, and its answer is lost."""
    left = told(14, weather=strikes("slack", "drop_after"), calm_from=10)
    assert struck(left)["drop_after"] > 3
    raised = Counter(re.findall(r"is raised to \d+ %", "\n".join(messages(left, "is raised to"))))
    assert raised
    steered = messages(left, "is steered from here")
    assert len(steered) == 1


def test_great_expectations_4394(opens):
    """Great Expectations #4394 (and Dependency-Track #1160, with 429 as here): when Slack could not be reached the log
    showed the webhook's URL, which is the credential."""
    stage = opens(short(until="8h"), to="5h")
    for kind in ("429", "502", "drop", "html", "truncated"):
        stage.breaks("slack", kind)
    stage.plays_out()
    assert len(stage.ledger("fault")) == 5
    said = stage.daemon.said + stage.types("status").said + stage.types("history").said
    token = next(secret for secret in stage.secrets() if secret.startswith("xoxb-"))
    assert token not in said
    assert stage.is_clean().count("secrets_leaked") == 0

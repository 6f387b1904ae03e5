"""/healthz is red where a restart may help, /readyz while nothing can be raised; both say why, and the alarms agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stagedrollout.core.judgement import Reason
from stagedrollout.core.lifecycle import Phase
from stagedrollout.core.model import RolloutKey, Store, StoreApp
from stagedrollout.daemon.in_force import InForce
from stagedrollout.daemon.watched.checks import alive, all_well, ready
from stagedrollout.daemon.watched.figures import figures
from stagedrollout.daemon.watched.memory import GateLook, Look, PassEnded
from stagedrollout.daemon.watched.page import Page
from stagedrollout.daemon.watched.seen import Sample, Seen
from stagedrollout.daemon.watched.table import TABLE
from stagedrollout.http.tally import Calls, Ending
from tests.core.builders import NOON
from tests.watched.queries import Scrape, alerts, fires, read

POLL = timedelta(minutes=15)
SHOP = StoreApp("shop", Store.GOOGLE_PLAY)
KEY = RolloutKey("shop", Store.GOOGLE_PLAY, "5020")
GATE = GateLook("evidence", "required", 0, NOON - timedelta(hours=1), 998_000, None, 1_000, None, -1.5)
LOOK = Look("5.2.0 (5020)", Phase.ROLLING_OUT, 100_000, "WAIT", (GATE,), 30.0)
SAMPLE = Sample(at=0.0, waiting=0, oldest=None, lost=0, barred=(), clocks=())
IN_FORCE = InForce("x.yaml", (), "abc", NOON)
CALLS = {"sentry": Calls({**dict.fromkeys(Ending, 0), Ending.OK: 7, Ending.FAULTY: 2}, 1.5)}


def second(count: float) -> timedelta:
    return timedelta(seconds=count)


WELL = Seen(
    now=NOON,
    epoch=7,
    poll=POLL,
    lost=False,
    turn_age=second(3),
    written_age=second(4),
    written=True,
    problem="",
    lateness={SHOP: second(0)},
    problems={SHOP: ""},
    passes={(SHOP, PassEnded.DONE): 3},
    looks={KEY: LOOK},
    sample=SAMPLE,
    sample_age=second(5),
    in_force=IN_FORCE,
    epochs={SHOP: 2},
)


def scrape(seen: Seen, calls: dict[str, Calls] = CALLS) -> Scrape:
    return read(Page(lambda: figures(seen, calls)).content().decode())


def gated(verdict: int) -> dict[RolloutKey, Look]:
    return {KEY: replace(LOOK, gates=(replace(GATE, verdict=verdict),))}


def barred(code: str) -> Sample:
    return replace(SAMPLE, barred=(Reason(code, f"{code}: nothing is raised"),))


def test_a_daemon_that_is_well_is_well_by_every_word():
    assert all_well(alive(WELL))
    assert all_well(ready(WELL))
    assert [check.said for check in ready(WELL)] == [
        "they go on, the last sign of it is 3s old",
        "epoch 7 is ours, confirmed 4s ago",
        "it is written and read",
        "abc is in force since 2026-03-02 12:00 UTC",
        "nothing keeps every app from being raised",
    ]


# what happened: the change, whether it lives, whether it may raise, a word, and the alarms but for those by rates
TROUBLES: dict[str, tuple[dict[str, Any], bool, bool, str, set[str]]] = {
    "turns stand still": ({"turn_age": second(50)}, False, False, "no turn has ended for 50s", {"Hangs"}),
    "a pass does not end": (
        {"lateness": {SHOP: POLL + second(61)}},
        False,
        True,
        "shop/google_play: its pass is 16m 1s late",
        {"PassesMissed"},
    ),
    "a pass is due": ({"lateness": {SHOP: POLL - second(1)}}, True, True, "", set()),
    "another daemon has claimed": (
        {"lost": True},
        True,
        False,
        "another daemon has claimed the database",
        {"LeaseLost", "DatabaseNotWritable"},
    ),
    "nobody confirms the lease": (
        {"written_age": second(46)},
        True,
        False,
        "epoch 7 is still ours has not been confirmed for 46s",
        {"LeaseLost", "DatabaseNotWritable"},
    ),
    "the database takes nothing": (
        {"problem": "the database cannot be written: disk full"},
        True,
        False,
        "the database cannot be written: disk full",
        {"DatabaseNotWritable"},
    ),
    "the database hangs": (
        {"sample_age": second(75)},
        True,
        False,
        "it has not been read for 1m 15s",
        {"DatabaseNotRead"},
    ),
    "clocks disagree": (
        {"sample": barred("clocks_disagree")},
        True,
        False,
        "clocks_disagree: nothing is raised",
        {"ClocksDisagree"},
    ),
    "a backup was restored": (
        {"sample": barred("journal_behind")},
        True,
        False,
        "journal_behind: nothing is raised",
        {"JournalInDoubt"},
    ),
    "the line is stopped": ({"sample": barred("line_stopped")}, True, False, "line_stopped: nothing", set()),
    "a newer configuration was refused": (
        {"in_force": IN_FORCE.refusing("def", NOON, ("x",))},
        True,
        True,
        "abc is in force since 2026-03-02 12:00 UTC; a newer one was refused at 12:00 UTC",
        {"ConfigurationRefused"},
    ),
    "a store cannot be read": ({"problems": {SHOP: "it times out"}}, True, True, "", {"PassTroubled"}),
    "a halt does not show": (
        {"looks": {KEY: replace(LOOK, phase=Phase.NOT_HALTED)}},
        True,
        True,
        "",
        {"NotHalted"},
    ),
    "Slack is down for 11 minutes": (
        {"sample": replace(SAMPLE, waiting=2, oldest=NOON - timedelta(minutes=11))},
        True,
        True,
        "",
        {"NoticesUndelivered"},
    ),
    "Slack takes a notice in no form": ({"sample": replace(SAMPLE, lost=1)}, True, True, "", {"NoticesLost"}),
    "data are too old": ({"looks": gated(2)}, True, True, "", {"DataTooOld"}),
    "data are missing": ({"looks": gated(3)}, True, True, "", {"DataMissing"}),
    "a source cannot be read": ({"looks": gated(4)}, True, True, "", {"DataMissing"}),
    "a release fails": ({"looks": gated(6)}, True, True, "", set()),
}


@pytest.mark.promise("R21")
@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_has_its_words_and_its_alarm_and_no_other(trouble: str):
    change, lives, may_raise, word, alarms = TROUBLES[trouble]
    seen = replace(WELL, **change)
    assert (all_well(alive(seen)), all_well(ready(seen))) == (lives, may_raise)
    assert any(word in check.said for check in (*alive(seen), *ready(seen)))
    at_once = scrape(seen)
    found = {name for name, query in alerts().items() if query.of_one_scrape and fires(query, at_once)}
    assert {name.removeprefix("Stagedrollout") for name in found} == alarms


def test_the_longest_late_is_named_and_the_others_are_counted():
    mail = StoreApp("mail", Store.APP_STORE)
    seen = replace(WELL, lateness={SHOP: 2 * POLL, mail: 3 * POLL})
    assert [check.said for check in alive(seen) if not check.ok] == [
        "mail/app_store: its pass is 45m late (and 1 more)"
    ]


def test_what_was_not_read_yet_has_no_series_rather_than_a_zero():
    names = {name for name, _, _ in scrape(replace(WELL, sample=None))}
    assert "stagedrollout_notices_undelivered" not in names
    assert "stagedrollout_database_read_age_seconds" in names


def test_ages_go_on_while_no_pass_comes():
    (age,) = [
        value for name, _, value in scrape(replace(WELL, now=NOON + timedelta(hours=5))) if "data_age" in name
    ]
    assert age == 6 * 3_600


def test_two_releases_that_are_called_alike_are_one_series():
    again = RolloutKey("shop", Store.GOOGLE_PLAY, "5021")
    seen = replace(WELL, looks={KEY: LOOK, again: replace(LOOK, exposure_ppm=200_000)})
    assert [value for name, _, value in scrape(seen) if "exposure" in name] == [0.2]


def test_a_name_that_somebody_chose_breaks_no_line():
    seen = replace(WELL, looks={KEY: replace(LOOK, release='5 "x"\n\\ {y="1"} 9')})
    assert {labels["release"] for name, labels, _ in scrape(seen) if "exposure" in name} == {
        '5 "x"\n\\ {y="1"} 9'
    }


def test_every_metric_says_what_it_is_under_its_own_name():
    text = Page(lambda: figures(WELL, CALLS)).content().decode()
    kinds = dict(line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE stagedrollout_"))
    table = {row.name: row.kind for row in TABLE}
    seldom = {
        "stagedrollout_clock_ahead_seconds",
        "stagedrollout_gate_threshold_ratio",
        "stagedrollout_gate_sample_needed",
    }
    assert kinds == {name: kind for name, kind in table.items() if name not in seldom}


def test_requests_are_counted_by_service_and_ending():
    found = {labels["outcome"]: value for name, labels, value in scrape(WELL) if "requests_total" in name}
    assert (found["ok"], found["faulty"], found["denied"]) == (7, 2, 0)
    took = {name: value for name, _, value in scrape(WELL) if "duration" in name}
    assert took == {
        "stagedrollout_vendor_request_duration_seconds_count": 9,
        "stagedrollout_vendor_request_duration_seconds_sum": 1.5,
    }

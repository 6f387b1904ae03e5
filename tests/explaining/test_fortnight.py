"""The coming days: what is open, what is frozen and why, and when each share may come; as a document and as rows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from stagedrollout.cli.calendar_text import _lines
from stagedrollout.cli.main import cli
from stagedrollout.core import facts
from stagedrollout.core.calendar import Calendar, Freeze, Hours, Share
from stagedrollout.core.freezing import unread
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.core.phasing import Pacing
from stagedrollout.core.plan import plan
from stagedrollout.core.policy import Completion
from stagedrollout.core.units import PPM_ALL
from stagedrollout.explaining.ahead import Course
from stagedrollout.explaining.fortnight import fortnight
from tests.core.apple import terms
from tests.core.builders import ANNA, DAY, HOUR, NOON, halted, policy, rolling, with_facts
from tests.core.test_freezing import OFFICE_DAYS, with_entry
from tests.explaining.kept import kept

PLAY, APPLE = StoreApp("acme", Store.GOOGLE_PLAY), StoreApp("acme", Store.APP_STORE)
OFFICE = Calendar(
    weekdays=OFFICE_DAYS,
    hours=Hours(start=time(9), end=time(17)),
    shares=(Share(at_least=Decimal(50), weekdays=OFFICE_DAYS[:4]),),
)


def days(by, rollout=None, app=PLAY, count=14):
    document = fortnight(app, by, rollout, NOON, count)
    json.dumps(document)
    return document["days"]


def spans(day) -> list[list[str]]:
    """The open hours of each group of shares."""
    return [[f"{a[11:16]}-{b[11:16]}" for a, b in tier["from_to"]] for tier in day["open"]]


def test_a_day_is_a_row_with_the_hours_that_are_left_of_it():
    monday, *_, friday, saturday, _ = days(policy(calendar=OFFICE), rolling(), count=7)
    assert (monday["date"], spans(monday)) == ("2026-03-02", [["12:00-17:00"]])
    assert spans(friday) == [[]], "50 % and more keep out of Fridays"
    assert spans(saturday) == [[]]
    five = days(policy(calendar=OFFICE), None, count=5)[4]
    assert spans(five) == [["09:00-17:00"], []]


def test_a_hold_with_an_end_says_when_and_what_may_come_after_it():
    held = with_facts(rolling(), facts.Held(ANNA, "a party", NOON + 3 * DAY))
    document = fortnight(PLAY, policy(calendar=OFFICE), held, NOON, 14)
    assert document["waits_until"] == (NOON + 3 * DAY).isoformat()
    assert document["steps"][0]["earliest"] >= document["waits_until"]
    assert "the hold by anna is over, Thu 05 Mar 12:00" in "".join(_lines(document))
    for_good = fortnight(PLAY, policy(), with_facts(rolling(), facts.Held(ANNA, "a party", None)), NOON, 14)
    assert (for_good["waits_until"], for_good["steps"]) == (None, [])


def test_a_freeze_says_why_and_takes_its_hours():
    calendar = with_entry(
        replace(OFFICE, freezes=(Freeze(first=date(2026, 3, 4), last=date(2026, 3, 4), reason="fair"),)),
        NOON,
        NOON + 2 * HOUR,
    )
    monday, _, wednesday = days(policy(calendar=calendar), rolling(), count=3)
    assert spans(monday) == [["14:00-17:00"]]
    assert [f["cause"] for f in monday["frozen"]] == ["icalendar"]
    assert spans(wednesday) == [[]]
    assert [f["reason"] for f in wednesday["frozen"]] == ["fair"]


def test_each_stage_that_is_to_come_stands_in_the_row_of_its_earliest_instant():
    found = days(policy(calendar=OFFICE), rolling(since=NOON - HOUR))
    at = [(s["exposure_ppm"], s["earliest"][:16]) for day in found for s in day["steps"]]
    assert at == [(500_000, "2026-03-03T11:00"), (PPM_ALL, "2026-03-04T11:00")]


@pytest.mark.parametrize(
    ("store", "by"), [(Store.GOOGLE_PLAY, policy(calendar=OFFICE)), (Store.APP_STORE, terms(calendar=OFFICE))]
)
def test_nothing_is_promised_that_the_plan_does_not_hold(store, by):
    """The plan counts Apple's whole day for each step; what is told here is when Apple is let take it."""
    planned = plan(by, store, NOON)
    told = list(Course(by, store, NOON).after(planned.steps[0].exposure_ppm, NOON))
    assert told[0].exposure_ppm == planned.steps[1].exposure_ppm
    if planned.steps[1].begins:
        assert told[0].at == planned.steps[1].begins - (DAY if store is Store.APP_STORE else 0 * DAY)


def test_what_stands_still_is_promised_nothing():
    document = fortnight(PLAY, policy(), halted(rolling()), NOON, 3)
    assert "resume" in document["waits"]
    assert not document["steps"]


def test_by_hand_and_unreadable_are_said():
    by_hand = replace(policy(), completion=Completion.BY_HAND)
    *_, last = fortnight(PLAY, by_hand, rolling(), NOON, 3)["steps"]
    assert last["note"] == "a person completes it"
    lost = Calendar(icalendars=("c",)).with_entries((unread("calendar c: gone"),))
    document = fortnight(PLAY, policy(calendar=lost), rolling(), NOON, 3)
    (step,) = document["steps"]
    assert (step["earliest"], step["note"]) == (None, "frozen: calendar c: gone")
    assert [f["cause"] for f in document["frozen_now"]] == ["unread"]
    assert all(spans(day) == [[]] for day in document["days"])


def test_apples_step_needs_the_day_after_and_its_own_clock_needs_none():
    guarded = days(terms(calendar=OFFICE), None, APPLE, count=5)
    assert [bool(spans(day)[0]) for day in guarded] == [True, True, True, True, False]
    document = fortnight(APPLE, terms(Pacing.FOLLOW, calendar=OFFICE), None, NOON, 7)
    assert document["follows_apple"]
    assert all(spans(day)[0] for day in document["days"])


CONFIG = """\
database: sqlite:///x.db
policies: [p]
calendars: [{name: company, file: company.ics}]
google_play: {credentials: {env: KEY}}
sentry: {organization: acme, token: {env: TOKEN}}
apps:
  - {name: acme, policy: mine, google_play: {package: com.acme.app, sentry: {project: acme}}}
"""
POLICY = """\
stages: [{percent: 1, bake: 24h}, {percent: 100}]
gates: [{metric: crash_free_sessions, floor: 99.0, min_sample: 500}]
calendar: {icalendars: [company]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "mine.yaml").write_text(POLICY)
    path = tmp_path / "stagedrollout.yaml"
    path.write_text(CONFIG)
    return path


def run(config: Path, *args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, ["calendar", *args, "--config", str(config)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_works_before_anything_has_ever_run(config: Path):
    code, out, err = run(config)
    assert code == 0
    assert "no database" in err
    assert "company.ics: no such file" in out
    assert out.count("frozen\n") == 14
    assert "\x1b" not in out


def test_the_command_tells_one_document_and_refuses_what_it_does_not_know(config: Path):
    code, out, _ = run(config, "acme", "--json", "--days", "3")
    (document,) = json.loads(out)["calendars"]
    assert (code, document["policy"], len(document["days"])) == (0, "mine", 3)
    code, _, err = run(config, "acne")
    assert code == 2
    assert "did you mean `acme`" in err


def test_a_rollout_that_goes_on_is_what_is_told(config: Path):
    found = kept(now=NOON)
    document = fortnight(PLAY, policy(), found.rollout, found.now, 2)
    assert document["exposure_ppm"] == 100_000
    assert document["title"]

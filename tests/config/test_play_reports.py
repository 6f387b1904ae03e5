"""Play's own reports as signals in the configuration: what is read, and what is told with its place."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from stagedrollout.cli.main import cli
from stagedrollout.config.load import load
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.play_reports import Period, Vital
from tests.config.conftest import GOOD, POLICY, SECRETS, Write
from tests.simulation import setting

SIGNALS = """\
      signals:
        - {name: vitals_crashes, vitals: {metric: user_perceived_crash_rate}}
        - {name: vitals_hourly, vitals: {metric: anr_rate, period: hourly, can_halt: false}}
        - {name: play_stars, ratings_csv: {bucket: 'gs://pubsite_prod_rev_0123456789/stats/ratings/'}}
"""
GATES = """\
signals:
  - {signal: vitals_crashes, role: veto, worse_by: 50, limit: 1.09, min_sample: 1000, window: 7d}
  - {signal: vitals_hourly, role: advisory, limit: 0.47}
  - {signal: play_stars, role: advisory, worse_by: 10, window: 7d}
"""


def own(signals: str = SIGNALS, more: str = "") -> str:
    return more + "policies: [own]\n" + GOOD.replace("policy: standard", "policy: ours") + signals


def refused(write: Write, text: str, gates: str = GATES) -> str:
    write(POLICY + gates, "own/ours.yaml")
    with pytest.raises(WrongConfiguration) as error:
        load(write(text), environ=SECRETS)
    return str(error.value)


def test_they_are_read_with_plays_own_credentials(write: Write) -> None:
    write(POLICY + GATES, "own/ours.yaml")
    (app,) = load(write(own()), environ=SECRETS).settings.apps
    assert app.google_play is not None
    crashes, hourly, stars = app.google_play.signals
    assert crashes.vitals is not None
    assert (crashes.vitals.metric, crashes.vitals.period) == (Vital.USER_PERCEIVED_CRASH_RATE, Period.DAILY)
    assert hourly.vitals is not None
    assert (hourly.vitals.period, hourly.vitals.can_halt) == (Period.HOURLY, False)
    assert stars.ratings_csv is not None
    assert stars.ratings_csv.bucket_name == "pubsite_prod_rev_0123456789"


@pytest.mark.parametrize(
    "bucket", ["pubsite_prod_01234", "gs://pubsite_prod_rev_01234", "gs://pubsite_prod_01234/"]
)
def test_a_bucket_is_written_as_console_shows_it(write: Write, bucket: str) -> None:
    write(POLICY + GATES, "own/ours.yaml")
    text = own(SIGNALS.replace("gs://pubsite_prod_rev_0123456789/stats/ratings/", bucket))
    (app,) = load(write(text), environ=SECRETS).settings.apps
    assert app.google_play is not None
    source = app.google_play.signals[2].ratings_csv
    assert source is not None
    assert source.bucket_name == bucket.removeprefix("gs://").rstrip("/")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("user_perceived_crash_rate", "crashes", "write one of: user_perceived_crash_rate, crash_rate"),
        ("period: hourly", "period: weekly", "write one of: daily, hourly"),
        (
            "gs://pubsite_prod_rev_0123456789/stats/ratings/",
            "gs://our-own-bucket",
            "copy the URI from Play Console",
        ),
        (
            "gs://pubsite_prod_rev_0123456789/stats/ratings/",
            "https://x.test",
            "copy the URI from Play Console",
        ),
        ("metric: anr_rate, ", "metric: anr_rate, lag: 2d, ", "lag"),
    ],
)
def test_what_cannot_be_is_told(write: Write, before: str, after: str, words: str) -> None:
    assert words in refused(write, own(SIGNALS.replace(before, after)))


def test_an_app_on_the_app_store_has_none_of_them(write: Write) -> None:
    apple = """\
    app_store:
      app_id: '6448311069'
      bundle_id: com.acme.app
      sentry: {project: acme-ios}
"""
    told = refused(write, own(SIGNALS + apple + SIGNALS))
    assert "vitals knows apps on Google Play only; move it under google_play.signals" in told
    assert "ratings_csv knows apps on Google Play only" in told


@pytest.mark.parametrize(
    ("gate", "least"),
    [
        ("{signal: vitals_crashes, limit: 1.09}", "6d"),
        ("{signal: vitals_crashes, limit: 1.09, window: 5d}", "6d"),
        ("{signal: vitals_hourly, limit: 1.09, window: 2h}", "8h"),
        ("{signal: play_stars, worse_by: 10, window: 3d}", "4d"),
    ],
)
def test_a_window_that_ends_before_the_reports_begin_is_told(write: Write, gate: str, least: str) -> None:
    told = refused(write, own(), f"signals: [{gate}]\n")
    assert f"give the gate a window of {least} or more" in told


def test_a_gate_without_a_bound_does_not_fit(write: Write) -> None:
    told = refused(write, own(), "evidence: {}\nsignals: [{signal: vitals_crashes, window: 7d}]\n")
    assert "the signal brings a value; give the gate worse_by, limit or both" in told


def test_the_emulators_clock_never_decides_by_googles_own_reports(write: Write) -> None:
    told = refused(write, own(more="clock: emulator\n"))
    assert "needs google_play.reporting_endpoint on this machine" in told
    assert "needs google_play.storage_endpoint on this machine" in told


def test_other_addresses_than_googles_are_on_this_machine(write: Write) -> None:
    text = own().replace("{credentials:", "{reporting_endpoint: 'http://vitals.test', credentials:")
    assert "plain http is for this machine only" in refused(write, text)


def test_the_signals_command_says_how_late_they_are_and_what_no_data_look_like(write: Write) -> None:
    write(POLICY + GATES, "own/ours.yaml")
    write(setting._key_file(), "play.json")
    path = str(write(own()))
    ran = CliRunner().invoke(cli, ["signals", "--config", path], env=SECRETS, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    assert "acme on google_play: vitals_crashes, from vitals\n" in ran.output
    assert (
        "a value in % of daily users, lower is better; up to 4d late; can halt; no data: no row of"
        in ran.output
    )
    assert "a value in stars, mean of days, higher is better; up to 2d late; holds, never halts" in ran.output
    ran = CliRunner().invoke(
        cli, ["signals", "--json", "--config", path], env=SECRETS, catch_exceptions=False
    )
    assert [row["lag_seconds"] for row in json.loads(ran.output)] == [
        timedelta(days=4).total_seconds(),
        timedelta(hours=6).total_seconds(),
        timedelta(days=2).total_seconds(),
    ]


def test_a_key_that_is_none_is_told_before_anything_is_asked(write: Write) -> None:
    write(POLICY + GATES, "own/ours.yaml")
    write("{}", "play.json")
    ran = CliRunner().invoke(cli, ["signals", "--config", str(write(own()))], env=SECRETS)
    assert ran.exit_code != 0
    assert 'of another type than "service_account"' in str(ran.exception)

"""A team's own signals in the configuration: what is read, and every way to write one that is told with its place."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from stagedrollout.cli.main import cli
from stagedrollout.config.load import load, load_with_secrets
from stagedrollout.core.declared import Better
from stagedrollout.core.errors import WrongConfiguration
from tests.config.conftest import GOOD, POLICY, SECRETS, Write

SERVICES = """\
prometheus: {url: 'https://prometheus.example.com', token: {env: PROM_TOKEN}}
grafana: {url: 'https://grafana.example.com', token: {env: PROM_TOKEN}}
new_relic: {account: 1234567, key: {env: PROM_TOKEN}, url: 'https://api.eu.newrelic.com'}
policies: [own]
"""
SIGNALS = """\
      signals:
        - name: checkout_errors
          prometheus:
            unit: checkouts
            total: 'sum(increase(checkout_total{version="{version}"}[1h]))'
            bad: 'sum(increase(checkout_errors{version="{version}"}[1h]))'
        - name: conversion
          new_relic:
            unit: '%'
            better: higher
            lag: 1h
            can_halt: false
            value_query: "SELECT percentage(count(*), WHERE paid) AS value FROM Visit WHERE appBuild = '{build}'"
        - name: cold_start
          grafana: {unit: ms, uid: P1809, value: {expr: 'avg(start{build="{build}"})', instant: true}}
        - name: refunds
          http_json:
            unit: refunds
            url: https://stats.example.com
            path: /v1/refunds/{build}?since={start}
            value: rate
"""
GATES = """\
evidence: {}
signals:
  - {signal: checkout_errors}
  - {signal: conversion, role: veto, worse_by: 10}
  - {signal: cold_start, role: advisory, limit: 1500, worse_by: 250.5, freshness: 30m}
"""
ENVIRON = {**SECRETS, "PROM_TOKEN": "prom-secret-of-this-test"}


def own(signals: str = SIGNALS, services: str = SERVICES) -> str:
    return services + GOOD.replace("policy: standard", "policy: ours") + signals


def refused(write: Write, text: str, gates: str = GATES) -> str:
    write(POLICY + gates, "own/ours.yaml")
    with pytest.raises(WrongConfiguration) as error:
        load(write(text), environ=ENVIRON)
    return str(error.value)


def good(write: Write) -> Path:
    write(POLICY + GATES, "own/ours.yaml")
    write("{}", "play.json")
    return write(own())


def test_signals_and_their_gates_are_read(write: Write) -> None:
    loaded = load(good(write), environ=ENVIRON)
    (app,) = loaded.settings.apps
    assert app.google_play is not None
    checkout, conversion, start, refunds = app.google_play.signals
    assert [s.source for s in app.google_play.signals] == ["prometheus", "new_relic", "grafana", "http_json"]
    assert checkout.prometheus is not None
    assert checkout.prometheus.counts
    assert conversion.new_relic is not None
    assert (conversion.new_relic.better, conversion.new_relic.lag) == (Better.HIGHER, timedelta(hours=1))
    assert start.grafana is not None
    assert refunds.http_json is not None
    assert not refunds.http_json.counts
    gates = loaded.policies["ours"].signals
    assert [gate.by_evidence for gate in gates] == [True, False, False]
    assert "prom-secret-of-this-test" in {
        s.reveal() for s in load_with_secrets(good(write), environ=ENVIRON).secrets()
    }


ONE = """\
      signals:
        - name: checkout_errors
          prometheus: {unit: x, %s}
"""
COUNTED = """total: 'a{v="{version}"}', bad: 'b{v="{version}"}'"""


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("value: 'sum(x)'", "needs {version} or {build}"),
        ("""value: 'sum(x{v="{version}"})', """ + COUNTED, "brings counts or a value"),
        ("""total: 'a{v="{version}"}'""", "write total and bad, or value"),
        ("value: 'sum(x{v={version}})'", "{version} must stand in quotes"),
        ("value: 'sum(x{v=`{version}`})'", "{version} must stand in quotes"),
        ("""value: 'sum(x{v=~"{version}"})'""", "compare with = instead of =~"),
        ("""value: 'sum(x{v=~"a|{version}"})'""", "compare with = instead of =~"),
        ("""value: 'sum(x{v="{version})'""", "a quote is not closed"),
        (COUNTED + ", lag: 5d", "lag is at most 4d"),
        (COUNTED + ", totla: x", "did you mean `total`?"),
        (COUNTED + ", better: up", "write one of: lower, higher"),
    ],
)
def test_a_query_that_could_not_work_is_told_with_its_place(write: Write, keys: str, words: str) -> None:
    told = refused(write, own(ONE % keys))
    assert words in told
    assert "apps.0.google_play.signals.0.prometheus" in told


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        ("      signals: [{name: Checkout}]\n", "small letters, digits and _"),
        (
            "      signals: [{name: evidence}]\n",
            "write one of prometheus, grafana, new_relic, http_json, vitals, ratings_csv, plugin",
        ),
        (
            SIGNALS.replace("conversion", "checkout_errors"),
            "another signal of this app has this name; see line",
        ),
        (
            SIGNALS.replace("cold_start", "warm_start"),
            "a gate on the signal cold_start, which the app has not",
        ),
        (SIGNALS.replace("https://stats", "http://stats"), "plain http would show the token"),
        (SIGNALS.replace("unit: ms", r'unit: "m\u202es"'), "write the unit in a word or two"),
        (SIGNALS.replace("unit: ms", "unit: '  '"), "write the unit in a word or two"),
        (SIGNALS.replace("/v1/refunds", "v1/refunds"), "write a path below the url"),
        (
            SIGNALS.replace("refunds/{build}", "{biuld}/{build}"),
            "and the places {package}, {version}, {build}",
        ),
        (SIGNALS.replace("refunds/{build}", "re funds/{build}"), "a path holds plain characters"),
        (SIGNALS.replace("refunds/{build}", "../{build}"), "a path holds plain characters"),
    ],
)
def test_what_does_not_belong_together_is_told(write: Write, signals: str, words: str) -> None:
    assert words in refused(write, own(signals))


@pytest.mark.parametrize("service", ["prometheus", "grafana", "new_relic"])
def test_a_service_without_access_is_told(write: Write, service: str) -> None:
    services = "\n".join(line for line in SERVICES.splitlines() if not line.startswith(service)) + "\n"
    assert f"there is no access to {service}; add a section `{service}:` at the top" in refused(
        write, own(services=services)
    )


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        ("{signal: checkout_errors, worse_by: 20}", "the signal brings counts, which the evidence judges"),
        ("{signal: conversion}", "the signal brings a value; give the gate worse_by, limit or both"),
        ("{signal: conversion, worse_by: 0}", "worse_by is a percentage above 0"),
        ("{signal: conversion, limit: .inf}", "write a number"),
        ("{signal: conversion, limit: 5}, {signal: conversion, limit: 6}", "two gates on one signal"),
    ],
)
def test_a_gate_that_does_not_fit_its_signal_is_told(write: Write, gates: str, words: str) -> None:
    assert words in refused(write, own(), f"evidence: {{}}\nsignals: [{gates}]\n")


def test_a_gate_by_counts_needs_evidence(write: Write) -> None:
    assert "needs evidence" in refused(write, own(), "signals: [{signal: checkout_errors}]\n")


def test_the_emulators_clock_never_decides_by_a_real_service(write: Write) -> None:
    told = refused(write, "clock: emulator\n" + own())
    assert "needs prometheus.url on this machine" in told
    assert "needs apps.0.google_play.signals.3.http_json.url on this machine" in told


def run(*arguments: str) -> str:
    ran = CliRunner().invoke(cli, arguments, env=ENVIRON, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_the_signals_are_shown_with_what_they_declare_and_their_gates(write: Write) -> None:
    path = str(good(write))
    told = run("signals", "--config", path)
    assert "acme on google_play: conversion, from new_relic\n" in told
    assert (
        "a value in %, higher is better; up to 1h late; holds, never halts; no data: counts of 0, or null"
        in told
    )
    assert "gate of ours: checkout errors with the evidence: halt at odds of harm of 100 : 1 in all" in told
    assert "no policy has a gate on it: it is never asked for" in told
    assert "prom-secret" not in told
    rows = json.loads(run("signals", "--json", "--config", path))
    assert [(row["signal"], row["brings"], row["can_halt"]) for row in rows] == [
        ("checkout_errors", "counts", True),
        ("conversion", "a value", False),
        ("cold_start", "a value", True),
        ("refunds", "a value", True),
    ]


def test_a_policy_shows_its_gates_on_them(write: Write) -> None:
    assert "conversion more than 10 % worse than beside it over 1d" in run(
        "policy", "show", "ours", "--config", str(good(write))
    )


def test_check_opens_the_packages_too(write: Write) -> None:
    write(POLICY, "own/ours.yaml")
    write("{}", "play.json")
    path = write(own("      signals: [{name: fatal, plugin: {source: no-such-package}}]\n"))
    ran = CliRunner().invoke(cli, ["check", "--config", str(path)], env=ENVIRON)
    assert ran.exit_code == 2
    assert "source no-such-package is not installed" in ran.output

"""Secrets of every kind, in a life full of errors that repeat them: nowhere but where they are sent (R24)."""

from __future__ import annotations

import copy
import json
import re
import secrets
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.canaries import leaks, process_texts, texts_below
from tests.acceptance.hostile import NO_JSON, Asked, Between, Script, repeating
from tests.acceptance.processes import eventually
from tests.acceptance.stage import Stage
from tests.acceptance.stories import ios, short, turns_bad

pytestmark = [pytest.mark.promise("R24"), pytest.mark.usefixtures("started_anew")]

WHY = ("--reason", "because of a test")
DERIVED = {"access token": r"ya29\.[\w-]{12,}", "signed token": r"eyJ[\w-]{16,}\.[\w-]{16,}"}
"""Made from secrets while it runs: their values are known to nobody outside, their looks are."""

SIGNALS = {
    "errors": {"prometheus": {"unit": "x", "value": 'sum(x{version="{version}"})'}},
    "start": {"grafana": {"unit": "ms", "uid": "P1809", "value": {"expr": 'a{b="{build}"}'}}},
    "paid": {
        "new_relic": {
            "unit": "%",
            "value_query": "SELECT count(*) AS value FROM X WHERE appBuild = '{build}'",
        }
    },
    "stats": {"http_json": {"unit": "x", "path": "/v1/of/{version}", "value": "value"}},
}


def both_stores() -> dict:
    story = turns_bad(short(until="12h"), at="5h")
    story["apps"] += ios()["apps"]
    return story


def planted(stage: Stage, between: Between) -> dict[str, list[str]]:
    """Every kind of credential in the configuration, all services behind `between`; the canaries by kind."""
    folder = stage.conf / "secrets"
    own = {
        name: f"canary-{name}-{secrets.token_hex(16)}" for name in ("prometheus", "grafana", "relic", "json")
    }
    for name, value in own.items():
        (folder / f"own-{name}").touch(0o600)
        (folder / f"own-{name}").write_text(value)

    def change(config) -> None:
        url = between.url
        for key in ("endpoint", "reporting_endpoint", "storage_endpoint"):
            config["google_play"][key] = url
        config["app_store"] |= {"endpoint": url, "lookup_endpoint": url}
        config["sentry"]["url"] = url
        config["slack"]["endpoint"] = f"{url}/slack/api/"
        config["prometheus"] = {"url": f"{url}/prometheus", "token": {"file": "secrets/own-prometheus"}}
        no_tls = url.replace("http://", "https://")  # an error of TLS, with the token in hand
        config["grafana"] = {"url": no_tls, "token": {"file": "secrets/own-grafana"}}
        config["new_relic"] = {"account": 1, "key": {"file": "secrets/own-relic"}, "url": url}
        signals = [{"name": name, **source} for name, source in SIGNALS.items()]
        signals[-1]["http_json"] |= {"url": url, "token": {"file": "secrets/own-json"}}
        for store in ("google_play", "app_store"):
            config["apps"][0][store]["signals"] = copy.deepcopy(signals)
        config["limits"] = {"http_timeout": "2s", "pass_deadline": "20s"}

    stage.edits_config(change)
    policy = stage.conf / "policies" / "hotfix.yaml"
    gates = [f"  - {{signal: {name}, role: advisory, limit: 5}}\n" for name in SIGNALS]
    policy.write_text(policy.read_text() + "\nsignals:\n" + "".join(gates))
    key = folder / "play.json"
    document = json.loads(key.read_text())
    key.write_text(json.dumps({**document, "token_uri": f"{between.url}/oauth2/token"}))
    dsn = (folder / "sentry-dsn").read_text()
    (folder / "sentry-dsn").write_text(re.sub(r"@[^/]+", "@" + between.url.removeprefix("http://"), dsn))
    return {"configured": stage.secrets(), **{name: [value] for name, value in own.items()},
            "dsn's key": [re.findall(r"//(\w+)@", dsn)[0]]}  # fmt: skip


def searched(stage: Stage, said: list[str]) -> dict[str, str]:
    """Everything that could hold a secret and must not."""
    apart = (stage.conf / "secrets", stage.folder / "evidence")
    told = {f"command {number}": words for number, words in enumerate(said)}
    truth = {"what services received": json.dumps(stage.asks("ledger"))}
    return texts_below(stage.folder, apart_from=apart) | told | truth


def found(canaries: dict[str, list[str]], texts: dict[str, str]) -> list[str]:
    looks = [
        f"{kind} in {place}: {hit[0][:12]}"
        for place, text in texts.items()
        for kind, look in DERIVED.items()
        if (hit := re.search(look, text))
    ]
    return leaks(canaries, texts) + looks


class Errors:
    """Lets requests through, or answers with an error that repeats what was sent."""

    def __init__(self) -> None:
        self.status = 0

    def __call__(self, asked: Asked) -> Script | None:
        mild = "/_emulator/" in asked.path or not self.status
        return None if mild else repeating(asked, self.status)


def test_no_secret_is_anywhere_after_a_life_full_of_errors_that_repeat_them(opens, tmp_path):
    with ExitStack() as stack:
        stage = opens(both_stores())
        errors = Errors()
        between = Between(stage._url, errors)
        stack.callback(between.close)
        canaries = planted(stage, between)
        assert stage.types("check").code == 0, stage._said
        said: list[str] = []

        def types(*command: str) -> str:
            done = stage.types(*command)
            said.append(done.said)
            return done.said

        stage.stops_at("3h")
        stage.starts_daemon("--verbose")
        stage.plays_to("3h")
        for hour, status in enumerate((401, 403, 500, NO_JSON), start=1):
            errors.status = status
            stage.stops_at(f"{3 * 60 + 30 * hour}m")
            some = between.met["repeats"] + 3
            eventually(lambda some=some: between.met["repeats"] > some, what=f"errors {status}")
            stage.plays_to(f"{3 * 60 + 30 * hour}m")
            if status == 403:
                types("doctor")
        said.extend(str(process_texts(stage.daemon.pid)))
        errors.status = 0
        stage.plays_out()
        for command in ("status", "history", "report"):
            types(command, "--json")
        picture = str(tmp_path / "picture.png")
        types("explain", "acme", "--store", "google_play", "--release", "5.2.0", "--plot", picture)
        texts = searched(stage, said)
        assert len(texts) > 25, sorted(texts)
        assert found(canaries, texts) == []
        _a_planted_leak_is_found(canaries, stage, said)


def test_no_secret_is_in_what_is_said_of_a_wrong_configuration(opens):
    with ExitStack() as stack:
        stage = opens(both_stores())
        between = Between(stage._url, Errors())
        stack.callback(between.close)
        canaries = planted(stage, between)
        _spoils(stage)
        done = [stage.types(command) for command in ("check", "doctor", "run")]
        assert [each.code for each in done] == [2, 2, 2]
        said = [each.said for each in done]
        assert "play.json (mode 0644)" in said[0]
        assert found(canaries, searched(stage, said)) == []


def _spoils(stage: Stage) -> None:
    """Wrong configurations around the very secrets: a key that is none, one in the wrong place, one in the open."""
    folder = stage.conf / "secrets"
    shutil.copy(folder / "slack-token", folder / "AuthKey.p8")
    shutil.copy(folder / "slack-token", folder / "sentry-dsn")
    (folder / "play.json").chmod(0o644)
    with stage.config.open("a") as file:
        file.write(f"unknown: {(folder / 'slack-token').read_text()}\n")
    stage.config.rename(
        stage.conf / "secrets" / "spoiled.yaml"
    )  # it holds the secret now: apart from the search
    stage.config.symlink_to(stage.conf / "secrets" / "spoiled.yaml")


def _a_planted_leak_is_found(canaries: dict[str, list[str]], stage: Stage, said: list[str]) -> None:
    """Each kind, plain and encoded, in a file and in a column."""
    import base64  # noqa: PLC0415
    import sqlite3  # noqa: PLC0415

    for kind, values in canaries.items():
        careless = stage.folder / "careless.log"
        careless.write_text("user:" + base64.b64encode(f"me:{values[-1]}".encode()).decode())
        assert [leak for leak in found(canaries, searched(stage, said)) if "careless" in leak], kind
        careless.unlink()
    copy = stage.folder / "copy.db"
    with sqlite3.connect(copy) as database:
        database.execute("CREATE TABLE journal (body TEXT)")
        database.execute("INSERT INTO journal VALUES (?)", (f"x {canaries['configured'][0].encode().hex()}",))
    database.close()
    places = {leak.partition(" in ")[2] for leak in found(canaries, searched(stage, said))}
    assert f"{Path(copy)}: journal" in places
    assert re.search(DERIVED["access token"], "ya29.emulated-abcdefghijkl")

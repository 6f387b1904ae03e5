"""What leaves the machine about the daemon itself: its mistakes without secrets, and honest signs of life."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sentry_sdk
from sentry_sdk.transport import HttpTransport, Transport

from stagedrollout.config.load import load
from stagedrollout.config.secrets import Secret
from stagedrollout.core.errors import StorageError, Unreachable, WrongConfiguration
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.daemon.health import errors
from stagedrollout.daemon.health.errors import schedule
from stagedrollout.daemon.health.opening import open_report
from stagedrollout.daemon.health.report import SelfReport, Silent
from tests.config.conftest import GOOD

ONE, TWO = StoreApp("one", Store.GOOGLE_PLAY), StoreApp("two", Store.GOOGLE_PLAY)
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLL = timedelta(minutes=15)
DSN = "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/42"
PRIVATE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"
KEY_FILE = {
    "type": "service_account",
    "private_key": f"-----BEGIN PRIVATE KEY-----\n{PRIVATE}\n-----END PRIVATE KEY-----\n",
}
TOKENS = {"SENTRY_TOKEN": "canary-sentry/4711", "SLACK_TOKEN": "canary-slack+0815", "DSN": DSN}
UNTOLD = "canary-unknown-0099"


class Kept(Transport):
    """A transport that keeps what would have left."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[bytes] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.envelopes.append(envelope.serialize())

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Events and check-ins, oldest first."""
        return [json.loads(sent.splitlines()[2]) for sent in self.envelopes]

    @property
    def check_ins(self) -> list[dict[str, Any]]:
        return [told for told in self.documents if told.get("type") == "check_in" or "check_in_id" in told]

    @property
    def mistakes(self) -> list[dict[str, Any]]:
        return [told for told in self.documents if "exception" in told]


class Told:
    """A report with a clock to turn, and what it has told."""

    def __init__(self, folder: Path) -> None:
        self.kept = Kept()
        self.now = BEGIN
        self._wall = 0.0
        config = folder / "stagedrollout.yaml"
        config.write_text(
            GOOD + "health: {sentry_dsn: {env: DSN}, monitor: stagedrollout, environment: lab}\n"
        )
        key = folder / "play.json"
        key.write_text(json.dumps(KEY_FILE))
        key.chmod(0o600)
        loaded = load(config, environ=TOKENS)
        self.report: Any = open_report(loaded, (ONE, TWO), clock=_Clock(self), epoch=3, transport=self.kept)
        self.report._sentry._monotonic = lambda: self._wall

    def beats(self, *, after: timedelta = timedelta(minutes=1), problem: str = "") -> str:
        """The status of the check-in this beat sends; "" if it sends none."""
        known = len(self.kept.check_ins)
        self.now += after
        self._wall += after.total_seconds()
        self.report.beat(self.now, problem)
        sent = self.kept.check_ins[known:]
        assert len(sent) < 2
        return sent[0]["status"] if sent else ""

    def passes(self, *apps: StoreApp, problem: str = "") -> None:
        for app in apps:
            self.report.passed(app, self.now + POLL, problem)

    def breaks_off(self, app: StoreApp, error: BaseException) -> None:
        self.report.broke_off(app, self.now + timedelta(minutes=1), error, "in words")


class _Clock:
    def __init__(self, told: Told) -> None:
        self._told = told

    def now(self) -> datetime:
        return self._told.now


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    found = Told(tmp_path)
    yield found
    found.report.close()


def raised(error: BaseException) -> BaseException:
    """The error as it comes out of a pass that holds secrets in its variables."""

    def work(auth_token: str) -> None:
        nested = {"Authorization": f"Bearer {auth_token}", "pem": KEY_FILE, "other": UNTOLD}
        assert nested
        raise error

    with pytest.raises(type(error)) as caught:
        work(TOKENS["SLACK_TOKEN"])
    return caught.value


# ---- secrets


def _leaks(sent: bytes) -> list[str]:
    secrets = [TOKENS["SENTRY_TOKEN"], TOKENS["SLACK_TOKEN"], PRIVATE, UNTOLD]
    forms = [
        form
        for secret in secrets
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()[:-4])
    ]
    return [form for form in forms if form.encode() in sent]


def test_no_secret_leaves_in_text_variables_breadcrumbs_or_nested_data(told: Told):
    slack, sentry = TOKENS["SLACK_TOKEN"], TOKENS["SENTRY_TOKEN"]
    encoded = base64.b64encode(f"user:{slack}".encode()).decode()
    cause = raised(ValueError(f"{quote(sentry, safe='')} and {encoded} and {KEY_FILE['private_key']}"))
    error = RuntimeError(f"could not use {slack}; xoxb-{UNTOLD}")
    error.__cause__ = cause
    error.add_note(f"noted: {sentry}")
    with sentry_sdk.isolation_scope() as isolated, sentry_sdk.new_scope() as scope:
        scope.set_client(told.report._sentry._client)  # as a library would that is used inside a pass
        isolated.add_breadcrumb(
            category="httplib",
            message=f"https://me:{UNTOLD}@sentry.io/api?q={UNTOLD}",
            data={"url": f"https://hooks.slack.com/services/T1/B1/{UNTOLD}", "http.query": UNTOLD},
        )
        assert UNTOLD not in repr(isolated._breadcrumbs)  # clean as soon as it is kept
        scope.set_extra("deep", {"list": [{"Authorization": UNTOLD}, {"x": [slack]}, json.dumps(KEY_FILE)]})
        scope.set_context("reply", {"session": {"refresh_token": UNTOLD}, "said": sentry})
        scope.set_tag("where", f"https://androidpublisher.googleapis.com/v3/{UNTOLD}")
        told.breaks_off(ONE, raised(error))
    (sent,) = told.kept.envelopes
    assert _leaks(sent) == []
    (event,) = told.kept.mistakes
    assert [value["type"] for value in event["exception"]["values"]] == ["ValueError", "RuntimeError"]
    assert "could not use ***" in event["exception"]["values"][1]["value"]
    (crumb,) = event["breadcrumbs"]["values"]
    assert crumb["data"] == {"url": "https://hooks.slack.com/***", "http.query": "***"}
    assert datetime.fromisoformat(crumb["timestamp"])  # Sentry refuses what has none


def test_no_local_variable_leaves_at_all(told: Told):
    told.breaks_off(ONE, raised(KeyError("gates")))
    assert b'"vars"' not in told.kept.envelopes[0]


def test_the_check_in_carries_no_secret_either_and_is_never_dropped(told: Told):
    with sentry_sdk.new_scope() as scope:
        scope.set_client(told.report._sentry._client)
        sentry_sdk.crons.capture_checkin(
            monitor_slug=f"x {TOKENS['SLACK_TOKEN']}", status="ok", check_in_id="a" * 32
        )
    assert _leaks(told.kept.envelopes[0]) == []
    assert told.kept.check_ins[0]["check_in_id"] == "a" * 32


# ---- mistakes


def test_a_bug_is_told_with_its_place_and_the_store_app_it_befell(told: Told):
    told.breaks_off(ONE, raised(KeyError("gates")))
    (event,) = told.kept.mistakes
    (value,) = event["exception"]["values"]
    frame = value["stacktrace"]["frames"][-1]
    assert (value["type"], frame["function"]) == ("KeyError", "work")
    assert event["tags"] == {"doing": "the pass over one/google_play"}
    assert event["environment"] == "lab"
    assert event["release"].startswith("stagedrollout@")


def test_a_service_that_fails_and_a_busy_database_are_no_mistakes_of_ours(told: Told):
    told.breaks_off(ONE, raised(Unreachable("google_play", "reading the track", "timed out")))
    told.report.stumbled("delivering notices", raised(StorageError("the database is locked")))
    assert told.kept.documents == []


def test_the_same_bug_in_every_pass_is_told_once_an_hour(told: Told):
    for _ in range(61):
        told.breaks_off(ONE, raised(KeyError("gates")))
        told.beats()
    assert len(told.kept.mistakes) == 2
    told.breaks_off(ONE, raised(TypeError("another")))
    assert len(told.kept.mistakes) == 3


def test_a_report_that_fails_is_logged_once_and_breaks_nothing(
    told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refuse(_envelope: Any) -> None:
        raise OSError(TOKENS["SLACK_TOKEN"])

    monkeypatch.setattr(told.kept, "capture_envelope", refuse)
    told.passes(ONE, TWO)
    with caplog.at_level(logging.WARNING, "stagedrollout"):
        told.breaks_off(ONE, raised(KeyError("gates")))
        assert [told.beats(), told.beats()] == ["", ""]
    assert [record.getMessage() for record in caplog.records] == [
        "nothing can be told to Sentry about this daemon: OSError"
    ]


# ---- signs of life


def test_nothing_is_said_before_every_store_app_had_its_first_pass(told: Told):
    assert told.beats() == ""
    told.passes(ONE)
    assert told.beats() == ""
    told.passes(TWO)
    assert told.beats() == "ok"


def test_a_first_pass_that_never_ends_is_an_error_one_poll_later(told: Told):
    told.passes(ONE)
    assert told.beats(after=POLL) == ""
    told.passes(ONE)
    assert told.beats() == "error"


def test_a_hanging_pass_makes_the_check_in_an_error_and_its_end_mends_it(told: Told):
    told.passes(ONE, TWO)
    assert told.beats(after=POLL) == "ok"
    told.passes(ONE)
    assert told.beats(after=POLL) == "ok"
    assert told.beats() == "error"
    told.passes(TWO)
    assert told.beats() == "ok"


def test_a_pass_that_broke_off_makes_it_an_error_until_the_next_one(told: Told):
    told.passes(ONE, TWO)
    told.breaks_off(TWO, raised(StorageError("the database is locked")))
    assert told.beats() == "error"
    told.passes(TWO)
    assert told.beats() == "ok"


def test_a_store_that_cannot_be_read_is_no_death_of_the_daemon(told: Told):
    told.passes(ONE, TWO, problem="the store could not be read: timed out")
    assert told.beats() == "ok"


def test_there_is_at_most_one_check_in_a_minute(told: Told):
    told.passes(ONE, TWO)
    sent = [told.beats(after=timedelta(seconds=10)) for _ in range(13)]
    assert [at for at, status in enumerate(sent) if status] == [0, 6, 12]


def test_passes_that_overlap_leave_no_check_in_open(told: Told):
    """Each sign stands for itself: its own id, once, and never `in_progress`."""
    for app in (ONE, TWO, ONE, TWO):
        told.passes(app)
        told.beats()
    ids = [told_in["check_in_id"] for told_in in told.kept.check_ins]
    assert len(ids) == len(set(ids)) == 3
    assert {told_in["status"] for told_in in told.kept.check_ins} == {"ok"}


def test_the_first_check_in_makes_the_monitor(told: Told):
    told.passes(ONE, TWO)
    told.beats()
    (sign,) = told.kept.check_ins
    assert sign["monitor_slug"] == "stagedrollout"
    assert sign["environment"] == "lab"
    assert sign["monitor_config"] == {
        "schedule": {"type": "interval", "value": 15, "unit": "minute"},
        "timezone": "UTC",
        "checkin_margin": 14,
        "failure_issue_threshold": 1,
        "recovery_threshold": 1,
    }


@pytest.mark.parametrize("seconds", [60, 61, 90, 119, 120, 900, 21_600])
def test_a_daemon_that_died_is_missed_within_two_polls(seconds: int):
    config: Any = schedule(timedelta(seconds=seconds))
    assert config["schedule"]["value"] >= 1
    assert (config["schedule"]["value"] + config["checkin_margin"]) * 60 <= 2 * seconds


def test_a_clock_that_was_set_back_silences_nothing(told: Told):
    told.passes(ONE, TWO)
    assert told.beats() == "ok"
    told.now -= timedelta(hours=3)
    assert told.beats() == "ok"


# ---- what it costs


class Hanging(HttpTransport):
    """The SDK's own transport, on a network that swallows everything."""

    released = threading.Event()
    reached = threading.Event()

    def _send_request(self, *_args: Any, **_more: Any) -> None:
        Hanging.reached.set()
        Hanging.released.wait(20)


def test_a_server_that_hangs_holds_up_neither_passes_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(errors, "FLUSH_SECONDS", 0.05)
    ingest = errors.Ingest(
        dsn=Secret(DSN),
        environment="lab",
        monitor="x",
        poll=POLL,
        transport=Hanging,  # type: ignore[arg-type]
    )
    own = errors.OwnSentry(ingest, errors.Redactor())
    try:
        own.report("a turn", raised(KeyError("gates")))
        assert Hanging.reached.wait(20)
        for _ in range(300):  # more than the SDK keeps
            own._checked_in_at = float("-inf")
            own.check_in(errors.Pace.IN_TIME)
        own.close()
        assert not Hanging.released.is_set()
    finally:
        Hanging.released.set()


def _imported(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sorted(name.split('.')[0] for name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


def test_the_sdk_is_imported_only_where_there_is_a_dsn(tmp_path: Path):
    config = tmp_path / "stagedrollout.yaml"
    code = f"""
from datetime import UTC, datetime
from pathlib import Path
import stagedrollout.daemon.bootstrap
from stagedrollout.config.load import load
from stagedrollout.daemon.clocks import SystemClock
from stagedrollout.daemon.health.opening import open_report
report = open_report(load(Path({str(config)!r}), environ={{}}), (), clock=SystemClock(), epoch=1)
report.beat(datetime.now(UTC))
report.close()
"""
    config.write_text(GOOD + "health: {heartbeat_file: heartbeat}\n")
    assert "sentry_sdk" not in _imported(code)
    assert (tmp_path / "heartbeat").exists()


def test_requests_of_others_get_no_header_and_nothing_is_patched(told: Told):
    before = logging.Logger.callHandlers, sys.excepthook, threading.Thread.start, subprocess.Popen.__init__
    told.breaks_off(ONE, raised(KeyError("gates")))
    after = logging.Logger.callHandlers, sys.excepthook, threading.Thread.start, subprocess.Popen.__init__
    assert before == after
    assert not any("sentry" in getattr(function, "__module__", "") for function in after)
    assert told.kept.mistakes[0]["sdk"]["integrations"] == []
    assert not sentry_sdk.get_client().is_active()


# ---- the DSN


def opened(folder: Path, dsn: str, *, more: str = "") -> SelfReport:
    """A report of that configuration; words that show the DSN's key fail the test."""
    config = folder / "stagedrollout.yaml"
    config.write_text(f"{more}{GOOD}health: {{sentry_dsn: {{env: DSN}}}}\n")
    key = folder / "play.json"
    key.write_text("{}")
    key.chmod(0o600)
    loaded = load(config, environ={**TOKENS, "DSN": dsn})
    return open_report(loaded, (ONE,), clock=_Fixed(), epoch=1, transport=Kept())


class _Fixed:
    def now(self) -> datetime:
        return BEGIN


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("canary", "holds no DSN; copy it from the project's settings in Sentry"),
        ("https://canary0123@o1.ingest.sentry.io/", "holds no DSN"),
        ("https://o1.ingest.sentry.io/42?canary", "holds no DSN"),
        ("ftp://canary@o1.ingest.sentry.io/42", "holds no DSN"),
        ("http://canary0123@sentry.intern/42", "plain http beyond this machine; use one with https://"),
    ],
)
def test_a_wrong_dsn_is_told_in_words_and_not_shown(tmp_path: Path, dsn: str, words: str):
    with pytest.raises(WrongConfiguration) as error:
        opened(tmp_path, dsn)
    said = str(error.value)
    assert words in said
    assert "health.sentry_dsn: the" in said or "health.sentry_dsn: " in said
    assert "environment variable DSN" in said
    assert "canary" not in said
    assert "sentry.intern" not in said


def _rehearsal() -> str:
    """The configuration's head for a run by the emulator's clock."""
    return 'clock: emulator\nemulator: "http://127.0.0.1:9"\n'


def _on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    here = GOOD.replace("{file: play.json}", '{file: play.json}, endpoint: "http://127.0.0.1:9"')
    here = here.replace("organization: acme,", 'organization: acme, url: "http://127.0.0.1:9",')
    here = here.replace("C0RELEASE", 'C0RELEASE, endpoint: "http://127.0.0.1:9/slack/api/"')
    monkeypatch.setattr(sys.modules[__name__], "GOOD", here)


def test_a_rehearsal_tells_nobody_beyond_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _on_loopback(monkeypatch)
    with pytest.raises(WrongConfiguration) as error:
        opened(tmp_path, DSN, more=_rehearsal())
    assert "health.sentry_dsn: the emulator's clock needs a DSN on this machine" in str(error.value)
    assert "0123456789abcdef" not in str(error.value)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:9", "[::1]:9"])
def test_a_rehearsal_may_tell_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str):
    _on_loopback(monkeypatch)
    with closing(opened(tmp_path, f"http://public@{host}/42", more=_rehearsal())) as report:
        assert not isinstance(report, Silent)


@pytest.mark.parametrize("dsn", [DSN, "https://a1:b2@sentry.intern:8443/under/a/path/7"])
def test_a_dsn_as_sentry_shows_it_is_taken(tmp_path: Path, dsn: str):
    with closing(opened(tmp_path, dsn)) as report:
        assert not isinstance(report, Silent)


def test_without_any_of_it_nothing_is_told(tmp_path: Path):
    config = tmp_path / "stagedrollout.yaml"
    config.write_text(GOOD)
    assert isinstance(open_report(load(config, environ={}), (ONE,), clock=_Fixed(), epoch=1), Silent)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("{monitor: watch}", "health.monitor: monitor needs sentry_dsn"),
        ("{sentry_dsn: {env: DSN}, monitor: Watch}", "health.monitor: monitor takes up to 50 small letters"),
        ('{sentry_dsn: {env: DSN}, monitor: "4711"}', "health.monitor: monitor takes up to 50 small letters"),
        (
            f'{{sentry_dsn: "{DSN}"}}',
            "health.sentry_dsn: this value cannot be used; write {env: NAME}, {file: path}",
        ),
        ("{dsn: {env: DSN}}", "unknown key `dsn`"),
    ],
)
def test_a_wrong_section_is_told_with_its_place(tmp_path: Path, section: str, words: str):
    config = tmp_path / "stagedrollout.yaml"
    config.write_text(f"{GOOD}health: {section}\n")
    with pytest.raises(WrongConfiguration) as error:
        load(config, environ={})
    assert words in str(error.value)
    assert "0123456789abcdef" not in str(error.value)


def test_a_database_that_cannot_be_written_makes_it_an_error_however_punctual_the_passes_are(told: Told):
    told.passes(ONE, TWO)
    assert told.beats() == "ok"
    assert told.beats(problem="the database cannot be written: disk full") == "error"
    assert told.beats() == "ok"


def test_a_store_that_is_not_read_for_more_than_two_polls_makes_it_an_error_until_it_is_read(told: Told):
    told.passes(ONE)
    statuses = []
    for _ in range(4):
        told.passes(ONE)
        told.passes(TWO, problem="the store could not be read: 401")
        statuses.append(told.beats(after=POLL))
    assert statuses == ["ok", "ok", "error", "error"]
    told.passes(ONE, TWO)
    assert told.beats() == "ok"


def test_a_store_that_is_read_now_and_then_is_no_error(told: Told):
    for problem in ("unread", "unread", "", "unread", "unread", ""):
        told.passes(ONE)
        told.passes(TWO, problem=problem)
        assert told.beats(after=POLL) == "ok"

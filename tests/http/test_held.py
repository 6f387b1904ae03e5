"""What this process holds is masked from the moment it has it, and only so much is kept."""

from __future__ import annotations

import json
import logging
import threading
from datetime import UTC, datetime

import pytest

from stagedrollout.cli import logs
from stagedrollout.config.secrets import SecretRef, read_secret
from stagedrollout.http import held
from stagedrollout.http.held import HELD, Held

CANARY = "held-canary-0f3c9a"


def as_json(message: str, *args: object, error: BaseException | None = None) -> dict[str, str]:
    given = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, message, args, given)
    line = logs.RedactedJson().format(record)
    assert "\n" not in line
    return json.loads(line)


def formatted(message: str, *args: object, error: BaseException | None = None) -> str:
    given = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("x", logging.ERROR, "x.py", 1, message, args, given)
    return logs.RedactedFormatter().format(record)


@pytest.mark.promise("R24")
def test_a_secret_just_read_is_masked_in_message_arguments_and_traceback(tmp_path):
    read_secret(SecretRef(env="TOKEN"), tmp_path, environ={"TOKEN": CANARY})
    try:
        int(CANARY)
    except ValueError as error:
        said = formatted("it was %s", CANARY, error=error)
    assert CANARY not in said
    assert "ValueError: invalid literal for int() with base 10: '***'" in said


@pytest.mark.promise("R24")
@pytest.mark.parametrize("secret", [CANARY, 'with "quotes"\nand lines \\ ü'])
def test_what_collects_logs_finds_no_secret_however_json_would_have_written_it(secret):
    HELD.secret(secret)
    told = as_json("it was %s", secret, error=ValueError(secret))
    assert (told["message"], told["level"], told["logger"]) == ("it was ***", "ERROR", "x")
    assert told["trace"].endswith("ValueError: ***")
    assert datetime.fromisoformat(told["time"]).tzinfo is UTC


def test_what_collects_logs_gets_one_line_also_for_what_no_encoding_can_write():
    assert as_json("half a pair: %s", "\udcff")["message"] == "half a pair: \udcff"


@pytest.mark.promise("R22")
def test_what_collects_logs_gets_no_endless_line():
    assert len(as_json("%s", "long words " * 100_000)["message"]) < logs.LINE_CHARS_MAX + 100


@pytest.mark.promise("R24")
def test_a_token_made_from_a_secret_is_masked_as_soon_as_it_exists():
    before = formatted("now %s", "opaque-5c1f77aa")
    HELD.token("opaque-5c1f77aa")
    assert "opaque-5c1f77aa" in before
    assert "opaque-5c1f77aa" not in formatted("now %s", "opaque-5c1f77aa")


@pytest.mark.promise("R22")
def test_only_so_much_is_held_and_the_newest_stays():
    mine = Held()
    for number in range(held.TOKENS_MAX + 5):
        mine.token(f"token-number-{number:04d}")
    assert mine.text("token-number-0000") == "token-number-0000"
    assert mine.text(f"token-number-{held.TOKENS_MAX + 4:04d}") == "***"


@pytest.mark.promise("R22")
def test_one_line_of_the_log_is_cut_where_nobody_reads_on():
    assert len(formatted("%s", "long words " * 100_000)) < logs.LINE_CHARS_MAX + 100


@pytest.mark.promise("R24")
@pytest.mark.parametrize("where", ["process", "thread", "nobody"])
def test_the_last_words_of_an_uncaught_error_are_masked(monkeypatch, capsys, where):
    HELD.secret(CANARY)
    for hooked in ("sys.excepthook", "threading.excepthook", "sys.unraisablehook"):
        monkeypatch.setattr(hooked, None)
    logs.last_words_redacted()
    error = RuntimeError(f"with {CANARY} in hand")
    match where:
        case "process":
            logs.sys.excepthook(type(error), error, None)
        case "thread":
            args = threading.ExceptHookArgs([type(error), error, None, threading.current_thread()])
            threading.excepthook(args)
        case "nobody":
            logs._unraisable(_Ignored(error))
    told = capsys.readouterr().err
    assert "RuntimeError: with *** in hand" in told
    assert CANARY not in told


@pytest.mark.promise("R24")
@pytest.mark.parametrize("where", ["process", "thread", "nobody"])
def test_the_last_words_are_a_line_of_json_where_all_others_are(monkeypatch, capsys, where):
    HELD.secret(CANARY)
    for hooked in ("sys.excepthook", "threading.excepthook", "sys.unraisablehook"):
        monkeypatch.setattr(hooked, None)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logs.log_to_stderr(logging.WARNING, logs.LogForm.JSON)
    error = RuntimeError(f"with {CANARY} in hand")
    match where:
        case "process":
            logs.sys.excepthook(type(error), error, None)
        case "thread":
            args = threading.ExceptHookArgs([type(error), error, None, threading.current_thread()])
            threading.excepthook(args)
        case "nobody":
            logs.sys.unraisablehook(_Ignored(error))
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["trace"].endswith("RuntimeError: with *** in hand")


class _Ignored:
    def __init__(self, error: BaseException) -> None:
        self.exc_type, self.exc_value, self.exc_traceback = type(error), error, None
        self.err_msg, self.object = None, None

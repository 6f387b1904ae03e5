"""A package that brings a signal along: the worked example of the README, and everything that can be wrong with one."""

from __future__ import annotations

import json
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from stagedrollout.config.load import Loaded
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.signals import PluginSource, SignalSettings
from stagedrollout.core.errors import Faulty, Unreachable, WrongConfiguration
from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Measure, Tallied, Tally, Untallied
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.observation import Gap, Unvalued, Valued
from stagedrollout.daemon import signal_packages
from stagedrollout.daemon.signal_sources import problems
from stagedrollout.http.client import in_process
from stagedrollout.signals.base import (
    GROUP,
    Count,
    CountSource,
    Declaration,
    Measurement,
    Release,
    Setting,
    Span,
    ValueSource,
)
from stagedrollout.signals.compared import ComparedCounts, ComparedValues
from stagedrollout.signals.patience import Patience
from tests.core.weighed import with_evidence
from tests.docs.page import fenced
from tests.signals.own.emulated import COUNT_QUERY, NEW, NOON, OLD, VALUE_QUERY, opened, settings

EXAMPLE = Path(__file__).parent / "example_plugin"
PLUGIN = PluginSource(
    source="crashlytics",
    url="https://crashes.example.com",
    token=SecretRef(env="SIGNALS_TOKEN"),
    options={"table": "acme.crashes"},
)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example as if it were installed: importable, and with the entry point of its own pyproject.toml."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    ((name, value),) = project["entry-points"][GROUP].items()
    _with_entry_points(monkeypatch, EntryPoint(name, value, GROUP))
    yield
    sys.modules.pop("our_signals", None)


def _with_entry_points(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    def entry_points(*, group: str) -> EntryPoints:
        return EntryPoints(point for point in points if point.group == group)

    monkeypatch.setattr(signal_packages, "entry_points", entry_points)


def _service(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    asked.append((method, path, query, headers["authorization"]))
    crashed = 30 if "build=5020" in query else 4
    hours = [{"start": (NOON - n * HOUR).isoformat(), "sessions": 1_000, "crashed": crashed} for n in (2, 1)]
    return 200, {}, json.dumps(hours).encode()


asked: list[tuple[str, str, str, str]] = []


@pytest.mark.usefixtures("installed")
def test_the_example_counts_like_a_source_of_ours() -> None:
    asked.clear()
    own = opened(SignalSettings(name="fatal_crashes", plugin=PLUGIN), transport=in_process(_service))
    (source,) = own.counts
    read = source.read(COUNT_QUERY)
    assert isinstance(read, Tallied)
    assert read.measure is Measure.called("fatal_crashes")
    assert [bucket.tally for bucket in read.buckets] == [Tally(1_000, 30, 1_000, 4)] * 2
    assert read.lag == timedelta(hours=4)
    assert asked[0][1] == "/v1/crashes"
    assert asked[0][3] == "Bearer a-token-of-this-test"
    assert "app=com.acme.app" in asked[0][2]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"source": "bugsnag"},
            r"source bugsnag is not installed \(installed in the group .*: crashlytics\)",
        ),
        ({"options": {}}, "options: table: `table` is missing"),
        ({"options": {"table": 7}}, "options: table: .*text"),
        (
            {"options": {"table": "t", "tabel": "t"}},
            "options: tabel: unknown key `tabel`; did you mean `table`",
        ),
    ],
)
def test_a_mistake_in_the_configuration_is_told_in_words(changes: dict[str, Any], words: str) -> None:
    plugin = PluginSource(**{"source": "crashlytics", "options": {"table": "t"}} | changes)
    with pytest.raises(WrongConfiguration, match=words):
        opened(SignalSettings(name="fatal_crashes", plugin=plugin), transport=in_process(_service))


class Odd(ValueSource):
    """A source whose answer a test chooses."""

    declared = Declaration(unit="ms", lag=timedelta(0), can_halt=True, no_data="None")
    answer: Any = None

    def value(self, release: Release, span: Span) -> Measurement | None:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer() if callable(self.answer) else self.answer  # type: ignore[no-any-return]


class OddCounts(CountSource):
    declared = Odd.declared
    answer: Any = ()

    def counts(self, release: Release, span: Span) -> Any:
        return self.answer


class Undeclared(Odd):
    declared = "nothing"  # type: ignore[assignment]


class Broken(Odd):
    def __init__(self, setting: Setting) -> None:
        raise ZeroDivisionError("in its beginning")


class Leaving(Odd):
    def __init__(self, setting: Setting) -> None:
        sys.exit(0)


class NoSource:
    pass


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_module_at_all:X", "cannot be imported: ModuleNotFoundError"),
        (f"{__name__}:Nothing", "cannot be imported: AttributeError"),
        (f"{__name__}:NoSource", "is no CountSource and no ValueSource"),
        (f"{__name__}:Undeclared", "declares nothing"),
        (f"{__name__}:Broken", "cannot be used: ZeroDivisionError: in its beginning"),
        (f"{__name__}:Leaving", "cannot be used: SystemExit: 0"),
        ("tests.signals.own.leaving:Odd", "cannot be imported: SystemExit"),
    ],
)
def test_a_broken_package_is_a_mistake_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, target: str, words: str
) -> None:
    _with_entry_points(monkeypatch, EntryPoint("odd", target, GROUP))
    with pytest.raises(WrongConfiguration, match=words):
        opened(SignalSettings(name="odd", plugin=PluginSource(source="odd")), transport=in_process(_service))


def test_two_packages_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = EntryPoint("odd", f"{__name__}:Odd", GROUP)
    _with_entry_points(monkeypatch, twice, twice)
    with pytest.raises(WrongConfiguration, match="more than once"):
        opened(SignalSettings(name="odd", plugin=PluginSource(source="odd")), transport=in_process(_service))


def _value(answer: Any, patience: Patience | None = None) -> Valued | Unvalued:
    source = Odd(Setting(name="odd", app="a", store=None))  # type: ignore[arg-type]
    source.answer = answer
    return ComparedValues(source, patience).read(VALUE_QUERY)


@pytest.mark.parametrize(
    "answer",
    [
        "7",
        True,
        Measurement("7"),
        Measurement(float("nan")),
        Measurement(1, -1),
        Measurement(1, 1.5),  # type: ignore[arg-type]
        Measurement(1, None, NOON.replace(tzinfo=None)),
        Measurement(1, None, "now"),
        object(),
    ],  # type: ignore[arg-type]
)
def test_what_is_no_measurement_is_implausible(answer: Any) -> None:
    read = _value(answer)
    assert isinstance(read, Unvalued)
    assert read.gap is Gap.IMPLAUSIBLE


@pytest.mark.parametrize(
    "answer", [RuntimeError("secret-of-theirs"), RecursionError(), StopIteration(), Measurement(10**400)]
)
def test_a_source_that_fails_fails_alone(answer: Any) -> None:
    with pytest.raises(Faulty, match="the source itself failed") as failed:
        _value(answer)
    assert "secret" not in str(failed.value)


def test_a_source_that_needs_a_url_says_so() -> None:
    source = OddCounts(Setting(name="odd", app="a", store=None))  # type: ignore[arg-type]
    with pytest.raises(WrongConfiguration, match="signal odd: its source needs a url"):
        _ = source.http


def test_a_source_that_never_answers_is_left_and_not_asked_again_meanwhile() -> None:
    ends, patience = threading.Event(), Patience("odd", 0.02)
    with pytest.raises(Unreachable, match="no answer within"):
        _value(ends.wait, patience)
    with pytest.raises(Unreachable, match="still busy"):
        _value(Measurement(1), patience)
    ends.set()
    assert patience._left is not None
    patience._left.join(5)
    assert isinstance(_value(Measurement(1), patience), Valued)


class Panic(BaseException):
    """As native code raises it: no Exception."""


@pytest.mark.parametrize("end", [SystemExit(1), Panic("token=secret-of-this-test")])
def test_a_source_that_ends_its_process_ends_only_its_look(
    end: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Unreachable, match="left without an answer"):
        _value(end, Patience("odd", 5))
    assert "secret-of-this-test" not in capfd.readouterr().err


def test_check_tells_a_gate_that_does_not_fit_what_the_package_brings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _with_entry_points(monkeypatch, EntryPoint("odd", f"{__name__}:Odd", GROUP))
    odd = SignalSettings(name="odd", plugin=PluginSource(source="odd"))
    policy = replace(with_evidence(signals=(NamedGate(signal="odd"),)), name="standard")
    loaded = Loaded(settings((odd,)), {"standard": policy}, tmp_path, {})
    assert list(problems(loaded)) == [
        "policy standard: its gate on odd does not fit: the signal brings a value; give the gate worse_by, limit or both"
    ]


def test_a_slow_source_is_asked_about_no_further_release() -> None:
    ticks = iter((0.0, 0.0, 11.0))
    source = Odd(Setting(name="odd", app="a", store=None))  # type: ignore[arg-type]
    source.answer = Measurement(1)
    with pytest.raises(Unreachable, match="no time was left after 10 s"):
        ComparedValues(source, seconds=lambda: next(ticks)).read(VALUE_QUERY)


def test_a_run_that_has_only_just_begun_has_nothing_to_ask_about() -> None:
    begun = replace(VALUE_QUERY, since=NOON), replace(COUNT_QUERY, since=NOON)
    source, counted = (
        Odd(Setting(name="odd", app="a", store=None)),
        OddCounts(Setting(name="odd", app="a", store=None)),
    )  # type: ignore[arg-type]
    source.answer = counted.answer = ZeroDivisionError()
    value, count = ComparedValues(source).read(begun[0]), ComparedCounts(counted).read(begun[1])
    assert isinstance(value, Unvalued)
    assert isinstance(count, Untallied)
    assert value.gap is count.gap is Gap.ABSENT


def _counts(*answer: Any) -> Tallied | Untallied:
    source = OddCounts(Setting(name="odd", app="a", store=None))  # type: ignore[arg-type]
    source.answer = answer
    return ComparedCounts(source).read(COUNT_QUERY)


LAST = NOON - HOUR


@pytest.mark.parametrize(
    "answer",
    [
        ("no counts",),
        (Count(LAST, 1, 0), Count(LAST, 1, 0)),
        (Count(LAST.replace(minute=30), 1, 0),),
        (Count(LAST.replace(tzinfo=None), 1, 0),),
        (Count("then", 1, 0),),  # type: ignore[arg-type]
        tuple(Count(NOON - n * HOUR, 1, 0) for n in range(1_000)),
    ],
)
def test_what_are_no_hours_is_implausible_as_a_whole(answer: tuple[Any, ...]) -> None:
    read = _counts(*answer)
    assert isinstance(read, Untallied)
    assert read.gap is Gap.IMPLAUSIBLE


@pytest.mark.parametrize(
    "count",
    [
        Count(LAST, 10, 11),
        Count(LAST, -1, 0),
        Count(LAST, 10**13, 0),
        Count(LAST, 1.5, 0),
        Count(LAST, True, 0),
    ],
)  # type: ignore[arg-type]
def test_an_hour_that_cannot_be_right_is_refused_by_itself(count: Count) -> None:
    read = _counts(count, Count(LAST - HOUR, 10, 1))
    assert isinstance(read, Tallied)
    assert [row.start for row in read.refused] == [LAST]
    assert [bucket.place.start for bucket in read.buckets] == [LAST - HOUR]


def test_hours_without_anything_and_hours_not_asked_for_are_no_data() -> None:
    read = _counts(Count(LAST, 0, 0), Count(NOON + HOUR, 10, 1), Count(NOON - 99 * HOUR, 10, 1))
    assert isinstance(read, Untallied)
    assert read.gap is Gap.ABSENT


@dataclass
class ByRelease(ValueSource):
    """A value and a sample for each release."""

    told: dict[str, Measurement | None]

    def __post_init__(self) -> None:
        self.setting = Setting(name="odd", app="a", store=None)  # type: ignore[arg-type]
        self.declared = Odd.declared

    def value(self, release: Release, span: Span) -> Measurement | None:
        return self.told[release.id]


def test_several_baseline_releases_are_averaged_by_their_samples() -> None:
    older = Release("5005", "5.0.5", "5005")
    told = {
        NEW.id: Measurement(9.0, 50),
        OLD.id: Measurement(2.0, 300),
        older.id: Measurement(6.0, 100, NOON - HOUR),
    }
    query = VALUE_QUERY.__class__(NEW, (OLD, older), VALUE_QUERY.since, VALUE_QUERY.until)
    read = ComparedValues(ByRelease(told)).read(query)
    assert isinstance(read, Valued)
    assert read.baseline is not None
    assert (read.baseline.number, read.baseline.sample) == (pytest.approx(3.0), 400)
    assert read.as_of == NOON - HOUR
    untold = told | {OLD.id: Measurement(2.0)}
    again = ComparedValues(ByRelease(untold)).read(query)
    assert isinstance(again, Valued)
    assert again.baseline is not None
    assert again.baseline.number == 2.0


def test_the_readme_shows_the_very_example_that_is_tested() -> None:
    page = (Path(__file__).resolve().parents[3] / "README.md").read_text("utf-8")
    if "<!-- example of a signal -->" not in page:
        pytest.fail("the README has no section on signals of one's own")
    assert fenced(page, "example of a signal") == (EXAMPLE / "our_signals.py").read_text("utf-8")

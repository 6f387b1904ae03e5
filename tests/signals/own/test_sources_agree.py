"""Four services tell of the same till: every source of ours must read the same of it, from whichever it asks."""

from __future__ import annotations

import pytest

from stagedrollout.core.errors import Denied, Faulty, Rejected
from stagedrollout.core.hours import HOUR
from stagedrollout.core.ledger import Tallied, Untallied
from stagedrollout.core.model import Release
from stagedrollout.core.observation import Gap, Unvalued, Valued
from stagedrollout.emulator.faults import Fault
from tests.signals.own.emulated import NEW, Emulated, added_up, counts, values

SOURCES = sorted(counts())
SERVICES = {"prometheus": "prometheus", "grafana": "grafana", "new_relic": "new_relic", "http_json": "stats"}


@pytest.mark.parametrize("source", SOURCES)
def test_a_failing_till_shows_in_the_counts(source: str) -> None:
    emulated = Emulated(counts()[source])
    read = emulated.counts()
    assert isinstance(read, Tallied)
    total = added_up(read)
    assert total.k_c / total.n_c == pytest.approx(0.06, rel=0.2)
    assert total.k_b / total.n_b == pytest.approx(0.01, rel=0.2)
    assert read.as_of == emulated.now
    assert not read.refused


def test_every_source_counts_the_same() -> None:
    told = {source: Emulated(counts()[source], hours=60.4).counts() for source in SOURCES}
    buckets = {source: read.buckets for source, read in told.items() if isinstance(read, Tallied)}
    assert len(buckets) == 4
    assert all(each == buckets["prometheus"] for each in buckets.values())
    assert len(buckets["prometheus"]) == 25


@pytest.mark.parametrize("source", SOURCES)
def test_a_failing_till_shows_in_the_value(source: str) -> None:
    emulated = Emulated(values()[source])
    read = emulated.value()
    assert isinstance(read, Valued)
    assert read.baseline is not None
    assert read.candidate.number == pytest.approx(6, rel=0.2)
    assert read.baseline.number == pytest.approx(1, rel=0.2)
    assert read.as_of == emulated.now
    assert read.candidate.sample is not None
    assert 1_000 < read.candidate.sample < (read.baseline.sample or 0)


def test_every_source_tells_the_same_value() -> None:
    told = {Emulated(values()[source]).value().candidate for source in SOURCES}  # type: ignore[union-attr]
    assert len(told) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_a_release_nobody_has_is_no_data_and_not_health(source: str) -> None:
    unknown = Release("5099", "9.9.9", "5099")
    value = Emulated(values()[source]).value(candidate=unknown)
    assert isinstance(value, Unvalued)
    assert value.gap is Gap.ABSENT
    read = Emulated(counts()[source]).counts(candidate=unknown)
    assert isinstance(read, Tallied)  # the baseline is there
    assert added_up(read).n_c == 0


@pytest.mark.parametrize("source", SOURCES)
def test_a_service_with_nothing_at_all_is_absent(source: str) -> None:
    for signal in (counts()[source], values()[source]):
        emulated = Emulated(signal)
        emulated.world.faults.add(Fault(SERVICES[source], "no_data", count=None), emulated.now)
        read = emulated.counts() if emulated.own.counts else emulated.value()
        assert isinstance(read, (Untallied, Unvalued))
        assert read.gap is Gap.ABSENT


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("kind", "error"), [("401", Denied), ("503", Faulty), ("html", Faulty), ("truncated", Faulty)]
)
def test_what_fails_is_an_error_and_no_reading(source: str, kind: str, error: type[Exception]) -> None:
    emulated = Emulated(values()[source])
    emulated.world.faults.add(Fault(SERVICES[source], kind), emulated.now)
    with pytest.raises(error):
        emulated.value()


@pytest.mark.parametrize("source", SOURCES)
def test_a_wrong_token_is_told_and_never_shown(source: str) -> None:
    emulated = Emulated(values()[source])
    emulated.world.credentials.signals_token = "another-token"
    with pytest.raises(Denied) as refused:
        emulated.value()
    assert "signals-emulated" not in str(refused.value)


def test_an_answer_that_may_be_partial_is_no_answer() -> None:
    emulated = Emulated(counts()["prometheus"])
    emulated.world.faults.add(Fault("prometheus", "partial"), emulated.now)
    with pytest.raises(Faulty, match="may be partial: some stores did not answer"):
        emulated.counts()


def test_errors_of_nerdgraph_come_with_status_200_and_are_errors_all_the_same() -> None:
    emulated = Emulated(counts()["new_relic"])
    emulated.world.faults.add(Fault("new_relic", "errors"), emulated.now)
    with pytest.raises(Faulty, match="NRDB Query Timeout"):
        emulated.counts()


def test_a_query_that_is_none_is_told_in_the_services_words() -> None:
    broken = counts()["prometheus"]
    assert broken.prometheus is not None
    object.__setattr__(broken.prometheus, "total", 'sum(checkout{version="{version}"}')
    with pytest.raises(Rejected, match="parse error"):
        Emulated(broken).counts()


def test_a_grafana_without_the_data_source_says_so() -> None:
    lost = values()["grafana"]
    assert lost.grafana is not None
    object.__setattr__(lost.grafana, "uid", "gone")
    with pytest.raises(Rejected, match="data source not found"):
        Emulated(lost).value()


def test_an_account_the_key_may_not_read_is_denied() -> None:
    emulated = Emulated(values()["new_relic"])
    source = emulated.own.values[0]._source  # type: ignore[attr-defined]
    source._account = 7
    with pytest.raises(Denied, match="Access denied"):
        emulated.value()


@pytest.mark.parametrize("source", SOURCES)
def test_a_hostile_version_never_ends_the_text_it_stands_in(source: str) -> None:
    """Were it written as it is, the candidate would be shown what the release before it has."""
    hostile = Release("1", "5.1.0\"} or x{version='5.1.0", "5010' OR appBuild = '5010")
    read = Emulated(values()[source]).value(candidate=hostile)
    assert isinstance(read, Unvalued)
    assert read.gap in (Gap.ABSENT, Gap.IMPLAUSIBLE)


def test_the_hour_that_goes_on_is_read_as_far_as_it_is() -> None:
    emulated = Emulated(counts()["prometheus"], hours=60.5)
    read = emulated.counts()
    assert isinstance(read, Tallied)
    whole, part = (bucket.tally.n_b for bucket in read.buckets[-2:])
    assert 0.3 * whole < part < 0.7 * whole
    assert read.buckets[-1].place.start == emulated.now - HOUR / 2


def test_each_release_is_asked_about_once() -> None:
    emulated = Emulated(values()["http_json"])
    emulated.value(candidate=NEW)
    assert [path for _, path, _, _ in emulated.asked] == [
        f"/stats/v1/apps/com.acme.app/releases/{build}/checkout" for build in ("5020", "5010")
    ]

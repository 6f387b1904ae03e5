"""What a refusal of Sentry's means to a team (sentry.md section 7): told in words that say what would be right.

Every row of the table as a recording is in test_sentry_request.py; here is what depends on where and how often one asks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs

import pytest
from sentry_recordings import body
from sentry_tally_recordings import QUERY, Sentry, new, old

from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.core.ledger import Tallied
from stagedrollout.core.model import Release
from stagedrollout.core.observation import Gap
from stagedrollout.emulator.faults import Fault
from stagedrollout.http.client import Endpoint, HttpClient, in_process
from stagedrollout.signals.sentry_call import PATIENCE_SECONDS_MAX, ProjectCall, SentryProject, host_of
from tests.emulator.sentry_client import CANDIDATE, Emulated, totals

ACME = SentryProject("acme", "android", "production")


@dataclass
class Server:
    """Answers each path with a status, headers and text; remembers what it was asked."""

    answers: dict[str, tuple[int, dict[str, str], bytes]]
    asked: list[str] = field(default_factory=list)

    def call(self, base: str = "https://sentry.io", seconds=lambda: 0.0) -> ProjectCall:
        http = HttpClient(Endpoint("sentry", base), transport=in_process(self.handle))
        return ProjectCall(http, ACME, "sessions", doing="read sessions", scope="org:read", seconds=seconds)

    def handle(self, method, path, query, headers, _body):
        self.asked.append(path)
        return self.answers[path]


SESSIONS, ORGANIZATION = "/api/0/organizations/acme/sessions/", "/api/0/organizations/acme/"
MISSING = (404, {}, b'{"detail":"The requested resource does not exist"}')


def organization(links: bytes) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, b'{"id":"1","slug":"acme","links":' + links + b"}"


def refused(server: Server, base: str = "https://us.sentry.io") -> str:
    with pytest.raises(EdgeError) as caught:
        server.call(base).get(())
    assert type(caught.value) is Rejected
    return str(caught.value)


def test_a_team_that_names_the_wrong_region_is_told_where_its_organization_lives():
    told = refused(
        Server({SESSIONS: MISSING, ORGANIZATION: organization(b'{"regionUrl":"https://de.sentry.io"}')})
    )
    assert "the organization 'acme' lives at https://de.sentry.io: write that as sentry.url" in told


def test_an_organization_that_no_region_knows_is_told_with_the_regions_there_are():
    told = refused(Server({SESSIONS: MISSING, ORGANIZATION: MISSING}))
    assert "there is no organization 'acme' at this address" in told
    assert "https://us.sentry.io, https://de.sentry.io" in told


@pytest.mark.parametrize(
    ("base", "links"),
    [
        ("https://us.sentry.io", b'{"regionUrl":"https://us.sentry.io"}'),
        ("https://sentry.io", b'{"regionUrl":"https://de.sentry.io"}'),
        ("https://sentry.corp.example", b"{}"),
        ("https://us.sentry.io", b'{"regionUrl":"javascript:alert(1)"}'),
        ("https://us.sentry.io", b"null"),
    ],
    ids=["the right region", "the address of all regions", "self-hosted", "nonsense", "nothing"],
)
def test_where_the_organization_is_found_the_environment_is_what_is_missing(base, links):
    told = refused(Server({SESSIONS: MISSING, ORGANIZATION: organization(links)}), base)
    assert "Sentry knows no environment 'production'" in told


def test_when_nobody_can_tell_what_is_missing_both_are_named():
    told = refused(Server({SESSIONS: MISSING, ORGANIZATION: (502, {}, b"<html>")}))
    assert "no environment 'production', else no organization 'acme'" in told


def test_an_address_in_an_answer_is_never_asked():
    server = Server({SESSIONS: MISSING, ORGANIZATION: organization(b'{"regionUrl":"https://evil.example"}')})
    assert "evil.example" in refused(server)  # told to a person, who decides
    assert server.asked == [SESSIONS, ORGANIZATION]


@pytest.mark.parametrize("region", ["elsewhere", "elsewhere_untold"])
def test_a_wrong_region_is_one_question_and_one_more_and_no_retry(region):
    emulated = Emulated(30, base="https://us.sentry.io")
    emulated.world.turn({"sentry_region": region})
    with pytest.raises(Rejected, match=r"lives at https://de\.sentry\.io|no organization 'acme'") as caught:
        emulated.read()
    assert (caught.value.again, emulated.asked) == (False, 2)


def test_an_organization_token_is_told_by_its_name():
    emulated = Emulated(30)
    emulated.world.turn({"sentry_credential": "organization"})
    with pytest.raises(
        Denied, match=r"needs org:read .* organization token \(sntrys_\.\.\.\) cannot have that"
    ):
        emulated.read()
    assert emulated.asked == 1


def test_a_token_that_is_no_good_any_more_is_told_without_speaking_of_scopes():
    emulated = Emulated(30)
    emulated.world.credentials.sentry_token = "another"
    with pytest.raises(Denied, match="Invalid token") as caught:
        emulated.read()
    assert "must be a valid one of this organization, in this region" in str(caught.value)
    assert "org:read" not in str(caught.value)


def test_overload_that_comes_as_400_may_be_asked_again_and_every_other_400_is_final():
    emulated = Emulated(30)
    emulated.world.faults.add(Fault("sentry", "query_timeout"))
    with pytest.raises(Faulty, match="Query timeout") as caught:
        emulated.read()
    assert caught.value.again
    server = Server(
        {SESSIONS: (400, {}, b'{"detail":"The interval should divide one day without a remainder."}')}
    )
    assert "should divide one day" in refused(server)


def throttled(reset: int) -> tuple[int, dict[str, str], bytes]:
    """As Sentry writes it: JSON that calls itself HTML, and no Retry-After."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Date": "Mon, 23 Nov 2026 10:40:00 GMT",
        "X-Sentry-Rate-Limit-Reset": str(1_795_430_400 + reset),
    }
    return 429, headers, b'{"detail":"You are attempting to use this endpoint too frequently."}'


@pytest.mark.parametrize(("reset", "waits"), [(120, 120), (86_400, PATIENCE_SECONDS_MAX)])
def test_a_limit_is_waited_out_across_passes_and_never_for_hours(reset, waits):
    clock = [1_000.0]
    server = Server({SESSIONS: throttled(reset)})
    call = server.call(seconds=lambda: clock[0])
    for _ in range(3):
        with pytest.raises(Throttled, match="too frequently"):
            call.get(())
    assert len(server.asked) == 1
    clock[0] += waits - 1
    with pytest.raises(Throttled):
        call.get(())
    assert len(server.asked) == 1
    server.answers[SESSIONS] = (200, {}, b"{}")
    clock[0] += 1
    assert call.get(()).body == {}


def test_a_self_hosted_limit_without_any_header_is_asked_again_in_the_same_pass():
    server = Server({SESSIONS: (429, {"Content-Type": "text/html"}, b'{"detail":"too frequently"}')})
    call = server.call()
    for _ in range(2):
        with pytest.raises(Throttled) as caught:
            call.get(())
        assert (caught.value.wait_seconds, caught.value.again) == (0.0, True)
    assert len(server.asked) == 2


def test_a_self_hosted_server_in_plain_http_and_without_limits_is_read_like_any_other():
    emulated = Emulated(40)
    emulated.world.turn({"sentry_self_hosted": True})
    assert all(isinstance(reading, Tallied) for reading in emulated.read())
    assert (
        Endpoint("sentry", "http://sentry.corp.example:9000", allow_http=True).url("/x/").startswith("http:")
    )


# -- pages -----------------------------------------------------------------------------------------


@dataclass
class Paged(Sentry):
    """Sends its groups so many at a time, and links every page as Sentry does: to another host, for a test."""

    at_once: int = 4
    endless: bool = False

    def handle(self, method, path, query, headers, _body):
        asked = parse_qs(query)
        self.asked.append(asked)
        begin = int(asked.get("cursor", ["0:0:0"])[0].split(":")[1])
        end, groups = begin + self.at_once, self.sessions["groups"]
        more = self.endless or end < len(groups)
        link = (
            '<https://evil.example/p>; rel="previous"; results="false"; cursor="0:0:1", '
            f'<https://evil.example/n>; rel="next"; results="{str(more).lower()}"; cursor="0:{end}:0"'
        )
        return 200, {"Link": link}, json.dumps({**self.sessions, "groups": groups[begin:end]}).encode()


def test_an_answer_in_pages_is_read_whole_from_the_address_we_know():
    paged = Paged(sessions=body(*new(), *old()))
    assert paged.tallies().read(QUERY) == Sentry().tallies().read(QUERY)
    assert [each.get("cursor") for each in paged.asked] == [None, ["0:4:0"], ["0:8:0"]]


def test_a_page_that_is_missing_can_never_hide_the_crashes():
    """The statuses of one release may lie on two pages."""
    paged = Paged(sessions=body(*new(), *old()), at_once=1)
    readings = paged.tallies().read(QUERY)
    assert [reading.gap for reading in readings] == [Gap.IMPLAUSIBLE] * 2
    assert "cut short" in readings[0].why
    assert len(paged.asked) == 5


def test_pages_without_an_end_are_left_after_a_few():
    paged = Paged(sessions=body(*new(), *old()), at_once=100, endless=True)
    assert [reading.gap for reading in paged.tallies().read(QUERY)] == [Gap.IMPLAUSIBLE] * 2
    assert len(paged.asked) == 5


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "version", ['5.2.0"] OR release:["x', "5.2.0 (beta) !release:x", "5.2.0,5.1.0", "5.2.0'"]
)
def test_a_hostile_version_asks_for_itself_and_for_nothing_else(version):
    """Quotes, spaces, parentheses and commas within a name, against a parser of the search."""
    emulated = Emulated(40)
    crashed, *_ = emulated.read(candidate=Release("5020", version, "5020"))
    assert totals(crashed)[:2] == (0, 0)
    assert totals(crashed)[2:] == totals(emulated.read(candidate=replace(CANDIDATE, version="9.9.9"))[0])[2:]


def test_only_plain_addresses_have_a_host():
    assert host_of("https://de.sentry.io/organizations/acme/") == "de.sentry.io"
    assert host_of("http://127.0.0.1:8321/x") == "127.0.0.1:8321"
    for odd in (
        "ftp://x",
        "https://",
        "https://a@b/",
        "https://a b/",
        "//x",
        None,
        7,
        "https://x\n/",
        "https://[/",
    ):
        assert host_of(odd) == ""

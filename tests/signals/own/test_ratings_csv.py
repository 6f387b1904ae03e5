"""Play's star ratings out of its bucket: files in UTF-16, through Google's own client in front of the emulated storage."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagedrollout.config.signals import RatingsCsvSource, SignalSettings
from stagedrollout.core.declared import Better
from stagedrollout.core.errors import Denied, EdgeError, Faulty, Rejected, Throttled
from stagedrollout.core.model import Release, Store
from stagedrollout.core.observation import Gap, Unvalued, Valued
from stagedrollout.signals.base import Implausible, Measurement, Setting, Span
from stagedrollout.signals.ratings_csv import BYTES_MAX, DailyRatings
from tests.signals.own.emulated import NEW
from tests.signals.own.reported import STARS, Reported

BUCKET = "play_bucket"
FILE = "stats/ratings/ratings_com.acme.app_202603_app_version.csv"


def test_a_release_that_people_dislike_has_fewer_stars_than_the_one_before_it() -> None:
    read = Reported(STARS, days=9).read()
    assert isinstance(read, Valued)
    assert read.baseline is not None
    assert read.candidate.number == pytest.approx(2.5, abs=0.8)
    assert read.baseline.number == pytest.approx(4.66, abs=0.3)


def test_it_tells_no_sample_and_never_halts() -> None:
    read = Reported(STARS, days=9).read()
    assert isinstance(read, Valued)
    assert (read.candidate.sample, read.declared.can_halt) == (None, False)
    assert (read.declared.better, read.declared.lag) == (Better.HIGHER, timedelta(days=2))
    assert read.declared.unit == "stars, mean of days"


def test_it_is_as_new_as_the_end_of_the_newest_day_in_the_file() -> None:
    read = Reported(STARS, days=9).read()  # 11 March, 06:00; rewritten at 05:00, two days late
    assert isinstance(read, Valued)
    assert read.as_of == datetime(2026, 3, 10, tzinfo=UTC)


def test_this_months_file_and_the_one_before_are_read_where_the_window_reaches_so_far() -> None:
    reported = Reported(STARS, days=9)
    reported.read(days=12)
    asked = [entry["query"].get("prefix", ["read"])[0] for entry in reported.asked(BUCKET)]
    assert asked == [FILE.replace("202603", "202602"), "read", FILE, "read"]


def test_a_file_that_has_not_changed_is_not_read_again() -> None:
    reported = Reported(STARS, days=9)
    first = reported.read()
    assert len(reported.asked(BUCKET)) == 2
    reported.wait(0.5)
    reported.read()
    assert len(reported.asked(BUCKET)) == 2
    reported.wait(1)
    assert reported.read(since=reported.now - timedelta(days=7, hours=1.5)) == first
    assert len(reported.asked(BUCKET)) == 3
    reported.wait(24)
    later = reported.read()
    assert len(reported.asked(BUCKET)) == 5
    assert isinstance(first, Valued)
    assert isinstance(later, Valued)
    assert later.as_of == first.as_of + timedelta(days=1)


def test_without_a_file_there_are_no_data() -> None:
    reported = Reported(STARS, days=9)
    reported.fault(BUCKET, "no_data", count=None)
    read = reported.read()
    assert isinstance(read, Unvalued)
    assert read.gap is Gap.ABSENT


def test_before_the_first_day_is_told_a_release_has_no_data() -> None:
    read = Reported(STARS, days=1).read()
    assert isinstance(read, Unvalued)
    assert read.gap is Gap.ABSENT


def test_a_wrong_bucket_is_named_and_not_asked_for_again_at_once() -> None:
    wrong = SignalSettings(name="play_stars", ratings_csv=RatingsCsvSource(bucket="pubsite_prod_999999"))
    reported = Reported(wrong, days=9)
    for _ in range(3):
        with pytest.raises(Rejected, match=r"there is no bucket pubsite_prod_999999.*copy its URI"):
            reported.read()
        reported.wait(0.25)
    assert len(reported.asked(BUCKET)) == 1


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("403", Denied, "storage.objects.get access.*the key cannot read the bucket pubsite_prod_rev_0"),
        ("429", Throttled, "Quota exceeded"),
        ("502", Faulty, "502"),
    ],
)
def test_a_refusal_says_what_to_do(kind: str, error: type[Exception], words: str) -> None:
    reported = Reported(STARS, days=9)
    reported.fault(BUCKET, kind)
    with pytest.raises(error, match=words):
        reported.read()


def test_a_file_in_another_encoding_is_implausible() -> None:
    reported = Reported(STARS, days=9)
    reported.fault(BUCKET, "not_utf16")
    read = reported.read()
    assert isinstance(read, Unvalued)
    assert (read.gap, read.why) == (Gap.IMPLAUSIBLE, "the file is not UTF-16, as Play writes it")


def test_the_token_of_the_bucket_is_good_for_nothing_else() -> None:
    reported = Reported(STARS, days=9)
    reported.read()
    scopes = {holder.scopes for holder in reported.world.credentials._access.values()}
    assert scopes == {frozenset({"https://www.googleapis.com/auth/devstorage.read_only"})}


HEADER = "Date,Package Name,App Version Code,Daily Average Rating,Total Average Rating\n"
SPAN = Span(datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 10, 6, tzinfo=UTC))


class Canned:
    """A bucket with one file."""

    name = "pubsite_prod_rev_012345"

    def __init__(self, text: str = "", *, content: Any = None, listed: Any = None, size: Any = "100") -> None:
        self._content = text.encode("utf-16") if content is None else content
        item = {"name": FILE, "generation": "1", "updated": "2026-03-10T05:00:00Z", "size": size}
        self._listed = {"items": [item]} if listed is None else listed
        self.read = 0

    def listed(self, prefix: str) -> Any:
        return self._listed

    def content(self, file: str) -> Any:
        self.read += 1
        return self._content


def value(canned: Canned) -> Measurement | None:
    return source(canned).value(NEW, SPAN)


def source(canned: Canned) -> DailyRatings:
    return DailyRatings(Setting(name="play_stars", app="com.acme.app", store=Store.GOOGLE_PLAY), canned)


def test_days_count_alike_and_na_is_no_day() -> None:
    rows = (
        "2026-03-02,com.acme.app,5020,1.00,1.00\n"  # before the window
        "2026-03-03,com.acme.app,5020,4.00,4.00\n"
        "2026-03-04,com.acme.app,5020,3.00,3.50\n"
        "2026-03-05,com.acme.app,5020,NA,3.50\n"
        "2026-03-05,com.acme.app,5010,1.00,3.50\n"
        "2026-03-05,com.acme.other,5020,1.00,3.50\n"
        "\n"
    )
    assert value(Canned(HEADER + rows)) == Measurement(3.5, as_of=datetime(2026, 3, 5, tzinfo=UTC))


def test_headers_are_told_apart_whatever_their_case_and_order() -> None:
    text = 'DAILY average rating,"app version CODE",package name,date\r\n2.5,5020,com.acme.app,2026-03-04\r\n'
    found = value(Canned(text))
    assert found is not None
    assert found.number == 2.5


def test_a_release_with_na_on_all_days_has_no_data() -> None:
    assert value(Canned(HEADER + "2026-03-04,com.acme.app,5020,NA,NA\n")) is None
    assert value(Canned(HEADER)) is None


ROW = "2026-03-04,com.acme.app,5020,%s,4.0\n"


@pytest.mark.parametrize(
    ("canned", "words"),
    [
        (Canned(HEADER + ROW % "55"), "no number of stars"),
        (Canned(HEADER + ROW % "nan"), "no number of stars"),
        (Canned(HEADER + ROW % "=cmd|' /C calc'!A0"), "should be a number"),
        (Canned(HEADER + ROW % "4" + ROW % "3"), "twice on one day"),
        (Canned(HEADER + "4 March,com.acme.app,5020,4,4\n"), "a date that is none"),
        (Canned(HEADER + "2026-03-04,com.acme.app\n"), "cut short"),
        (Canned("Date,Package Name,Country,Daily Average Rating\n"), "no column app version code"),
        (Canned("\n"), "no column date nor package name"),
        (Canned(HEADER + '"' + "x" * 200_000), "no CSV"),
        (Canned(content=HEADER.encode() + b"x"), "not UTF-16"),
        (Canned(content="text"), "no file"),
    ],
)
def test_a_file_that_cannot_be_is_implausible_and_not_read_again(canned: Canned, words: str) -> None:
    ratings = source(canned)
    for _ in range(2):
        with pytest.raises(Implausible, match=words):
            ratings.value(NEW, SPAN)
    assert canned.read == 1


@pytest.mark.parametrize(
    "listed",
    [[], {"items": 5}, {"items": [{"name": FILE, "size": "many"}]}, {"items": [{"name": FILE, "size": -1}]}],
)
def test_another_list_is_a_fault(listed: Any) -> None:
    with pytest.raises(Faulty):
        value(Canned(listed=listed))


def test_a_file_beyond_measure_is_not_read() -> None:
    canned = Canned(HEADER, size=str(BYTES_MAX + 1))
    with pytest.raises(Rejected, match="at most are read"):
        value(canned)
    assert canned.read == 0


def test_a_list_without_the_file_is_no_data() -> None:
    assert value(Canned(listed={"kind": "storage#objects"})) is None
    assert value(Canned(listed={"items": [{"name": FILE + ".bak"}, "x"]})) is None


def test_a_release_is_only_its_own_version_code() -> None:
    text = HEADER + "2026-03-04,com.acme.app,5020,4.0,4.0\n"
    assert source(Canned(text)).value(Release("502", "5.2.0", "502"), SPAN) is None


CELLS = st.sampled_from(
    ["2026-03-04", "com.acme.app", "5020", "4.5", "NA", "", '"', "\x00", "1e9", "-"]
) | st.text(max_size=5)
LINES = st.lists(st.lists(CELLS, max_size=6).map(",".join), max_size=5).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(LINES.map(lambda text: HEADER + text) | LINES, st.binary(max_size=40))
def test_whatever_the_file_says_it_ends_in_stars_or_in_an_error_of_ours(text: str, content: bytes) -> None:
    try:
        wide = text.encode("utf-16")
    except UnicodeEncodeError:
        wide = text.encode("utf-16", "surrogatepass")
    for canned in (Canned(content=wide), Canned(content=b"\xff\xfe" + content), Canned(content=content)):
        with suppress(EdgeError, Implausible):
            found = value(canned)
            assert found is None or 1 <= found.number <= 5

"""What a release manager is told of the App Store's averages, country by country."""

import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from review_recordings import DAY, HOUR, LOOKED_UP, NOW, query

from stagedrollout.core.observation import Gap, Opinion, StoreAverage, Unheard
from stagedrollout.http.client import Endpoint, HttpClient, in_process
from stagedrollout.signals.store_average import StoreAverages

APP = "6448311069"


@dataclass
class Lookup:
    """Apple's lookup. `says` is by country: a row, bytes, an error to raise, or nothing for not sold there."""

    says: dict
    status: int = 200
    asked: list = field(default_factory=list)

    def handle(self, method, path, query_text, headers, _body):
        asked = {name: values[0] for name, values in parse_qs(query_text).items()}
        self.asked.append((method, path, asked, headers))
        answer = self.says.get(asked["country"])
        if isinstance(answer, type):
            raise answer
        if isinstance(answer, bytes):
            return self.status, {"Content-Type": "text/javascript"}, answer
        rows = [] if answer is None else [answer]
        body = json.dumps({"resultCount": len(rows), "results": rows})
        return self.status, {"Content-Type": "text/javascript"}, body.encode()

    def signal(self, *countries, **terms):
        http = HttpClient(Endpoint("itunes", "https://itunes.apple.com"), transport=in_process(self.handle))
        return StoreAverages(http, APP, countries, **terms)


def row(ratings=18_234, average=4.65894, **changes):
    counted = {"averageUserRating": average, "userRatingCount": ratings}
    return {**LOOKED_UP["results"][0], **counted, **changes}


def average(**changes):
    standard = {
        "signal": "app_store_average",
        "country": "us",
        "version": "5.12.0",
        "mean_milli": 4_659,
        "ratings": 18_234,
        "recent": None,
        "as_of": NOW,
    }
    return StoreAverage(**{**standard, **changes})


def unheard(gap, why):
    return Unheard("app_store_average", Opinion.AVERAGE, gap, why)


def test_the_recorded_answer_is_read():
    lookup = Lookup({"us": row()})
    assert lookup.signal("us").read(query()) == (average(),)
    ((method, path, asked, headers),) = lookup.asked
    assert (method, path) == ("GET", "/lookup")
    assert asked == {"id": APP, "country": "us", "entity": "software"}
    assert "authorization" not in headers


def test_a_country_where_it_is_not_sold_is_told_as_that():
    assert Lookup({}).signal("DE").read(query()) == (unheard(Gap.ABSENT, "not sold in DE"),)


def test_each_country_is_asked_once_in_six_hours():
    lookup = Lookup({"us": row(), "de": row()})
    signal = lookup.signal("us", "de")
    readings = [signal.read(query(at=NOW + timedelta(minutes=15 * n))) for n in range(4 * 24)]
    assert len(lookup.asked) == 2 * 4
    assert [reading.as_of for reading in readings[23]] == [NOW, NOW]
    assert [reading.as_of for reading in readings[24]] == [NOW + 6 * HOUR] * 2


def test_many_countries_are_asked_over_several_passes():
    """About twenty calls a minute are allowed."""
    countries = ("us", "de", "gb", "jp", "br", "fr", "es", "in", "sa", "il", "at", "ch")
    lookup = Lookup({country: row() for country in countries})
    signal = lookup.signal(*countries)
    known = [len(signal.read(query(at=NOW + timedelta(minutes=n)))) for n in range(4)]
    assert known == [5, 10, 12, 12]
    assert [asked["country"] for _, _, asked, _ in lookup.asked] == list(countries)


def recent(*looks):
    """What is recent after these looks (ratings, average), six hours apart."""
    lookup = Lookup({})
    signal = lookup.signal("us")
    for number, (ratings, mean) in enumerate(looks):
        lookup.says["us"] = row(ratings, mean)
        (reading,) = signal.read(query(at=NOW + number * 6 * HOUR))
    return reading.recent


def test_what_was_rated_between_two_looks_is_told_apart():
    assert recent((100, 4.5), (140, 4.0)) == (40, 2_750)
    assert recent((100, 4.5), (140, 4.0), (141, 4.0)) == (1, 4_000)
    assert recent((18_234, 4.65894), (18_274, 4.65312)) == (40, 2_000)


@pytest.mark.parametrize(
    "looks",
    [
        [(100, 4.5)],
        [(100, 4.5), (100, 4.5)],
        [(100, 4.5), (99, 4.5)],
        [(10_000, 4.5), (10_001, 4.4)],
        [(10_000, 1.5), (10_001, 1.7)],
    ],
    ids=["first look", "nothing new", "fewer", "reset down", "reset up"],
)
def test_what_cannot_have_been_ratings_is_not_told_as_such(looks):
    assert recent(*looks) is None


def test_long_tails_of_an_average_do_not_leave_the_scale():
    assert recent((1_000_000, 4.00001), (1_000_010, 4.00002)) == (10, 5_000)


def test_a_refusal_with_an_empty_body_means_too_often():
    lookup = Lookup({"us": b""}, status=403)
    signal = lookup.signal("us", "de")
    for reading in signal.read(query()):
        assert reading.gap is Gap.FAILED
        assert "asked too often" in reading.why
    signal.read(query(at=NOW + timedelta(seconds=299)))
    assert [asked["country"] for _, _, asked, _ in lookup.asked] == ["us"]
    lookup.says, lookup.status = {"us": row()}, 200
    later = NOW + timedelta(minutes=5)
    assert signal.read(query(at=later))[0] == average(as_of=later)


def test_a_lookup_that_hangs_costs_one_wait_in_a_quarter_of_an_hour_and_not_one_per_country_and_pass():
    lookup = Lookup({"us": row(), "de": TimeoutError, "fr": row()})
    signal = lookup.signal("us", "de", "fr")
    for minutes in (0, 5, 14):
        us, *others = signal.read(query(at=NOW + timedelta(minutes=minutes)))
        assert (us, [other.gap for other in others]) == (average(), [Gap.FAILED] * 2)
    assert len(lookup.asked) == 2
    lookup.says["de"] = row()
    again = signal.read(query(at=NOW + timedelta(minutes=15)))
    assert [reading.country for reading in again] == ["us", "de", "fr"]


def test_a_slow_lookup_does_not_hold_up_a_pass_country_after_country():
    seconds = iter(range(0, 1_000, 3))
    lookup = Lookup({country: row() for country in ("us", "de", "fr")})
    signal = lookup.signal("us", "de", "fr", seconds=lambda: next(seconds))
    known = [len(signal.read(query(at=NOW + timedelta(minutes=n)))) for n in range(3)]
    assert known == [1, 2, 3]


def test_a_country_that_is_named_twice_is_told_once():
    lookup = Lookup({"us": row()})
    assert lookup.signal("us", "US", "us").read(query()) == (average(),)


def test_a_country_that_is_refused_for_good_keeps_no_other_from_being_asked():
    lookup = Lookup({"xx": b'{"errorMessage":"Invalid value(s) for key(s): [country]"}', "us": row()})
    lookup.status = 400
    signal = lookup.signal("xx", "us")
    (odd, _) = signal.read(query())
    assert odd.gap is Gap.FAILED
    lookup.status = 200
    assert signal.read(query(at=NOW + 5 * HOUR))[0] == odd
    assert [asked["country"] for _, _, asked, _ in lookup.asked] == ["xx", "us"]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"resultCount":1,"results":{}}',
        b'{"resultCount":1,"results":[7]}',
        json.dumps({"results": [row(trackId=7)]}).encode(),
        json.dumps({"results": [row(userRatingCount=-1)]}).encode(),
        json.dumps({"results": [row(userRatingCount=True)]}).encode(),
        json.dumps({"results": [row(userRatingCount=10**13)]}).encode(),
        json.dumps({"results": [row(averageUserRating=5.1)]}).encode(),
        json.dumps({"results": [row(averageUserRating="4.6")]}).encode(),
        json.dumps({"results": [row(averageUserRating=None)]}).encode(),
    ],
)
def test_an_answer_that_cannot_be_is_a_failure_and_no_average(answer):
    (reading,) = Lookup({"us": answer}).signal("us").read(query())
    assert (type(reading), reading.gap) == (Unheard, Gap.FAILED)


def test_no_ratings_yet_are_no_stars_and_the_first_ones_are_new():
    lookup = Lookup({"us": row(0, 0)})
    signal = lookup.signal("us")
    assert signal.read(query()) == (unheard(Gap.ABSENT, "nobody has rated it in US yet"),)
    lookup.says["us"] = row(4, 2.5)
    (reading,) = signal.read(query(at=NOW + DAY))
    assert (reading.ratings, reading.mean_milli, reading.recent) == (4, 2_500, (4, 2_500))


def test_any_damage_to_an_answer_ends_in_a_reading():
    draw = random.Random(20261026)
    for _ in range(500):
        body = json.loads(json.dumps(LOOKED_UP))
        node = draw.choice([body, body["results"], body["results"][0]])
        key = draw.choice(list(node) if isinstance(node, dict) else range(len(node)))
        node[key] = draw.choice([None, "x", -1, 10**40, -1.5, True, [], {}, [[]]])
        (reading,) = Lookup({"us": json.dumps(body).encode()}).signal("us").read(query())
        assert isinstance(reading, (StoreAverage, Unheard))


def test_what_could_not_be_read_says_so_and_why():
    assert Lookup({}).signal("us").unread("quota") == (unheard(Gap.FAILED, "quota"),)


def test_days_later_the_averages_are_as_new_as_the_last_look():
    signal = Lookup({"us": row()}).signal("us")
    assert [signal.read(query(at=NOW + n * DAY))[0].as_of for n in range(3)] == [
        NOW,
        NOW + DAY,
        NOW + 2 * DAY,
    ]

"""Which releases people run by Sentry's word, and what was normal for them."""

from dataclasses import replace

import pytest
from sentry_recordings import NEW, NEW_NAME, NOW, OLD, OLD_NAME, OLDER, OLDER_NAME, body
from sentry_tally_recordings import Sentry, totals

from stagedrollout.core.errors import Faulty
from stagedrollout.core.ledger import Past, Running
from stagedrollout.core.model import Release, Store
from stagedrollout.signals.sentry_names import ReleaseNames


def running(*groups, candidate=NEW, store=Store.GOOGLE_PLAY, names=None):
    return Sentry(sessions=body(*groups)).tallies(names, store).running(candidate, NOW)


def past(*groups, releases=(OLD, OLDER)):
    return Sentry(sessions=body(*groups)).tallies().past(releases, NOW)


def test_the_day_is_asked_for_without_names_and_the_largest_first():
    sentry = Sentry(sessions=body())
    assert sentry.tallies().running(NEW, NOW) == ()
    assert sentry.asked == [
        {
            "project": ["android"],
            "environment": ["production"],
            "groupBy": ["release"],
            "field": ["sum(session)"],
            "start": ["2026-11-22T11:00:00Z"],
            "end": ["2026-11-23T11:00:00Z"],
            "interval": ["1h"],
            "orderBy": ["-sum(session)"],
            "per_page": ["100"],
        }
    ]


def test_what_people_run_beside_the_candidate_is_told_most_used_first():
    found = running(totals(OLDER_NAME, 30), totals(OLD_NAME, 61_000), totals(NEW_NAME, 70_000))
    assert found == (Running(OLD, 61_000), Running(OLDER, 30))


@pytest.mark.parametrize(
    "name",
    [
        "com.acme.app.debug@7.3.2+70302",
        "comXacme.app@7.3.2+70302",
        "com.acme.app@7.3.2",
        "com.acme.app@+",
        "",
        "com.acme.app@7.3.2+70302\n",
        "com.acme.app@" + "7" * 300 + "+1",
    ],
)
def test_names_of_other_apps_and_of_another_form_are_no_releases(name):
    assert running(totals(name, 5), totals(OLD_NAME, 3)) == (Running(OLD, 3),)


def test_a_debug_build_that_no_store_gave_out_is_nothing_that_people_run():
    """As if it were the oldest of all, the candidate would be compared with its own debug build."""
    on_play, on_apple = totals(f"{NEW_NAME}-debug", 900), totals("com.acme.app@7.3.1+70301-debug", 900)
    assert running(on_play, totals(OLD_NAME, 3)) == (Running(OLD, 3),)
    found = running(on_apple, totals(OLD_NAME, 3), store=Store.APP_STORE)
    assert found == (Running(Release("7.3.2", "7.3.2", "70302"), 3),)


@pytest.mark.parametrize("sessions", [0, -5, 1.5, "9", None, True, 10**13])
def test_a_release_without_believable_sessions_is_not_running(sessions):
    assert running(totals(OLD_NAME, sessions)) == ()


def test_on_the_app_store_a_release_is_its_version_and_builds_of_the_candidates_are_not_beside_it():
    candidate, earlier = Release("7.4.0", "7.4.0", "70400"), "com.acme.app@7.4.0+70399"
    found = running(totals(OLD_NAME, 5), totals(earlier, 9), candidate=candidate, store=Store.APP_STORE)
    assert found == (Running(Release("7.3.2", "7.3.2", "70302"), 5),)


@pytest.mark.parametrize(
    ("template", "name", "release"),
    [
        ("{version}", "7.3.2", Release("7.3.2", "7.3.2", "7.3.2")),
        ("{build}", "70302", Release("70302", "70302", "70302")),
        ("acme-{version}-{build}", "acme-7.3.2-beta-70302", Release("70302", "7.3.2-beta", "70302")),
        ("{version} ({build}) {version}", "7.3.2 (70302) 7.3.2", OLD),
        ("{version} ({build}) {version}", "7.3.2 (70302) 7.3.3", None),
        ("{version}{build}", "7.3.270302", None),
        ("{build}{version}", "703027.3.2", None),
        ("{package}{version}", "com.acme.app7.3.2", Release("7.3.2", "7.3.2", "7.3.2")),
        ("{{{version}+{build}", "{7.3.2+70302", OLD),
    ],
)
def test_names_are_taken_apart_by_the_apps_own_template(template, name, release):
    assert ReleaseNames("com.acme.app", template).read(name, Store.GOOGLE_PLAY) == release


@pytest.mark.parametrize("release", [NEW, OLD, Release("9", "7.4.0+rc.1", "9"), Release("1", "a@b", "1")])
def test_a_name_that_was_given_is_read_back(release):
    names = ReleaseNames("com.acme.app")
    assert names.read(names.of(release), Store.GOOGLE_PLAY) == release


def test_with_versions_only_in_names_the_candidate_is_still_not_beside_itself():
    found = running(totals("7.4.0", 5), totals("7.3.2", 4), names=ReleaseNames("x", "{version}"))
    assert [each.release.version for each in found] == ["7.3.2"]


def test_what_is_normal_is_seven_days_of_the_named_releases():
    sentry = Sentry(
        sessions=body(
            totals(OLD_NAME, 100_000, 0.995, 30_000, 0.99),
            totals(OLDER_NAME, 1_000, 0.99, 500, 0.98),
            totals(NEW_NAME, 7, 0.5, 7, 0.5),
        )
    )
    found = sentry.tallies().past((OLD, OLDER, OLD), NOW)
    assert found == Past(sessions=101_000, crashed=510, crashed_users=310)
    (asked,) = sentry.asked
    assert asked["query"] == [f'release:["{OLD_NAME}","{OLDER_NAME}"]']
    assert (asked["start"], asked["end"]) == (["2026-11-16T10:00:00Z"], ["2026-11-23T10:00:00Z"])
    assert (asked["interval"], asked["groupBy"]) == (["1h"], ["release"])


@pytest.mark.parametrize(
    "spoilt",
    [
        totals(OLD_NAME, 100, -0.2, 10, 0.9),
        totals(OLD_NAME, 100, 0.9, 10, -0.2),
        totals(OLD_NAME, 100, 1.2, 10, 0.9),
        totals(OLD_NAME, 100, None, 10, 0.9),
        totals(OLD_NAME, -1, 0.9, 10, 0.9),
        totals(OLD_NAME, 100, 0.9, 1.5, 0.9),
    ],
)
def test_a_release_whose_numbers_cannot_be_is_left_out_of_what_is_normal(spoilt):
    assert past(spoilt, totals(OLDER_NAME, 1_000, 0.99, 500, 0.98)) == Past(1_000, 10, 10)


def test_without_user_ids_nothing_is_known_of_crashed_users():
    assert past(totals(OLD_NAME, 1_000, 0.99)) == Past(1_000, 10, None)
    mixed = past(totals(OLD_NAME, 1_000, 0.99), totals(OLDER_NAME, 1_000, 0.99, 500, 0.98))
    assert mixed == Past(2_000, 20, None)
    harmless = past(totals(OLD_NAME, 3, 1.0), totals(OLDER_NAME, 1_000, 0.99, 500, 0.98))
    assert harmless == Past(1_003, 10, 10)


def test_without_releases_or_sessions_nothing_is_normal():
    sentry = Sentry()
    assert sentry.tallies().past((replace(OLD, version="7/3"),), NOW) == Past(0, 0, None)
    assert sentry.asked == []
    assert past() == Past(0, 0, None)


def test_only_as_many_releases_as_one_answer_holds_are_asked_for():
    sentry = Sentry(sessions=body())
    sentry.tallies().past(tuple(Release(str(n), f"5.{n}.0", str(n)) for n in range(80)), NOW)
    assert sentry.asked[0]["query"][0].count("com.acme.app@") == 59  # 168 hours * 59 < 10000


def test_what_is_normal_is_never_read_from_half_an_answer():
    link = {"Link": '<https://a/x>; rel="next"; results="true"'}
    with pytest.raises(Faulty, match="cut short"):
        Sentry(sessions=body(), headers=link).tallies().past((OLD,), NOW)
    with pytest.raises(Faulty, match="twice"):
        past(totals(OLD_NAME, 1), totals(OLD_NAME, 1))
    with pytest.raises(Faulty, match="known shape"):
        past({"by": {"release": OLD_NAME}, "totals": {"sum(session)": 5}})

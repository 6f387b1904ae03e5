"""Reading the apps of a scenario: what stands under `apps`, per store.

On the App Store a release is `rolled_out: {at, review}` (live at `at` + `review`, in phases) or
`submitted: {at, review, release_type, phased}` (Apple's processing comes after the review).
A release's `abnormal` is the percentage of its other sessions that freeze or are killed by the system (default 0.1);
`checkout_errors` that of its checkouts that fail (default 1), which only the monitoring services tell; `anr` that of
its users a day who meet an ANR by Play's vitals alone (default: those with a session that ends abnormally).
What people say is the app's `reviews_per_million_sessions` (default 15) and `ratings: {count, stars}` (what
the store has before the story), and a release's `stars` (1 to 5) and `stars_onset: {at, stars}`.
An app on both stores may be rolled out as one: `link: {lead, after}`, said on either of its entries.
A release's `issues` is a list of titles: the crashes that Sentry sees for the first time in it.
"""

from __future__ import annotations

import zlib
from datetime import timedelta

from stagedrollout.emulator.scenario import (
    ABNORMAL_PPM,
    APP_STORE,
    CHECKOUT_ERRORS_PPM,
    GOOGLE_PLAY,
    PPM,
    REVIEWS_PER_MILLION_SESSIONS,
    STORES,
    AppStory,
    LinkStory,
    Onset,
    RatingsBefore,
    ReleaseStory,
    RolledOut,
    StarsOnset,
    Submitted,
)
from stagedrollout.emulator.yaml_section import (
    Section,
    country_codes,
    digits,
    duration,
    mean_stars,
    not_negative,
    one_of,
    percent_ppm,
    positive,
    text,
    texts,
    whole,
    yes_or_no,
)

_UNREAD_CODE = 0
_USUAL_AFTER = 200_000
_NONE = timedelta(0)
_PROCESSING = timedelta(minutes=30)
_REVIEW = timedelta(hours=3)


def read_app(section: Section) -> AppStory:
    """One entry of `apps`; what is wrong with it is in the section's findings."""
    store = section.get("store", one_of(*STORES), GOOGLE_PLAY, default=GOOGLE_PLAY)
    on_play = store == GOOGLE_PLAY
    package = section.get("package", text, "")
    review = section.get("review", duration, _NONE, default=_REVIEW)
    processing = _PROCESSING if on_play else section.get("processing", duration, _NONE, default=_PROCESSING)
    app = AppStory(
        name=section.get("name", text, ""),
        store=store,
        package=package,
        track=section.get("track", text, "", default="production") if on_play else "",
        population=section.get("population", whole(1), 1),
        sessions_per_user=section.get("sessions_per_user", positive, 1.0, default=4.0),
        uptake=timedelta(hours=section.get("uptake_hours", positive, 1.0, default=12.0)),
        review=review,
        releases=tuple(
            _release(inner, store, review=review, processing=processing)
            for inner in section.sections("releases")
        ),
        reviews_per_million_sessions=section.get(
            "reviews_per_million_sessions", not_negative, 0.0, default=REVIEWS_PER_MILLION_SESSIONS
        ),
        ratings=_ratings(section),
        app_id="" if on_play else section.get("app_id", digits, "", default=usual_app_id(package)),
        processing=processing,
        manual_share_ppm=0 if on_play else section.get("manual_share", percent_ppm, 0, default=0),
        policy=section.get("policy", text, "", default=""),
        countries=() if on_play else section.get("countries", country_codes, (), default=()),
        link=_link(section),
    )
    section.done()
    _check_releases(section, app)
    return app


def _link(section: Section) -> LinkStory | None:
    if not section.has("link"):
        return None
    inner = section.section("link")
    link = LinkStory(
        lead=inner.get("lead", one_of(*STORES), GOOGLE_PLAY),
        after_ppm=inner.get("after", percent_ppm, PPM, default=_USUAL_AFTER),
    )
    inner.done()
    return link


def usual_app_id(bundle_id: str) -> str:
    """Ten digits that depend on the bundle id only, for stories that do not care."""
    return str(6_400_000_000 + zlib.crc32(bundle_id.encode()) % 100_000_000)


def _release(section: Section, store: str, *, review: timedelta, processing: timedelta) -> ReleaseStory:
    release = ReleaseStory(
        version=section.get("version", text, ""),
        code=section.get("code", whole(1), _UNREAD_CODE),
        crash_free_ppm=section.get("crash_free", percent_ppm, PPM),
        rolled_out=_rolled_out(section, review) if store == GOOGLE_PLAY else None,
        onset=_onset(section),
        stars=section.get("stars", mean_stars, None, default=None),
        stars_onset=_stars_onset(section),
        submitted=_submitted(section, review, processing) if store == APP_STORE else None,
        abnormal_ppm=section.get("abnormal", percent_ppm, 0, default=ABNORMAL_PPM),
        issues=section.get("issues", texts, (), default=()),
        checkout_errors_ppm=section.get("checkout_errors", percent_ppm, 0, default=CHECKOUT_ERRORS_PPM),
        anr_ppm=section.get("anr", percent_ppm, None, default=None) if store == GOOGLE_PLAY else None,
    )
    section.done()
    return release


def _rolled_out(section: Section, review: timedelta) -> RolledOut | None:
    if not section.has("rolled_out"):
        return None
    inner = section.section("rolled_out")
    rolled_out = RolledOut(
        at=inner.get("at", duration, _NONE),
        exposure_ppm=inner.get("percent", percent_ppm, PPM),
        review=inner.get("review", duration, _NONE, default=review),
    )
    inner.done()
    return rolled_out


def _submitted(section: Section, review: timedelta, processing: timedelta) -> Submitted | None:
    """`rolled_out` says when people get it, so that Apple's processing is a part of its review."""
    straight = section.has("rolled_out")
    if straight and section.has("submitted"):
        section.problem("submitted", "and rolled_out are two ways to say it: keep one")
    if not straight and not section.has("submitted"):
        return None
    inner = section.section("rolled_out" if straight else "submitted")
    at = inner.get("at", duration, _NONE)
    lasts = inner.get("review", duration, _NONE, default=review)
    if straight:
        inner.done()
        within = min(processing, lasts)
        return Submitted(at, lasts - within, processing=within)
    kind = inner.get("release_type", one_of("manual", "after_approval"), "manual", default="after_approval")
    phased = inner.get("phased", yes_or_no, True, default=True)
    inner.done()
    return Submitted(at, lasts, kind, phased, processing)


def _onset(section: Section) -> Onset | None:
    if not section.has("onset"):
        return None
    inner = section.section("onset")
    onset = Onset(inner.get("at", duration, _NONE), inner.get("crash_free", percent_ppm, PPM))
    inner.done()
    return onset


def _stars_onset(section: Section) -> StarsOnset | None:
    if not section.has("stars_onset"):
        return None
    inner = section.section("stars_onset")
    onset = StarsOnset(inner.get("at", duration, _NONE), inner.get("stars", mean_stars, 5.0))
    inner.done()
    return onset


def _ratings(section: Section) -> RatingsBefore:
    usual = RatingsBefore()
    if not section.has("ratings"):
        return usual
    inner = section.section("ratings")
    ratings = RatingsBefore(
        count=inner.get("count", whole(0), 0, default=usual.count),
        stars=inner.get("stars", mean_stars, 5.0, default=usual.stars),
    )
    inner.done()
    return ratings


def _check_releases(section: Section, app: AppStory) -> None:
    codes = [release.code for release in app.releases if release.code != _UNREAD_CODE]
    versions = [release.version for release in app.releases if release.version]
    if not app.releases:
        section.problem("releases", "needs at least one: what people have before the story begins")
        return
    if codes != sorted(set(codes)):
        section.problem("releases", "must have rising, different codes")
    if app.store == APP_STORE and len(set(versions)) != len(versions):
        section.problem("releases", "must have different versions")
    if app.releases[0].rolled_out or app.releases[0].submitted:
        section.problem("releases", "begins with a completed release: the first one has no rolled_out")

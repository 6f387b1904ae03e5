"""Behaviours of the services that nobody has settled, or that differ between accounts: one switch each.

A test that holds for both positions of a switch holds for the real service whichever way it is.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Switches:
    """Sections named in the comments are those of the fact sheets."""

    # google-play.md 4.2: whether a halted staged release must, may or must not carry a fraction
    halted_fraction: Literal["by_previous", "required", "forbidden"] = "by_previous"
    # google-play.md 4.2: whether tracks.get still tells the fraction of a halted staged release
    halted_fraction_shown: bool = True
    # google-play.md 4.2: whether a staged fraction may be lowered through the API
    lowering: Literal["refused", "accepted"] = "refused"
    # google-play.md 11 b: whether changes of an already published release go through review
    raises_in_review: bool = False
    halts_in_review: bool = False
    # google-play.md 11 d: whether a halt that cancels a review waits behind the review that is started anew
    halt_waits_for_cancelled_review: bool = False
    # google-play.md 11 c: whether a halt committed with changesNotSentForReview takes effect
    unsent_halt_takes_effect: bool = False
    # google-play.md E1: how Play says that an edit is gone
    edit_deleted: Literal["FAILED_PRECONDITION", "INVALID_ARGUMENT", "gone_410"] = "FAILED_PRECONDITION"
    # google-play.md 5.2: two inserts within 2 s give the same edit
    same_edit_within_2s: bool = False
    # google-play.md 5.1: claims range from a day to a week
    edit_lifetime_hours: int = 24
    # google-play.md 8: days were seen 1 to 4 days late; of hours no figure is known
    vitals_days_late: int = 2
    vitals_hours_late: int = 4
    # google-play.md 8: below how many users a version code has no row is not documented
    vitals_users_needed: int = 100
    # google-play.md 8: a page may hold fewer rows than were asked for
    vitals_rows_per_page: int = 10_000
    # google-play.md 2: ten a second, and an emulated second may stand still for long
    vitals_rate_limit: bool = False
    # google-play.md 9: one to two days or more
    ratings_days_late: int = 2
    # google-play.md 11 g: whether PATCH takes an array as the whole of it, or only as changes of it
    patch_arrays: Literal["replaced", "merged"] = "replaced"
    # google-play.md 11 h: whether releases.list tells of a release that was halted when everybody had it
    halted_completed_listed: bool = True
    # google-play.md 11 h: by which of its names releases.list knows the internal track
    internal_track_listed_as: Literal["either", "qa", "internal"] = "either"
    managed_publishing: bool = False
    draft_app: bool = False
    # sentry.md 7: a self-hosted server sends no rate-limit headers
    sentry_self_hosted: bool = False
    # sentry.md 2.4: the SDK sends no user ids
    sentry_without_users: bool = False
    # sentry.md 3: older servers know no "unhandled"
    sentry_four_statuses: bool = False
    # sentry.md 1: an internal integration's token with all scopes, one that lacks event:read, an organization token, and
    # one with more scopes than are needed; whether the organization tells which they are
    sentry_credential: Literal["integration", "no_event_read", "organization", "to_spare"] = "integration"
    sentry_scopes_told: bool = True
    # sentry.md 1: where the organization lives, and whether another region says so
    sentry_region: Literal["here", "elsewhere", "elsewhere_untold"] = "here"
    # app-store-connect.md 11: no figure is known for how late a review appears; false is up to a day
    reviews_at_once: bool = False
    # app-store-connect.md 12: how long the lookup tells the same; 24 is usual, 120 was seen
    lookup_stale_hours: int = 24
    # app-store-connect.md 6: what Apple does when the 30 days of pauses are used up
    pause_days_used_up: Literal["released", "nothing"] = "released"
    # app-store-connect.md 5: currentDayNumber may go above 7 before COMPLETE
    day_8_shown: bool = False
    # app-store-connect.md 5: startDate can be set while INACTIVE
    start_date_while_inactive: bool = True
    # app-store-connect.md 3: what a to-one GET answers with nothing behind it
    phased_missing: Literal["null", "404"] = "null"
    # app-store-connect.md 6: whether an approved version can still get a phased release (greyed out in Aug 2026)
    phased_while_pending: Literal["accepted", "refused"] = "accepted"
    # app-store-connect.md 6: DELETE of a phased release that has begun
    phased_delete_after_start: Literal["refused", "releases_to_all"] = "refused"
    # app-store-connect.md 7: PATCH INACTIVE of a phased release that has begun
    phased_patch_inactive: Literal["refused", "ignored"] = "refused"
    # app-store-connect.md 5: errors without detail, optional attributes that are absent
    app_store_error_detail: bool = True
    app_store_sparse: bool = False
    # app-store-connect.md 5: whether the deprecated appStoreState still tells of a removal from sale
    removal_in_old_state: bool = True
    # app-store-connect.md 15: a removal takes up to 24 h; whether its territories say so meanwhile
    removal_takes_a_day: bool = False
    # app-store-connect.md 3: whether a filter on bundle ids also finds those it is the beginning of
    bundle_filter_exact: bool = True
    # app-store-connect.md 10: requests per key and rolling hour; whether a minute has a limit too
    app_store_hourly_limit: int = 3500
    app_store_minute_limit: bool = False
    # slack.md 1 and 2
    slack_rate_limit: bool = False
    slack_deduplicates: bool = False
    # slack.md 3: how long a 429 asks to wait; bursts are answered with 60 as well
    slack_retry_after_seconds: int = 1
    # google-play.md 2: what the service account was invited to: this app with all that is needed; nothing; looking
    # only; testing tracks only; the whole account
    play_account: Literal["app", "not_invited", "read_only", "testing_tracks", "account_wide"] = "app"
    # google-play.md 2: which request a missing right to release is refused at; nobody has settled it
    play_right_checked: Literal["write", "validate", "commit"] = "write"
    # google-play.md 2 and 8: "Reply to reviews", and whether the reporting API is switched on
    play_reviews_allowed: bool = True
    play_reporting_enabled: bool = True
    # app-store-connect.md 2: the key's role
    app_store_role: Literal["app_manager", "admin", "developer"] = "app_manager"
    # slack.md 1: the bot token's scopes
    slack_scopes: str = "chat:write,files:write"

    def turned(self, changes: dict[str, Any]) -> Switches:
        """A copy with `changes`. Raises ValueError in words for an unknown switch or position."""
        known = {field.name for field in fields(self)}
        for name, position in changes.items():
            if name not in known:
                raise ValueError(f"no switch {name!r}: there are {', '.join(sorted(known))}")
            if not _fits(position, _TYPES[name]):
                raise ValueError(f"switch {name} cannot stand at {position!r}")
        return replace(self, **changes)


_TYPES = get_type_hints(Switches)


def _fits(position: Any, wanted: Any) -> bool:
    if get_origin(wanted) is Literal:
        return position in get_args(wanted)
    return type(position) is wanted and (wanted is not int or position > 0)

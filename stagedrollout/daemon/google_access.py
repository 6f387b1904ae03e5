"""From the configuration to Google's clients: the key of the service account, and who reads what Play reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import GooglePlayAccess
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.elapsed import elapsed
from stagedrollout.stores.google_play import PlayClient
from stagedrollout.stores.google_play.reports import PlayBuckets, PlayReporting


def play_client(loaded: Loaded, doors: Doors) -> PlayClient | None:
    """The one client of the publisher API; None where no access to Google Play is configured."""
    access = loaded.settings.google_play
    if access is None:
        return None
    timeout = loaded.settings.limits.http_timeout.total_seconds()
    return PlayClient(
        _key(loaded, access),
        endpoint=access.endpoint,
        timeout_seconds=timeout,
        open_http=doors.play,
        dates=doors.dates,
        steady=elapsed,
        edits=doors.edits,
    )


def play_reporting(loaded: Loaded, doors: Doors, seconds: float) -> PlayReporting:
    """The client of the vitals; one request takes at most `seconds`. Raises WrongConfiguration."""
    access = _access(loaded)
    return PlayReporting(
        _key(loaded, access),
        endpoint=access.reporting_endpoint,
        timeout_seconds=seconds,
        open_http=doors.play,
        steady=elapsed,
    )


def play_buckets(loaded: Loaded, doors: Doors, seconds: float) -> PlayBuckets:
    """The client of the files in the account's bucket; one request takes at most `seconds`. Raises WrongConfiguration."""
    access = _access(loaded)
    return PlayBuckets(
        _key(loaded, access),
        endpoint=access.storage_endpoint,
        timeout_seconds=seconds,
        open_http=doors.play,
        steady=elapsed,
    )


def _access(loaded: Loaded) -> GooglePlayAccess:
    """The configuration's own check leaves no app on Google Play without access to it."""
    if loaded.settings.google_play is None:
        raise WrongConfiguration("a signal is read from Google Play, whose access is not configured")
    return loaded.settings.google_play


def _key(loaded: Loaded, access: GooglePlayAccess) -> Mapping[str, Any]:
    try:
        key = json.loads(loaded.secret(access.credentials).reveal())
    except (ValueError, RecursionError):
        raise WrongConfiguration(f"google_play: {access.credentials} is no JSON key file") from None
    if not isinstance(key, dict):
        raise WrongConfiguration(f"google_play: {access.credentials} is no JSON key file")
    return key

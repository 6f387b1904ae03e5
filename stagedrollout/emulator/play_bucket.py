"""Cloud Storage, with the one bucket into which Play writes what people give each version (google-play.md section 9).

    stats/ratings/ratings_{package}_{YYYYMM}_app_version.csv    by version code
    stats/ratings/ratings_{package}_{YYYYMM}_overview.csv       of all

UTF-16 with a mark of its byte order, an average and no count, rewritten once a day, some days late. The stars are those
of the app's people (opinions.py), written reviews and stars alone together; days are UTC's.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import unquote

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.credentials import STORAGE_SCOPE, Credentials
from stagedrollout.emulator.draws import poisson, source
from stagedrollout.emulator.opinions import (
    HISTORY_DAYS,
    STARS_ONLY_PER_REVIEW,
    AppOpinions,
    Opinions,
    Stars,
    star_shares,
)
from stagedrollout.emulator.play_store import PlayStore
from stagedrollout.emulator.population import DAY, HOUR
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.scenario import GOOGLE_PLAY
from stagedrollout.emulator.service import Call

PREFIX = "/storage/v1/b/"
BUCKET = "pubsite_prod_rev_01234567890123456789"
WRITTEN_AT = timedelta(hours=5)
"""When in a day the files are rewritten."""

_ASKED_AT_NOON = 12 * HOUR

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    content: bytes
    updated: datetime

    def document(self) -> Document:
        generation = str(int(self.updated.timestamp() * 1_000_000))
        digest = hashlib.md5(self.content, usedforsecurity=False).digest()
        return {
            "kind": "storage#object",
            "id": f"{BUCKET}/{self.name}/{generation}",
            "name": self.name,
            "bucket": BUCKET,
            "generation": generation,
            "metageneration": "1",
            "contentType": "text/csv; charset=utf-16le",
            "updated": iso(self.updated),
            "size": str(len(self.content)),
            "md5Hash": base64.b64encode(digest).decode(),
        }


class PlayBucket:
    """Answers requests under PREFIX."""

    name = "play_bucket"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(self, store: PlayStore, opinions: Opinions, credentials: Credentials, seed: int) -> None:
        self._store = store
        self._opinions = opinions
        self._credentials = credentials
        self._seed = seed
        self._days: dict[tuple[str, int, date], Stars] = {}

    def operation(self, method: str, path: str) -> str:
        match (method, *_segments(path)):
            case ("GET", _, "o"):
                return "objects.list"
            case ("GET", _, "o", _):
                return "objects.get"
            case _:
                return "unknown"

    def refusal(self, kind: str, status: int) -> Reply:
        if kind == "403":
            text = "The service account does not have storage.objects.get access to the Google Cloud Storage object."
            return no.PlayError(403, text).reply()
        return no.refused(kind, status)

    def answer(self, call: Call) -> Reply:
        if call.operation == "unknown":
            return Reply(404, text="Not Found")
        try:
            return self._answered(call)
        except no.PlayError as refused:
            return refused.reply()

    def _answered(self, call: Call) -> Reply:
        holder = self._credentials.holder_of(call.request.bearer)
        if holder is None:
            raise no.unauthenticated()
        if STORAGE_SCOPE not in holder.scopes:
            raise no.insufficient_scope()
        bucket, _, *name = _segments(call.request.path)
        if bucket != BUCKET:
            raise no.PlayError(404, "The specified bucket does not exist.")
        files = {} if call.trouble == "no_data" else {file.name: file for file in self._files()}
        if not name:
            prefix = call.request.first("prefix") or ""
            listed = [file.document() for key, file in sorted(files.items()) if key.startswith(prefix)]
            return Reply(document={"kind": "storage#objects", **({"items": listed} if listed else {})})
        file = files.get(name[0])
        if file is None:
            raise no.PlayError(404, f"No such object: {bucket}/{name[0]}")
        if call.request.first("alt") != "media":
            return Reply(document=file.document())
        content = b"Date,Package Name" if call.trouble == "not_utf16" else file.content
        return Reply(content=content, headers={"content-type": "text/csv"})

    def _files(self) -> Iterator[_File]:
        """What is there now: all months of which any day is told."""
        now = datetime.fromtimestamp(self._opinions.now, UTC)
        written = datetime.combine((now - WRITTEN_AT).date(), time(), UTC) + WRITTEN_AT
        newest = written.date() - timedelta(days=self._store.switches().ratings_days_late)
        for app in self._store.apps:
            opinions = self._opinions.of(GOOGLE_PLAY, app.package)
            if opinions is None:
                continue
            days = list(_days(opinions, newest))
            for month in dict.fromkeys(f"{day:%Y%m}" for day in days):
                its = [day for day in days if f"{day:%Y%m}" == month]
                last = datetime.combine(its[-1], time(), UTC) + (
                    written - datetime.combine(newest, time(), UTC)
                )
                stem = f"stats/ratings/ratings_{app.package}_{month}"
                yield _File(f"{stem}_app_version.csv", self._by_version(opinions, its), last)
                yield _File(f"{stem}_overview.csv", self._overview(opinions, its), last)

    def _by_version(self, opinions: AppOpinions, days: list[date]) -> bytes:
        rows = []
        for code in opinions.crowd.codes:
            total = Stars()
            for day in days:
                of_day = self._of(opinions, code, day)
                total += of_day
                if total.count:
                    rows.append([str(day), opinions.story.package, str(code), _text(of_day), _text(total)])
        header = ["Date", "Package Name", "App Version Code", "Daily Average Rating", "Total Average Rating"]
        return _csv([header, *sorted(rows)])

    def _overview(self, opinions: AppOpinions, days: list[date]) -> bytes:
        rows, total = [], Stars()
        for day in days:
            of_day = sum((self._of(opinions, code, day) for code in opinions.crowd.codes), Stars())
            total += of_day
            rows.append([str(day), opinions.story.package, _text(of_day), _text(total)])
        return _csv([["Date", "Package Name", "Daily Average Rating", "Total Average Rating"], *rows])

    def _of(self, opinions: AppOpinions, code: int, day: date) -> Stars:
        """All stars that a release was given on a day; a day that is told is over, so that it stays as it is."""
        key = (opinions.story.package, code, day)
        if key not in self._days:
            begins = int(datetime.combine(day, time(), UTC).timestamp())
            sessions = opinions.crowd.tally(code, begins, begins + DAY, seen=begins + DAY).sessions
            draw = source(self._seed, opinions.story.name, "ratings", code, day)
            chance = opinions.story.reviews_per_million_sessions / 1_000_000
            count = poisson(draw, sessions * chance * (1 + STARS_ONLY_PER_REVIEW))
            shares = star_shares(opinions.mean_stars(code, begins + _ASKED_AT_NOON))
            given = draw.choices((1, 2, 3, 4, 5), shares, k=count)
            self._days[key] = Stars(count, sum(given))
        return self._days[key]


def _days(opinions: AppOpinions, newest: date) -> Iterator[date]:
    """From some days before the story begins to the newest day that is told."""
    day = datetime.fromtimestamp(opinions.start, UTC).date() - timedelta(days=HISTORY_DAYS)
    while day <= newest:
        yield day
        day += timedelta(days=1)


def _text(stars: Stars) -> str:
    return f"{stars.average:.2f}" if stars.count else "NA"


def _csv(rows: list[list[str]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    return "\ufeff".encode("utf-16-le") + written.getvalue().encode("utf-16-le")


def _segments(path: str) -> list[str]:
    return [unquote(part) for part in path.removeprefix(PREFIX).split("/")]

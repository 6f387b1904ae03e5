"""Crashes as Crashlytics counts them, read from a small service of our own in front of its BigQuery export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from stagedrollout.signals.base import (
    Count,
    CountSource,
    Declaration,
    FromFile,
    Implausible,
    Release,
    Span,
)


class Crashlytics(CountSource):
    declared = Declaration(
        unit="sessions",
        lag=timedelta(hours=4),  # the export is streamed, but sessions come in batches
        can_halt=True,
        no_data="an empty list of hours",
    )

    @dataclass(frozen=True, kw_only=True)
    class Options(FromFile):
        table: str

    def counts(self, release: Release, span: Span) -> list[Count]:
        asked = [
            ("table", self.setting.options.table),
            ("app", self.setting.app),
            ("build", release.build),
            ("since", span.since.isoformat()),
        ]
        hours = self.http.get_json("read crashes", "/v1/crashes", asked).body
        try:
            return [
                Count(datetime.fromisoformat(hour["start"]), hour["sessions"], hour["crashed"])
                for hour in hours
            ]
        except (TypeError, KeyError, ValueError):
            raise Implausible("these are no hours") from None

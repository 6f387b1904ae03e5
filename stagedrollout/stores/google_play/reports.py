"""What Play reports of an app, through Google's own clients: vitals, and files in the account's bucket.

It is read with the account that releases, and with scopes of its own: the token that may release opens no bucket, and
those that read can change nothing. Permissions: google-play.md section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagedrollout.stores.google_play.api import Api, GoogleApi, unconditionally

if TYPE_CHECKING:
    from googleapiclient._apis.playdeveloperreporting.v1beta1 import PlaydeveloperreportingResource
    from googleapiclient._apis.storage.v1 import StorageResource
    from googleapiclient.http import HttpRequest

REPORTING = Api("playdeveloperreporting", "v1beta1", "https://www.googleapis.com/auth/playdeveloperreporting")
STORAGE = Api("storage", "v1", "https://www.googleapis.com/auth/devstorage.read_only", below="storage/v1/")

VITALS = "reading vitals"
FILES = "reading files of the bucket"


class PlayReporting(GoogleApi["PlaydeveloperreportingResource"]):
    """One account at the Developer Reporting API (google-play.md section 8). Arguments as of PlayClient."""

    api = REPORTING

    def crashes(self, package: str) -> MetricSet:
        return MetricSet(self, package, "crashRateMetricSet")

    def anrs(self, package: str) -> MetricSet:
        return MetricSet(self, package, "anrRateMetricSet")


@dataclass(frozen=True, slots=True)
class MetricSet:
    """The vitals of one app that are counted together. Each method asks once and raises EdgeError."""

    api: PlayReporting
    package: str
    name: str

    def freshness(self) -> Any:
        """The metric set itself, which says up to when there are data."""

        def ask(reporting: PlaydeveloperreportingResource) -> HttpRequest:
            if self._of_crashes:
                return reporting.vitals().crashrate().get(name=self._path)
            return reporting.vitals().anrrate().get(name=self._path)

        return self.api.send(ask, VITALS, unconditionally)

    def rows(self, body: Any) -> Any:
        """One page of what `body` asks for."""

        def ask(reporting: PlaydeveloperreportingResource) -> HttpRequest:
            if self._of_crashes:
                return reporting.vitals().crashrate().query(name=self._path, body=body)
            return reporting.vitals().anrrate().query(name=self._path, body=body)

        return self.api.send(ask, VITALS, unconditionally)

    def releases(self) -> Any:
        """The releases that are served now, each with all of its version codes."""

        def ask(reporting: PlaydeveloperreportingResource) -> HttpRequest:
            return reporting.apps().fetchReleaseFilterOptions(name=f"apps/{self.package}")

        return self.api.send(ask, VITALS, unconditionally)

    @property
    def _path(self) -> str:
        return f"apps/{self.package}/{self.name}"

    @property
    def _of_crashes(self) -> bool:
        return self.name == "crashRateMetricSet"


class PlayBuckets(GoogleApi["StorageResource"]):
    """One account at Cloud Storage, where Play puts its files (google-play.md section 9). Arguments as of PlayClient."""

    api = STORAGE

    def named(self, bucket: str) -> Bucket:
        return Bucket(self, bucket)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket. Each method asks once and raises EdgeError."""

    api: PlayBuckets
    name: str

    def listed(self, prefix: str) -> Any:
        """The first page of the files whose names begin so."""

        def ask(storage: StorageResource) -> HttpRequest:
            return storage.objects().list(bucket=self.name, prefix=prefix)

        return self.api.send(ask, FILES, unconditionally)

    def content(self, file: str) -> Any:
        """The bytes of a file, up to the bound of every reply (wire.py)."""

        def ask(storage: StorageResource) -> HttpRequest:
            return storage.objects().get_media(bucket=self.name, object=file)

        return self.api.send(ask, FILES, unconditionally)

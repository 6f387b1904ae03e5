"""What the stores answer about reviews, as the fact sheets record it, and doubles that say it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from stagedrollout.core.model import Release
from stagedrollout.core.observation import SignalQuery

NEW = Release("5020", "5.2.0", "5020")
OLD = Release("5010", "5.1.0", "5010")
OLDER = Release("5000", "5.0.9", "5000")

NOW = datetime(2026, 10, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def query(at=NOW, since=NOW - 3 * DAY, candidate=NEW, baseline=(OLD,)):
    return SignalQuery(candidate, baseline, since, at)


# google-play.md section 3, "Realistic responses"
RECORDED = json.loads("""
{"reviews":[{"reviewId":"gp:AOqpTO","authorName":"A","comments":[{"userComment":{"text":"\\tCrashes on start",
 "lastModified":{"seconds":"1793000000","nanos":0},"starRating":1,"reviewerLanguage":"en","appVersionCode":5020,
 "appVersionName":"5.2.0","androidOsVersion":34,"thumbsUpCount":3}}]}],
 "tokenPagination":{"nextPageToken":"CAE="}}
""")


def play_review(stars=5, hours_ago=1.0, code=5020, text="Title\tBody", name=None, **more):
    """One review as Play writes it; `code` None: Play does not know the version."""
    at = NOW - timedelta(hours=hours_ago)
    comment = {
        "text": text,
        "lastModified": {"seconds": str(int(at.timestamp())), "nanos": 0},
        "starRating": stars,
        "reviewerLanguage": "en",
        **({} if code is None else {"appVersionCode": code, "appVersionName": "x"}),
        **more,
    }
    return {
        "reviewId": name or f"gp:{stars}-{hours_ago}-{code}",
        "authorName": "A",
        "comments": [{"userComment": comment}],
    }


def play_page(*reviews, following=None):
    paging = {} if following is None else {"tokenPagination": {"nextPageToken": following}}
    return {"reviews": list(reviews), **paging}


@dataclass
class Play:
    """Gives the pages by their tokens, and remembers which were asked for. A page may be an error to raise."""

    pages: dict
    asked: list = field(default_factory=list)

    def page(self, token):
        self.asked.append(token)
        page = self.pages[token]
        if isinstance(page, Exception):
            raise page
        return page


def apple_review(stars=5, date="2026-10-26T10:00:00Z", title="Title", body="Body", name=None, **more):
    """One review as App Store Connect writes it (app-store-connect.md section 5)."""
    attributes = {
        "rating": stars,
        "title": title,
        "body": body,
        "reviewerNickname": "A",
        "createdDate": date,
        "territory": "USA",
        **more,
    }
    identity = name or f"{stars}-{date}"
    return {
        "type": "customerReviews",
        "id": identity,
        "attributes": attributes,
        "links": {"self": "https://x"},
    }


def apple_list(*items):
    return {
        "data": list(items),
        "links": {"self": "https://x"},
        "meta": {"paging": {"total": len(items), "limit": 200}},
    }


@dataclass
class Apple:
    """App Store Connect with these versions (version -> reviews, or an error to raise when they are read)."""

    versions: dict
    says_of_versions: object = None
    asked: list = field(default_factory=list)

    def get(self, doing, path, params):
        self.asked.append((path, dict(params)))
        if path.endswith("/customerReviews"):
            version = path.split("/")[3].removeprefix("id-of-")
            answer = self.versions[version]
        elif self.says_of_versions is not None:
            answer = self.says_of_versions
        else:
            answer = apple_list(*(self._version(name) for name in self.versions))
        if isinstance(answer, Exception):
            raise answer
        return answer

    @staticmethod
    def _version(name):
        return {
            "type": "appStoreVersions",
            "id": f"id-of-{name}",
            "attributes": {"versionString": name},
            "links": {"self": "https://x"},
        }


# app-store-connect.md section 12
LOOKED_UP = json.loads("""
{"resultCount":1,"results":[{"wrapperType":"software","kind":"software","trackId":6448311069,
"bundleId":"com.example.app","version":"5.12.0","currentVersionReleaseDate":"2026-03-02T09:14:22Z",
"averageUserRating":4.65894,"userRatingCount":18234,"averageUserRatingForCurrentVersion":4.65894,
"userRatingCountForCurrentVersion":18234}]}
""")

"""What the ledger alone shows of replicas that get in each other's way: raises that overlap, or rest on an old look.

Who sent a request shows from the address it came from (links.py). A raise begins where its edit does on Google Play, and is one
request on the App Store; the order is the ledger's own, for there requests come one at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]

_EDIT = re.compile(r"/androidpublisher/v3/applications/(?P<package>[^/]+)/edits/(?P<edit>[^/:]+)(?P<rest>.*)")
_INSERT = re.compile(r"/androidpublisher/v3/applications/(?P<package>[^/]+)/edits")
_PHASED = re.compile(r"/v1/appStoreVersionPhasedReleases/(?P<id>[^/]+)")
_RAISED_TO = ("ACTIVE", "COMPLETE")


@dataclass(frozen=True, slots=True)
class Raise:
    """`place`: a package, or a phased release. `who` sent it, from `first` to `last` of the ledger's numbers; `looked`: when
    it last read, before the request that raises, what there is."""

    place: str
    who: str
    first: int
    last: int
    looked: int

    def __str__(self) -> str:
        return f"{self.place} by {self.who} ({self.first} to {self.last})"


def raises(requests: Iterable[Record]) -> list[Raise]:
    """Every raise that was asked for, also one that was refused or given up, in the order in which they began."""
    known = list(requests)
    return sorted([*_on_play(known), *_on_the_app_store(known)], key=lambda each: each.first)


def overlaps(found: list[Raise]) -> Iterator[str]:
    """Raises of two replicas at the same place and time, and raises whose sender had not looked since another's."""
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            if other.place != one.place or other.who == one.who:
                continue
            if other.first < one.last:
                yield f"raises overlap: {one}, {other}"
            elif other.looked < one.last:
                yield f"raised without having looked since another did: {one}, {other}"


def _on_play(requests: list[Record]) -> Iterator[Raise]:
    edits: dict[str, list[Record]] = {}
    for request in requests:
        if request["service"] != "google_play":
            continue
        if within := _EDIT.fullmatch(request["path"]):
            edits.setdefault(within["edit"], []).append(request)
        elif _INSERT.fullmatch(request["path"]) and (made := (request["response"] or {}).get("id")):
            edits.setdefault(str(made), []).append(request)
    for sent in edits.values():
        for who in dict.fromkeys(_peer(each) for each in sent):
            own = [each for each in sent if _peer(each) == who]
            put = [each for each in own if each["method"] == "PUT" and _is_offered(each)]
            if put:
                looks = [each["seq"] for each in own if each["method"] in ("GET", "POST")]
                looked = max((seq for seq in looks if seq < put[0]["seq"]), default=0)
                yield Raise(_package(put[0]), who, own[0]["seq"], own[-1]["seq"], looked)


def _package(request: Record) -> str:
    found = _EDIT.fullmatch(request["path"])
    return found["package"] if found else ""


def _is_offered(request: Record) -> bool:
    """Whether it offers the newest release of the track to more people than a halt does."""
    releases = [each for each in (request["body"] or {}).get("releases", ()) if each.get("versionCodes")]
    if not releases:
        return False
    newest = max(releases, key=lambda each: max(map(int, each["versionCodes"])))
    return newest.get("status") in ("inProgress", "completed")


def _on_the_app_store(requests: list[Record]) -> Iterator[Raise]:
    looked: dict[str, int] = {}
    for request in requests:
        if request["service"] != "app_store":
            continue
        who = _peer(request)
        within = _PHASED.fullmatch(request["path"])
        if request["method"] == "GET":
            looked[who] = request["seq"]
        elif within and request["method"] == "PATCH" and _state(request) in _RAISED_TO:
            yield Raise(within["id"], who, request["seq"], request["seq"], looked.get(who, 0))


def _state(request: Record) -> str:
    data = (request["body"] or {}).get("data") or {}
    return str((data.get("attributes") or {}).get("phasedReleaseState", ""))


def _peer(request: Record) -> str:
    return str(request.get("peer", ""))

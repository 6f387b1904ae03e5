"""A valid answer, spoiled: parts dropped, retyped, nested, swapped and put there twice, and JSON no writer would write.

An edit does not know the document it will be made to: it names places by number, so that one draw fits any answer.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

DEEP = "[" * 100_000 + "]" * 100_000
LESS_DEEP = "[" * 30 + "1" + "]" * 30
LONG = '"' + "x" * 300_000 + '"'
RAW = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1E400", "-0.0", "1e-400"),
    *("9" * 4_000, "9" * 5_000, "1" + "0" * 400, "-" + "9" * 30, "9223372036854775808", "2147483648"),
    *('"\\ud800"', '"a\\udfffb"', '"\\u0000"', '"\\u202e\\u0007"', '"\\ud83d\\ude00"'),
    *(DEEP, LESS_DEEP, '{"a":' * 900 + "1" + "}" * 900, LONG, '{"a":1,"a":2}'),
)
"""Values that only a text can hold."""

MANY = 5_000
"""A document with so many places is not made larger: three edits could make it fill the memory."""

WORDS = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1.5",
        "true",
        "null",
        "5020",
        "²",
        "\u0661",
        "1e5",
        "0x10",
        "1_000",
        "\n",
        "\x00",
        "../x",
        "a b",
    ),
    *("inProgress", "halted", "completed", "draft", "paused", "PAUSED", "ACTIVE", "COMPLETE", "INACTIVE"),
    *("READY_FOR_DISTRIBUTION", "PENDING_DEVELOPER_RELEASE", "REMOVED_FROM_SALE", "NaN", "+Inf", "NA"),
    *("2026-02-24T03:02:46-08:00", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00", "2026-03-02", "10:00"),
    *(
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "9999-12-31",
        "Mon, 99 Foo 0000 99:99:99 GMT",
    ),
    *(
        "99999999999999999999",
        "253402300800",
        "-62135596801",
        "<!channel>",
        "https://evil.example/x",
        "http://[",
    ),
)
CONTAINERS: st.SearchStrategy[Any] = st.sampled_from(
    [[], {}, [None], {"": None}, [[]], [{}], {"a": [1]}, [1, "a"]]
)
ODD: st.SearchStrategy[Any] = st.one_of(
    CONTAINERS,
    st.sampled_from(
        [None, True, False, 0, 1, -1, 2, 7, 10**12, 10**13, -(10**13), 2**63, 0.0, -0.5, 0.1, 0.9999999]
    ),
    st.sampled_from([1e308, -1e308, 1e-12, 1.0]),
    st.sampled_from(WORDS),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
)


@dataclass(frozen=True)
class Raw:
    """Put into the text as it stands."""

    text: str

    def __repr__(self) -> str:
        return f"Raw({self.text[:30]!r}… of {len(self.text)})"


@dataclass(frozen=True)
class Edit:
    """`what` is done to a place: of the kind with this number, the one with that `turn`. `other` is another place,
    `value` what is put there."""

    what: str
    kind: int
    turn: int
    other: int
    value: Any


EDITS = st.builds(
    Edit,
    st.sampled_from(
        ["set", "set", "drop", "raw", "wrap", "swap", "twice", "add", "text", "rename", "empty", "many"]
    ),
    st.integers(0, 200),
    st.sampled_from([0, 0, 1, -1, 7]),
    st.integers(0, 5_000),
    st.one_of(ODD, ODD, st.sampled_from(RAW).map(Raw)),
)
_Path = tuple[Any, ...]


def places(value: Any, path: _Path = ()) -> list[_Path]:
    """Every place in a JSON value but the whole, as the keys that lead there; whoever nests deeply is not followed."""
    found: list[_Path] = []
    if len(path) > 12:
        return found
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in pairs:
        found += [(*path, key), *places(child, (*path, key))]
    return found


def chosen(known: list[_Path], edit: Edit) -> _Path:
    """The kind of place first, so that the one field of a thousand rows is met as often as the one at the top."""
    kinds: dict[_Path, list[_Path]] = {}
    for path in known:
        kinds.setdefault(tuple("*" if isinstance(key, int) else key for key in path), []).append(path)
    places_of = list(kinds.values())[edit.kind % len(kinds)]
    return places_of[edit.turn % len(places_of)]


def spoiled(document: Any, edits: list[Edit]) -> bytes:
    """The document after the edits, as it would come over the wire."""
    box = {"it": json.loads(json.dumps(document))}
    for edit in edits:
        _make(box, edit)
    return spoiled_text(box["it"])


def spoiled_text(document: Any) -> bytes:
    """As JSON, with what only a text can hold put into it."""
    raws: list[str] = []

    def held(value: Any) -> str:
        raws.append(value.text)
        return f"@@raw{len(raws) - 1}@@"

    text = json.dumps(document, default=held)
    for number, raw in enumerate(raws):
        text = text.replace(f'"@@raw{number}@@"', raw)
    return text.encode()


def put(document: Any, path: _Path, value: Any) -> Any:
    """A copy with this value at the path; DROPPED where the value is no value at all."""
    box = {"it": json.loads(json.dumps(document))}
    parent, key = _at(box, ("it", *path)[:-1]), ("it", *path)[-1]
    if type(value) is object:
        del parent[key]
    else:
        parent[key] = value
    return box.get("it", {})


def _make(box: dict[str, Any], edit: Edit) -> None:
    known = [("it",), *[("it", *path) for path in places(box["it"])]]
    path = chosen(known, edit)
    parent = _at(box, path[:-1])
    here, key = parent[path[-1]], path[-1]
    match edit.what:
        case "drop" if key != "it":
            del parent[key]
        case "wrap":
            parent[key] = [here] if edit.other % 2 else {"value": here}
        case "swap":
            parent[key] = deepcopy(_at(box, known[edit.other % len(known)]))
        case "twice" if isinstance(here, list) and here:
            here.append(here[edit.other % len(here)])
        case "many" if isinstance(here, list) and here and len(known) < MANY:
            parent[key] = deepcopy(here * 40)
        case "add" if isinstance(here, dict):
            here[f"unknown{edit.other % 7}"] = edit.value
        case "rename" if isinstance(parent, dict) and key != "it":
            parent[f"{key}X"] = parent.pop(key)
        case "text":
            parent[key] = json.dumps(here, default=repr) if not isinstance(here, str) else _number(here)
        case "empty":
            parent[key] = "" if here is None or isinstance(here, Raw) else type(here)()
        case _:
            parent[key] = edit.value


def _at(value: Any, path: _Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return [text]


@dataclass(frozen=True)
class Spoil:
    """What happens to one answer. `whole`: instead of edits, something done to the bytes."""

    edits: list[Edit]
    whole: str
    status: int | None
    headers: tuple[tuple[str, str], ...]

    def of(self, body: bytes) -> bytes:
        match self.whole:
            case "cut":
                return body[: len(body) // 2]
            case "empty":
                return b""
            case "html":
                return b"<html><body>\xff gateway</body></html>"
            case "utf-16":
                return body.decode("utf-8", "replace").encode("utf-16")
            case "garbage":
                return bytes(range(256)) * 4
            case "null":
                return b"null"
            case "deep":
                return DEEP.encode()
            case "large":
                return b'{"a": "' + b"x" * 9_000_000 + b'"}'
        try:
            return spoiled(json.loads(body), self.edits)
        except ValueError:
            return body[::-1]


HEADER_VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([raw for raw in RAW if raw.isascii() and len(raw) < 6_000]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
).map(lambda text: "".join(mark for mark in text if 32 <= ord(mark) < 127))
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["retry-after", "x-rate-limit", "x-sentry-rate-limit-reset", "date", "link", "content-type"]
        ),
        HEADER_VALUES
        | st.sampled_from(
            [
                *(
                    "user-hour-lim:3500;user-hour-rem:0;",
                    "user-hour-rem:²;",
                    "user-minute-rem:1,user-minute-lim:x",
                ),
                *(
                    '<https://x/>; rel="next"; results="true"; cursor="0:100:0"',
                    "<>;" * 5_000,
                    '<a>; rel="' * 2_000,
                ),
            ]
        ),
    ),
    max_size=2,
).map(tuple)
SPOILS = st.builds(
    Spoil,
    st.lists(EDITS, min_size=1, max_size=3),
    st.sampled_from([""] * 24 + ["cut", "empty", "html", "utf-16", "garbage", "null", "deep"]),
    st.sampled_from([None] * 10 + [200, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503]),
    HEADERS,
)

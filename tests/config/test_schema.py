"""The JSON Schemas for editors: they are what the code says, refuse nothing that `check` accepts, and miss no mistake
of the kinds that a schema can see."""

from __future__ import annotations

import copy
import functools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from stagedrollout.config.crosscheck import cross_check
from stagedrollout.config.policies import read_policies
from stagedrollout.config.reading import read_into
from stagedrollout.config.schema import FILES, schema, schema_text
from stagedrollout.config.schema_rules import RULES
from stagedrollout.config.shipped import policies_folder
from stagedrollout.config.yaml_source import parse
from stagedrollout.emulator.scenario_file import load_scenario, shipped_scenarios
from stagedrollout.emulator.world import World
from stagedrollout.emulator.write_config import write_config
from tests.docs.__main__ import SCHEMAS
from tests.docs.page import fenced
from tests.docs.test_readme import PAGE

ABSENT = object()
SEEN = re.compile(r"is missing|unknown key|nothing stands here|does not fit here|not as text")
"""What `reading` says of keys and types: a schema can see each of these too."""

STRANGE = st.one_of(
    st.sampled_from(
        [ABSENT, None, True, -1, 0, 7, 0.5, 99.5, 101, 10**9, "", "x!", "3 fortnights", "24h", "20%"]
    ),
    st.sampled_from(
        [[], {}, ["x"], [1], {"x": 1}, {"env": "NAME"}, {"file": "x", "env": "NAME"}, "09:00", "production"]
    ),
)


def _plain(text: str):
    document, problems = parse("file.yaml", text)
    assert document, problems
    return document.data


def _blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@functools.cache
def _validator(name: str) -> Draft7Validator:
    return Draft7Validator(schema(name))


@functools.cache
def _shelf():
    """The shipped policies, and the names of those that examples speak of."""
    shelf = read_policies(policies_folder(), [])
    return (*shelf.policies, "weekday"), shelf.policies


@functools.cache
def _examples(name: str) -> tuple:
    if name == "policy":
        texts = [path.read_text("utf-8") for path in sorted(policies_folder().glob("*.yaml"))]
        return tuple(_plain(text) for text in [*texts, fenced(PAGE, "policy")])
    return (_plain(fenced(PAGE, "configuration")), _everything())


def _everything():
    """A configuration with most of what there is."""
    listing = {"package": "com.acme.app", "sentry": {"project": "acme"}, "signals": _signals()}
    secret = {"file": "secrets/x"}
    return {
        "database": "sqlite:///x.db",
        "poll": "1h",
        "google_play": {"credentials": secret},
        "sentry": {"organization": "acme", "token": {"env": "SENTRY"}},
        "slack": {"token": {"credential": "slack"}, "channel": "C0123ABCD"},
        "prometheus": {"url": "https://prometheus.example.com", "token": secret, "user": "acme"},
        "grafana": {"url": "https://grafana.example.com", "token": secret},
        "new_relic": {"account": 12, "key": secret},
        "health": {"sentry_dsn": secret, "monitor": "acme"},
        "limits": {"pass_deadline": "1m", "pass_workers": 3},
        "apps": [{"name": "acme", "policy": "standard", "mode": "act", "google_play": listing}],
    }


def _signals():
    bad, total = 'sum(rate(e{version="{version}"}[1h]))', 'sum(rate(r{version="{version}"}[1h]))'
    return [
        {"name": "checkout", "prometheus": {"unit": "checkouts", "total": total, "bad": bad}},
        {"name": "latency", "prometheus": {"unit": "ms", "value": total, "better": "lower"}},
        {"name": "vitals", "vitals": {"metric": "anr_rate", "period": "hourly"}},
        {"name": "stars", "ratings_csv": {"bucket": "gs://pubsite_prod_rev_0123456789"}},
        {"name": "ours", "plugin": {"source": "crashlytics", "options": {"any": [1, 2]}}},
    ]


def _problems(name: str, data) -> list[str]:
    """What `check` says of the file's own form, and of how its parts belong together."""
    document, problems = parse("file.yaml", json.dumps(data))
    if document is None:
        return [problem.wrong for problem in problems]
    if name == "policy":
        document.data["name"] = "own"
    _, wrong = read_into(FILES[name], document)
    across = cross_check(document, *_shelf()) if name == "config" else ()
    return [problem.wrong for problem in (*problems, *wrong, *across)]


def _places(data, path=()):
    yield path
    for step, value in (
        data.items() if isinstance(data, dict) else enumerate(data if isinstance(data, list) else ())
    ):
        yield from _places(value, (*path, step))


def _spoilt(data, path, value):
    """The same with something else at the path, or without what is there."""
    data = copy.deepcopy(data)
    *before, last = path
    around = data
    for step in before:
        around = around[step]
    if value is ABSENT:
        del around[last]
    else:
        around[last] = value
    return data


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_schema_is_what_the_code_says_now(name):
    assert SCHEMAS[name].read_text("utf-8") == schema_text(name), "python -m tests.docs --write"
    Draft7Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", FILES)
def test_what_check_accepts_an_editor_marks_nowhere(name):
    for example in _examples(name):
        assert _problems(name, example) == []
        assert [error.message for error in _validator(name).iter_errors(example)] == []


def test_every_piece_of_a_configuration_on_the_page_fits():
    """Pieces leave out what stands elsewhere; of what they have, nothing may be marked."""
    whole, pieces = _everything(), 0
    for block in _blocks():
        data = YAML(typ="safe").load(block)
        if isinstance(data, dict) and "apps" in data and "database" in data:
            assert [error.message for error in _validator("config").iter_errors({**whole, **data})] == []
            pieces += 1
    assert pieces


@pytest.mark.parametrize("name", shipped_scenarios())
def test_what_a_rehearsal_writes_fits(name, tmp_path):
    world = World(load_scenario(name))
    path = write_config(tmp_path, world, url="http://127.0.0.1:9", policies=policies_folder())
    assert [
        error.message for error in _validator("config").iter_errors(_plain(path.read_text("utf-8")))
    ] == []


@pytest.mark.parametrize("name", FILES)
def test_a_key_nobody_knows_is_marked_wherever_it_stands(name):
    for example in _examples(name):
        for path in _places(example):
            spoilt = (
                _spoilt({"": example}, ("", *path, "colour"), "red")[""] if _section(example, path) else None
            )
            if spoilt is not None and any("unknown key" in problem for problem in _problems(name, spoilt)):
                assert not _validator(name).is_valid(spoilt), path


def _section(data, path):
    for step in path:
        data = data[step]
    return isinstance(data, dict)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_is_marked_is_refused_and_what_a_schema_can_see_is_marked(name, data):
    example = data.draw(st.sampled_from(_examples(name)))
    path = data.draw(st.sampled_from(list(_places(example))[1:]))
    spoilt = _spoilt(example, path, data.draw(STRANGE))
    problems, fits = _problems(name, spoilt), _validator(name).is_valid(spoilt)
    if not fits:
        assert problems, "an editor marks what check accepts"
    if any(SEEN.search(problem) for problem in problems):
        assert not fits, problems


BOUNDS = [
    (kind, key, bound, value)
    for kind, rule in RULES.items()
    for key, limits in rule.get("properties", {}).items()
    for bound, value in limits.items()
    if bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
]
LEAST = {
    "Stage": {"percent": 1, "bake": "1h"},
    "Gate": {"metric": "crash_free_sessions", "floor": 99, "min_sample": 1},
    "NamedGate": {"signal": "x", "limit": 1},
    "Link": {"lead": "google_play"},
}


@pytest.mark.parametrize(
    ("kind", "key", "bound", "value"), BOUNDS, ids=lambda x: getattr(x, "__name__", str(x))
)
def test_every_bound_of_the_schema_is_that_of_the_code(kind, key, bound, value):
    def accepted(number):
        told = {**LEAST.get(kind.__name__, {}), key: number}
        if (kind.__name__, key, number) == ("Stage", "percent", 100):
            del told["bake"]
        document, _ = parse("file.yaml", json.dumps(told))
        return read_into(kind, document)[1] == []

    step = 1 if isinstance(value, int) and key in ("min_sample", "confirm", "min_reviews") else 0.001
    down, up = value - step, value + step
    expected = {
        "minimum": (False, True, True),
        "maximum": (True, True, False),
        "exclusiveMinimum": (False, False, True),
        "exclusiveMaximum": (True, False, False),
    }[bound]
    assert (accepted(down), accepted(value), accepted(up)) == expected

"""From a YAML file to a `Scenario`, or to every problem in it with file, line and column."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from stagedrollout.emulator.errors import Problem, ScenarioError
from stagedrollout.emulator.faults import OUTAGE_KINDS, SERVICES, outage_fault
from stagedrollout.emulator.scenario import Chapter, Outage, Scenario, usual_store
from stagedrollout.emulator.scenario_app import read_app
from stagedrollout.emulator.scenario_people import read_planned
from stagedrollout.emulator.scenario_team import check_orders, read_member, read_order
from stagedrollout.emulator.switches import Switches
from stagedrollout.emulator.yaml_section import (
    Findings,
    Section,
    duration,
    moment,
    one_of,
    text,
    whole,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NONE = timedelta(0)
_A_DAY = timedelta(days=1)


def shipped_scenarios() -> tuple[str, ...]:
    """The names of the scenarios that come with the emulator."""
    folder = resources.files("stagedrollout.emulator") / "scenarios"
    names = (file.name for file in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_scenario(name_or_path: str | Path) -> Scenario:
    """A shipped scenario by name, or any by its path. Raises ScenarioError with all that is wrong."""
    written = str(name_or_path)
    if written in shipped_scenarios():
        file = resources.files("stagedrollout.emulator") / "scenarios" / f"{written}.yaml"
        return parse_scenario(file.read_text("utf-8"), Path(str(file)))
    path = Path(written)
    try:
        return parse_scenario(path.read_text("utf-8"), path)
    except (OSError, UnicodeDecodeError) as failed:
        why = failed.strerror if isinstance(failed, OSError) else "not UTF-8 text"
        known = ", ".join(shipped_scenarios())
        hint = f"cannot be read ({why}); give a path, or one of {known}"
        raise ScenarioError((Problem(written, 1, 1, hint),)) from failed


def parse_scenario(source: str, path: Path) -> Scenario:
    """Read scenario text. Raises ScenarioError with all that is wrong."""
    findings = Findings(str(path))
    root = Section(findings, _yaml(source, str(path)), "scenario")
    apps = tuple(read_app(section) for section in root.sections("apps"))
    scenario = Scenario(
        name=root.get("name", text, ""),
        story=root.get("story", text, "", default=""),
        seed=root.get("seed", whole(0), 0, default=0),
        start=root.get("start", moment, _EPOCH),
        until=root.get("until", duration, _A_DAY),
        poll=root.get("poll", duration, _A_DAY, default=timedelta(minutes=30)),
        policy=root.get("policy", text, "", default="standard"),
        mode=root.get("mode", one_of("act", "observe"), "act", default="act"),
        on_new_release=root.get(
            "on_new_release", one_of("wait", "adopt", "ignore"), "adopt", default="adopt"
        ),
        apps=apps,
        people=tuple(read_planned(section, apps) for section in root.sections("people")),
        team=tuple(read_member(section) for section in root.sections("team")),
        orders=tuple(
            read_order(section, lambda app: usual_store(apps, app)) for section in root.sections("orders")
        ),
        outages=tuple(_outage(section) for section in root.sections("outages")),
        chapters=tuple(_chapter(section) for section in root.sections("chapters")),
        switches=root.get("switches", _switches, {}, default={}),
        expect=root.get("expect", _plain, {}, default={}),
        path=path,
        source=source,
    )
    root.done()
    _check_whole(root, scenario)
    if findings.problems:
        raise ScenarioError(tuple(sorted(findings.problems, key=lambda p: (p.line, p.column))))
    return scenario


_NESTED = re.compile(r"(?:[\[{]\s*){33}")
"""No scenario nests so deeply, and reading such a file would take seconds before it failed."""


def _yaml(source: str, file: str) -> Any:
    deep = ScenarioError((Problem(file, 1, 1, "nested too deeply"),))
    if _NESTED.search(source):
        raise deep
    reader = YAML(typ="rt")
    reader.version = (1, 2)
    try:
        return reader.load(source)
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = str(wrong.problem or "not YAML").splitlines()[0]
        raise ScenarioError((Problem(file, line, column, what),)) from None
    except RecursionError:
        raise deep from None
    except (
        YAMLError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        AssertionError,
        NotImplementedError,
    ):
        raise ScenarioError((Problem(file, 1, 1, "not YAML"),)) from None


def _chapter(section: Section) -> Chapter:
    chapter = Chapter(section.get("at", duration, _NONE), section.get("text", text, ""))
    section.done()
    return chapter


def _outage(section: Section) -> Outage:
    outage = Outage(
        service=section.get("service", one_of(*SERVICES), "sentry"),
        begins=section.get("begins", duration, _NONE),
        ends=section.get("ends", duration, None, default=None),
        kind=section.get("kind", one_of(*OUTAGE_KINDS), "down"),
    )
    section.done()
    try:
        outage_fault(outage.service, outage.kind)
    except ValueError:
        section.problem("kind", f"{outage.kind} does not happen to {outage.service}")
    if outage.ends is not None and outage.ends <= outage.begins:
        section.problem("ends", "must be after begins")
    return outage


def _switches(value: Any) -> dict[str, Any]:
    plain = _plain(value)
    Switches().turned(plain)
    return plain


def _plain(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a mapping")
    try:
        plain: dict[str, Any] = json.loads(json.dumps(value))
    except (TypeError, RecursionError):
        raise ValueError("must be made of text, numbers, lists and mappings") from None
    return plain


def _check_whole(root: Section, scenario: Scenario) -> None:
    names = [(app.name, app.store) for app in scenario.apps if app.name]
    packages = [(app.package, app.store) for app in scenario.apps if app.package]
    numbers = [app.app_id for app in scenario.apps if app.app_id]
    if not scenario.apps:
        root.problem("apps", "needs at least one app")
    if len(set(names)) != len(names) or len(set(packages)) != len(packages):
        root.problem("apps", "must have different names and packages on each store")
    if len(set(numbers)) != len(numbers):
        root.problem("apps", "must have different app_ids")
    for app in scenario.apps:
        if app.link and sum(name == app.name for name, _ in names) < 2:
            root.problem("apps", f"links {app.name!r}, which is not on both stores")
    spoken_of = [("people", planned.act.app, planned.act.store) for planned in scenario.people]
    spoken_of += [("orders", order.app, order.store) for order in scenario.orders]
    for key, app_name, store in spoken_of:
        if (app_name, store) not in names:
            where = f" on {store}" if app_name in dict(names) else ""
            root.problem(key, f"speaks of an app {app_name!r}{where} that is not in apps")
    check_orders(root, scenario.team, scenario.orders)
    if scenario.until <= _NONE:
        root.problem("until", "must be more than nothing")
    if scenario.poll < timedelta(minutes=1):
        root.problem("poll", "must be at least 1m")

"""From a YAML file to a `Scenario`, or to every problem in it with file, line and column."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from stagedrollout.emulator.errors import Problem, ScenarioError
from stagedrollout.emulator.faults import OUTAGES, SERVICES, outage_fault
from stagedrollout.emulator.scenario import (
    PPM,
    Act,
    AppStory,
    Onset,
    Outage,
    PlannedAct,
    ReleaseStory,
    RolledOut,
    Scenario,
)
from stagedrollout.emulator.switches import Switches
from stagedrollout.emulator.yaml_section import (
    Findings,
    Section,
    duration,
    moment,
    one_of,
    percent_ppm,
    positive,
    text,
    whole,
)

ACTS = ("halt", "raise", "lower", "complete", "resume", "new_release", "publish", "send_for_review", "reject")
_WITH_PERCENT = ("raise", "lower", "resume", "new_release")
_UNREAD_CODE = 0
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
        apps=tuple(_app(section) for section in root.sections("apps")),
        people=tuple(_planned(section) for section in root.sections("people")),
        outages=tuple(_outage(section) for section in root.sections("outages")),
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


def _yaml(source: str, file: str) -> Any:
    reader = YAML(typ="rt")
    reader.version = (1, 2)
    try:
        return reader.load(source)
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = str(wrong.problem or "not YAML").splitlines()[0]
        raise ScenarioError((Problem(file, line, column, what),)) from None
    except (YAMLError, ValueError):
        raise ScenarioError((Problem(file, 1, 1, "not YAML"),)) from None


def _app(section: Section) -> AppStory:
    review = section.get("review", duration, _NONE, default=timedelta(hours=3))
    app = AppStory(
        name=section.get("name", text, ""),
        store=section.get("store", one_of("google_play"), "google_play", default="google_play"),
        package=section.get("package", text, ""),
        track=section.get("track", text, "", default="production"),
        population=section.get("population", whole(1), 1),
        sessions_per_user=section.get("sessions_per_user", positive, 1.0, default=4.0),
        uptake=timedelta(hours=section.get("uptake_hours", positive, 1.0, default=12.0)),
        review=review,
        releases=tuple(_release(inner, review) for inner in section.sections("releases")),
    )
    section.done()
    _check_releases(section, app)
    return app


def _release(section: Section, review: timedelta) -> ReleaseStory:
    rolled_out = None
    if section.has("rolled_out"):
        inner = section.section("rolled_out")
        rolled_out = RolledOut(
            at=inner.get("at", duration, _NONE),
            exposure_ppm=inner.get("percent", percent_ppm, PPM),
            review=inner.get("review", duration, _NONE, default=review),
        )
        inner.done()
    onset = None
    if section.has("onset"):
        inner = section.section("onset")
        onset = Onset(inner.get("at", duration, _NONE), inner.get("crash_free", percent_ppm, PPM))
        inner.done()
    release = ReleaseStory(
        version=section.get("version", text, ""),
        code=section.get("code", whole(1), _UNREAD_CODE),
        crash_free_ppm=section.get("crash_free", percent_ppm, PPM),
        rolled_out=rolled_out,
        onset=onset,
    )
    section.done()
    return release


def _planned(section: Section) -> PlannedAct:
    at = section.get("at", duration, _NONE)
    return PlannedAct(at, act_from(section))


def act_from(section: Section) -> Act:
    """One act in the console, from a scenario or from the control door."""
    act = section.get("act", one_of(*ACTS), "halt")
    new = act == "new_release"
    read = Act(
        app=section.get("app", text, ""),
        act=act,
        exposure_ppm=section.get("percent", percent_ppm, PPM) if act in _WITH_PERCENT else None,
        version=section.get("version", text, "") if new else None,
        code=section.get("code", whole(1), 1) if new else None,
        crash_free_ppm=section.get("crash_free", percent_ppm, PPM) if new else None,
    )
    section.done()
    return read


def _outage(section: Section) -> Outage:
    outage = Outage(
        service=section.get("service", one_of(*SERVICES), "sentry"),
        begins=section.get("begins", duration, _NONE),
        ends=section.get("ends", duration, None, default=None),
        kind=section.get("kind", one_of("empty", *sorted(OUTAGES)), "down"),
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
    except TypeError:
        raise ValueError("must be made of text, numbers, lists and mappings") from None
    return plain


def _check_releases(section: Section, app: AppStory) -> None:
    codes = [release.code for release in app.releases if release.code != _UNREAD_CODE]
    if not app.releases:
        section.problem("releases", "needs at least one: what people have before the story begins")
    if codes != sorted(set(codes)):
        section.problem("releases", "must have rising, different codes")
    if app.releases and app.releases[0].rolled_out:
        section.problem("releases", "begins with a completed release: the first one has no rolled_out")


def _check_whole(root: Section, scenario: Scenario) -> None:
    names = [app.name for app in scenario.apps if app.name]
    packages = [app.package for app in scenario.apps if app.package]
    if not scenario.apps:
        root.problem("apps", "needs at least one app")
    if len(set(names)) != len(names) or len(set(packages)) != len(packages):
        root.problem("apps", "must have different names and packages")
    for planned in scenario.people:
        if planned.act.app not in names:
            root.problem("people", f"speaks of an app {planned.act.app!r} that is not in apps")
    if scenario.until <= _NONE:
        root.problem("until", "must be more than nothing")
    if scenario.poll < timedelta(minutes=1):
        root.problem("poll", "must be at least 1m")

"""Approvals, rights and the smaller orders, from the command line to the store."""

from __future__ import annotations

from ruamel.yaml import YAML

from stagedrollout.cli.ordering import acting_user
from tests.acceptance.stories import short

WHY = ("--reason", "because of a test")


def _edited(path, change) -> None:
    yaml = YAML()
    document = yaml.load(path.read_text("utf-8"))
    change(document)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def _asks(stage, *, people=(), **approvals) -> None:
    """The second stage asks for approvals; `people` are listed."""
    _edited(
        stage.conf / "policies" / "hotfix.yaml",
        lambda policy: policy["stages"][1].update(approvals=dict(approvals)),
    )
    if people:
        _edited(stage.config, lambda settings: settings.update(people=list(people)))


def _first_stage(stage, name: str, **terms) -> None:
    _edited(stage.conf / "policies" / f"{name}.yaml", lambda policy: policy["stages"][0].update(terms))


def _plays(stage, to: str) -> None:
    stage.stops_at("0m")
    stage.starts_daemon()
    stage.plays_to(to)


MYSELF = {"name": "Ana Lima", "os_user": acting_user(), "groups": ["qa"]}


def test_a_stage_waits_until_a_person_of_the_group_has_approved_it(opens):
    stage = opens(short(until="30h"))
    _asks(stage, people=[MYSELF], count=1, groups=["qa"])
    _plays(stage, "12h")
    held = stage.shows("held")
    assert (held["exposure_ppm"], "asks for 1 approval from qa" in held["reason"]) == (100_000, True)
    (told,) = stage.messages("is held at 10 %", broadcast=True)
    assert "stagedrollout approve acme" in told
    assert "1 approval from qa" in stage.types("explain", "acme").out
    assert stage.writes() == []

    other = stage.types("approve", "acme", "--to", "30", *WHY)
    assert (other.code, "the next step is to 50 %" in other.err) == (1, True)
    done = stage.types("approve", "acme", "--to", "50", *WHY)
    assert (done.code, done.err) == (0, "")
    stage.plays_to("12h 30m")
    stage.serves("inProgress", 500_000)
    story = stage.types("history", "acme").out
    assert "Ana Lima approved the step to 50 %" in story
    stage.plays_out()


def test_nobody_gets_around_the_others_by_ignoring_it_and_starting_it_by_a_policy_that_asks_nobody(opens):
    stage = opens(short(until="30h"))
    lax = stage.conf / "policies" / "lax.yaml"
    lax.write_text((stage.conf / "policies" / "hotfix.yaml").read_text("utf-8"))
    another = {"name": "Ben Ode", "os_user": "ben-not-here", "groups": ["release"]}
    _asks(stage, people=[MYSELF, another], count=1, groups=["release"])
    _plays(stage, "5h")
    assert stage.types("ignore", "acme", *WHY).code == 0
    done = stage.types("start", "acme", "--policy", "lax", *WHY)
    assert (done.code, done.err) == (0, "")
    stage.plays_to("20h")
    assert "asks for 1 approval from release" in stage.shows("held")["reason"]
    assert stage.writes() == []
    assert "1 approval from release for the step to 50 %" in stage.types("explain", "acme").out


def test_two_approvals_are_two_people(opens):
    stage = opens(short(until="20h"))
    _asks(stage, people=[MYSELF, {"name": "Ben", "os_user": "ben"}], count=2)
    _plays(stage, "12h")
    for _ in range(2):
        assert stage.types("approve", "acme", *WHY).code == 0
    stage.plays_to("16h")
    assert stage.shows("held")["exposure_ppm"] == 100_000
    assert stage.writes() == []


def test_who_is_not_listed_may_halt_and_raise_nothing(opens):
    stage = opens(short(until="30h"))
    _asks(stage, people=[{"name": "Somebody else", "os_user": "somebody-else"}])
    _plays(stage, "5h")
    for order in (("advance", "acme"), ("skip-bake", "acme"), ("approve", "acme"), ("ignore", "acme")):
        refused = stage.types(*order, *WHY)
        assert (refused.code, "not listed under people" in refused.err) == (1, True), refused
    assert stage.writes() == []
    assert stage.types("halt", "acme", *WHY).code == 0
    assert stage.served() == ("halted", 0)
    assert stage.types("resume", "acme", *WHY).code == 1
    frozen = stage.types("freeze", "--all", *WHY)
    assert frozen.code == 0, frozen
    assert stage.types("thaw", *WHY).code == 1
    tried = stage.types("history", "acme").out
    assert "orders advance" in tried, "that they tried stands in the journal"


def test_a_skipped_bake_raises_at_the_next_look_by_its_evidence(opens):
    stage = opens(short(until="30h"))
    _first_stage(stage, "hotfix", bake="20h", max_bake="40h")
    _plays(stage, "9h")
    assert stage.writes() == []
    assert stage.types("skip-bake", "acme", *WHY).code == 0
    stage.plays_to("9h 30m")
    stage.serves("inProgress", 500_000)


def test_what_is_left_alone_is_raised_no_more_until_somebody_starts_it(opens):
    stage = opens(short(until="30h"), to="4h")
    assert stage.types("ignore", "acme", *WHY).code == 0
    stage.plays_to("16h")
    assert stage.writes() == []
    assert stage.types("start", "acme", *WHY).code == 0
    stage.plays_out()
    assert stage.committed()[-1] == ("completed", 100)


def test_another_policy_steers_from_where_it_stands_with_a_bake_of_its_own(opens):
    stage = opens(short(until="30h"))
    slow = stage.conf / "policies" / "slow.yaml"
    slow.write_text((stage.conf / "policies" / "hotfix.yaml").read_text("utf-8"))
    _first_stage(stage, "slow", bake="20h", max_bake="40h")
    _plays(stage, "5h")
    done = stage.types("set-policy", "acme", "slow", *WHY)
    assert (done.code, "begin anew" in done.out) == (0, True), done
    stage.plays_to("24h")
    assert stage.writes() == []
    stage.plays_to("26h")
    stage.serves("inProgress", 500_000)

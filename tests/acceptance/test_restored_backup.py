"""A journal that is older than it should be: nothing is raised, halts go on, and a person decides (promise R17).

Judged by what people really get: the emulator's ledger.
"""

from __future__ import annotations

import shutil

import pytest

from tests.acceptance.stage import PPM
from tests.acceptance.stories import newest, short, turns_bad

pytestmark = pytest.mark.promise("R17")


WHY = ("--reason", "the disk broke, the backup is of this morning")


def _state(stage):
    (database,) = (stage.conf / "state").glob("*.db")
    return database, database.with_name(database.name + ".highwater")


def _stops(stage):
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=20) == 0


def _restored(stage):
    """The backup of five hours is put back at eight, when the store has gone on from 10 to 50 %."""
    copy = stage.folder / "copy.db"
    made = stage.types("db", "backup", str(copy))
    assert made.code == 0, made.said
    stage.plays_to("8h")
    stage.serves("inProgress", 500_000)
    _stops(stage)
    put_back = stage.types("db", "restore", str(copy))
    assert put_back.code == 0, put_back.said
    assert "NOTHING IS RAISED" in put_back.out
    stage.starts_daemon()
    return stage


def test_after_a_restored_backup_nothing_is_raised_and_everybody_is_told(opens):
    stage = _restored(opens(short(until="30h"), to="5h"))
    stage.plays_to("24h")
    assert stage.served() == ("inProgress", 500_000)
    assert stage.committed() == [("inProgress", 50)]
    assert "had come to" in stage.status()["journal_problem"]
    assert "NOTHING IS RAISED" in stage.types("status").out
    health = stage.types("health")
    assert (health.code, "nothing is raised" in health.out) == (1, True), health.out
    assert "db accept" in stage.types("explain", "acme").out
    assert stage.messages("db accept", broadcast=True)
    said = stage.types("history").out
    assert "found changed, with no journal to tell by whom (raised)" in said
    assert "in the console" not in said
    assert not stage.messages("in the console")
    refused = stage.types("advance", "acme", *WHY)
    assert (refused.code, "had come to" in refused.said) == (1, True), refused.said


LACKS, WHOLE = "NOTHING IS RAISED: the journal may lack its end", "raises are allowed again"


def _restored_with_nothing_to_hold(stage):
    """The release that was going on is over; a newer one is lost with the journal's end, and the store does not answer any more."""
    stage.serves("completed", PPM)
    copy = stage.folder / "copy.db"
    assert stage.types("db", "backup", str(copy)).code == 0
    stage.plays_to("100h")
    assert stage.rollout("5.3.0")
    _stops(stage)
    assert stage.types("db", "restore", str(copy)).code == 0
    stage.breaks("google_play", "503", count=None)
    stage.starts_daemon()
    return stage


def _with_a_newer_one():
    story = short(until="6d", poll="2h")
    newer = {
        **newest(story),
        "version": "5.3.0",
        "code": 5030,
        "rolled_out": {"at": "95h", "percent": 10, "review": "1h"},
    }
    story["apps"][0]["releases"].append(newer)
    return story


def test_where_all_is_over_and_nothing_is_held_the_channel_hears_of_a_restored_backup_within_a_poll(opens):
    stage = _restored_with_nothing_to_hold(opens(_with_a_newer_one(), to="90h"))
    stage.plays_to("102h")
    (told,) = stage.messages(LACKS)
    assert "stagedrollout db accept --reason" in told
    assert not stage.messages("is held"), "which is what this is about"
    stage.heals()
    stage.plays_to("120h")
    assert len(stage.messages(LACKS)) == 1
    stage.plays_to("128h")
    assert len(stage.messages(LACKS)) == 2, "once a day"


def test_after_a_person_has_gone_on_the_channel_hears_once_that_it_is_settled_and_nothing_more(opens):
    stage = _restored_with_nothing_to_hold(opens(_with_a_newer_one(), to="90h"))
    stage.plays_to("102h")
    _stops(stage)
    stage.starts_daemon()
    stage.plays_to("104h")
    assert len(stage.messages(LACKS)) == 1, "another life does not tell it again"
    assert not stage.messages(WHOLE)
    accepted = stage.types("db", "accept", *WHY)
    assert accepted.code == 0, accepted.said
    stage.heals()
    stage.plays_to("106h")
    assert len(stage.messages(WHOLE)) == 1
    stage.plays_out()
    assert (len(stage.messages(LACKS)), len(stage.messages(WHOLE))) == (1, 1)


def test_after_a_restored_backup_a_bad_release_is_halted_by_the_machine(opens):
    stage = _restored(opens(turns_bad(short(until="24h"), at="9h"), to="5h"))
    stage.plays_to("16h")
    assert stage.served() == ("halted", 0)
    assert stage.status()["journal_problem"]


def test_after_a_restored_backup_a_person_can_halt(opens):
    stage = _restored(opens(short(until="24h"), to="5h"))
    halted = stage.types("halt", "acme", *WHY)
    assert halted.code == 0, halted.said
    assert stage.served() == ("halted", 0)


def test_what_a_person_accepted_goes_on_from_where_the_store_is(opens):
    stage = _restored(opens(short(until="40h"), to="5h"))
    stage.plays_to("10h")
    accepted = stage.types("db", "accept", *WHY)
    assert accepted.code == 0, accepted.said
    assert "lost: the journal ends at entry" in accepted.out
    assert stage.types("db", "accept", *WHY).code == 1  # once is enough
    assert stage.status()["journal_problem"] == ""
    assert stage.types("history", "--verify").code == 0
    stage.plays_out()
    assert stage.committed() == [("inProgress", 50), ("completed", 100)]
    assert "goes on with the journal as it is" in stage.types("history").out
    assert stage.messages("goes on with a journal that lacks its end", broadcast=True)


def test_a_backup_accepted_before_any_look_calls_our_own_raise_nobodys_doing(opens):
    stage = opens(short(until="40h"), to="5h")
    database, _ = _state(stage)
    copy = stage.folder / "copy.db"
    assert stage.types("db", "backup", str(copy)).code == 0
    stage.plays_to("8h")
    _stops(stage)
    for file in database.parent.glob(f"{database.name}-*"):
        file.unlink()
    shutil.copyfile(copy, database)  # as a person does it who knows of no command
    assert stage.types("db", "accept", *WHY).code == 0
    stage.starts_daemon()
    stage.plays_out()
    assert stage.committed() == [("inProgress", 50), ("completed", 100)]
    assert "changed in the console" not in stage.types("history").out


def test_a_deleted_high_water_file_is_no_way_around(opens):
    stage = opens(short(until="30h"), to="5h")
    _, mark = _state(stage)
    _stops(stage)
    mark.unlink()
    stage.starts_daemon()
    stage.plays_to("12h")
    assert stage.served() == ("inProgress", 100_000)
    assert "is missing" in stage.status()["journal_problem"]
    assert stage.types("db", "accept", *WHY).code == 0
    stage.plays_to("20h")
    assert stage.served() == ("inProgress", 500_000)


def test_a_high_water_file_that_cannot_be_written_keeps_everything_from_being_raised_but_no_halt(opens):
    stage = opens(short(until="40h"), to="5h")
    _, mark = _state(stage)
    mark.unlink()
    mark.mkdir()
    stage.plays_to("12h")
    assert stage.served() == ("inProgress", 100_000)
    assert "cannot be written" in stage.rollout()["reason"]
    mark.rmdir()
    stage.plays_to("20h")
    assert stage.served() == ("inProgress", 500_000)
    mark.unlink()
    mark.mkdir()
    halted = stage.types("halt", "acme", *WHY)
    assert halted.code == 0, halted.said
    assert stage.served() == ("halted", 0)

"""The table of incidents tells what the tests tell, and nothing else."""

from __future__ import annotations

from tests.incidents import FILES, REPOSITORIES, incidents, read, told_in

OF_THE_TABLE = "test_table.py"


def test_every_story_here_names_its_project_and_says_what_happened_there():
    for file in FILES:
        for name, told in told_in(file):
            if file.parent.name == "incidents" and file.name != OF_THE_TABLE:
                assert read(file, name, told), f"{file.name}::{name} does not say whose bug it is"


def test_there_are_many_and_no_project_is_named_in_vain():
    found = incidents()
    assert len(found) >= 30
    assert {one.project for one in found} == set(REPOSITORIES)
    assert len({one.test for one in found}) == len({(one.project, one.number) for one in found}) == len(found)


def test_a_row_is_a_sentence_with_its_thread():
    row = next(one for one in incidents() if one.test.endswith("::test_gradle_play_publisher_1191"))
    assert (row.project, row.number) == ("Gradle Play Publisher", "1191")
    assert row.url == "https://github.com/Triple-T/gradle-play-publisher/issues/1191"
    assert row.what.startswith("promoting a release replaced the track's list")
    assert all(len(one.what) > 20 and not one.what.endswith(":") for one in incidents())

"""What operators meet when things go wrong: each row of the README's chapter is played by the tests that it names."""

from __future__ import annotations

from dataclasses import dataclass

_ACCEPTANCE, _PROCESSES, _POSTGRES = "tests/acceptance/test_", "tests/processes/test_", "tests/postgres/test_"


@dataclass(frozen=True, slots=True)
class Drill:
    """`does`: what the daemon does by itself; `seen`: where and in which words; `then`: what is left for a person."""

    trouble: str
    does: str
    seen: str
    then: str
    tests: tuple[str, ...]


DRILLS = (
    Drill(
        "The database cannot be written: disk full, quota, read-only",
        "Raises nothing. Halts what fails all the same; the halt waits in the spool file and is journalled once.",
        "Log: `the database could not be read or written`, `halting ... all the same`; `/readyz` red; `db check`: a halt waits",
        "Make room. It goes on by itself.",
        (
            f"{_PROCESSES}disks.py::test_without_room_for_its_journal_nothing_is_raised_and_all_goes_on_when_there_is_room",
            f"{_PROCESSES}disks.py::test_without_room_for_its_journal_a_release_that_fails_is_halted_all_the_same",
            f"{_ACCEPTANCE}watched.py::test_drill_the_database_takes_nothing_and_halts_go_on",
        ),
    ),
    Drill(
        "The database file is deleted under it",
        "Sends no raise that was under way. `halt` says NOT HALTED (3); `halt --direct` needs no database.",
        "Log: `No such file`; `status`: `no database at ...`",
        "Stop it, `db restore` a backup or put the file back, start it. After a backup: `db accept`.",
        (
            f"{_PROCESSES}disks.py::test_a_database_deleted_in_the_middle_of_a_raise_stops_it_and_is_told",
            f"{_ACCEPTANCE}restored_backup.py::test_after_a_restored_backup_nothing_is_raised_and_everybody_is_told",
            f"{_ACCEPTANCE}restored_backup.py::test_what_a_person_accepted_goes_on_from_where_the_store_is",
        ),
    ),
    Drill(
        "PostgreSQL is away",
        "Raises nothing, halts what fails, spools it; goes on when the server is back.",
        "`status`: `the database could not be read or written`; `/readyz` red",
        "Bring it back. A standby that lags is told as a journal that runs backwards: `db accept`.",
        (
            f"{_POSTGRES}server_away.py::test_a_halt_goes_out_and_is_written_down_once_when_the_server_is_back",
            f"{_POSTGRES}server_away.py::test_nothing_is_raised_while_it_is_away_and_the_rollout_goes_on_afterwards",
            f"{_POSTGRES}behind_the_mark.py::test_nothing_is_raised_and_everybody_is_told_until_a_person_goes_on",
        ),
    ),
    Drill(
        "The store's key is revoked",
        "Holds. It cannot halt either.",
        "`status`: `the store turns us away; a person must mend that`; `VendorFails`",
        "New key in the same file, `kill -HUP`. Until then whoever must halt does it in the console.",
        (f"{_ACCEPTANCE}services_down.py::test_an_account_that_is_locked_out_is_said_in_words",),
    ),
    Drill(
        "`kill -9`, at 50 % or in the middle of a halt",
        "The next start settles what was under way by looking at the store; no raise is repeated, no halt lost.",
        "`status`: no daemon for so long; `history`: how the open change ended",
        "Start it again; a service manager does.",
        (
            f"{_ACCEPTANCE}two_processes.py::test_a_daemon_killed_at_any_point_goes_on_and_repeats_no_raise",
            f"{_ACCEPTANCE}two_processes.py::test_a_daemon_killed_in_the_middle_of_a_halt_halts_once_it_is_back",
            f"{_POSTGRES}a_whole_rollout.py::test_killed_at_half_of_all_users_it_loses_nothing_and_does_nothing_twice",
        ),
    ),
    Drill(
        "One of several replicas dies, or is cut off from PostgreSQL",
        "Another one has its apps within a lease, halts at once, and raises once no request of the first can be under way.",
        "`status`: the replicas, and what each has; log: `taken over by another replica`",
        "Start it again, or mend the network. It gets its share back.",
        (
            "tests/deploy/test_compose.py::test_the_leader_is_killed_at_half_of_all_users_and_the_other_one_goes_on_to_everybody",
            "tests/replicas/test_pairs.py::test_whoever_is_cut_off_from_the_database_in_the_middle_of_an_act_raises_nothing_more",
        ),
    ),
    Drill(
        "One of several replicas reaches PostgreSQL, and a store not",
        "After two looks in vain, half a minute apart, it gives that store's apps to one that reaches it, with nothing under way. Where none does, each keeps its own.",
        "`status`, `health`: `cannot reach Google Play`, or `no replica reaches` it",
        "Mend its network. It tries again after 10 minutes, then ever more seldom, every 2 h 40 min at last; a restart is a try.",
        (
            "tests/replicas/test_pairs.py::test_the_apps_of_one_that_reaches_no_store_are_looked_at_by_the_other_one",
            "tests/daemon/test_reach.py::test_two_that_both_cannot_reach_a_store_keep_what_they_have",
        ),
    ),
    Drill(
        "The machine's clock is wrong, by hours or by years",
        "Raises nothing, halts by the store's time.",
        "`status`, `explain`, `health`, Slack: `the clocks disagree: google_play is 10m ...`",
        "Set it right. It goes on with the next answer of a store.",
        (
            f"{_ACCEPTANCE}clocks.py::test_a_store_whose_clock_is_behind_keeps_everything_from_being_raised_until_it_is_right",
            f"{_PROCESSES}clock_is_set.py::test_a_clock_that_is_days_off_raises_nothing_and_halts_all_the_same",
            f"{_PROCESSES}clock_is_set.py::test_a_clock_set_forward_past_every_bake_raises_nothing",
        ),
    ),
    Drill(
        "Sentry is gone, for a day or for ever",
        "Holds; on the App Store it pauses. Nobody new gets the release.",
        "`status`: HELD, with what could not be read; `explain`: since when",
        "Wait, or `advance --without-evidence` by name. What is running is not halted for silence.",
        (
            f"{_ACCEPTANCE}services_down.py::test_without_evidence_nothing_is_raised_and_status_says_why",
            f"{_ACCEPTANCE}demo.py::test_a_shipped_scenario_ends_as_its_file_says",
        ),
    ),
    Drill(
        "A store refuses the halt",
        "Sends it again, soon at first, then at every poll.",
        "NOT HALTED in `status`, Slack (the whole channel), `/metrics`, PagerDuty",
        "Halt in the console; it is noticed within a poll.",
        (f"{_ACCEPTANCE}watched.py::test_drill_a_store_refuses_the_halt",),
    ),
    Drill(
        "Slack is down",
        "Goes on. Notices wait in order; halts and alarms go to the second channel, or the log.",
        "`status`, `health`: notices that were not delivered",
        "Nothing. (Of several replicas, one that reaches it tells people after some minutes.)",
        (
            f"{_ACCEPTANCE}services_down.py::test_without_slack_the_release_goes_on_and_people_are_told_later",
            "tests/replicas/test_pairs.py::test_when_slack_does_not_answer_the_one_that_tells_people_the_other_one_tells_them",
        ),
    ),
)

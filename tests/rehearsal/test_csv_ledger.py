"""A ledger with wrong lines: every one of them with file, line and column, and nothing evaluated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagedrollout.core.ledger import Tally
from stagedrollout.rehearsal.csv_ledger import PROBLEMS_MAX, ROWS_MAX, Entry, read
from tests.acceptance.processes import run

HEADER = "bucket_start,candidate_sessions,candidate_crashed,baseline_sessions,baseline_crashed"
STAGED = f"{HEADER},stage_percent"
FIRST = "2026-03-02T09:00:00Z,1000,15,99000,495"
NINE, TEN = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)
BUCKET = Tally(1000, 15, 99_000, 495)


def found(folder: Path, text: str | bytes) -> tuple[tuple[Entry, ...], list[str]]:
    """The rows, and the problems without the folder."""
    path = folder / "ledger.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    entries, problems = read(path)
    return entries, [str(problem).removeprefix(f"{folder}/") for problem in problems]


# -- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{FIRST}\n",
        f"{HEADER}\r\n{FIRST}\r\n",
        f"\ufeff{HEADER}\n{FIRST}",
        f"\n{HEADER}\n\n  \n{FIRST}\n\n",
        f'{HEADER}\n"2026-03-02T09:00:00Z", "1000",15 ,99000, 495\n',
        f"{HEADER}\n2026-03-02 09:00,1000,15,99000,495\n",
        f"{HEADER}\n2026-03-02T11:00:00+02:00,1000,15,99000,495\n",
        f"{','.join(reversed(HEADER.split(',')))}\n495,99000,15,1000,2026-03-02T09:00Z\n",
    ],
    ids=["plain", "windows", "bom", "blank-lines", "quoted", "no-offset", "offset", "any-order"],
)
def test_a_ledger_is_read_as_programs_write_it(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) == ((Entry(NINE, BUCKET, None),), [])


def test_stages_are_exact_and_hours_may_be_missing(tmp_path: Path) -> None:
    text = f"{STAGED}\n{FIRST},0.5\n2026-03-03T10:00:00Z,1000,15,99000,495,100\n"
    entries, problems = found(tmp_path, text)
    assert problems == []
    assert [entry.stage_ppm for entry in entries] == [5000, 1_000_000]


def test_a_candidate_that_crashed_more_often_than_it_ran_is_read_as_it_is(tmp_path: Path) -> None:
    entries, problems = found(tmp_path, f"{HEADER}\n2026-03-02T09:00:00Z,10,15,99000,495\n")
    assert (entries[0].tally.clamped, problems) == (True, [])


# -- what is not -----------------------------------------------------------------------------------

ROW = "a whole number from 0 on"
TIME = "a full UTC hour like 2026-03-02T09:00:00Z"
HEAD = f"{HEADER} and, where stages are known, stage_percent"
ORDER = "one row for each hour, the oldest first"
PERCENT = "the percentage of users who are offered the release, above 0 and at most 100"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2026-03-02T10:00Z,many,15,9,4", f"3:19: candidate_sessions: `many` is no whole number; {ROW}"),
        ("2026-03-02T10:00Z,NaN,15,9,4", f"3:19: candidate_sessions: `NaN` is no whole number; {ROW}"),
        ("2026-03-02T10:00Z,9.5,15,9,4", f"3:19: candidate_sessions: `9.5` is no whole number; {ROW}"),
        ("2026-03-02T10:00Z,1000,,9,4", f"3:24: candidate_crashed: an empty cell is no whole number; {ROW}"),
        ("2026-03-02T10:00Z,1000,15,-9,4", f"3:27: baseline_sessions: `-9` is below 0; {ROW}"),
        ("2026-03-02T10:00Z, 9,\t15,  ٣,4", f"3:28: baseline_sessions: `٣` is no whole number; {ROW}"),
        (
            "2026-03-02T10:00Z,9,9,1000000000001,4",
            "3:23: baseline_sessions: `1000000000001` is more than 1,000,000,000,000; the sessions of one hour",
        ),
        (
            "2026-03-02T10:00Z,9,1,9,10",
            "3:25: baseline_crashed: more crashes than sessions in the baseline: 10 of 9; at most 9",
        ),
        (
            "2026-03-02T10:00Z,9,1,9",
            "3:23: 4 cells where the first line names 5 columns; one cell for each column",
        ),
        (
            "2026-03-02T10:00Z,9,1,9,1,7,8",
            "3:27: 7 cells where the first line names 5 columns; one cell for each column",
        ),
        ("yesterday,9,1,9,1", f"3:1: bucket_start: `yesterday` is no time; {TIME}"),
        ("2026-03-02T25:00Z,9,1,9,1", f"3:1: bucket_start: `2026-03-02T25:00Z` is no time; {TIME}"),
        ("0001-01-01T00:00+09:00,9,1,9,1", f"3:1: bucket_start: `0001-01-01T00:00+09:00` is no time; {TIME}"),
        ("2026-03-03,9,1,9,1", f"3:1: bucket_start: `2026-03-03` is a day, and buckets are hours; {TIME}"),
        (
            "2026-03-02T10:30Z,9,1,9,1",
            f"3:1: bucket_start: `2026-03-02T10:30Z` is not the beginning of a UTC hour; {TIME}",
        ),
        (
            "2026-03-02T10:00+05:30,9,1,9,1",
            f"3:1: bucket_start: `2026-03-02T10:00+05:30` is not the beginning of a UTC hour; {TIME}",
        ),
        (
            "  2026-03-02T09:00Z,9,1,9,1",
            f"3:3: bucket_start: `2026-03-02T09:00Z` is not after 2026-03-02T09:00Z, the row before; {ORDER}",
        ),
    ],
)
def test_a_line_that_is_wrong_is_named_with_its_place(tmp_path: Path, line: str, problem: str) -> None:
    _, problems = found(tmp_path, f"{HEADER}\n{FIRST}\n{line}\n")
    assert problems == [f"ledger.csv:{problem}"]


@pytest.mark.parametrize(
    ("percent", "wrong"),
    [
        ("0", "nobody is offered a release at 0 %"),
        ("101", "`101` is no percentage"),
        ("", "an empty cell is no percentage"),
        ("nan", "`nan` is no percentage"),
        ("0.00001", "`0.00001` is no percentage"),
    ],
)
def test_so_is_a_stage_that_cannot_be(tmp_path: Path, percent: str, wrong: str) -> None:
    _, problems = found(tmp_path, f"{STAGED}\n{FIRST},{percent}\n")
    assert problems == [f"ledger.csv:2:40: stage_percent: {wrong}; {PERCENT}"]


@pytest.mark.parametrize(
    ("header", "problems"),
    [
        ("", [f"1:1: the file is empty; {HEAD}"]),
        (FIRST, [f"1:1: the first line does not name the columns; {HEAD}"]),
        (HEADER.replace(",", ";"), [f"1:1: the first line does not name the columns; {HEAD}"]),
        (
            HEADER.removesuffix(",baseline_crashed"),
            [f"1:68: the column `baseline_crashed` is missing; {HEAD}"],
        ),
        (
            f"{HEADER},stage_percnt",
            ["1:86: no column is called `stage_percnt`; did you mean `stage_percent`?"],
        ),
        (
            f"{HEADER},bucket_start",
            ["1:86: `bucket_start` is there twice; name every column once"],
        ),
        (
            HEADER.replace("baseline_crashed", "Baseline_Crashed"),
            [
                "1:69: no column is called `Baseline_Crashed`; did you mean `baseline_crashed`?",
                f"1:85: the column `baseline_crashed` is missing; {HEAD}",
            ],
        ),
    ],
)
def test_a_first_line_that_does_not_name_the_columns_is_told(
    tmp_path: Path, header: str, problems: list[str]
) -> None:
    assert found(tmp_path, f"{header}\n") == ((), [f"ledger.csv:{problem}" for problem in problems])


def test_a_file_that_is_no_utf_8_is_told_with_its_place(tmp_path: Path) -> None:
    _, problems = found(tmp_path, f"{HEADER}\n{FIRST}\n".encode() + b"2026\xff")
    assert problems == ["ledger.csv:3:5: no UTF-8; save the file as CSV in UTF-8"]


def test_all_of_it_is_told_at_once(tmp_path: Path) -> None:
    _, problems = found(tmp_path, f"{HEADER}\nnever,x,-1,9,10\n{FIRST}\nsoon,1,1,1,1\n")
    assert [problem.split(": ")[0] for problem in problems] == [
        f"ledger.csv:{place}" for place in ("2:1", "2:7", "2:9", "4:1")
    ]


def test_a_file_of_another_kind_is_not_told_line_by_line(tmp_path: Path) -> None:
    _, problems = found(tmp_path, HEADER + "\nx" * 500)
    assert len(problems) == PROBLEMS_MAX + 1
    assert problems[-1].endswith("not read from here on; mend what stands above first")


def test_a_ledger_longer_than_any_release_is_refused(tmp_path: Path) -> None:
    hours = (datetime.fromtimestamp(n * 3600, UTC) for n in range(ROWS_MAX + 1))
    text = "\n".join([HEADER, *(f"{hour:%Y-%m-%dT%H:00Z},1,0,1,0" for hour in hours)])
    assert found(tmp_path, text)[1] == [
        f"ledger.csv:{ROWS_MAX + 2}:1: more than 20,000 rows; one row for each hour of one release"
    ]
    _, problems = found(tmp_path, b"0" * 9_000_000)
    assert problems == [
        "ledger.csv: more than 8 MB; a ledger has one short line for each hour of one release"
    ]


def test_what_stands_in_the_file_moves_no_cursor(tmp_path: Path) -> None:
    _, problems = found(tmp_path, f"{HEADER}\n\x1b[2Jnever{'y' * 99},1,1,1,1\n")
    assert problems[0].startswith("ledger.csv:2:1: bucket_start: `[2Jnevery")
    assert "\x1b" not in problems[0]
    assert len(problems[0]) < 160


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    pieces=st.lists(
        st.one_of(
            st.sampled_from(
                [HEADER, STAGED, FIRST, "\n", ",", '"', "-", "1e9", "9" * 30, "\x00", "2026-03-02T"]
            ),
            st.text(max_size=6),
            st.datetimes().map(str),
            st.integers().map(str),
        ),
        max_size=30,
    ),
    headed=st.booleans(),
)
def test_whatever_stands_in_the_file_is_rows_or_problems(
    tmp_path: Path, pieces: list[str], headed: bool
) -> None:
    text = (f"{HEADER}\n{FIRST}\n" if headed else "") + "".join(pieces)
    entries, problems = found(tmp_path, text.encode("utf-8", "surrogatepass"))
    starts = [entry.start for entry in entries]
    assert starts == sorted(set(starts))
    assert problems or all(entry.tally.k_b <= entry.tally.n_b for entry in entries)


# -- through the command line ----------------------------------------------------------------------


def test_a_bad_ledger_is_told_on_the_error_output_with_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    path.write_text(f"{HEADER}\n{FIRST}\n2026-03-02T10:00Z,nan,1,9,1\n2026-03-02T11:00Z,9,1,9,-1\n")
    for options in ((), ("--json",)):
        done = run("policy", "evaluate", str(path), *options)
        assert (done.code, done.out) == (2, "")
        assert done.err.splitlines() == [
            f"{path}:3:19: candidate_sessions: `nan` is no whole number; {ROW}",
            f"{path}:4:25: baseline_crashed: `-1` is below 0; {ROW}",
        ]

"""`policy evaluate`: the reference values of decision-engine.md through the command line, and what people read."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from math import log
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from click.testing import CliRunner

from stagedrollout.cli.main import cli
from stagedrollout.core.evidence.terms import LN_HALT
from tests.acceptance.processes import PRODUCT, ROOT, run, surroundings

LEDGERS = Path(__file__).parent / "ledgers"
HEADER = "bucket_start,candidate_sessions,candidate_crashed,baseline_sessions,baseline_crashed"
REFERENCE = ("--tau2", "0.0225", "--s", "1.1")
KEYS = [
    "bucket_start",
    "ln_e",
    "reserve",
    "ln_e_advance",
    "ratio",
    "ratio_low",
    "ratio_high",
    "decision",
]


def evaluated(ledger: str | Path, *options: str) -> list[dict[str, Any]]:
    """The rows of the document."""
    done = CliRunner().invoke(cli, ["policy", "evaluate", str(LEDGERS / ledger), "--json", *options])
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    document = json.loads(done.stdout)
    assert list(document) == ["rows"]
    rows: list[dict[str, Any]] = document["rows"]
    return rows


def ln_es(ledger: str, *options: str) -> list[float]:
    return [row["ln_e"] for row in evaluated(ledger, "--no-intervals", *options)]


def decisions(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [row["decision"] for row in rows]


def told(ledger: str | Path, *options: str) -> str:
    """What a person reads."""
    done = CliRunner().invoke(cli, ["policy", "evaluate", str(LEDGERS / ledger), *options])
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    return done.stdout


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """A ledger of one row an hour; the rows are written without their times."""
    path = folder / "ledger.csv"
    lines = [f"2026-03-{2 + n // 24:02}T{n % 24:02}:00:00Z,{row}" for n, row in enumerate(rows)]
    path.write_text("\n".join([header, *lines, ""]))
    return path


# -- the reference table, section 11 ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("ledger", "values"),
    [
        ("10-first-bucket.csv", [1.699696]),
        ("11-course-with-a-stage.csv", [-0.463536, -0.082567, 2.167058, 9.138664]),
        ("13-candidate-without-crashes.csv", [-0.572938, -0.652447, -0.688376]),
        ("14-nothing-crashes.csv", [0, 0, 0]),
        ("14-no-candidate.csv", [0, 0, 0]),
        ("15-baseline-without-crashes-4.csv", [4.206943]),
        ("15-baseline-without-crashes-8.csv", [11.084366]),
        ("16-huge-worse.csv", [0.381946]),
        ("16-huge-equal.csv", [-0.658533]),
    ],
)
def test_the_reference_values_come_out(ledger: str, values: list[float]) -> None:
    assert ln_es(ledger, *REFERENCE) == pytest.approx(values, rel=0, abs=1e-6)


def test_12_where_crashes_come_in_loops() -> None:
    values = [-0.338962, -0.155520, 0.529894, 3.370917]
    assert ln_es("11-course-with-a-stage.csv", "--tau2", "0.0225", "--s", "2") == pytest.approx(
        values, rel=0, abs=1e-6
    )


def test_17_a_late_regression_is_halted_in_its_fourth_hour() -> None:
    rows = evaluated("17-late-regression.csv", "--no-intervals", *REFERENCE)
    assert rows[71]["ln_e"] == pytest.approx(-1.430958, rel=0, abs=1e-6)
    assert next(number for number, row in enumerate(rows, 1) if row["ln_e"] >= LN_HALT) == 76
    assert next(number for number, row in enumerate(rows, 1) if row["decision"] == "HALT") == 76


def test_11_a_stage_spends_more_of_the_reserve() -> None:
    rows = evaluated("11-course-with-a-stage.csv", *REFERENCE)
    assert rows[-1]["reserve"] == pytest.approx(0.391753, rel=0, abs=1e-6)


@pytest.mark.parametrize(
    ("ledger", "value", "decision"),
    [
        ("20-one-percent-enough.csv", 2.466923, "ADVANCE"),
        ("20-one-percent-too-few.csv", 1.620106, "WAIT"),
        ("21-five-percent-healthy.csv", 4.884891, "ADVANCE"),
        ("21-five-percent-worse.csv", -1.691160, "HALT"),
    ],
)
def test_20_and_21_a_stage_may_be_left(ledger: str, value: float, decision: str) -> None:
    (row,) = evaluated(ledger, *REFERENCE)
    assert row["ln_e_advance"] == pytest.approx(value, rel=0, abs=1e-6)
    assert row["decision"] == decision


def test_28_the_ratio_and_its_range(tmp_path: Path) -> None:
    path = written(tmp_path, "1000,15,99000,495", "1200,14,98800,480", "1500,22,98500,500")
    row = evaluated(path, *REFERENCE)[-1]
    found = [row["ratio"], row["ratio_low"], row["ratio_high"]]
    assert found == pytest.approx([2.765074, 1.602778, 4.585144], rel=0, abs=1e-6)


# -- the document ----------------------------------------------------------------------------------


def test_every_hour_has_a_row_with_the_same_keys() -> None:
    rows = evaluated("11-course-with-a-stage.csv", *REFERENCE)
    assert [list(row) for row in rows] == [KEYS] * 4
    assert [row["bucket_start"] for row in rows] == [f"2026-03-02T0{hour}:00:00+00:00" for hour in range(4)]
    assert decisions(rows) == ["ADVANCE", "ADVANCE", "ADVANCE", "HALT"]


def test_without_stages_nothing_says_advance() -> None:
    rows = evaluated("13-candidate-without-crashes.csv")
    assert {row["ln_e_advance"] for row in rows} == {None}
    assert decisions(rows) == ["WAIT"] * 3


def test_what_is_not_known_is_null() -> None:
    (row,) = evaluated("15-baseline-without-crashes-8.csv", *REFERENCE)
    assert (row["ratio"], row["ratio_high"]) == (None, None)
    assert row["ratio_low"] > 1


def test_ranges_can_be_left_out() -> None:
    with_, without = (evaluated("11-course-with-a-stage.csv", *more) for more in ((), ("--no-intervals",)))
    assert {(row["ratio_low"], row["ratio_high"]) for row in without} == {(None, None)}
    bare = [{**row, "ratio_low": None, "ratio_high": None} for row in with_]
    assert bare == without


def test_a_ledger_without_rows_is_no_error(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert evaluated(path) == []
    assert told(path) == "No rows: no evidence yet.\n"


# -- decisions -------------------------------------------------------------------------------------

BAD, UNEASY, CALM = "1000,20,99000,495", "1000,16,99000,495", "1000,5,99000,495"


def test_a_halt_stays_whatever_follows(tmp_path: Path) -> None:
    rows = evaluated(written(tmp_path, *[BAD] * 8, *[CALM] * 200), "--no-intervals")
    halted = decisions(rows).index("HALT")
    assert set(decisions(rows)[halted:]) == {"HALT"}
    assert rows[-1]["ln_e"] < LN_HALT


def test_suspicion_holds_and_may_pass(tmp_path: Path) -> None:
    header = f"{HEADER},stage_percent"
    rows = evaluated(
        written(tmp_path, *[f"{UNEASY},1"] * 3, *[f"{CALM},1"] * 60, header=header), "--no-intervals"
    )
    held = [row for row in rows if row["decision"] == "HOLD"]
    assert held
    assert all(log(10) <= row["ln_e"] < LN_HALT for row in held)
    assert decisions(rows)[-1] == "ADVANCE"


def test_another_percentage_is_a_new_stage(tmp_path: Path) -> None:
    """Evidence of safety begins afresh, for less and less that must be ruled out."""
    calm = "3000,12,97000,485"
    stages = ("1", "1", "5.0", "5", "20")
    rows = evaluated(
        written(tmp_path, *(f"{calm},{percent}" for percent in stages), header=f"{HEADER},stage_percent"),
        "--no-intervals",
    )
    safe = [row["ln_e_advance"] for row in rows]
    assert safe[0] < safe[1] > safe[2] < safe[3] > safe[4]


def test_the_floor_sees_what_a_bad_baseline_hides(tmp_path: Path) -> None:
    path = written(tmp_path, *["1000,40,1000,40"] * 6)
    assert decisions(evaluated(path, "--no-intervals"))[-1] == "WAIT"
    assert decisions(evaluated(path, "--no-intervals", "--floor", "99.0"))[-1] == "HALT"


def test_the_floor_weighs_a_fifth(tmp_path: Path) -> None:
    (row,) = evaluated(written(tmp_path, "200,12,0,0"), "--floor", "99", *REFERENCE)
    e_floor = (
        280.669  # e^5.637183, row 18 of the reference table; the other signal has nothing to compare with
    )
    assert row["ln_e"] == pytest.approx(log(0.8 + 0.2 * e_floor), abs=1e-4)


def test_more_crashes_than_sessions_are_marked_and_never_speak_for_a_raise(tmp_path: Path) -> None:
    calm, wild = "3000,15,97000,485,5", "2,3,97000,485,5"
    rows = evaluated(written(tmp_path, calm, wild, calm, header=f"{HEADER},stage_percent"))
    assert [row.get("clamped") for row in rows] == [None, True, None]
    assert rows[1]["ln_e_advance"] == rows[0]["ln_e_advance"] < rows[2]["ln_e_advance"]
    whole = evaluated(written(tmp_path, calm, "2,2,97000,485,5", calm, header=f"{HEADER},stage_percent"))
    assert rows[1]["ln_e"] == whole[1]["ln_e"]


def test_a_wider_margin_and_given_noise_are_taken_into_account() -> None:
    ledger = "10-first-bucket.csv"
    assert ln_es(ledger, "--rho0", "3") < ln_es(ledger) < ln_es(ledger, "--rho0", "1.1")
    assert ln_es(ledger, "--tau2", "0") > ln_es(ledger, "--tau2", "1")
    assert ln_es(ledger) == ln_es(ledger, "--s", "2", "--tau2", "0.0225")


def test_a_long_ledger_is_evaluated_to_its_end(tmp_path: Path) -> None:
    """So many stages that nothing of the reserve could be left."""
    rows = [f"2000-01-{1 + n // 24:02}T{n % 24:02}:00Z,10,0,1000,5,{1 + n % 2}" for n in range(24 * 31)]
    rows += [row.replace("2000-01", f"{year}-01") for year in range(2001, 2006) for row in rows[: 24 * 31]]
    path = tmp_path / "ledger.csv"
    path.write_text("\n".join([f"{HEADER},stage_percent", *rows]))
    found = evaluated(path, "--no-intervals")
    assert len(found) == 24 * 31 * 6
    assert found[-1]["reserve"] > 0


# -- for people ------------------------------------------------------------------------------------


def test_people_read_a_table_and_one_sentence() -> None:
    *table, closing = told("11-course-with-a-stage.csv", *REFERENCE).splitlines()
    assert table[0].split() == ["HOUR", "(UTC)", "HARM", "SAFETY", "RATIO", "90", "%", "RANGE", "DECISION"]
    assert [line.split()[-1] for line in table[1:]] == ["ADVANCE", "ADVANCE", "ADVANCE", "HALT"]
    assert closing == (
        "HALT at 2026-03-02 03:00 UTC: evidence of harm 9,308 : 1 (halt at 100 : 1), 2.7 times the baseline's"
        " crash rate since 2026-03-02 01:00."
    )


@pytest.mark.parametrize(
    ("rows", "closing"),
    [
        ([UNEASY] * 3, "HOLD: evidence of harm 16 : 1 (halt at 100 : 1); nothing is raised from 10 : 1 on."),
        ([CALM], "WAIT: evidence of harm 0.7 : 1 (halt at 100 : 1)."),
    ],
)
def test_the_sentence_says_what_it_comes_to(tmp_path: Path, rows: list[str], closing: str) -> None:
    assert told(written(tmp_path, *rows)).splitlines()[-1] == closing


def test_the_sentence_tells_why_a_stage_may_be_left() -> None:
    assert told("21-five-percent-healthy.csv", *REFERENCE).splitlines()[-1] == (
        "ADVANCE: evidence of safety 132 : 1 (10 : 1 needed to advance), evidence of harm 0.5 : 1 (halt at 100 : 1)."
    )


def test_of_a_long_ledger_people_see_the_halt_and_the_newest_hours(tmp_path: Path) -> None:
    path = written(tmp_path, *[CALM] * 5, *["1000,90,99000,495"] * 45)
    lines = told(path, "--no-intervals").splitlines()
    assert "RANGE" not in lines[0]
    assert [line.strip() for line in (lines[1], lines[3])] == ["5 rows more", "24 rows more"]
    assert lines[2].startswith("2026-03-02 05:00")
    assert len(lines) == 4 + 20 + 1


def test_impossible_counts_are_marked_for_people(tmp_path: Path) -> None:
    lines = told(written(tmp_path, CALM, "5,9,99000,495")).splitlines()
    assert [line.endswith("(clamped)") for line in lines[1:3]] == [False, True]


def test_a_file_gets_neither_colours_nor_a_bar() -> None:
    done = run("policy", "evaluate", str(LEDGERS / "17-late-regression.csv"))
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out


def test_who_waits_at_a_terminal_sees_how_far_it_is() -> None:
    """On the error output: what is piped on stays one document."""
    ours, theirs = pty.openpty()
    command = [*PRODUCT, "policy", "evaluate", str(LEDGERS / "17-late-regression.csv"), "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=surroundings(TERM="xterm"), stdout=PIPE, stderr=theirs, check=True
    )
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    os.close(theirs)
    assert "Ranges of the ratio" in seen
    assert len(json.loads(done.stdout)["rows"]) == 80


def test_machines_wait_for_no_tables() -> None:
    command = [sys.executable, "-X", "importtime", *PRODUCT[1:], "policy", "evaluate"]
    done = subprocess.run(
        [*command, str(LEDGERS / "10-first-bucket.csv"), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "stagedrollout.rehearsal.evaluate" in done.stderr
    assert not [name for name in ("rich", "pydantic", "ruamel", "sqlalchemy") if f" {name}\n" in done.stderr]


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--floor", "1"), "percentage of sessions without a crash, like 99.0"),
        (("--floor", "100"), "not in the range"),
        (("--rho0", "0.9"), "not in the range"),
        (("--rho0", "nan"), "no number"),
        (("--s", "0.5"), "not in the range"),
        (("--tau2", "-1"), "not in the range"),
        (("--tau2", "inf"), "not in the range"),
    ],
)
def test_options_beyond_reason_are_refused(options: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(cli, ["policy", "evaluate", str(LEDGERS / "10-first-bucket.csv"), *options])
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_file_that_is_not_there_is_said_so() -> None:
    done = CliRunner().invoke(cli, ["policy", "evaluate", "nowhere.csv"])
    assert done.exit_code == 2
    assert "nowhere.csv" in done.stderr

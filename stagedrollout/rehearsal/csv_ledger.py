"""An hourly ledger from a file of comma-separated values, and every line of it that is wrong.

    bucket_start,candidate_sessions,candidate_crashed,baseline_sessions,baseline_crashed[,stage_percent]

The first line names the columns, in any order; one row per UTC hour follows, oldest first, and hours may be
missing. Times are ISO 8601, taken for UTC where they name no offset. Counts are whole numbers up to COUNT_MAX.
`stage_percent` is above 0 and at most 100; where it differs from the row before, a stage starts. Cells may stand
in double quotes; blank lines do not count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from stagedrollout.config.problems import Problem, nearest
from stagedrollout.core.hours import hour_floor
from stagedrollout.core.ledger import Tally
from stagedrollout.core.plain import one_line
from stagedrollout.core.units import percentage, ppm_from_percent

START, STAGE = "bucket_start", "stage_percent"
COUNTS = ("candidate_sessions", "candidate_crashed", "baseline_sessions", "baseline_crashed")
NEEDED = (START, *COUNTS)
COLUMNS = (*NEEDED, STAGE)

COUNT_MAX = 10**12
"""Sessions in an hour. So many are still exact in floating point, and nobody has them."""

ROWS_MAX = 20_000
"""More than two years of hours; no release takes that long."""

BYTES_MAX = 8_000_000
PROBLEMS_MAX = 100
"""After so many the rest of the file is not read: it is another kind of file."""

_ECHO_MAX = 40
_RIGHT_START = "a full UTC hour like 2026-03-02T09:00:00Z"
_RIGHT_COUNT = "a whole number from 0 on"
_RIGHT_STAGE = "the percentage of users who are offered the release, above 0 and at most 100"
_RIGHT_HEADER = f"{','.join(NEEDED)} and, where stages are known, {STAGE}"
_COUNT = re.compile(r"[0-9]{1,13}")
_BELOW = re.compile(r"-[0-9.]+")
_TIME_OF_DAY = re.compile(r"[T ][0-9]{2}:?[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One hour as it was written. `stage_ppm`: exposure in parts per million; None without that column."""

    start: datetime
    tally: Tally
    stage_ppm: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """`line` and `column` count from 1; the column is that of the first character."""

    line: int
    column: int
    text: str


T = TypeVar("T")


class _Wrong(ValueError):
    """A cell that cannot be what its column says. `where`: the column's name."""

    def __init__(self, cell: Cell, where: str, wrong: str, right: str) -> None:
        super().__init__(wrong)
        self.cell, self.where, self.wrong, self.right = cell, where, wrong, right

    def problem(self, file: str) -> Problem:
        return Problem(file, self.cell.line, self.cell.column, self.where, self.wrong, self.right)


def read(path: Path) -> tuple[tuple[Entry, ...], list[Problem]]:
    """The rows of the file, and what is wrong in it: all of it, with line and column."""
    file = str(path)
    try:
        lines = [(number, line) for number, line in enumerate(_lines(path), start=1) if line.strip()]
        if not lines:
            return (), [_Wrong(Cell(1, 1, ""), "", "the file is empty", _RIGHT_HEADER).problem(file)]
        names, wrongs = _header(*lines[0])
    except OSError as error:
        return (), [Problem(file, 0, 0, "", f"cannot be read: {error.strerror or error}")]
    except _Wrong as wrong:
        return (), [wrong.problem(file)]
    entries = () if wrongs else tuple(_entries(names, lines[1:], wrongs))
    return entries, [wrong.problem(file) for wrong in wrongs]


def _lines(path: Path) -> list[str]:
    """Raises OSError, _Wrong."""
    with path.open("rb") as file:
        data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        right = "a ledger has one short line for each hour of one release"
        raise _Wrong(Cell(0, 0, ""), "", f"more than {BYTES_MAX // 1_000_000} MB", right)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start]
        place = Cell(good.count(b"\n") + 1, error.start - good.rfind(b"\n"), "")
        raise _Wrong(place, "", "no UTF-8", "save the file as CSV in UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _cells(number: int, line: str) -> list[Cell]:
    """Nothing that belongs into a cell holds a comma, so a comma always ends one."""
    cells, at = list[Cell](), 0
    for piece in line.split(","):
        text = piece.strip()
        column = at + piece.index(text) + 1
        if len(text) >= 2 and text[0] == text[-1] == '"':
            text = text[1:-1].strip()
        cells.append(Cell(number, column, text))
        at += len(piece) + 1
    return cells


def _header(number: int, line: str) -> tuple[list[str], list[_Wrong]]:
    """The names of the columns in the file's order, and what is wrong with them. Raises _Wrong if it is no header."""
    cells = _cells(number, line)
    names = [cell.text for cell in cells]
    if not set(names) & set(COLUMNS):
        raise _Wrong(cells[0], "", "the first line does not name the columns", _RIGHT_HEADER)
    wrongs = list[_Wrong]()
    for place, cell in enumerate(cells):
        if cell.text not in COLUMNS:
            wrongs.append(_Wrong(cell, "", f"no column is called {_echo(cell)}", nearest(cell.text, COLUMNS)))
        elif cell.text in names[:place]:
            wrongs.append(_Wrong(cell, "", f"`{cell.text}` is there twice", "name every column once"))
    end = Cell(number, len(line.rstrip()) + 1, "")
    missing = [name for name in NEEDED if name not in names]
    wrongs += [_Wrong(end, "", f"the column `{name}` is missing", _RIGHT_HEADER) for name in missing]
    return names, wrongs


def _entries(names: Sequence[str], lines: Sequence[tuple[int, str]], wrongs: list[_Wrong]) -> Iterator[Entry]:
    """The rows that are sound; what is wrong with the others is added to `wrongs`."""
    before: Entry | None = None
    for done, (number, line) in enumerate(lines):
        if done == ROWS_MAX:
            right = "one row for each hour of one release"
            wrongs.append(_Wrong(Cell(number, 1, ""), "", f"more than {ROWS_MAX:,} rows", right))
            return
        if len(wrongs) >= PROBLEMS_MAX:
            right = "mend what stands above first"
            wrongs.append(_Wrong(Cell(number, 1, ""), "", "not read from here on", right))
            return
        entry = _entry(names, _cells(number, line), before, wrongs)
        if entry is not None:
            before = entry
            yield entry


def _entry(
    names: Sequence[str], cells: Sequence[Cell], before: Entry | None, wrongs: list[_Wrong]
) -> Entry | None:
    """One line. None where any of it is wrong."""
    if len(cells) != len(names):
        last = cells[min(len(cells), len(names) + 1) - 1]
        told = f"{len(cells)} cells where the first line names {len(names)} columns"
        wrongs.append(_Wrong(last, "", told, "one cell for each column"))
        return None
    found, known = dict(zip(names, cells, strict=True)), len(wrongs)
    start = _tried(wrongs, partial(_start, found[START], before))
    counts = [_tried(wrongs, partial(_count, name, found[name])) for name in COUNTS]
    stage = _tried(wrongs, partial(_stage, found[STAGE])) if STAGE in found else None
    tally = _tried(wrongs, partial(_tally, found, [count for count in counts if count is not None]))
    return Entry(start, tally, stage) if start and tally and len(wrongs) == known else None


def _tried(wrongs: list[_Wrong], read_cell: Callable[[], T]) -> T | None:
    try:
        return read_cell()
    except _Wrong as wrong:
        wrongs.append(wrong)
        return None


def _start(cell: Cell, before: Entry | None) -> datetime:
    try:
        start = datetime.fromisoformat(cell.text)
        start = (start if start.tzinfo else start.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Wrong(cell, START, f"{_echo(cell)} is no time", _RIGHT_START) from None
    if not _TIME_OF_DAY.search(cell.text):
        raise _Wrong(cell, START, f"{_echo(cell)} is a day, and buckets are hours", _RIGHT_START)
    if start != hour_floor(start):
        raise _Wrong(cell, START, f"{_echo(cell)} is not the beginning of a UTC hour", _RIGHT_START)
    if before is not None and start <= before.start:
        told = f"{_echo(cell)} is not after {before.start:%Y-%m-%dT%H:%M}Z, the row before"
        raise _Wrong(cell, START, told, "one row for each hour, the oldest first")
    return start


def _count(name: str, cell: Cell) -> int:
    if _COUNT.fullmatch(cell.text) and int(cell.text) <= COUNT_MAX:
        return int(cell.text)
    if _BELOW.fullmatch(cell.text):
        raise _Wrong(cell, name, f"{_echo(cell)} is below 0", _RIGHT_COUNT)
    if cell.text.isascii() and cell.text.isdigit():
        raise _Wrong(cell, name, f"{_echo(cell)} is more than {COUNT_MAX:,}", "the sessions of one hour")
    raise _Wrong(cell, name, f"{_echo(cell)} is no whole number", _RIGHT_COUNT)


def _stage(cell: Cell) -> int:
    try:
        ppm = ppm_from_percent(percentage(cell.text))
    except (ValueError, ArithmeticError):
        raise _Wrong(cell, STAGE, f"{_echo(cell)} is no percentage", _RIGHT_STAGE) from None
    if not ppm:
        raise _Wrong(cell, STAGE, "nobody is offered a release at 0 %", _RIGHT_STAGE)
    return ppm


def _tally(found: dict[str, Cell], counts: Sequence[int]) -> Tally | None:
    """None where not every count is known."""
    if len(counts) < len(COUNTS):
        return None
    tally = Tally(*counts)
    if tally.k_b > tally.n_b:
        told = f"more crashes than sessions in the baseline: {tally.k_b} of {tally.n_b}"
        raise _Wrong(found[COUNTS[3]], COUNTS[3], told, f"at most {tally.n_b}")
    return tally


def _echo(cell: Cell) -> str:
    """What stands in a cell, as data: short, on one line."""
    text = one_line(cell.text)
    return f"`{text[:_ECHO_MAX]}{'...' if len(text) > _ECHO_MAX else ''}`" if text else "an empty cell"

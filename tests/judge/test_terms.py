from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.judge.evidence import Unreadable
from tests.judge.terms import Terms, duration, percent, ppm, terms

POLICIES = sorted((Path(__file__).resolve().parents[2] / "policies").glob("*.yaml"))


def _read(path: Path) -> Terms:
    return terms(YAML(typ="safe", pure=True).load(path.read_text()), path.stem)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_shipped_policy_can_be_judged_by(path):
    read = _read(path)
    assert read.name == path.stem
    assert read.gates or read.weighed
    assert [stage.exposure_ppm for stage in read.stages] == sorted(s.exposure_ppm for s in read.stages)


def test_what_people_write_is_read_exactly():
    assert duration("1d 12h") == timedelta(hours=36)
    assert ppm("0.5 %") == 5_000
    assert ppm(99.9) == 999_000
    assert percent(5_000) == "0.5 %"
    with pytest.raises(ValueError, match="duration"):
        duration("soon")


def test_a_closing_time_of_midnight_is_the_end_of_the_day():
    stage, gate = {"percent": 1, "bake": "24h"}, {"metric": "crash_free_users", "floor": 97, "min_sample": 1}
    hours = {"start": time(9), "end": "00:00"}
    read = terms({"stages": [stage], "gates": [gate], "calendar": {"hours": hours, "weekdays": ["mon"]}})
    assert read.calendar.open_at(datetime(2026, 3, 2, 23, 59, tzinfo=UTC))
    assert not read.calendar.open_at(datetime(2026, 3, 2, 8, 59, tzinfo=UTC))
    assert not read.calendar.open_at(datetime(2026, 3, 3, 10, 0, tzinfo=UTC))


def test_a_policy_with_a_teams_own_signals_is_not_judged_and_that_is_said():
    with pytest.raises(Unreadable, match="not judged"):
        terms({"stages": [], "signals": [{"signal": "checkout_errors"}]}, "ours")

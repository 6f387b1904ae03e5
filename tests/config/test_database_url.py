"""`status` learns where the database is without paying for the rest of the configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stagedrollout.config.database import database_url
from stagedrollout.config.load import load
from stagedrollout.core.errors import WrongConfiguration
from tests.config.conftest import GOOD, Write


def test_a_relative_file_is_beside_the_configuration(write: Write, tmp_path: Path):
    assert database_url(write()) == f"sqlite:///{tmp_path}/state/x.db"


def test_an_absolute_file_stays(write: Write):
    path = write(GOOD.replace("sqlite:///state/x.db", "sqlite:////var/lib/x.db"))
    assert database_url(path) == "sqlite:////var/lib/x.db"


def test_the_folder_one_stands_in_does_not_matter(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write()
    monkeypatch.chdir(tmp_path)
    assert database_url(path.name) == f"sqlite:///{tmp_path}/state/x.db"


def test_it_is_what_the_daemon_uses(write: Write):
    path = write()
    assert database_url(path) == load(path, environ={}).settings.database


def test_it_works_while_the_rest_is_being_mended(write: Write, tmp_path: Path):
    assert (
        database_url(write("database: sqlite:///x.db\napps: 5\npoll: never\n"))
        == f"sqlite:///{tmp_path}/x.db"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("apps: []\n", ":1:1: database: `database` is missing"),
        ("database: 5\n", ":1:11: database: `database` is missing"),
        ("database: postgresql://bob:CANARY@db/x\n", ":1:11: database: this value cannot be used"),
        ("database: [\n", ":2:1: this is not YAML"),
    ],
)
def test_without_a_usable_database_the_place_is_told(write: Write, text: str, words: str):
    path = write(text)
    with pytest.raises(WrongConfiguration) as error:
        database_url(path)
    assert str(error.value).startswith(f"{path}{words}")
    assert "CANARY" not in str(error.value)


def test_nothing_heavy_is_imported(write: Write):
    code = (
        "import sys; from stagedrollout.config.database import database_url; database_url(sys.argv[1]);"
        "print([n for n in ('pydantic', 'sqlalchemy', 'googleapiclient', 'httpx', 'slack_sdk') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, write()], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"

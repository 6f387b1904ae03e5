"""A PostgreSQL server of our own, in a folder of its own, as any user; root's runs as `nobody`, for it must not be root's."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.leash import PR_SET_PDEATHSIG
from tests.postgres.binaries import usable_by

OWNER = "postgres"
START_SECONDS = 60.0
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "jit": "off",
    "max_connections": "200",
    "autovacuum": "off",
    "password_encryption": "scram-sha-256",
    "listen_addresses": "127.0.0.1",
}
"""Nothing of it outlives the tests, so nothing waits for a disk."""

_WHO_MAY = """
host all asks_password 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
local all all trust
"""


def _someone() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _dies_with_us() -> None:
    """It is told by SIGQUIT, upon which a server ends at once, with all that it began."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGQUIT), 0, 0, 0)


@dataclass(slots=True)
class Cluster:
    """`room`: an empty folder that the server's user can reach. It is the server's from `make` on. `leashed`: it dies with
    this process, however that ends; on Linux."""

    room: Path
    programs: Path
    port: int = 0
    leashed: bool = False
    _who: dict[str, Any] = field(default_factory=_someone)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.room / "data"

    def url(self, database: str = "postgres", user: str = OWNER) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def make(self) -> None:
        if self._who:
            os.chown(self.room, self._who["user"], self._who["group"])
        self.programs = usable_by(self._who, self.programs, self.room)
        options = ("-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        self._runs("initdb", "-D", str(self.data), *options)
        (self.data / "pg_hba.conf").write_text(_WHO_MAY, "utf-8")

    def start(self) -> None:
        """On a port that is free; a second time on the same one. Returns once it answers."""
        self.port = self.port or _free_port()
        settings = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": str(self.room)}
        said = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.room / "log").open("ab") as log:
            command = [self.programs / "postgres", "-D", self.data, *said]
            self._process = subprocess.Popen(
                command,
                cwd="/",
                env=self._env(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_dies_with_us if self.leashed else None,  # noqa: PLW1509 - one call of the system
                **self._who,
            )
        ends = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"PostgreSQL does not start: {(self.room / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """At once, by default; with SIGINT it says goodbye to its clients."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(30)
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.room, ignore_errors=True)

    def _answers(self) -> bool:
        """It writes `ready` into its file once it takes connections."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready" and lines[0] == str(self._process.pid)

    def _env(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.room)}

    def _runs(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd="/", env=self._env(), **self._who
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr[-2000:]}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])

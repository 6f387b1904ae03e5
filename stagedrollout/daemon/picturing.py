"""Draws a rollout in a process of its own, as a person would: `stagedrollout explain --plot`.

matplotlib is large and slow; in another process it takes neither memory nor time from the daemon, and it can be stopped.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path

from stagedrollout.config.load import Loaded
from stagedrollout.core.model import RolloutKey
from stagedrollout.http.endpoint import Endpoint
from stagedrollout.notify.illustrator import Illustrator, Undrawn
from stagedrollout.notify.slack import BASE_URL, Call, open_call
from stagedrollout.notify.slack_files import SlackFiles, open_upload

DRAW_SECONDS = 60.0
"""A picture takes a few seconds, and the very first one on a machine some more for its fonts."""

_SAID_MAX = 300


def open_illustrator(loaded: Loaded) -> Illustrator | None:
    """None without Slack, or where matplotlib is not installed. Raises WrongConfiguration; sends nothing."""
    access = loaded.settings.slack
    if access is None or find_spec("matplotlib") is None:
        return None
    endpoint = Endpoint("slack", access.endpoint or BASE_URL)
    timeout = loaded.settings.limits.http_timeout.total_seconds()
    call: Call = open_call(loaded.secret(access.token).reveal(), endpoint, timeout)
    files = SlackFiles(call, open_upload(endpoint, timeout), access.channel)
    return Illustrator(Drawing(loaded.path), files.share)


class Drawing:
    """`config`: the file that names the database. One picture at a time; `stop` may come from another thread."""

    def __init__(self, config: Path, seconds: float = DRAW_SECONDS) -> None:
        self._config = config
        self._seconds = seconds
        self._guard = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def draw(self, rollout: RolloutKey) -> bytes:
        """The PNG. Raises Undrawn in words."""
        with tempfile.TemporaryDirectory(prefix="stagedrollout-picture-") as folder:
            path = Path(folder) / "rollout.png"
            try:
                self._run(rollout, path)
                return path.read_bytes()
            except OSError as error:
                raise Undrawn(f"it could not be drawn: {error.strerror or error}") from error

    def stop(self) -> None:
        with self._guard:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _run(self, rollout: RolloutKey, path: Path) -> None:
        process = self._started(self._command(rollout, path))
        try:
            _, said = process.communicate(timeout=self._seconds)
        except subprocess.TimeoutExpired:
            raise Undrawn(f"it was not drawn within {self._seconds:g} s") from None
        finally:
            with self._guard:
                self._process = None
            process.kill()
            process.communicate()
        if process.returncode:
            words = said.strip().rpartition("\n")[2][:_SAID_MAX]
            raise Undrawn(words or f"drawing it ended with {process.returncode}")

    def _started(self, command: list[str]) -> subprocess.Popen[str]:
        with self._guard:
            if self._stopped:
                raise Undrawn("the daemon ends")
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            return self._process

    def _command(self, rollout: RolloutKey, path: Path) -> list[str]:
        named = ["--store", rollout.store.value, "--release", rollout.release_id]
        files = ["--plot", str(path), "--config", str(self._config)]
        return [sys.executable, "-m", "stagedrollout", "explain", rollout.app, *named, *files, "--json"]

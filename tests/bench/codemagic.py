"""The same changes made with codemagic-cli-tools, as they come: whole processes that are told nothing but their settings.

Its two commands know no other addresses than the stores' own. They are led to the emulator by the settings that their
HTTP libraries document: a proxy (HTTPS_PROXY) and whom to trust (HTTPLIB2_CA_CERTS, REQUESTS_CA_BUNDLE). For the proxy
httplib2 wants pysocks beside it: `pip install codemagic-cli-tools pysocks`. A change is made as a script has to make
it: look, set, look again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.store_world import CODE, Stores

PLAY, APPLE = "google-play", "app-store-connect"
_SECONDS_MOST = 120
_NOT_OURS = re.compile(r"(?i)(https?|all|no)_proxy|GOOGLE_.*|APP_STORE_CONNECT_.*|PYTHON.*")

Arguments = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Codemagic:
    """Its commands, and the surroundings that they run in."""

    play: str
    apple: str
    environment: Mapping[str, str]

    @property
    def version(self) -> str:
        asked = subprocess.run([self.play, "--version"], check=True, capture_output=True, text=True)
        return asked.stdout.split()[-1]

    def on_play(self, package: str) -> dict[str, Sequence[Arguments]]:
        """What to run for each operation, in order; it has none that halts."""
        where = ("--package-name", package, "--track", "production", "--json")
        look = (self.play, "tracks", "get", *where)
        put = (self.play, "tracks", "set-release", *where, "--version-code", str(CODE))
        return {
            "look": (look,),
            "raise": (look, (*put, "--rollout-fraction", "0.05"), look),
            "complete": (look, put, look),
        }

    def on_apple(self, version_id: str, phased_id: str) -> dict[str, Sequence[Arguments]]:
        look = (self.apple, "app-store-versions", "phased-release", version_id, "--json")

        def turned(state: str) -> Sequence[Arguments]:
            put = (self.apple, "app-store-version-phased-releases", "set-state", phased_id, "--state", state)
            return look, (*put, "--json"), look

        return {
            "look": (look,),
            "pause": turned("PAUSED"),
            "step": turned("ACTIVE"),
            "complete": turned("COMPLETE"),
        }

    def run(self, commands: Sequence[Arguments]) -> None:
        """Raises RuntimeError with the command where one of them fails."""
        for command in commands:
            done = subprocess.run(
                command,
                env=dict(self.environment),
                check=False,
                capture_output=True,
                text=True,
                timeout=_SECONDS_MOST,
            )
            if done.returncode:
                raise RuntimeError(f"{' '.join(command[1:3])} ended with exit code {done.returncode}")


def installed(folder: Path | None) -> tuple[str, str] | None:
    """Its two commands, in `folder` or on PATH; None where it is not installed."""
    where = str(folder) if folder else None
    play, apple = (shutil.which(name, path=where) for name in (PLAY, APPLE))
    return (play, apple) if play and apple else None


def surrounded(
    commands: tuple[str, str], stores: Stores, *, proxy: str, trusted: Path, home: Path
) -> Codemagic:
    """`proxy`: where HTTPS goes; `trusted`: the only certificate to believe; `home`: for its logs and caches."""
    keys = stores.keys
    environment = {name: value for name, value in os.environ.items() if not _NOT_OURS.fullmatch(name)}
    environment |= {
        "HOME": str(home),
        "TMPDIR": str(home),
        "HTTPS_PROXY": proxy,
        "HTTPLIB2_CA_CERTS": str(trusted),
        "REQUESTS_CA_BUNDLE": str(trusted),
        "GOOGLE_PLAY_SERVICE_ACCOUNT_CREDENTIALS": keys.google,
        "APP_STORE_CONNECT_PRIVATE_KEY": keys.apple,
        "APP_STORE_CONNECT_KEY_IDENTIFIER": keys.key_id,
        "APP_STORE_CONNECT_ISSUER_ID": keys.issuer_id,
    }
    return Codemagic(*commands, environment)

"""The services of the compose file as processes of this machine: each command as it stands there, with what containers
have of their own (paths, names of hosts) put in its place."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import stagedrollout

DEPLOY = Path(stagedrollout.__file__).parent / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
ROOT = DEPLOY.parents[1]
ETC, STATE, SECRETS = "/etc/stagedrollout", "/var/lib/stagedrollout", "/run/secrets"


def services() -> dict[str, dict[str, Any]]:
    document = YAML(typ="safe", pure=True).load(COMPOSE.read_text("utf-8"))
    return dict(document["services"])


def secrets() -> tuple[str, ...]:
    return tuple(YAML(typ="safe", pure=True).load(COMPOSE.read_text("utf-8"))["secrets"])


@dataclass(frozen=True)
class Composed:
    """`folder` has `etc`, one for each replica for want of mounts, and `secrets`; `programs`: where psql is."""

    folder: Path
    port: int
    programs: Path

    @cached_property
    def services(self) -> dict[str, dict[str, Any]]:
        return services()

    def command(self, name: str) -> list[str]:
        """Entrypoint and command, the image's where the service says none."""
        service = self.services[name]
        entrypoint = service.get("entrypoint", _of_the_image("ENTRYPOINT"))
        given = service.get("command", [] if "entrypoint" in service else _of_the_image("CMD"))
        return [self._here(name, str(part).replace("$$", "$")) for part in (*entrypoint, *given)]

    def environment(self, name: str) -> dict[str, str]:
        written = self.services[name].get("environment", {})
        found = {key: self._here(name, str(value)) for key, value in written.items()}
        if found.get("PGHOST") == "postgres":
            found |= {"PGHOST": "127.0.0.1", "PGPORT": str(self.port)}
        path = (str(Path(sys.executable).parent), str(self.programs), os.environ["PATH"])
        return {"PATH": ":".join(path), "HOME": str(self.folder), **found}

    def runs(self, name: str) -> str:
        """One that ends by itself; what it said."""
        done = subprocess.run(
            self.command(name),
            env=self.environment(name),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{shlex.join(self.command(name))}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def etc(self, name: str) -> Path:
        return self.folder / f"etc-{name}"

    def _here(self, name: str, text: str) -> str:
        places = {SECRETS: self.folder / "secrets", ETC: self.etc(name)}
        for volume in self.services[name].get("volumes", ()):
            here, there, *_ = volume.split(":")
            if (ROOT / here).is_file():
                places[there] = ROOT / here
        for there, here in places.items():
            text = text.replace(there, str(here))
        return text


def _of_the_image(instruction: str) -> list[str]:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    (said,) = (line.removeprefix(f"{instruction} ") for line in lines if line.startswith(f"{instruction} "))
    found: list[str] = json.loads(said)
    return found

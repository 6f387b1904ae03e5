"""Secrets stand in files, in the environment or with systemd; the configuration only says where (promises S1, R24).

Nothing in this module ever puts a secret's content, or a text found where a reference belongs, into words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from stagedrollout.config.problems import Problem, refusal
from stagedrollout.core.units import Written
from stagedrollout.http.secrets import CREDENTIALS_DIRECTORY, Secret, SecretRef, Unusable, read_secret

__all__ = [
    "CREDENTIALS_DIRECTORY",
    "Secret",
    "SecretRef",
    "SecretReference",
    "Unusable",
    "read_ref",
    "read_secret",
    "resolve",
]

_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,127}", re.ASCII)
_CREDENTIAL_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,255}", re.ASCII)
_SHAPE = (
    "write {env: NAME}, {file: path} or {credential: name}; the secret itself does not belong in this file"
)


def read_ref(value: Any) -> SecretRef:
    """Raises ValueError, without the value, for anything but a reference."""
    if isinstance(value, SecretRef):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(_SHAPE)
    ((key, name),) = value.items()
    match key, name:
        case "env", str() if _ENV_NAME.fullmatch(name):
            return SecretRef(env=name)
        case "env", _:
            raise ValueError("env takes the name of an environment variable in capitals, like SLACK_TOKEN")
        case "file", str() if re.fullmatch(r"[^\x00-\x1f{}]{1,1000}", name):
            return SecretRef(file=name)
        case "file", _:
            raise ValueError("file takes the path of a file, like secrets/slack-token")
        case "credential", str() if _CREDENTIAL_NAME.fullmatch(name):
            return SecretRef(credential=name)
        case "credential", _:
            raise ValueError(
                "credential takes a name as in LoadCredential= of the systemd unit, like slack-token"
            )
        case _:
            raise ValueError(_SHAPE)


_FORM = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        "env": {"type": "string", "pattern": f"^{_ENV_NAME.pattern}$"},
        "file": {"type": "string", "minLength": 1, "maxLength": 1000},
        "credential": {"type": "string", "pattern": f"^{_CREDENTIAL_NAME.pattern}$"},
    },
}
SecretReference = Annotated[SecretRef, Written(read_ref, "{file: secrets/token}", _FORM)]


def resolve(ref: SecretRef, base_dir: Path, *, environ: Mapping[str, str]) -> Secret:
    """The secret. Raises WrongConfiguration that names the reference and never its content."""
    found = read_secret(ref, base_dir, environ=environ)
    if isinstance(found, Unusable):
        file = ref.file and str(base_dir / ref.file)
        raise refusal([Problem(file or "environment", 0, 0, ref.env, found.wrong, found.right)])
    return found

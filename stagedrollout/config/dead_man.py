"""What the address of a dead man's switch must be: a secret, so it is judged when it is revealed, and never shown."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from stagedrollout.config.addresses import on_loopback
from stagedrollout.config.secrets import Secret, SecretRef, Unusable
from stagedrollout.config.settings import ClockSource
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.http.endpoint import Endpoint, plain_path

SERVICE = "dead_man"
Params = tuple[tuple[str, str], ...]


def split_address(url: Secret) -> tuple[Endpoint, str, Params]:
    """The service, the path and the query. Raises WrongConfiguration, which does not repeat it."""
    try:
        parts = urlsplit(url.reveal().strip())
        base, path, params = f"{parts.scheme}://{parts.netloc}", parts.path or "/", parse_qsl(parts.query)
    except ValueError:
        base, path, params = "", "/", []
    if not plain_path(path):
        raise WrongConfiguration(f"{SERVICE}: its path is not plain")
    return Endpoint(SERVICE, base, inside=True), path, tuple(params)


def unusable_dead_man(url: Secret, ref: SecretRef, clock: ClockSource) -> Unusable | None:
    """Why this is no address to ask for, or None. `ref` is where it stands."""
    try:
        split_address(url)
    except WrongConfiguration:
        right = "copy the address to be pinged from the service that is to raise the alarm; it begins with https://"
        return Unusable(f"the {ref} holds no such address", right)
    if clock is ClockSource.EMULATOR and not on_loopback(url.reveal().strip()):
        wrong = f"the emulator's clock needs an address on this machine, and the one in the {ref} is not"
        return Unusable(wrong, "leave it out, or write clock: system")
    return None

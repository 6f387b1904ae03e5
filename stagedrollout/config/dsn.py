"""What a DSN must be: a secret, so it is judged when it is revealed, and told about without being shown."""

from __future__ import annotations

import re

from stagedrollout.config.addresses import on_loopback
from stagedrollout.config.secrets import Secret, SecretRef, Unusable
from stagedrollout.config.settings import ClockSource

_DSN = re.compile(
    r"https?://[A-Za-z0-9]{1,64}(:[A-Za-z0-9]{1,64})?@[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?/\d{1,20}",
    re.ASCII,
)
"""Public key (old servers: and a secret key), host, perhaps a path, the project's number."""


def unusable_dsn(dsn: Secret, ref: SecretRef, clock: ClockSource) -> Unusable | None:
    """Why this is no DSN to send to, or None. `ref` is where it stands."""
    text = dsn.reveal()
    if not _DSN.fullmatch(text):
        right = "copy it from the project's settings in Sentry, under Client Keys (DSN)"
        return Unusable(f"the {ref} holds no DSN", right)
    if on_loopback(text):
        return None
    if clock is ClockSource.EMULATOR:
        wrong = f"the emulator's clock needs a DSN on this machine, and the one in the {ref} is not"
        return Unusable(wrong, "leave it out, or write clock: system")
    if text.startswith("http://"):
        return Unusable(
            f"the DSN in the {ref} is for plain http beyond this machine", "use one with https://"
        )
    return None

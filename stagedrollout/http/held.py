"""Every secret that this process holds at the moment, for whoever writes something down (promises S2, R24).

One place for the whole process, because what writes is the process's too: its log, its standard error, its last
words. A secret is known from the moment it is read, a token from the moment a service or a key made it; so
none has a time in which a traceback could show it. Both are bounded: secrets by far more than a
configuration names, tokens by those that could still be in somebody's hands.
"""

from __future__ import annotations

import threading
from typing import Any

from stagedrollout.core.redaction import Redactor

SECRETS_MAX = 128
TOKENS_MAX = 32
"""Each lives for an hour at most; a client asks for some of them an hour."""


class Held:
    """Safe from many threads. Shows nothing of what it knows."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._secrets: dict[str, Redactor] = {}
        self._tokens: dict[str, Redactor] = {}
        self._redactor: Redactor | None = None

    def secret(self, value: str) -> None:
        """A secret of the configuration, known from now on."""
        self._keep(self._secrets, value, SECRETS_MAX)

    def token(self, value: str) -> None:
        """What was made from a secret, for a time: an access token, a signed one."""
        self._keep(self._tokens, value, TOKENS_MAX)

    def forget(self, token: str) -> None:
        """It is used up: whoever finds it can do nothing with it, and others keep their place."""
        with self._guard:
            if self._tokens.pop(token, None) is not None:
                self._redactor = None

    @property
    def redactor(self) -> Redactor:
        """One for what is held now."""
        with self._guard:
            if self._redactor is None:
                self._redactor = Redactor.together([*self._secrets.values(), *self._tokens.values()])
            return self._redactor

    def text(self, text: str) -> str:
        return self.redactor.text(text)

    def document(self, value: Any) -> Any:
        return self.redactor.document(value)

    def _keep(self, kept: dict[str, Redactor], value: str, most: int) -> None:
        with self._guard:
            if value in kept:
                return
            while len(kept) >= most:
                del kept[next(iter(kept))]
            kept[value] = Redactor.of([value])
            self._redactor = None


HELD = Held()

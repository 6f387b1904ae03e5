"""The one redactor: what no other person may read is taken out of texts and documents (promises S2, R24).

Two nets, one behind the other. The first knows the secrets of this configuration in every form in which
libraries print them: plain, escaped, percent-encoded, in the middle of something encoded in base64. The second
knows what credentials look like, for those that nobody told us of, and which addresses tell too much: a web
hook's path is the credential itself (sentry.md section 9), so of some hosts only the host is left.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MASK = "***"

SECRET_CHARS_MIN = 6
"""Shorter secrets are left alone: masking them would make every text unreadable, and tell what they are."""

DEPTH_MAX = 40
"""Levels of a document; what lies deeper is masked as a whole."""

_LINE_CHARS_MIN = 16
_KEY_FIELD_CHARS_MIN = 12
_KEY_FILE_SECRETS = ("private_key", "private_key_id", "client_secret", "refresh_token")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PERCENT_UPPER = tuple(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256))
_PERCENT_LOWER = tuple(chr(byte) if byte in _UNRESERVED else f"%{byte:02x}" for byte in range(256))

_TOKENS = re.compile(
    r"""-----BEGIN[ ].*?(?:-----END[ ][A-Z0-9 ]*-----|\Z)
      | \bxox[a-z]-\S+ | \bxapp-\S+
      | \bsntry[a-z]_\S+
      | \beyJ[\w-]{10,}\S*
      | \bya29\.[\w.-]+ | \bAIza[\w-]{30,}
      | (?<=/services/)T\w+/B\w+/\w+""",
    re.DOTALL | re.VERBOSE,
)
_NAMED = re.compile(
    r"""(?P<name>authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:(?:bearer|basic|token)\s{1,4})?
              |\b(?:bearer|basic)\s{1,4}(?=\S{0,200}[\d=._-]|\S{16})
              |(?:token|secret|passw(?:or)?d|api_?key|signature)[\w.-]{0,40}(?:=|["']\s{0,4}[:=]\s{0,4}["']))
        (?P<value>[^\s"'&,;{}\]]{4,})""",
    re.IGNORECASE | re.VERBOSE,
)
"""Repetitions are bounded, so that no text, however long, takes more than its length in time."""
_ADDRESS = re.compile(
    r"""(?P<scheme>\b[a-z][a-z0-9+.-]{1,20}://)
        (?:[^\s"'<>?\#]*@)?
        (?P<host>[^\s/"'<>?\#]*)
        (?P<path>[^\s"'<>?\#]*)
        (?P<rest>[?\#][^\s"'<>]*)?""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSED_HOSTS = ("slack.com", "google.com", "googleapis.com", "apple.com")
_TELLING_KEYS = re.compile(
    r"token|secret|passw|passphrase|authori[sz]ation|cookie|credential|private_?key|api_?key|webhook|signature"
    r"|assertion|\bjwt\b|\bpem\b|\bdsn\b|_dsn\b|^auth$|^key$|query_string|http\.(?:query|fragment)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Masks the secrets it was made for, and whatever looks like one. A value: safe from many threads."""

    forms: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, secrets: Iterable[str]) -> Redactor:
        """For these secrets, each with its parts and in all its forms; the longest are masked first."""
        pieces = {piece for secret in secrets for piece in _pieces(secret) if len(piece) >= SECRET_CHARS_MIN}
        return cls(_longest_first({form for piece in pieces for form in _forms(piece)}))

    @classmethod
    def together(cls, known: Iterable[Redactor]) -> Redactor:
        """One that masks what each of these does."""
        return cls(_longest_first({form for each in known for form in each.forms}))

    def text(self, text: str) -> str:
        """The text without secrets, credentials and telling addresses."""
        return without_addresses(without_tokens(self.known(text)))

    def known(self, text: str) -> str:
        """The text without these secrets; all else stays, addresses that are meant to be read included."""
        for form in self.forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def document(self, value: Any, depth: int = 0) -> Any:
        """A copy of JSON values and instants without any of that in keys or values; all else is masked."""
        match value:
            case _ if depth > DEPTH_MAX:
                return MASK
            case None | bool() | int() | float() | datetime():
                return value
            case str():
                return self.text(value)
            case list() | tuple():
                return [self.document(item, depth + 1) for item in value]
            case dict():
                return {self.text(str(key)): self._field(str(key), value[key], depth) for key in value}
            case _:
                return MASK

    def _field(self, key: str, value: Any, depth: int) -> Any:
        return MASK if value and _TELLING_KEYS.search(key) else self.document(value, depth + 1)


def without_tokens(text: str) -> str:
    """The text without anything that is shaped or named like a token, a password or a key."""
    return _NAMED.sub(lambda found: found["name"] + MASK, _TOKENS.sub(MASK, text))


def without_addresses(text: str) -> str:
    """Addresses without names, passwords and queries; of Slack, Google and Apple nothing but the host."""
    return _ADDRESS.sub(_open_part, text)


def _open_part(found: re.Match[str]) -> str:
    host, path = found["host"], found["path"]
    name = host.rsplit(":", 1)[0].lower().rstrip(".")
    if path.strip("/") and any(name == closed or name.endswith(f".{closed}") for closed in _CLOSED_HOSTS):
        return f"{found['scheme']}{host}/{MASK}"
    return f"{found['scheme']}{host}{path}" + (found["rest"][0] + MASK if found["rest"] else "")


def _longest_first(forms: Iterable[str]) -> tuple[str, ...]:
    usable = sorted([form for form in forms if len(form) >= SECRET_CHARS_MIN])
    return tuple(sorted(usable, key=len, reverse=True))  # those of one length stay in order


def _pieces(secret: str) -> Iterator[str]:
    """The secret, the secret fields of a JSON key file, and each line of a key: all may appear alone."""
    yield secret
    wholes = [secret]
    try:
        document = json.loads(secret)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        named = [value for name in _KEY_FILE_SECRETS if isinstance(value := document.get(name), str)]
        # a key's id that is a word, as an emulator's is, would be masked in every sentence with that word
        wholes = [value for value in named if len(value) >= _KEY_FIELD_CHARS_MIN]
        yield from wholes
    for whole in wholes:
        lines = (line.strip() for line in whole.splitlines())
        yield from (line for line in lines if len(line) >= _LINE_CHARS_MIN and not line.startswith("-----"))


def _forms(piece: str) -> Iterator[str]:
    data = piece.encode("utf-8", "surrogatepass")
    yield piece
    yield json.dumps(piece)[1:-1]
    yield json.dumps(piece, ensure_ascii=False)[1:-1]
    yield repr(piece)[1:-1]
    for escaped in ("".join([signs[byte] for byte in data]) for signs in (_PERCENT_UPPER, _PERCENT_LOWER)):
        yield escaped
        yield escaped.replace("%20", "+")
        yield escaped.replace("%2F", "/").replace("%2f", "/")
    yield data.hex()
    yield data.hex().upper()
    for shift in range(3):
        # Only the characters that the secret alone decides, wherever in a longer text it was encoded.
        encoded = b64encode(bytes(shift) + data).decode()[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
        yield encoded
        yield encoded.translate({ord("+"): "-", ord("/"): "_"})

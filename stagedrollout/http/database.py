"""The address of a database as the configuration writes it, and as the rooms hand it on.

Handed on is one text that holds no secret. Of a server it also says, as options of ours, where its password stands
and in which folder this daemon keeps what must outlive the database: the high-water mark, the spool, the seal.

    sqlite:////var/lib/stagedrollout/state.db
    postgresql://stagedrollout@db/stagedrollout?sslmode=verify-full&password_file=/etc/.../pg&state=/etc/.../state
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

SQLITE, SERVER = "sqlite:///", "postgresql://"

_FORM = re.compile(
    r"postgresql://(?:(?P<user>[^\s:@/?#]*)(?P<password>:[^@/?#]*)?@)?(?P<hosts>[^\s@/?#]*)/(?P<name>[^\s/?#]*)"
    r"(?:\?(?P<options>[^\s#]*))?"
)
_OTHER_NAMES = ("postgres://", "postgresql+", "postgres+")
_OPTIONS = (
    "host",  # the folder of a socket
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "passfile",
    "target_session_attrs",
)
"""What of libpq's options may be given; all others are ours to set, or a secret's."""

_STATE, _PASSWORD = "state", "password_"
HINT = "write it like sqlite:///state/stagedrollout.db, a file beside this one, or postgresql://USER@HOST/DATABASE"
APART = "leave the password out: `database_password: {file: secrets/database}` says where it stands"


@dataclass(frozen=True, slots=True)
class Server:
    """`address`: as libpq takes it, without a password. `password`: where it stands, as kind (env, file, credential) and
    name; two empty texts where libpq finds it, or none is needed. `state`: a folder."""

    address: str
    user: str
    name: str
    password: tuple[str, str] = ("", "")
    state: str = ""

    @property
    def shown(self) -> str:
        """For people: without options."""
        return self.address.partition("?")[0]


def server_problem(written: str) -> str:
    """What is wrong with an address that is no file's, in words without any of it; "" for nothing."""
    if written.startswith(_OTHER_NAMES):
        return "write it with postgresql:// at its beginning"
    found = _FORM.fullmatch(written)
    if not written.startswith(SERVER) or found is None:
        return HINT
    if found["password"] is not None:
        return APART
    if not found["user"] or not found["name"]:
        return "name the user and the database: postgresql://USER@HOST/DATABASE"
    options = parse_qsl(found["options"] or "", keep_blank_values=True)
    if any(name == "password" for name, _ in options):
        return APART
    if unknown := [name for name, _ in options if name not in _OPTIONS]:
        return f"leave out the option {unknown[0]!r:.40}: these may be given: {', '.join(_OPTIONS)}"
    if not found["hosts"] and not any(name == "host" for name, _ in options):
        return "name the host: postgresql://USER@HOST/DATABASE, or ?host=/folder/of/its/socket"
    return ""


def handed_on(written: str, *, state: str, password: tuple[str, str]) -> str:
    """The address of a server with what is ours to add. Both may be empty."""
    kind, name = password
    ours = {**({_PASSWORD + kind: name} if kind else {}), **({_STATE: state} if state else {})}
    if not ours:
        return written
    return f"{written}{'&' if '?' in written else '?'}{urlencode(ours, quote_via=quote)}"


def server_of(url: str) -> Server | None:
    """What a handed-on address says; None for a file's, or one that cannot be read."""
    found = _FORM.fullmatch(url)
    if found is None or found["password"] is not None:
        return None
    options = parse_qsl(found["options"] or "", keep_blank_values=True)
    kept = [(name, value) for name, value in options if name in _OPTIONS]
    ours = dict(options)
    password = next(((kind, ours[_PASSWORD + kind]) for kind in _KINDS if _PASSWORD + kind in ours), ("", ""))
    plain = url.partition("?")[0]
    address = f"{plain}?{urlencode(kept, quote_via=quote)}" if kept else plain
    return Server(
        address, unquote(found["user"] or ""), unquote(found["name"]), password, ours.get(_STATE, "")
    )


_KINDS = ("env", "file", "credential")


def beside(url: str) -> str:
    """The name that everything beside a database begins with: the file's own, or one in the server's state folder; ""
    where there is none."""
    if url.startswith(SQLITE):
        return url.removeprefix(SQLITE)
    server = server_of(url)
    return f"{server.state}/{quote(server.name, safe='')}.postgresql" if server and server.state else ""


def as_user(url: str, user: str) -> str:
    """The same database for another user, whose password libpq finds (PGPASSWORD, PGPASSFILE)."""
    server = server_of(url)
    if server is None:
        return url
    rest = server.address.partition("@")[2]
    return handed_on(f"{SERVER}{quote(user, safe='')}@{rest}", state=server.state, password=("", ""))

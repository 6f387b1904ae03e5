"""What people leave beside the configuration when nothing else can be relied on: halts given past the daemon, and
whether the line is stopped.

Small files that a daemon finds at its start and before each raise, whatever has become of its database. They can only
forbid: a halt that cannot be read, like a folder that cannot, keeps everything from being raised and halts nothing.
Nothing secret is in them; all the same they are for one user only, for who can write here can stop every release.

Where root leaves them, they are given to the user whose database it is, for otherwise the daemon could not read them.
"""

from __future__ import annotations

import itertools
import json
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stagedrollout.core.codec import decode, encode
from stagedrollout.core.errors import StorageError
from stagedrollout.core.line import Line
from stagedrollout.core.line_facts import LineFreed, LineStopped
from stagedrollout.core.model import Actor, ActorKind, Command, CommandVerb, Store, StoreApp
from stagedrollout.http.database import beside as begins
from stagedrollout.storage import durable_file
from stagedrollout.storage.wording import UNREADABLE

SUFFIX = ".brakes"
_FOLDER_MODE = 0o700
_HALT, _LINE, _JSON = "halt-", "line.json", ".json"
_BYTES_MAX = 64 * 1024
_MARKERS_MAX = 200
"""More are not read at a time, for every raise asks for them: while there are more, nothing is raised at all."""


@dataclass(frozen=True, slots=True)
class HaltMarker:
    """A halt that a person has given past the daemon. `release`: the store's own id of it, "" for what is going on.
    `host`: where it was given; `at`: the machine's time there."""

    id: str
    app: str
    store: Store
    release: str
    actor: Actor
    reason: str
    at: datetime
    host: str = ""

    @property
    def order(self) -> Command:
        """The same as an order: that person's halt, and never expired."""
        return Command(
            id=self.id,
            verb=CommandVerb.HALT,
            app=self.app,
            store=self.store,
            actor=self.actor,
            reason=self.reason,
            created_at=self.at,
            release=self.release,
            expires_at=None,
        )

    @property
    def words(self) -> str:
        """For people, in half a sentence."""
        what = f"{self.app} on {self.store.value}" + (f" ({self.release})" if self.release else "")
        where = f" on {self.host}" if self.host else ""
        return (
            f"the halt of {what} that {self.actor} gave past the daemon{where} at "
            f"{self.at:%Y-%m-%d %H:%M} UTC: {self.reason}"
        )


@dataclass(frozen=True, slots=True)
class Left:
    """One file of the folder: the halt in it, or in words why it cannot be read."""

    path: Path
    marker: HaltMarker | None
    wrong: str = ""

    def concerns(self, app: StoreApp) -> bool:
        """What cannot be read may be about any app."""
        return self.marker is None or (self.marker.app, self.marker.store) == (app.app, app.store)

    @property
    def words(self) -> str:
        if self.marker:
            return f"{self.marker.words} is not in the journal yet ({self.path})"
        return f"{self.path} cannot be read: {self.wrong}; look what was halted, then take it away"


class BrakesFolder:
    """The folder beside one configuration. Safe from several processes: a file is replaced whole or taken away."""

    def __init__(self, config: Path, *, owner: tuple[int, int] | None = None, sure: bool = True) -> None:
        """`owner`: user and group to give to what root leaves; None: it stays root's. `sure`: they are the daemon's."""
        path = config.absolute()
        self.path = path.with_name(path.name + SUFFIX)
        self._owner = owner if os.geteuid() == 0 else None
        self._sure = sure

    @property
    def whose(self) -> str:
        """Where root leaves something and the database is not there to tell whose it is: for whom that is no use."""
        if self._sure or self._owner is None:
            return ""
        name = _user(self._owner[0])
        return (
            f"What was left belongs to {name}, for the database does not tell whose it is. A daemon of another user"
            f" cannot read it: it raises nothing, and imports nothing before chown -R USER {self.path}"
        )

    def paths(self) -> tuple[Path, ...]:
        """The folder and what is in it, as far as that can be seen; all of it is for one user only."""
        try:
            names = sorted(each.name for each in os.scandir(self.path))[:_MARKERS_MAX]
        except OSError:
            return (self.path,)
        return (self.path, *(self.path / name for name in names))

    def halts(self) -> tuple[Left, ...]:
        """Halts that wait for a daemon, oldest first, and what cannot be read. Raises nothing."""
        try:
            names = sorted(_halts_in(self.path))
        except OSError as error:
            return (Left(self.path, None, _why(error)),)
        found = (self._halt(self.path / name) for name in names[:_MARKERS_MAX])
        halts = sorted((each for each in found if each), key=_age)
        if len(names) > _MARKERS_MAX:
            halts.append(Left(self.path, None, f"there are more than {_MARKERS_MAX} halts in it"))
        return tuple(halts)

    def signature(self) -> object:
        """Another value once anything in it is another; cheap, for it is asked for at every turn. Raises nothing."""
        try:
            with os.scandir(self.path) as folder:
                found = itertools.islice(folder, 2 * _MARKERS_MAX)
                return tuple(sorted((each.name, *_looks(each.stat(follow_symlinks=False))) for each in found))
        except FileNotFoundError:
            return ()
        except OSError as error:
            return _why(error)

    def leave(self, marker: HaltMarker) -> Path:
        """Durable once this returns. Raises StorageError."""
        return self._write(f"{_HALT}{marker.id}{_JSON}", encode(marker))

    def take_out(self, left: Left) -> None:
        """A journal has it. Raises StorageError."""
        try:
            durable_file.remove(left.path)
        except OSError as error:
            raise StorageError(f"{left.path} cannot be taken away: {_why(error)}") from error

    def line(self) -> Line:
        """Whether the line is stopped. Raises nothing: what cannot be read says so."""
        path = self.path / _LINE
        try:
            text = durable_file.read_whole(path, _BYTES_MAX)
            return Line() if text is None else _line(json.loads(text))
        except (OSError, *UNREADABLE) as error:
            return Line(unread=f"{path}: {_why(error)}")

    def write_line(self, line: Line) -> Path:
        """Durable once this returns. Raises StorageError."""
        return self._write(_LINE, {"stopped": encode(line.stopped), "freed": encode(line.freed)})

    def _halt(self, path: Path) -> Left | None:
        """None where a daemon took it out between two looks."""
        try:
            text = durable_file.read_whole(path, _BYTES_MAX)
            return None if text is None else Left(path, _marker(json.loads(text)))
        except (OSError, *UNREADABLE) as error:
            return Left(path, None, _why(error))

    def _write(self, name: str, body: object) -> Path:
        path = self.path / name
        text = json.dumps(body, indent=2, sort_keys=True) + "\n"
        if len(text.encode()) > _BYTES_MAX:
            raise StorageError(f"{path} cannot be written: it would be longer than {_BYTES_MAX} bytes")
        try:
            folder = self._opened()
            try:
                durable_file.replace_within(folder, name, text, self._owner)
            finally:
                os.close(folder)
        except OSError as error:
            raise StorageError(
                f"{path} cannot be written: {_why(error)}{self._whose_to_write(error)}"
            ) from error
        return path

    def _whose_to_write(self, error: OSError) -> str:
        """Who may, where it is a matter of rights; "" where it is not."""
        if not isinstance(error, PermissionError):
            return ""
        place = self.path if self.path.is_dir() else self.path.parent
        owner = _owner_of(place)
        return f"; {place} belongs to {_user(owner[0])}: order it as that user, or as root" if owner else ""

    def _opened(self) -> int:
        """The folder, made where there is none. Followed is no link, and given away nothing but what was made here: its
        parent may belong to somebody who would like to have another folder of root's. Raises OSError."""
        made = not self.path.is_dir()
        if made:
            self.path.mkdir(mode=_FOLDER_MODE)
            durable_file.sync_folder(self.path.parent)
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        if made and self._owner is not None:
            os.fchown(folder, *self._owner)
        return folder


def beside(config: Path, database: str = "") -> BrakesFolder:
    """The folder of a configuration; `database` is its database's address, "" where that is not known."""
    keeper = _keeper(database)
    return BrakesFolder(config, owner=keeper or _likely(config.absolute()), sure=keeper is not None)


def _keeper(database: str) -> tuple[int, int] | None:
    """Whose database it is: the file may be gone, its folder tells as well."""
    if not (name := begins(database)):
        return None
    file = Path(name)
    return _owner_of(file) or _owner_of(file.parent)


def _likely(config: Path) -> tuple[int, int] | None:
    """Without a database: who has the configuration, or its folder; others than root, if there are any."""
    found = [owner for path in (config, config.parent) if (owner := _owner_of(path))]
    return next((owner for owner in found if owner[0] != 0), found[0] if found else None)


def _owner_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_uid, found.st_gid


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def _halts_in(folder: Path) -> Iterator[str]:
    """The names of its halts; none where there is no such folder. Raises OSError."""
    try:
        yield from (
            each.name
            for each in os.scandir(folder)
            if each.name.startswith(_HALT) and each.name.endswith(_JSON)
        )
    except FileNotFoundError:
        return


def _looks(found: os.stat_result) -> tuple[int, ...]:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _age(left: Left) -> tuple[bool, str, str]:
    return left.marker is None, left.marker.at.isoformat() if left.marker else "", left.path.name


def _marker(body: object) -> HaltMarker:
    """Raises what UNREADABLE names."""
    marker = decode(HaltMarker, body)
    texts = (marker.id, marker.app, marker.release, marker.reason, marker.host)
    if not (marker.id and marker.app and all(isinstance(text, str) for text in texts)):
        raise ValueError("it is no halt")
    _by_a_person(marker.actor, marker.at)
    return marker


def _line(body: object) -> Line:
    """Raises what UNREADABLE names."""
    if not isinstance(body, dict) or not {"stopped", "freed"} <= body.keys():
        raise ValueError("it does not say whether the line is stopped")
    stopped = decode(LineStopped, body["stopped"]) if body["stopped"] is not None else None
    freed = decode(LineFreed, body["freed"]) if body["freed"] is not None else None
    told: tuple[LineStopped | LineFreed | None, ...] = (stopped, freed)
    for each in told:
        if each is not None:
            _by_a_person(each.actor, each.at)
    if stopped is not None and not (isinstance(stopped.id, str) and isinstance(stopped.reason, str)):
        raise ValueError("it is no freeze")
    if stopped is not None and stopped.until is not None and stopped.until.tzinfo is None:
        raise ValueError("an instant without its zone")
    if freed is not None and (stopped is None or freed.id != stopped.id):
        raise ValueError("what was thawed is not what was stopped")
    return Line(stopped, freed)


def _by_a_person(actor: Actor, at: datetime) -> None:
    if actor.kind is not ActorKind.HUMAN or not isinstance(actor.name, str) or not actor.name:
        raise ValueError("it does not say whose it is")
    if at.tzinfo is None:
        raise ValueError("an instant without its zone")


def _why(error: BaseException) -> str:
    """In words, without what a library makes of them."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    if isinstance(error, ValueError) and str(error):
        return str(error)
    return "it is not what was written"

"""One request for what several apps ask of one Sentry project at the same moment.

Apps that share a project ask the same but for the releases they ask about: the same hours, the same fields. Whoever asks
first waits a moment for the others and asks for the releases of all; each finds its own in the answer. Nothing is kept:
who asks once the request has left is in the next one, so that an answer is never older than the question of the pass that
cites it (R1), and what fails fails for those who asked, each of whom asks again as if it had been alone.

An app must not suffer from what another one's releases are called, or how many there are: where a question for several is
refused, or its answer cut short, each asks for itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

from stagedrollout.core.errors import Faulty, Rejected
from stagedrollout.signals.sentry_shape import Answer

GATHER_SECONDS = 0.25
"""How long whoever asks first waits: passes of one project begin within so long of each other (daemon/pacing.py), and a halt
that depends on the answer has a minute."""

LETTERS_MAX = 3_000
"""Of all names together: servers take addresses of 8 KiB, and quoting nearly doubles a name."""

Names = tuple[str, ...]


@dataclass(slots=True)
class _Batch:
    names: dict[str, None]
    full: threading.Event = field(default_factory=threading.Event)
    answer: Future[Answer] = field(default_factory=Future)


class Together:
    """For one project. Safe from many threads, each of which asks for itself and waits for the answer. `gather` waits for
    the others, at most until the event is set: there is no room for more then."""

    def __init__(
        self, gather: Callable[[threading.Event], object] = lambda full: full.wait(GATHER_SECONDS)
    ) -> None:
        self._gather = gather
        self._guard = threading.Lock()
        self._gathering: dict[Hashable, _Batch] = {}

    def ask(self, alike: Hashable, names: Names, names_max: int, put: Callable[[Names], Answer]) -> Answer:
        """What `put` answers for `names`, and maybe for others. Those that are `alike` may share a request, of `names_max`
        names at most. Raises what `put` raises."""
        batch, leads = self._joined(alike, names, names_max)
        if leads:
            self._lead(alike, batch, put)
        error, alone = batch.answer.exception(), len(batch.names) == len(set(names))
        if error is None:
            answer = batch.answer.result()
            return answer if answer.whole or alone else put(names)
        if alone or not _of_the_question(error):
            raise error.with_traceback(None)
        return put(names)

    def _joined(self, alike: Hashable, names: Names, names_max: int) -> tuple[_Batch, bool]:
        """The batch that asks for these names too, and whether nobody had begun it."""
        with self._guard:
            if (batch := self._gathering.get(alike)) is not None:
                both = {**batch.names, **dict.fromkeys(names)}
                if len(both) <= names_max and sum(map(len, both)) <= LETTERS_MAX:
                    batch.names = both
                    return batch, False
                batch.full.set()
            batch = self._gathering[alike] = _Batch(dict.fromkeys(names))
            return batch, True

    def _lead(self, alike: Hashable, batch: _Batch, put: Callable[[Names], Answer]) -> None:
        self._gather(batch.full)
        with self._guard:  # from here on nobody joins it
            if self._gathering.get(alike) is batch:
                del self._gathering[alike]
        try:
            batch.answer.set_result(put(tuple(batch.names)))
        except BaseException as error:  # noqa: BLE001 - it is raised again in each that asked
            batch.answer.set_exception(error)


def _of_the_question(error: BaseException) -> bool:
    """Whether a smaller question may be answered: a name that Sentry does not take, or too much for the time it has."""
    return isinstance(error, Rejected) or (isinstance(error, Faulty) and error.status == 400)

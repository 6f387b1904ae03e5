"""Everything is asked at once, each service within a time of its own: one that hangs keeps nobody from being told
about the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from stagedrollout.core.errors import EdgeError, WrongConfiguration
from stagedrollout.doctor.finding import Finding, Telling

PATIENCE_SECONDS = 60.0
"""For all questions about one subject: some ten requests, of which none may take longer than REQUEST_SECONDS."""

REQUEST_SECONDS = 10.0
"""For one request, where the configuration gives them more."""

Told = Callable[[str], None]


@dataclass(slots=True)
class Unit:
    """Questions about one subject, asked one after the other; each answer counts as soon as it is there.

    `about`: what is told of where the service fails us altogether.
    """

    tell: Telling
    questions: Callable[[], Iterator[Finding]]
    about: str = "access"
    _found: list[Finding] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def begin(self, ended: Callable[[], None]) -> None:
        # a thread that ends with the process: what hangs beyond its time must not keep it
        threading.Thread(
            target=self._ask, args=(ended,), name=f"doctor-{self.tell.subject}", daemon=True
        ).start()

    def wait(self, seconds: float) -> None:
        self._over.wait(max(seconds, 0))

    def findings(self) -> tuple[Finding, ...]:
        found = tuple(self._found)
        if self._over.is_set():
            return found
        late = f"the other questions have no answer yet after {PATIENCE_SECONDS:.0f} s"
        return (*found, self.tell.unknown("time", late, "try again; the service may be slow or hang"))

    def _ask(self, ended: Callable[[], None]) -> None:
        try:
            for finding in self.questions():
                self._found.append(finding)
        except EdgeError as error:
            self._found.append(self.tell.failed(self.about, error))
        except WrongConfiguration as error:
            self._found.append(self.tell.problem("configuration", str(error)))
        except Exception as mistake:  # noqa: BLE001 - told as what it is; the other subjects have their say
            said = f"a mistake of stagedrollout's, please report it: {type(mistake).__name__}"
            self._found.append(self.tell.unknown("doctor", said))
        finally:
            self._over.set()
            ended()


def examined(units: list[Unit], told: Told) -> tuple[Finding, ...]:
    """All findings, in the order of the units. `told` is called with what is still waited for, from any thread."""
    ends = time.monotonic() + PATIENCE_SECONDS
    waiting, guard = dict.fromkeys(unit.tell.subject for unit in units), threading.Lock()

    def ended(subject: str) -> Callable[[], None]:
        def tell() -> None:
            with guard:
                waiting.pop(subject, None)
                told(", ".join(waiting))

        return tell

    told(", ".join(waiting))
    for unit in units:
        unit.begin(ended(unit.tell.subject))
    for unit in units:
        unit.wait(ends - time.monotonic())
    return tuple(finding for unit in units for finding in unit.findings())

"""guard.py ROOM PROGRAMS: the server of one run of the tests, for as long as any of its processes is there.

Each of them holds a lock on the file `users`, which the kernel frees however it ends. Once nobody does, the server is
stopped and its folder removed: a run that is killed leaves nothing behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.postgres.cluster import Cluster

LOOK_SECONDS = 0.3


def main() -> None:
    room, programs = Path(sys.argv[1]), Path(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts the tests does not mean the server
    server = room / "server"
    server.mkdir(mode=0o700)
    cluster = Cluster(server, programs)
    try:
        cluster.make()
        cluster.start()
        (room / "port.new").write_text(str(cluster.port))
        (room / "port.new").rename(room / "port")
        with (room / "users").open("a") as users:
            while not _free(users.fileno()):
                time.sleep(LOOK_SECONDS)
            cluster.remove()
            shutil.rmtree(room)  # while nobody else can come in
    except BaseException as error:
        (room / "problem").write_text(str(error))
        raise
    finally:
        (room / "port").unlink(missing_ok=True)
        cluster.remove()


def _free(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    os.setsid()
    main()

"""leash.py PARENT COMMAND...: become the command, and die with the parent, however that ends: no test leaves a process.

Linux only; elsewhere the command runs without a leash. Only the standard library, so that it costs next to nothing.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it died before we asked to be told
            sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()

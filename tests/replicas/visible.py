"""The product, but for one thing: whose its sockets are, root need not ask. Everybody else may not look into a process that has
closed itself (hardening.py), and the links could not tell who calls.
"""

from __future__ import annotations

from stagedrollout.cli.main import main
from stagedrollout.daemon import hardening

if __name__ == "__main__":
    hardening._undumpable = lambda: None
    main()

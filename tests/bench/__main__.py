"""Measures, prints, and exits with 1 where a figure is beyond its bound."""

from __future__ import annotations

import argparse
import sys

from tests.bench import calls, cli, daemon
from tests.bench.figure import shown

BENCHES = {"cli": cli.measure, "daemon": daemon.measure, "calls": calls.measure}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Figures of whole processes.")
    parser.add_argument("what", choices=BENCHES)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    options = parser.parse_args(arguments)
    figures = BENCHES[options.what]()
    print(shown(figures, as_json=options.json))
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())

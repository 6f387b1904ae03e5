"""`--check`: exit 1 with a diff where the README's generated blocks are stale. `--write`: renew them."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from tests.docs.blocks import BLOCKS
from tests.docs.page import written

README = Path(__file__).resolve().parents[2] / "README.md"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    todo = parser.add_mutually_exclusive_group(required=True)
    todo.add_argument("--check", action="store_true")
    todo.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    before = README.read_text("utf-8")
    after = written(before, BLOCKS)
    if options.write:
        README.write_text(after, "utf-8")
        return 0
    diff = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), "README.md", "README.md, generated"
    )
    sys.stdout.writelines(diff)
    if before != after:
        print("README.md is stale: python -m tests.docs --write renews it", file=sys.stderr)
    return int(before != after)


if __name__ == "__main__":
    sys.exit(main())

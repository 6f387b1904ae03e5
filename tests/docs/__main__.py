"""`--check`: exit 1 with a diff where the README's generated blocks or the schemas are stale. `--write`: renew them."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from stagedrollout.config.schema import FILES, schema_text
from tests.docs.blocks import BLOCKS
from tests.docs.page import written

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SCHEMAS = {name: ROOT / "policies" / "schema" / f"{name}.json" for name in FILES}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    todo = parser.add_mutually_exclusive_group(required=True)
    todo.add_argument("--check", action="store_true")
    todo.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    pages = {README: written(README.read_text("utf-8"), BLOCKS)}
    pages |= {path: schema_text(name) for name, path in SCHEMAS.items()}
    if options.write:
        for path, text in pages.items():
            path.write_text(text, "utf-8")
        return 0
    return max([_stale(path, text) for path, text in pages.items()])


def _stale(path: Path, after: str) -> int:
    """1, and what differs is shown; 0 where nothing does."""
    before = path.read_text("utf-8")
    diff = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        path.name,
        f"{path.name}, generated",
    )
    sys.stdout.writelines(diff)
    if before != after:
        print(f"{path.name} is stale: python -m tests.docs --write renews it", file=sys.stderr)
    return int(before != after)


if __name__ == "__main__":
    sys.exit(main())

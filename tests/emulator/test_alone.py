"""The emulator shares no code with what it tests."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import stagedrollout.emulator

FOLDER = Path(stagedrollout.emulator.__file__).parent
ALLOWED = {"ruamel", "jwt", "cryptography", "websockets"}


def test_it_imports_nothing_of_ours_and_only_what_it_needs():
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, file.name
                names = [node.module or ""]
            else:
                continue
            for name in names:
                top = name.split(".")[0]
                ours = name.startswith("stagedrollout.emulator")
                assert ours or top in ALLOWED or top in sys.stdlib_module_names, f"{file.name}: {name}"

"""Where the policies that come with the package are: in an installed wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

import stagedrollout


def policies_folder() -> Path:
    """The folder of cautious.yaml, standard.yaml and hotfix.yaml. Raises FileNotFoundError without it."""
    package = Path(stagedrollout.__file__).resolve().parent
    for folder in (package / "policies", package.parent / "policies"):
        if (folder / "standard.yaml").is_file():
            return folder
    raise FileNotFoundError(f"the shipped policies are missing from {package}")

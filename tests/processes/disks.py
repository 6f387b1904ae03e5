"""What can become of the place where the database lies, while the daemon runs."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TMPFS_BYTES = 8 * 1024 * 1024


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own on `folder`, gone afterwards whatever happened. Skips, in words, where none can be had."""
    options = f"size={TMPFS_BYTES},mode=700"
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run(
        (mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Nothing more fits onto the disk of `folder`, until the end of the block."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (64 * 1024, 1024, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def files_no_larger_than(pid: int, size: int) -> Iterator[None]:
    """Every write of the process beyond that many bytes of a file fails, as on a quota that is used up."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def read_only(database: Path) -> Iterator[None]:
    """The database cannot be changed by anybody, not even through a file that is open. Skips where it cannot be done."""
    files = [
        str(path) for path in sorted(database.parent.glob(f"{database.name}*")) if "lock" not in path.name
    ]
    chattr = shutil.which("chattr")
    done = (
        None if chattr is None else subprocess.run((chattr, "+i", *files), capture_output=True, check=False)
    )
    if chattr is None or done is None or done.returncode:
        pytest.skip("files cannot be made immutable here")
    try:
        yield
    finally:
        subprocess.run((chattr, "-i", *files), check=True)

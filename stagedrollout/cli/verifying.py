"""What `history --verify` and `db check` say of the chains: each rollout's head, and what is not as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stagedrollout.core.plain import one_line

if TYPE_CHECKING:
    from stagedrollout.storage.engine import Engine
    from stagedrollout.storage.highwater import Doubt
    from stagedrollout.storage.verifying import Proof


def verified(engine: Engine) -> tuple[Proof, Doubt | None]:
    """Every chain computed again, and compared with the mark outside the database. Raises StorageError."""
    from stagedrollout.storage.highwater import doubt_of  # noqa: PLC0415
    from stagedrollout.storage.verifying import verify  # noqa: PLC0415

    return verify(engine), doubt_of(engine)


def expected(engine: Engine, written: str) -> list[dict[str, Any]]:
    """The entries whose hash begins so. Raises click.BadParameter for what is no hash, StorageError."""
    from stagedrollout.storage.verifying import HASH_LEAST, entries_with  # noqa: PLC0415

    digits = written.strip().lower()
    if len(digits) < HASH_LEAST or len(digits) > 64 or set(digits) - set("0123456789abcdef"):
        right = f"a hash is written in {HASH_LEAST} to 64 of the digits 0 to 9 and a to f"
        raise click.BadParameter(f"{written!r} is no hash: {right}", param_hint="--expect")
    here = [
        {"rollout": rollout, "seq": seq, "hash": found}
        for rollout, seq, found in entries_with(engine, digits)
    ]
    return here or _expected_of_left(engine, digits)


def _expected_of_left(engine: Engine, digits: str) -> list[dict[str, Any]]:
    """The same of what has left the database, in the archives that are still where they were put."""
    from stagedrollout.storage import archive  # noqa: PLC0415
    from stagedrollout.storage.retired import all_retired  # noqa: PLC0415

    rows = {each.path.name: each.rollout for each in all_retired(engine)}
    folders = dict.fromkeys(each.path.parent for each in all_retired(engine))
    return [
        {"rollout": rollout, "seq": seq, "hash": found, "archive": str(path)}
        for folder in folders
        for path, rollout, seq, found in archive.entries_with(folder, digits)
        if rows.get(path.name) == rollout
    ]


def say_expected(written: str, places: list[dict[str, Any]]) -> None:
    for place in places:
        where = f"its archive has it ({place['archive']})" if "archive" in place else "the journal has it"
        click.echo(
            f"{place['hash']}  {one_line(place['rollout'])}  is entry {place['seq']}: {one_line(where)}"
        )
    if not places:
        click.echo(f"NOT IN THE JOURNAL: no entry has a hash that begins with {one_line(written)}")


def document(proof: Proof, doubt: Doubt | None) -> dict[str, Any]:
    return {
        "sound": proof.sound and doubt is None,
        "entries": proof.entries,
        "seq": proof.seq,
        "head": proof.head,
        "rollouts": [
            {"rollout": chain.rollout, "entries": chain.entries, "seq": chain.seq, "head": chain.head}
            for chain in proof.chains
        ],
        "retired": [
            {
                "rollout": each.rollout,
                "entries": each.entries,
                "seq": each.seq,
                "head": each.head,
                "archive": each.archive,
            }
            for each in proof.retired
        ],
        "breaks": [
            {"rollout": found.rollout, "seq": found.seq, "said": found.said} for found in proof.breaks
        ],
        "highwater": doubt.words if doubt else "",
    }


def say(proof: Proof, doubt: Doubt | None) -> None:
    for chain in proof.chains:
        click.echo(
            f"{chain.head}  {one_line(chain.rollout)}  ({chain.entries} entries, the last is {chain.seq})"
        )
    if proof.retired:
        entries = sum(each.entries for each in proof.retired)
        said = f"{len(proof.retired)} rollouts ({entries} entries) have left it: `stagedrollout db check` reads their archives"
        click.echo(said)
    for found in proof.breaks:
        click.echo(f"NOT AS WRITTEN: {one_line(found.words)}")
    if doubt:
        click.echo(f"NOT THE NEWEST: {one_line(doubt.words)}")
    if proof.sound and not doubt:
        click.echo(f"{proof.head}  the whole journal ({proof.entries} entries): as it was written")

"""Measures, prints, and exits with 1 where a figure is beyond its bound."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stagedrollout.rehearsal.many import cores
from tests.bench import (
    calls,
    cli,
    daemon,
    decision,
    decision_figures,
    engine,
    faults,
    overrides,
    scale,
    stores,
    watched,
)
from tests.bench.figure import Figure, shown

BENCHES = {"cli": cli.measure, "daemon": daemon.measure, "calls": calls.measure, "watched": watched.measure}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Figures of whole processes.")
    parser.add_argument("what", choices=(*BENCHES, "decision", "faults", "overrides", "scale", "stores"))
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    both = parser.add_argument_group("decision, faults, overrides and scale only")
    both.add_argument(
        "--quick", action="store_true", help="few cells, seeds, faults and apps: is anything broken?"
    )
    both.add_argument("--workers", type=int, default=cores(), help="processes (default: one for each core)")
    parser.add_argument_group("faults only").add_argument(
        "--seed", type=int, default=faults.SEED, help="which stories are told (default: %(default)s)"
    )
    parser.add_argument_group("stores only").add_argument(
        "--codemagic",
        metavar="FOLDER",
        type=Path,
        default=None,
        help="where the commands of codemagic-cli-tools are (default: on PATH)",
    )
    group = parser.add_argument_group("decision only")
    group.add_argument(
        "--out", "--resume", type=Path, default=None, help="keep each cell's result; go on there"
    )
    group.add_argument(
        "--healthy",
        type=int,
        default=decision.SEEDS_HEALTHY,
        help="seeds of each cell without a regression (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if options.what == "faults":
        return _faults(options)
    if options.what == "stores":
        return _stores(options)
    if options.what == "overrides":
        return _overrides(options)
    if options.what == "scale":
        return _scale(options)
    figures = _decision(options) if options.what == "decision" else BENCHES[options.what]()
    if options.what != "decision":
        print(shown(figures, as_json=options.json))
    return 0 if all(figure.kept for figure in figures) else 1


def _faults(options: argparse.Namespace) -> int:
    result = faults.measure(quick=options.quick, seed=options.seed, workers=options.workers)
    print(faults.as_json(result) if options.json else faults.table(result))
    return 0 if result.kept else 1


def _overrides(options: argparse.Namespace) -> int:
    result = overrides.measure(quick=options.quick)
    print(overrides.as_json(result) if options.json else overrides.table(result))
    return 0 if result.kept else 1


def _scale(options: argparse.Namespace) -> int:
    result = scale.measure(quick=options.quick)
    print(scale.as_json(result) if options.json else scale.table(result))
    return 0 if result.kept else 1


def _stores(options: argparse.Namespace) -> int:
    result = stores.measure(options.codemagic)
    print(stores.as_json(result) if options.json else stores.table(result))
    return 0 if result.kept else 1


def _decision(options: argparse.Namespace) -> list[Figure]:
    results = decision.measure(
        quick=options.quick, out=options.out, workers=options.workers, healthy=options.healthy
    )
    figures = [*decision_figures.figures(results), *engine.measure()]
    if options.json:
        print(decision_figures.as_json(results, figures))
        return figures
    print(decision_figures.table(results))
    print()
    print(shown(figures, as_json=False))
    seeds = sorted({result.cell.seeds for result in results})
    print(f"\nseeds 1 to {', '.join(map(str, seeds))}; code {', '.join(sorted({r.code for r in results}))}")
    return figures


if __name__ == "__main__":
    sys.exit(main())

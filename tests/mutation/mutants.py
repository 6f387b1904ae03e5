"""Every small mistake that a function could have been written with: one place, one change.

Texts are left alone, and so is what stands outside of functions: constants and declarations.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """In `file` (below the root), in the function `where` that begins at `begins`, `sound` becomes `broken`.

    `nth`: the how-manieth place with that very change, in this function or in one of the same name. `place` and `choice` find it in the tree.
    """

    file: str
    where: str
    begins: int
    line: int
    sound: str
    broken: str
    nth: int
    place: int
    choice: int

    @property
    def name(self) -> str:
        again = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.where}: {self.sound} -> {self.broken}{again}"


def mutants(file: str) -> Iterator[Mutant]:
    seen: Counter[tuple[str, ...]] = Counter()
    for where, function in functions_of(ast.parse((ROOT / file).read_text("utf-8"))):
        for place, node in enumerate(_places(function)):
            for choice, changed in enumerate(_changes(node)):
                words = _words(node), _words(changed)
                seen[where, *words] += 1
                yield Mutant(
                    file, where, begins(function), node.lineno, *words, seen[where, *words], place, choice
                )


def mutated(mutant: Mutant) -> ast.Module:
    """The module with the change in it."""
    tree = ast.parse((ROOT / mutant.file).read_text("utf-8"))
    for where, function in functions_of(tree):
        if where == mutant.where and function.lineno >= mutant.begins:
            node = _places(function)[mutant.place]
            changed = list(_changes(node))[mutant.choice]
            _Replacing(node, ast.copy_location(changed, node)).visit(tree)
            return ast.fix_missing_locations(tree)
    raise LookupError(f"{mutant.file} has no {mutant.where} any more")


class _Replacing(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def begins(function: ast.FunctionDef) -> int:
    """The first line, as its code object has it."""
    return min((decorator.lineno for decorator in function.decorator_list), default=function.lineno)


def functions_of(tree: ast.AST, above: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The outermost ones, and those of classes; what stands within one of them belongs to it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield f"{above}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from functions_of(node, f"{above}{node.name}.")


def _places(function: ast.FunctionDef) -> list[ast.expr | ast.stmt]:
    """In the body only: neither decorators nor defaults, nor what annotates."""
    return [
        node
        for statement in function.body
        for node in _below(statement)
        if isinstance(node, ast.expr | ast.stmt)
    ]


def _below(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.JoinedStr):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "defaults", "kw_defaults"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _below(child)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [op], [right]):
            yield from (ast.Compare(left, [other()], [right]) for other in _COMPARED[type(op)])
        case ast.Compare(left, ops, rights):
            for at, op in enumerate(ops):
                other = _COMPARED[type(op)][0]()
                yield ast.Compare(left, [*ops[:at], other, *ops[at + 1 :]], rights)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            if len(values) > 2:
                yield from (ast.BoolOp(op, values[:at] + values[at + 1 :]) for at in range(len(values)))
        case ast.BinOp(left, op, right) if type(op) in _COUNTED:
            yield ast.BinOp(left, _COUNTED[type(op)](), right)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value)) | ast.Constant(float(value)):
            yield ast.Constant(value + 1)
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.If(test, body, orelse) if not isinstance(test, ast.Compare | ast.UnaryOp):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Return(value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(None))


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _words(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    told = " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
    return told if len(told) <= 160 else f"{told[:157]}..."

"""The places in the code that make a request, and which of them a story has passed.

A place is an expression that names a path ("/v1/…"), builds one of Google's requests (`play.edits().insert(…)`),
makes a value that stands for a request, or sends JSON; and every public method of a class in `stores/` or `signals/`
that has a way to the wire. One that no story passes is a request that nobody has held against its description. New
code has its places without being asked; only what speaks with services of which there is no description is left out,
by name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from stagedrollout.http.client import HttpClient
from tests.contracts import discovery
from tests.contracts.passing import PACKAGE, Line

UNDESCRIBED = {
    "emulator": "the services themselves, which are no client of any",
    "notify": "Slack has no description that a machine could read",
    "signals/store_average.py": "Apple's public lookup has none (app-store-connect.md section 12)",
    "signals/prometheus.py": "Prometheus has a page that says how to ask, and no description that a machine could read",
    "signals/grafana.py": "likewise; what its data sources take is theirs",
    "signals/new_relic.py": "NerdGraph has a schema of GraphQL, which is not among the specs; the query in it is a text",
    "signals/http_json.py": "whatever service a team has",
    "cli/demo.py": "the emulator's own door is no service",
    "cli/carrying_out.py": "likewise: the orders of the emulated people, and their presses",
    "daemon/clocks.py": "likewise",
    "cli/asking.py": "no requests: its paths are the machine's own files, which tell its time zone",
    "core/waiting.py": "no requests: what looks like a path is the middle of a notice's key",
    "daemon/reloading.py": "likewise",
}
"""Rooms and files whose requests are held against nothing, and why."""

GOOGLE = ("androidpublisher.v3", "playdeveloperreporting.v1beta1", "storage.v1")
REQUEST_VALUES = frozenset({"Write", "Question"})
"""Classes of ours whose values are requests; the sending is elsewhere."""

ADAPTERS = ("stores/", "signals/")
WAYS = frozenset({"HttpClient", "OpenHttp", "Ask", "Page"})
"""What leads to the wire in the end; whoever names one, or names who does, has a way there."""

ASKS_NOBODY = frozenset({"unread", "spare"})
"""Methods that by their own words only tell: what a failed look amounts to, whether there are requests left."""

_SENDING = frozenset(name for name in vars(HttpClient) if name.endswith("_json") and name[0] != "_")
_PATH = re.compile(r"/[a-z][a-z0-9]*/.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Site:
    """`first` to `last`: its lines. What stands in a lambda is passed when that is called, not when it is made."""

    file: str
    in_lambda: bool
    first: int
    last: int
    text: str

    def passed(self, lines: Collection[Line]) -> bool:
        return any((self.file, self.in_lambda, line) in lines for line in range(self.first, self.last + 1))

    def __str__(self) -> str:
        return f"stagedrollout/{self.file}:{self.first}: {self.text}"


@cache
def sites() -> tuple[Site, ...]:
    """All places of the package, those in rooms without a description left out."""
    trees = {file: ast.parse((PACKAGE / file).read_text("utf-8")) for file in _files()}
    adapters = {file: tree for file, tree in trees.items() if file.startswith(ADAPTERS)}
    expressions = (site for file, tree in trees.items() for site in in_tree(file, tree))
    return (*expressions, *doors(adapters))


def in_tree(file: str, tree: ast.Module) -> list[Site]:
    """The expressions of one file that make a request, one a line."""
    found: dict[tuple[int, bool], Site] = {}
    for node, scope in _inside(tree, None):
        if scope is None or not _makes_a_request(node):
            continue
        text = " ".join(ast.unparse(node).split())[:90]
        in_lambda, last = isinstance(scope, ast.Lambda), node.end_lineno or node.lineno
        found.setdefault((node.lineno, in_lambda), Site(file, in_lambda, node.lineno, last, text))
    return list(found.values())


def doors(trees: Mapping[str, ast.Module]) -> list[Site]:
    """The public methods of classes with a way to the wire; those that do not even look at `self` ask nobody."""
    classes = [
        (file, one) for file, tree in trees.items() for one in tree.body if isinstance(one, ast.ClassDef)
    ]
    named = {
        one.name: {node.id for node in ast.walk(one) if isinstance(node, ast.Name)} for _, one in classes
    }
    leading = set(WAYS)
    while more := {name for name, names in named.items() if names & leading} - leading:
        leading |= more
    return [
        _door(file, one, method)
        for file, one in classes
        if one.name in leading - WAYS
        for method in one.body
        if isinstance(method, ast.FunctionDef) and _asks(method)
    ]


def _door(file: str, one: ast.ClassDef, method: ast.FunctionDef) -> Site:
    body = method.body[1:] if ast.get_docstring(method) else method.body
    return Site(file, False, body[0].lineno, method.end_lineno or method.lineno, f"{one.name}.{method.name}")


def _asks(method: ast.FunctionDef) -> bool:
    decorated = {ast.unparse(decorator) for decorator in method.decorator_list}
    used = {node.id for node in ast.walk(method) if isinstance(node, ast.Name)}
    told = method.name.startswith("_") or method.name in ASKS_NOBODY or "property" in decorated
    return "self" in used and not told


def _files() -> list[str]:
    every = sorted(file.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*.py"))
    return [file for file in every if not {file, file.partition("/")[0]} & set(UNDESCRIBED)]


Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def _inside(node: ast.AST, scope: Scope | None) -> Iterator[tuple[ast.expr, Scope | None]]:
    """Every expression with the function that it is in (None: done on import), docstrings left out."""
    for child in ast.iter_child_nodes(node):
        docstring = isinstance(node, ast.Expr) and isinstance(child, ast.Constant)
        if isinstance(child, ast.expr) and not docstring:
            yield child, scope
        yield from _inside(child, child if isinstance(child, Scope) else scope)


def _makes_a_request(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str() as text):
            return _PATH.fullmatch(text) is not None
        case ast.Attribute(attr=name) if name in _SENDING:
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in REQUEST_VALUES
        case ast.Call(func=ast.Attribute()):
            return _chain(node.func) in _google_methods()
        case _:
            return False


def _chain(node: ast.expr) -> str:
    """`play.edits().tracks().get` as "edits.tracks.get"; what it begins with is left out."""
    match node:
        case ast.Attribute(attr=name, value=ast.Call(func=before, args=[], keywords=[])):
            return f"{_chain(before)}.{name}".lstrip(".")
        case ast.Attribute(attr=name):
            return name
        case _:
            return ""


@cache
def _google_methods() -> frozenset[str]:
    """Such as "edits.tracks.get", of all of Google's APIs that are ours to speak with."""
    found = (operation.name for name in GOOGLE for operation in discovery.described(name).operations)
    return frozenset(name.partition(".")[2] for name in found)

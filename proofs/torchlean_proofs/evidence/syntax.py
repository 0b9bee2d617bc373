"""The syntax tree of a function: what its loops carry, its digest, its wrong variants.

A mutant differs from its function in one place: an operator is exchanged, the operands
of a subtraction or quotient change places, a constant is one larger, a comparison is
turned, one argument stands for another, or a statement is left out.

>>> def slope(x, y):
...     return x - y
>>> [why for why, _ in mutants(slope)]
['2:11: - became +', '2:11: - has its operands exchanged', '2:11: x became y', \
'2:15: y became x']
"""

from __future__ import annotations

import ast
import copy
import hashlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, cast

Function = Callable[..., Any]

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], str, str]] = {
    ast.Add: (ast.Sub, "+", "-"),
    ast.Sub: (ast.Add, "-", "+"),
    ast.Mult: (ast.Add, "*", "+"),
    ast.Div: (ast.Mult, "/", "*"),
}
"""For each operator the one that takes its place, and how both are written."""

COMPARED: dict[str, str] = {"less": "less_equal", "less_equal": "less"}
"""For each comparison of a number system the one that takes its place."""

EXTREMES: dict[str, str] = {"maximum": "minimum", "minimum": "maximum"}


def tree_of(function: Function) -> ast.FunctionDef:
    """The function's definition, without decorators and docstring."""
    source = getattr(function, "__source__", None) or inspect.getsource(function)
    found = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(found, ast.FunctionDef), f"{function} is no function"
    found.decorator_list = []
    first = found.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        found.body = found.body[1:] or [ast.Pass()]
    return found


def digest_of(function: Function) -> str:
    """A digest of what a function says; comments and layout do not count."""
    # The tree's own text differs between versions of Python, its source does not.
    said = ast.unparse(tree_of(function))
    held = sorted(
        (name, repr(value))
        for name, value in _enclosed(function).items()
        if isinstance(value, bool | int | str)
    )
    return hashlib.sha256(f"{said}{held}".encode()).hexdigest()[:12]


def carried_names(function: Function) -> list[str]:
    """Local names that a loop over elements would carry from turn to turn.

    Those that are bound both before a loop and in it, and those that are bound in it
    and read after it.
    """
    found: set[str] = set()
    body = tree_of(function).body
    for place, statement in enumerate(body):
        if isinstance(statement, ast.For):
            inside = _bound(statement.body)
            before = set().union(*(_bound([each]) for each in body[:place]))
            after = {
                each.id
                for later in body[place + 1 :]
                for each in ast.walk(later)
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
            }
            found |= inside & (before | after)
    return sorted(found)


def _bound(statements: list[ast.stmt]) -> set[str]:
    """The names that some statements bind."""
    return {
        each.id
        for statement in statements
        for each in ast.walk(statement)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }


def mutants(function: Function) -> Iterator[tuple[str, Function]]:
    """Each wrong variant of a function, and what is wrong with it."""
    tree = tree_of(function)
    names = [each.arg for each in tree.args.args if each.arg not in ("self", "system")]
    for place, node in enumerate(ast.walk(tree)):
        for why, change in _changes(node, names):
            changed = copy.deepcopy(tree)
            change(list(ast.walk(changed))[place])
            if ast.dump(changed) != ast.dump(tree):
                yield f"{_where(node)}: {why}", _compiled(function, changed)
    for place, statement in _statements(tree):
        changed = copy.deepcopy(tree)
        _leave_out(changed, place)
        yield f"{_where(statement)}: left out", _compiled(function, changed)


def _where(node: ast.AST) -> str:
    """Where a node stands: its line, and its column."""
    return f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}"


Change = tuple[str, Callable[[ast.AST], None]]


def _changes(node: ast.AST, names: list[str]) -> Iterator[Change]:
    """What can be made wrong about one node."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        other, sign, becomes = OPERATORS[type(node.op)]
        yield f"{sign} became {becomes}", lambda each: _set(each, "op", other())
        if isinstance(node.op, ast.Sub | ast.Div):
            yield f"{sign} has its operands exchanged", _exchange
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "- left out", lambda each: _set(each, "op", ast.UAdd())
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = cast(float, node.value)
        yield f"{value} became {value + 1}", lambda each: _set(each, "value", value + 1)
    elif isinstance(node, ast.Attribute) and node.attr in COMPARED | EXTREMES:
        becomes = (COMPARED | EXTREMES)[node.attr]
        yield f"{node.attr} became {becomes}", lambda each: _set(each, "attr", becomes)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in names:
            instead = names[(names.index(node.id) + 1) % len(names)]
            yield f"{node.id} became {instead}", lambda each: _set(each, "id", instead)


def _set(node: ast.AST, field: str, value: object) -> None:
    setattr(node, field, value)


def _exchange(node: ast.AST) -> None:
    assert isinstance(node, ast.BinOp)
    node.left, node.right = node.right, node.left


def _statements(tree: ast.FunctionDef) -> Iterator[tuple[int, ast.stmt]]:
    """The assignments of a function, by their place in its walk."""
    for place, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Assign | ast.AugAssign):
            yield place, node


def _leave_out(tree: ast.FunctionDef, place: int) -> None:
    """Take a statement away."""
    wanted = list(ast.walk(tree))[place]
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            held = getattr(node, field, None)
            if isinstance(held, list) and wanted in held:
                held[held.index(wanted)] = ast.Pass()


def _enclosed(function: Function) -> dict[str, object]:
    """What a function takes from around it."""
    plain = cast(FunctionType, function)
    cells = plain.__closure__ or ()
    named = zip(plain.__code__.co_freevars, cells, strict=True)
    return {name: cell.cell_contents for name, cell in named}


def _compiled(function: Function, tree: ast.FunctionDef) -> Function:
    """A function of a changed tree, in the surroundings of the original."""
    module = ast.Module([tree], [])
    ast.fix_missing_locations(module)
    plain = cast(FunctionType, function)
    names = {**plain.__globals__, **_enclosed(function)}
    tree.returns = None
    for each in ast.walk(tree.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    exec(compile(module, f"<mutant of {plain.__name__}>", "exec"), names)
    made = cast(FunctionType, names[tree.name])
    vars(made)["__source__"] = ast.unparse(tree)
    return made

"""Every small change of a Python file that its tests should notice: one operator, constant, name or statement each."""

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitXor: ast.BitOr,
}
_WORDS = {
    "State": ("REQUESTED", "WAITING", "CONNECTED", "ENDED"),
    "Outcome": ("CONNECTED", "CANCELLED", "NOT_DELIVERED", "EXPIRED", "FAILED"),
    "Reason": (
        "CUSTOMER",
        "REPLACED",
        "QUEUE",
        "TIME_LIMIT",
        "ABANDONED",
        "QUEUE_REFUSED",
        "QUEUE_TIMEOUT",
        "ADMINISTRATOR",
    ),
    "Fault": ("HEADERS", "FORMAT", "DATE", "SIGNATURE", "CLOCK"),
    "Verdict": ("WON", "LOST", "UNKNOWN", "MISMATCH"),
}


class Mutant(NamedTuple):
    """`key` names the change, and stays the same while the code around it does; `source` is the whole file."""

    key: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Give each change of this source as a whole source of its own."""
    tree = ast.parse(source)
    seen: dict[str, int] = {}
    for place, (node, scope) in enumerate(_nodes(tree)):
        for changed in _changes(node):
            twin = copy.deepcopy(tree)
            twin_node = list(_nodes(twin))[place][0]
            replacement = copy.deepcopy(changed)
            _replace(twin, twin_node, replacement)
            what = f"{scope}: {_text(node)} -> {_text(changed)}"
            seen[what] = seen.get(what, 0) + 1
            key = what if seen[what] == 1 else f"{what} ({seen[what]})"
            yield Mutant(key, ast.unparse(ast.fix_missing_locations(twin)))


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every node that is code, with the name of the function or class it is in."""
    pending: list[tuple[ast.AST, str]] = [(tree, "module")]
    while pending:
        node, scope = pending.pop()
        yield node, scope
        inner = scope
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            inner = node.name if scope == "module" else f"{scope}.{node.name}"
        pending += [(child, inner) for child in reversed(_code_of(node))]


def _code_of(node: ast.AST) -> list[ast.AST]:
    """A node's children but for annotations, decorators, asserts (`strict` is one), and texts for people."""
    match node:
        case ast.Assert() | ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()) | ast.keyword("strict"):
            return []
        case ast.Raise(exc=value) | ast.AnnAssign(value=value):
            return [] if value is None else [value]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [*node.args.defaults, *node.body]
        case ast.ClassDef():
            return list(node.body)
        case _:
            return list(ast.iter_child_nodes(node))


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    yield from _changed_operators(node)
    yield from _changed_values(node)
    yield from _changed_flow(node)


def _changed_operators(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [op], [right]) if type(op) in _COMPARISONS:
            yield ast.Compare(left, [_COMPARISONS[type(op)]()], [right])
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            if len(values) > 2:
                yield from (ast.BoolOp(op, [*values[:at], *values[at + 1 :]]) for at in range(len(values)))
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.BinOp(left, operator, right) if type(operator) in _ARITHMETIC:
            yield ast.BinOp(left, _ARITHMETIC[type(operator)](), right)


def _changed_values(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value):
            yield from (ast.Constant(changed) for changed in _constants(value))
        case ast.Attribute(ast.Name(group), word) if word in _WORDS.get(group, ()):
            words = _WORDS[group]
            yield ast.Attribute(ast.Name(group, ast.Load()), words[(words.index(word) + 1) % len(words)], ast.Load())
        case ast.Name("OPEN_STATES", ast.Load()):
            yield ast.Subscript(node, ast.Slice(None, ast.Constant(1)), ast.Load())
            yield ast.Subscript(node, ast.Slice(ast.Constant(1), None), ast.Load())


def _changed_flow(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(test, body, orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.IfExp(_, body, orelse):
            yield body
            yield orelse
        case ast.Expr(ast.Call() | ast.Await()):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()


def _constants(value: object) -> Iterator[bool | int | str | bytes]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, str):
        yield value + "x"
    elif isinstance(value, bytes):
        yield value + b"x"


def _replace(tree: ast.Module, node: ast.AST, replacement: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, name, replacement)
                return
            if isinstance(value, list):
                for at, item in enumerate(value):
                    if item is node:
                        value[at] = replacement
                        return
    raise AssertionError("the node stands somewhere")


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())[:90]

"""Describes exceptions without their values: an exception's text may quote what a customer sent."""

from pathlib import PurePath
from types import TracebackType
from typing import Final

_MOST_FRAMES: Final = 30
_MOST_CAUSES: Final = 8


def type_name(error: BaseException) -> str:
    """Name the type with its module, as in `builtins.ValueError` without the `builtins.`."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def causes(error: BaseException) -> tuple[str, ...]:
    """Name the types that stand behind an exception or are grouped in it, nearest first, at most eight."""
    found: list[str] = []
    seen = {id(error)}
    next_ones = _behind(error)
    while next_ones and len(found) < _MOST_CAUSES:
        cause = next_ones.pop(0)
        if id(cause) not in seen:
            seen.add(id(cause))
            found.append(type_name(cause))
            next_ones.extend(_behind(cause))
    return tuple(found)


def frames(traceback: TracebackType | None) -> tuple[str, ...]:
    """Name the places a traceback came through, `file:line function`, innermost last; the thirty innermost."""
    places: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{_short(code.co_filename)}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return tuple(places[-_MOST_FRAMES:])


def _behind(error: BaseException) -> list[BaseException]:
    grouped = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return grouped if behind is None else [behind, *grouped]


def _short(file: str) -> str:
    """Cut a file's path down to what does not depend on where the program is installed."""
    parts = PurePath(file).parts
    for root in ("site-packages", "src"):
        if root in parts:
            return "/".join(parts[parts.index(root) + 1 :])
    return "/".join(parts[-2:])

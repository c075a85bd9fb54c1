"""Every small change of the named SQL statements that their tests should notice."""

import re
from collections.abc import Iterator

from mutation.python_mutants import Mutant

STATEMENTS = (
    "stage_endings",
    "end_waits",
    "write_ended_audit",
    "write_deletes",
    "count_ended",
    "read_ended",
    "clear_endings",
    "outstanding_sessions",
    "due_waits",
    "find_idempotency",
    "write_idempotency",
    "insert_create",
    "insert_delete",
    "drop_superseded_deletes",
    "find_delivery",
    "answered_wait",
    "finish_delivery",
    "postpone_delivery",
    "keep_unresolved",
    "take_interaction",
    "store_late_interaction",
    "forget_request",
    "due_deliveries",
    "due_requests",
    "claim_delivery",
    "release_deliveries",
    "release_all_deliveries",
)
_SWAPS: tuple[tuple[str, str], ...] = (
    (r"\+ 1\b", "+ 2"),
    (r"<=", "<"),
    (r"<>", "="),
    (r"(?<![<>:!])=(?!=)", "<>"),
    (r"(?<![->])> 0\b", ">= 0"),
    (r"\bNOT (?=EXISTS|e\.|r\.)", ""),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bmax\(", "min("),
    (r"'ENDED'", "'WAITING'"),
    (r"'REQUESTED'", "'WAITING'"),
    (r"'delete'", "'create'"),
    (r":now\b", "0"),
    (r"ORDER BY [\w.]+(?:, [\w.]+)*", ""),
)
_CONJUNCT = re.compile(
    r"\s+AND ((?:NOT )?(?:instr\([^()]*\) > 0|\([^()]*\)|[^\s()]+(?: (?!AND\b|ORDER\b|THEN\b|\))[^\s()]+)*))"
)


def mutants(source: str) -> Iterator[Mutant]:
    """Give each change of a file of statements as a whole file of its own."""
    parts = re.split(r"(^-- name: \w+$)", source, flags=re.MULTILINE)
    for at in range(1, len(parts), 2):
        name, body = parts[at].rpartition(" ")[2], parts[at + 1]
        if name not in STATEMENTS:
            continue
        for number, (what, changed) in enumerate(_changes(body), start=1):
            yield Mutant(f"{name} {number}: {what}", "".join((*parts[: at + 1], changed, *parts[at + 2 :])))


def _changes(body: str) -> Iterator[tuple[str, str]]:
    for pattern, replacement in _SWAPS:
        for match in re.finditer(pattern, body):
            if _is_assignment(body, match):
                continue
            around = " ".join(body[max(0, match.start() - 25) : match.end() + 15].split())
            what = f"`{match[0]}` -> `{replacement}`" if replacement else f"without `{match[0].strip()}`"
            yield (
                f"{what} in `{around}`",
                body[: match.start()] + replacement + body[match.end() :],
            )
    for match in _CONJUNCT.finditer(body):
        yield f"without `AND {' '.join(match[1].split())}`", body[: match.start()] + body[match.end() :]


def _is_assignment(body: str, match: re.Match[str]) -> bool:
    """Whether an equals sign sets a column: no comparison, and no legal SQL when it is exchanged."""
    if match[0] != "=":
        return False
    before = body[: match.start()]
    clause = max(
        ((before.rfind(word), word) for word in ("SET", "WHERE", "ON ", "CASE WHEN", "SELECT", "AND")), default=(-1, "")
    )
    return clause[1] == "SET" or (clause[1] == "CASE WHEN" and "THEN" in before[clause[0] :])

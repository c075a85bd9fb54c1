"""What the simulated company does with a request: the faults it can play, and the script that orders them."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Endpoint(StrEnum):
    """The company's services that can be scripted."""

    CREATE = "create"
    DELETE = "delete"
    CUSTOMER_TOKEN = "checkauthtoken"  # noqa: S105 - the name of a service
    STAFF_TOKEN = "checktoken"  # noqa: S105 - the name of a service


class Action(StrEnum):
    """One thing the company can do with a request.

    All of them carry the request out, except REFUSE, STATUS, CUT_BEFORE, REDIRECT and DUPLICATE_ID. So an
    interaction exists although nobody learns its id, which is the case that a caller must get right.
    """

    ANSWER = "answer"
    """As it should; `value` is the text that checkauthtoken answers instead of `Validated`."""
    REFUSE = "refuse"
    """`success` false with `value` as errorMessage; checkauthtoken: `value` or `InvalidToken`; delete: HTTP 409.
    As ANSWER for what a repeatable queue took before."""
    STATUS = "status"
    """HTTP status `value`, nothing done."""
    STATUS_AFTER = "status-after"
    """HTTP status `value`, although it was done."""
    SLOW = "slow"
    """Done at once, answered `value` seconds later."""
    CUT_AFTER = "cut-after"
    """Done, then the connection is cut: the answer is lost."""
    CUT_BEFORE = "cut-before"
    """The connection is cut, nothing done."""
    GARBAGE = "garbage"
    """HTTP 200 with bytes that are no JSON."""
    HUGE = "huge"
    """The right answer in more than 256 KiB."""
    NEVER = "never"
    """No answer until the caller gives up or the company stops."""
    WRONG_TYPES = "wrong-types"
    """Every field of the answer has another type."""
    MISSING_ID = "missing-id"
    """`success` true without an interactionId."""
    DUPLICATE_ID = "duplicate-id"
    """The id of another session's interaction; as ANSWER while there is none."""
    REDIRECT = "redirect"
    """HTTP 307 to `value`, by default to a path of the company that would answer."""


FOREVER: Final = "forever"
_FORM: Final = re.compile(rf"([a-z-]+)(?:=(.*?))?(?:\*(\d{{1,6}}|{FOREVER}))?", re.DOTALL)
_NUMBERS: Final = {
    Action.STATUS: r"[1-5]\d\d",
    Action.STATUS_AFTER: r"[1-5]\d\d",
    Action.SLOW: r"\d{1,5}(\.\d{1,3})?",
}
_CREATE_ONLY: Final = frozenset({Action.MISSING_ID, Action.DUPLICATE_ID})


class ScriptError(Exception):
    """A behaviour cannot be understood; the text says why."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`action` for the next `times` requests, None for all that follow. What `value` means stands at the action."""

    action: Action
    value: str = ""
    times: int | None = 1

    @classmethod
    def parse(cls, text: str) -> "Behaviour":
        """Read `action`, `action=value`, each with `*3` or `*forever` behind it. Raises ScriptError."""
        match = _FORM.fullmatch(text)
        if match is None or match[1] not in list(Action):
            raise ScriptError(f"unknown behaviour {text!r}; there are {', '.join(Action)}")
        action, value, times = Action(match[1]), match[2] or "", match[3] or "1"
        number = _NUMBERS.get(action)
        if number and not re.fullmatch(number, value):
            raise ScriptError(f"{action} needs a number: {action}=...")
        if times == "0":
            raise ScriptError("a behaviour is for one request at least")
        return cls(action, value, None if times == FOREVER else int(times))


class Script:
    """What comes next at each endpoint. Behaviours are used up in order; after the last one it answers."""

    def __init__(self) -> None:
        self._next: dict[Endpoint, deque[Behaviour]] = {endpoint: deque() for endpoint in Endpoint}

    def put(self, endpoint: Endpoint, behaviours: Iterable[Behaviour | str]) -> None:
        """Replace what is to come at one endpoint. Raises ScriptError and then changes nothing."""
        parsed = [Behaviour.parse(item) if isinstance(item, str) else item for item in behaviours]
        if endpoint is not Endpoint.CREATE and any(item.action in _CREATE_ONLY for item in parsed):
            raise ScriptError(f"{' and '.join(sorted(_CREATE_ONLY))} are for {Endpoint.CREATE}")
        self._next[endpoint] = deque(parsed)

    def put_all(self, document: object) -> None:
        """Replace what is to come, from JSON: `{"create": ["slow=2", "status=503*forever"], ...}`.

        Raises ScriptError and then changes nothing.
        """
        if not isinstance(document, Mapping):
            raise ScriptError("a script is an object of endpoints")
        trial = Script()
        for name, items in document.items():
            if name not in list(Endpoint):
                raise ScriptError(f"unknown endpoint {name!r}; there are {', '.join(Endpoint)}")
            if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
                raise ScriptError(f"{name} needs a list of texts")
            trial.put(Endpoint(name), items)
        for name in document:
            self._next[Endpoint(name)] = trial._next[Endpoint(name)]

    def take(self, endpoint: Endpoint) -> Behaviour:
        """Return what to do with the request that has just come."""
        coming = self._next[endpoint]
        if not coming:
            return Behaviour(Action.ANSWER)
        behaviour = coming[0]
        if behaviour.times is not None:
            coming.popleft()
            if behaviour.times > 1:
                coming.appendleft(replace(behaviour, times=behaviour.times - 1))
        return behaviour

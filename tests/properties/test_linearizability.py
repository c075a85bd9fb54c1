"""The searcher of orders: what it must accept, what it must refuse, and a plain reading of the rule beside it."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.histories import (
    NO_WAITS,
    NOTHING,
    Answer,
    CustomerCall,
    Operation,
    View,
    WaitCall,
    one_wait,
    several_waits,
)
from kit.linearizability import Call, NotLinearizableError, UndecidedError, check, find_order

HISTORIES = 10_000

START, READ = Operation("start", "s"), Operation("read")
TOOK = Operation("queue_took", "q", interaction="77")
CANCEL, NOT_DELIVERED = Operation("cancel", "c"), Operation("not_delivered", "n", message="Nobody is free.")
EXPIRE = Operation("expire", "e")
REQUESTED = View("REQUESTED")
WAITING = View("WAITING", interaction="77", seq=1)
CANCELLED = View("ENDED", "CANCELLED", "customer", interaction="77", seq=2)
LEFT = View("ENDED", "NOT_DELIVERED", "queue", "Nobody is free.", "77", 2)


def call(process: str, operation: Operation, invoked: int, returned: int, verdict: str, view: View | None) -> WaitCall:
    return Call(process, operation, invoked, returned, Answer(verdict, view))


def unanswered(process: str, operation: Operation, invoked: int) -> WaitCall:
    return Call(process, operation, invoked, None, None)


BEGUN = [call("app", START, 1, 2, "won", REQUESTED), call("queue", TOOK, 3, 4, "changed", WAITING)]

LEGAL = {
    "nothing": [],
    "one after the other": [*BEGUN, call("app", CANCEL, 5, 6, "won", CANCELLED)],
    "the later asked wins": [
        *BEGUN,
        call("company", NOT_DELIVERED, 5, 9, "lost", CANCELLED),
        call("app", CANCEL, 6, 8, "won", CANCELLED),
    ],
    "a read during the end sees either": [
        *BEGUN,
        call("app", CANCEL, 5, 12, "won", CANCELLED),
        call("a", READ, 6, 7, "read", WAITING),
        call("b", READ, 8, 9, "read", CANCELLED),
        call("c", READ, 10, 11, "read", CANCELLED),
    ],
    "without an answer, and it had its effect later": [
        *BEGUN,
        unanswered("app", CANCEL, 5),
        call("a", READ, 6, 7, "read", WAITING),
        call("company", NOT_DELIVERED, 8, 9, "lost", CANCELLED),
    ],
    "without an answer, and it never had an effect": [
        *BEGUN,
        unanswered("app", CANCEL, 5),
        call("company", NOT_DELIVERED, 6, 7, "won", LEFT),
        call("a", READ, 8, 9, "read", LEFT),
    ],
    "asked again under its own command": [
        *BEGUN,
        unanswered("app", CANCEL, 5),
        call("app", CANCEL, 6, 7, "won", CANCELLED),
        call("app", CANCEL, 8, 9, "won", CANCELLED),
    ],
    "an id that comes late": [
        call("app", START, 1, 2, "won", REQUESTED),
        call("app", CANCEL, 3, 4, "won", View("ENDED", "CANCELLED", "customer", seq=1)),
        call("queue", TOOK, 5, 6, "unchanged", View("ENDED", "CANCELLED", "customer", interaction="77", seq=1)),
        call("queue", TOOK, 7, 8, "stale", None),
    ],
    "at the same tick is at once": [
        call("app", START, 1, 2, "won", REQUESTED),
        call("a", READ, 2, 3, "read", None),
    ],
}

ILLEGAL: dict[str, tuple[list[WaitCall], WaitCall]] = {
    "a stale read": (
        [*BEGUN, call("app", CANCEL, 5, 6, "won", CANCELLED)],
        call("a", READ, 7, 8, "read", WAITING),
    ),
    "two winners": (
        [*BEGUN, call("app", CANCEL, 5, 8, "won", CANCELLED)],
        call("company", NOT_DELIVERED, 6, 9, "won", LEFT),
    ),
    "a loser told another outcome": (
        [*BEGUN, call("app", CANCEL, 5, 8, "won", CANCELLED)],
        call("company", NOT_DELIVERED, 6, 9, "lost", LEFT),
    ),
    "a lost update": (
        BEGUN,
        call("a", READ, 5, 6, "read", REQUESTED),
    ),
    "an effect before it was asked for": (
        [*BEGUN],
        call("a", READ, 5, 6, "read", CANCELLED),
    ),
    "back again": (
        [*BEGUN, unanswered("app", CANCEL, 5), call("a", READ, 6, 7, "read", CANCELLED)],
        call("b", READ, 8, 9, "read", WAITING),
    ),
    "two different effects of a call without an answer": (
        [*BEGUN, unanswered("app", CANCEL, 5), call("a", READ, 6, 7, "read", CANCELLED)],
        call("company", NOT_DELIVERED, 8, 9, "won", LEFT),
    ),
    "expired before its time": (
        BEGUN,
        call("timer", EXPIRE, 5, 6, "won", View("ENDED", "EXPIRED", "time_limit", interaction="77", seq=2)),
    ),
    "another message": (
        [*BEGUN, call("company", NOT_DELIVERED, 5, 6, "won", LEFT)],
        call("a", READ, 7, 8, "read", LEFT._replace(message="other")),
    ),
    "an end that is told twice in the stream": (
        [*BEGUN, call("app", CANCEL, 5, 6, "won", CANCELLED)],
        call("a", READ, 7, 8, "read", CANCELLED._replace(seq=3)),
    ),
}
LATER = [call("app", CANCEL, 30, 31, "won", CANCELLED), call("b", READ, 32, 33, "read", REQUESTED)]


@pytest.mark.parametrize("name", LEGAL)
def test_legal_histories_have_an_order(name: str) -> None:
    history = LEGAL[name]
    check(history, one_wait, NOTHING)
    order = find_order(reversed(history), one_wait, NOTHING)
    assert order is not None
    assert gives(order)
    assert in_real_time(order)
    assert {one for one in history if one.returned is not None} <= set(order)


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_histories_are_refused_at_the_first_result_without_an_explanation(name: str) -> None:
    before, wrong = ILLEGAL[name]
    check(before, one_wait, NOTHING)
    with pytest.raises(NotLinearizableError) as refused:
        check([*LATER, wrong, *before], one_wait, NOTHING)
    prefix = refused.value.prefix
    assert prefix[-1] == wrong
    assert set(prefix) == {*before, wrong}
    assert str(refused.value).endswith(str(wrong))


def test_what_had_not_returned_stands_in_the_prefix_without_its_result() -> None:
    cancel = call("app", CANCEL, 5, 20, "won", CANCELLED)
    wrong = call("a", READ, 6, 7, "read", LEFT)
    with pytest.raises(NotLinearizableError) as refused:
        check([*BEGUN, cancel, wrong], one_wait, NOTHING)
    assert refused.value.prefix == (unanswered("app", CANCEL, 5), *BEGUN, wrong)


def test_what_is_asked_at_the_tick_of_a_result_may_explain_it() -> None:
    wrong = call("b", READ, 6, 8, "read", LEFT)
    history = [
        call("a", READ, 1, 5, "read", REQUESTED),
        call("app", START, 5, 9, "won", REQUESTED),
        wrong,
    ]
    with pytest.raises(NotLinearizableError) as refused:
        check(history, one_wait, NOTHING)
    assert refused.value.prefix[-1] == wrong


def test_a_call_cannot_return_before_it_is_invoked() -> None:
    with pytest.raises(ValueError, match="returned at 4, invoked at 4"):
        call("a", READ, 4, 4, "read", None)


def sums(total: int, number: int) -> tuple[int, int]:
    return total + number, total + number


def test_a_search_that_takes_too_long_is_given_up() -> None:
    added: list[Call[int, int]] = [Call("a", 1 << bit, 0, None, None) for bit in range(1, 20)]
    wrong: Call[int, int] = Call("b", 1, 0, 1, 1 << 21)
    with pytest.raises(UndecidedError, match="1000 places"):
        check([*added, wrong], sums, 0, limit=1000)


def test_no_place_is_searched_twice() -> None:
    asked = 0

    def counted(total: int, number: int) -> tuple[int, int]:
        nonlocal asked
        asked += 1
        return sums(total, number)

    added: list[Call[int, int]] = [Call("a", 1 << bit, 0, None, None) for bit in range(1, 8)]
    assert find_order([*added, Call("b", 1, 0, 1, 2)], counted, 0) is None
    assert asked == 2**7 + 7 * 2**6, "after each choice of the seven: the last, and each of those that are left"


def test_a_long_history_is_decided_without_deep_recursion() -> None:
    calls = [
        one
        for number in range(0, 3000, 2)
        for one in (Call("a", 1, 10 * number, 10 * number + 15, 1), Call("b", 0, 10 * number + 1, 10 * number + 14, 0))
    ]

    def register(_: int, wanted: int) -> tuple[int, int]:
        return wanted, wanted

    order = find_order(calls, register, 0)
    assert order is not None
    assert len(order) == 3000


NEW_START = (("old", Operation("replace", "r")), ("new", Operation("start", "s")))
REPLACED = View("ENDED", "CANCELLED", "replaced", seq=1)
BOTH = (Answer("won", REPLACED), Answer("won", REQUESTED))


def of_session(session: str, operation: Operation, invoked: int, verdict: str, view: View | None) -> CustomerCall:
    return Call("app", ((session, operation),), invoked, invoked + 1, (Answer(verdict, view),))


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize(
    ("old", "new", "legal"),
    [
        (REQUESTED, None, True),
        (REPLACED, REQUESTED, True),
        (REQUESTED, REQUESTED, False),
        (REPLACED, None, False),
    ],
)
def test_a_start_ends_the_open_wait_in_the_same_step(
    old: View, new: View | None, *, answered: bool, legal: bool
) -> None:
    replacing: CustomerCall = Call("b", NEW_START, 4, 40 if answered else None, BOTH if answered else None)
    history = [
        of_session("old", START, 1, "won", REQUESTED),
        replacing,
        of_session("new" if new else "old", READ, 10, "read", new or old),
        of_session("old" if new else "new", READ, 20, "read", old if new else None),
    ]
    assert (find_order(history, several_waits, NO_WAITS) is not None) == legal


# Beside a plain reading of the rule


def in_real_time(order: Sequence[WaitCall]) -> bool:
    """Whether nothing stands after a call that was invoked when it had returned."""
    return not any(
        later.returned is not None and later.returned < earlier.invoked for earlier, later in combinations(order, 2)
    )


def gives(order: Sequence[WaitCall]) -> bool:
    """Whether the model, asked in this order, gives the results that were seen."""
    state = NOTHING
    for one in order:
        state, answer = one_wait(state, one.operation)
        if one.returned is not None and answer != one.result:
            return False
    return True


def some_order_explains(history: Sequence[WaitCall]) -> bool:
    """The definition, tried out: every order of the known calls and of some of the others."""
    known = [one for one in history if one.returned is not None]
    unknown = [one for one in history if one.returned is None]
    return any(
        in_real_time(order) and gives(order)
        for size in range(len(unknown) + 1)
        for some in combinations(unknown, size)
        for order in permutations([*known, *some])
    )


def order_found(history: Sequence[WaitCall]) -> bool:
    return find_order(history, one_wait, NOTHING) is not None


EVENTS = (
    READ,
    READ,
    Operation("start", "s", due=True),
    TOOK,
    Operation("queue_refused", "r"),
    Operation("queue_timeout", "t"),
    CANCEL,
    Operation("administrator_cancel", "a"),
    Operation("replace", "p"),
    NOT_DELIVERED,
    Operation("not_delivered", "i", interaction="77", message="Closed."),
    EXPIRE,
    Operation("abandon", "b"),
)


def played(operations: Sequence[tuple[Operation, int, int, str]]) -> Iterator[WaitCall]:
    """A legal history: operations one after the other, ten ticks apart, each stretched to both sides.

    What happens to its answer: "known"; "lost", though it had its effect; "never", it had none.
    """
    state = NOTHING
    for number, (operation, before, after, fate) in enumerate(operations):
        at = 10 * number
        answer = None
        if fate != "never":
            state, answer = one_wait(state, operation)
        process = f"p{number}"
        if fate == "known":
            yield Call(process, operation, at - before, at + after, answer)
        else:
            yield Call(process, operation, at - before, None, None)


STRETCH = st.integers(1, 40)
STEP = st.tuples(st.sampled_from(EVENTS), STRETCH, STRETCH, st.sampled_from(["known"] * 6 + ["lost", "never"]))
FIRST = st.tuples(st.sampled_from([START, EVENTS[2]]), STRETCH, STRETCH, st.just("known"))


@settings(max_examples=500, deadline=None)
@given(first=FIRST, steps=st.lists(STEP, max_size=25))
def test_what_happened_in_some_order_is_accepted(
    first: tuple[Operation, int, int, str], steps: list[tuple[Operation, int, int, str]]
) -> None:
    history = list(played([first, *steps]))
    order = find_order(history, one_wait, NOTHING)
    assert order is not None
    assert gives(order)
    assert in_real_time(order)


def spoilt(history: Sequence[WaitCall], luck: random.Random) -> list[WaitCall]:
    """The history with the answers of one or two calls exchanged for others."""
    spoilt = list(history)
    known = [place for place, one in enumerate(history) if one.returned is not None]
    for place in luck.sample(known, min(len(known), luck.choice((1, 1, 2)))):
        one = spoilt[place]
        answer = invented(one, luck) if luck.random() < 0.3 else at_another_time(one, history, luck)
        spoilt[place] = Call(one.process, one.operation, one.invoked, one.returned, answer)
    return spoilt


def invented(one: WaitCall, luck: random.Random) -> Answer:
    """Another winner, another outcome or another message."""
    assert one.result is not None
    verdict, view = one.result
    if verdict in {"won", "lost"} and luck.random() < 0.4:
        return Answer("lost" if verdict == "won" else "won", view)
    return Answer(verdict, luck.choice([one for one in (None, REQUESTED, WAITING, CANCELLED, LEFT) if one != view]))


def at_another_time(one: WaitCall, history: Sequence[WaitCall], luck: random.Random) -> Answer:
    """What the call would have been answered after some of the other calls."""
    state = NOTHING
    for other in luck.sample(history, luck.randrange(len(history))):
        state, _ = one_wait(state, other.operation)
    return one_wait(state, one.operation)[1]


def random_steps(luck: random.Random) -> Iterator[tuple[Operation, int, int, str]]:
    """Two to six operations for `played`."""
    yield luck.choice((START, EVENTS[2])), luck.randrange(1, 30), luck.randrange(1, 30), "known"
    for _ in range(luck.randrange(1, 6)):
        fate = luck.choice(("known",) * 6 + ("lost", "never"))
        yield luck.choice(EVENTS), luck.randrange(1, 30), luck.randrange(1, 30), fate


def test_every_verdict_is_that_of_trying_all_orders() -> None:
    verdicts: Counter[tuple[bool, bool]] = Counter()
    for seed in range(HISTORIES):
        luck = random.Random(seed)
        history = list(played(list(random_steps(luck))))
        changed = luck.random() < 0.8
        if changed:
            other = spoilt(history, luck)
            changed = other != history
            history = other
        verdict = order_found(history)
        assert verdict == some_order_explains(history), f"seed {seed}"
        verdicts[changed, verdict] += 1
    assert verdicts.keys() == {(False, True), (True, True), (True, False)}, "a legal history is never refused"
    assert min(verdicts.values()) > HISTORIES // 20, verdicts

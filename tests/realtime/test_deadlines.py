"""A queue of equal delays."""

import gc
import weakref

from diyalog.realtime.deadlines import Deadlines


def test_what_is_due_happens_once_and_in_order() -> None:
    happened: list[str] = []
    deadlines = Deadlines(10.0)
    deadlines.add(100.0, "a", lambda: happened.append("a"))
    deadlines.add(100.5, "b", lambda: happened.append("b"))
    deadlines.add(105.0, "c", lambda: happened.append("c"))
    deadlines.sweep(109.99)
    assert happened == []
    deadlines.sweep(110.5)
    assert happened == ["a", "b"]
    deadlines.sweep(110.5)
    assert happened == ["a", "b"]
    deadlines.sweep(1000.0)
    assert happened == ["a", "b", "c"]


def test_an_act_may_add_another() -> None:
    happened: list[str] = []
    deadlines = Deadlines(1.0)
    deadlines.add(0.0, "a", lambda: deadlines.add(1.0, "a", lambda: happened.append("later")))
    deadlines.sweep(1.0)
    assert happened == []
    deadlines.sweep(2.0)
    assert happened == ["later"]


def test_what_was_dropped_does_not_happen() -> None:
    happened: list[str] = []
    deadlines = Deadlines(1.0)
    for key in "abc":
        deadlines.add(0.0, key, lambda key=key: happened.append(key))  # type: ignore[misc]
    deadlines.drop("a")
    deadlines.drop("c")
    deadlines.drop("x")
    deadlines.sweep(5.0)
    assert happened == ["b"]


def test_a_key_keeps_its_first_deadline() -> None:
    happened: list[str] = []
    deadlines = Deadlines(1.0)
    deadlines.add(0.0, "a", lambda: happened.append("first"))
    deadlines.add(0.9, "a", lambda: happened.append("second"))
    deadlines.sweep(1.0)
    assert happened == ["first"]


def test_whoever_was_dropped_is_not_kept() -> None:
    class Gone:
        def act(self) -> None: ...

    gone = Gone()
    seen = weakref.ref(gone)
    deadlines = Deadlines(10.0)
    deadlines.add(0.0, gone, gone.act)
    deadlines.drop(gone)
    del gone
    gc.collect()
    assert seen() is None

"""A queue of equal delays."""

from diyalog.realtime.deadlines import Deadlines


def test_what_is_due_happens_once_and_in_order() -> None:
    happened: list[str] = []
    deadlines = Deadlines(10.0)
    deadlines.add(100.0, lambda: happened.append("a"))
    deadlines.add(100.5, lambda: happened.append("b"))
    deadlines.add(105.0, lambda: happened.append("c"))
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
    deadlines.add(0.0, lambda: deadlines.add(1.0, lambda: happened.append("later")))
    deadlines.sweep(1.0)
    assert happened == []
    deadlines.sweep(2.0)
    assert happened == ["later"]

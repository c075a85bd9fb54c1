"""Who is offered whom: a table of small cases, and what holds for any staff and any line."""

from hypothesis import given, settings
from hypothesis import strategies as st

from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.routing import FreeAgent, Present, Standing, Unoffered, match, without_hope

NONE: frozenset[str] = frozenset()
SELIN, MERT, CAN = StaffRef(1), StaffRef(2), StaffRef(3)


def agent(staff: StaffRef, *skills: str, capacity: int = 1, busy: int = 0, idle_since: int = 0) -> FreeAgent:
    return FreeAgent(staff, frozenset(skills), capacity, busy, idle_since)


def wait(row: int, *needs: str, passed: tuple[StaffRef, ...] = ()) -> Unoffered:
    return Unoffered(row, frozenset(needs), frozenset(passed))


def test_the_front_of_the_line_is_served_first() -> None:
    assert match([agent(SELIN)], [wait(7), wait(8)]) == [(7, SELIN)]


def test_the_one_with_the_fewest_customers_is_asked() -> None:
    assert match([agent(SELIN, capacity=3, busy=2), agent(MERT, capacity=3, busy=1)], [wait(7)]) == [(7, MERT)]


def test_among_equals_it_is_the_one_who_was_idle_longest() -> None:
    assert match([agent(SELIN, idle_since=20), agent(MERT, idle_since=10)], [wait(7)]) == [(7, MERT)]


def test_who_is_asked_counts_as_busy_at_once() -> None:
    staff = [agent(SELIN, capacity=2), agent(MERT, capacity=2, idle_since=5)]
    assert match(staff, [wait(1), wait(2), wait(3), wait(4), wait(5)]) == [(1, SELIN), (2, MERT), (3, SELIN), (4, MERT)]


def test_nobody_behind_waits_for_a_skill_that_is_not_there() -> None:
    assert match([agent(SELIN, "loans")], [wait(1, "cards"), wait(2)]) == [(2, SELIN)]


def test_all_the_needed_skills_are_needed() -> None:
    staff = [agent(SELIN, "cards"), agent(MERT, "cards", "english", "loans")]
    assert match(staff, [wait(1, "cards", "english")]) == [(1, MERT)]


def test_who_let_it_pass_is_not_asked_again() -> None:
    assert match([agent(SELIN), agent(MERT, idle_since=9)], [wait(1, passed=(SELIN,))]) == [(1, MERT)]
    assert match([agent(SELIN)], [wait(1, passed=(SELIN,)), wait(2)]) == [(2, SELIN)]


skills = st.frozensets(st.sampled_from(["cards", "loans", "english"]), max_size=2)
agents = st.lists(
    st.builds(FreeAgent, st.just(SELIN), skills, st.integers(0, 3), st.integers(0, 4), st.integers(0, 5)), max_size=6
).map(lambda made: [one._replace(staff=StaffRef(number)) for number, one in enumerate(made, start=1)])
waits = st.lists(
    st.builds(Unoffered, st.just(0), skills, st.frozensets(st.integers(1, 6).map(StaffRef), max_size=3)), max_size=12
).map(lambda made: [one._replace(row=number) for number, one in enumerate(made, start=1)])


@settings(max_examples=500)
@given(agents, waits)
def test_what_holds_for_every_turn(staff: list[FreeAgent], line: list[Unoffered]) -> None:
    offers = match(staff, line)
    by_row = {one.row: one for one in line}
    load = {one.staff: one.busy for one in staff}
    assert len({row for row, _ in offers}) == len(offers), "nobody is offered twice"
    for row, chosen in offers:
        load[chosen] += 1
        [taker] = [one for one in staff if one.staff == chosen]
        assert by_row[row].needs <= taker.skills
        assert chosen not in by_row[row].passed
        assert load[chosen] <= taker.capacity
    for one in line:
        if one.row not in dict(offers):
            able = [
                a for a in staff if one.needs <= a.skills and a.staff not in one.passed and load[a.staff] < a.capacity
            ]
            assert able == [], "whoever waits on has nobody free"
    for row, chosen in offers:
        # Nobody who stands behind was given an agent whom somebody further in front could have had instead.
        ahead = [one for one in line if one.row < row and one.row not in dict(offers)]
        [taker] = [one for one in staff if one.staff == chosen]
        assert not [one for one in ahead if one.needs <= taker.skills and chosen not in one.passed]


MINUTE = 60_000


def standing(row: int, started_at: int, *needs: str) -> Standing:
    return Standing(row, SessionId(f"s{row}"), frozenset(needs), started_at)


def hopeless(waits: list[Standing], staff: list[Present], now: int) -> list[int]:
    return [one.row for one in without_hope(waits, staff, now=now, patience_ms=MINUTE)]


def test_with_nobody_ever_there_patience_counts_from_the_start() -> None:
    line = [standing(1, 0), standing(2, 1)]
    assert hopeless(line, [], MINUTE - 1) == []
    assert hopeless(line, [], MINUTE) == [1]
    assert hopeless(line, [], MINUTE + 1) == [1, 2]


def test_somebody_who_is_there_is_hope_however_busy() -> None:
    assert hopeless([standing(1, 0)], [Present(NONE, True, 0)], 100 * MINUTE) == []


def test_patience_counts_from_when_the_last_one_went_away() -> None:
    gone = [Present(NONE, False, 5 * MINUTE), Present(NONE, False, 3 * MINUTE)]
    assert hopeless([standing(1, 0)], gone, 6 * MINUTE - 1) == []
    assert hopeless([standing(1, 0)], gone, 6 * MINUTE) == [1]


def test_only_those_with_the_needed_skills_are_hope() -> None:
    staff = [Present(frozenset({"loans"}), True, 0), Present(frozenset({"cards"}), False, 2 * MINUTE)]
    assert hopeless([standing(1, 0, "cards"), standing(2, 0, "loans"), standing(3, 0)], staff, 3 * MINUTE) == [1]

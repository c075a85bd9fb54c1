"""Who is here is stored in the order in which it happened, and again when the store was away."""

from kit import stores

from .world import World


def _stored(world: World) -> list[object]:
    return [argument for name, argument in world.store.calls if name == "present"]


async def _due(world: World) -> list[tuple[int, bool]]:
    return await stores.due(world.store)


async def test_a_customer_who_is_here_is_not_abandoned_and_one_who_left_is(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    await world.settle()
    world.ticks.ms += 400_000
    assert await _due(world) == []
    socket.go()
    await world.settle()
    world.ticks.ms += 299_999
    assert await _due(world) == []
    world.ticks.ms += 1
    assert await _due(world) == [(wait.row, False)]
    assert _stored(world) == [(wait.row, True), (wait.row, False)]


async def test_nothing_is_stored_once_the_session_is_over(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    await world.not_delivered(wait.session_id)
    late = world.hello(wait.session_id)
    await late.heard(3)
    late.go()
    await world.settle()
    assert _stored(world) == []


async def test_the_newest_word_counts(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    hold = world.store.hold("present.before")
    world.presence.set(wait.row, connected=True)
    await hold.arrived()
    world.presence.set(wait.row, connected=False)
    world.presence.set(wait.row, connected=True)
    world.presence.set(wait.row, connected=False)
    assert _stored(world) == [(wait.row, True)]
    hold.release()
    await world.settle()
    assert _stored(world) == [(wait.row, True), (wait.row, False)]


async def test_a_word_that_the_store_did_not_take_is_tried_again(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    world.store.away = {"present"}
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    await world.settle()
    assert world.notes.away == ["presence"]
    assert socket.closed_with() is None
    world.store.away = set()
    await world.upkeep.poll()
    await world.settle()
    assert _stored(world) == [(wait.row, True)] * 2
    world.ticks.ms += 400_000
    assert await _due(world) == []
    await world.upkeep.poll()
    await world.settle()
    assert _stored(world) == [(wait.row, True)] * 2


async def test_a_word_that_failed_never_comes_after_a_newer_one(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    hold = world.store.hold("present.before")
    world.store.away = {"present"}
    world.presence.set(wait.row, connected=True)
    await hold.arrived()
    world.presence.set(wait.row, connected=False)
    second = world.store.hold("present.before")
    hold.release()
    await second.arrived()
    world.store.away = set()
    second.release()
    await world.settle()
    world.presence.retry()
    await world.settle()
    assert _stored(world) == [(wait.row, True), (wait.row, False)]
    assert world.notes.away == ["presence"]


async def test_a_newer_word_replaces_one_that_waits_for_the_store(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    world.store.away = {"present"}
    world.presence.set(wait.row, connected=True)
    await world.settle()
    world.store.away = set()
    world.presence.set(wait.row, connected=False)
    await world.settle()
    world.presence.retry()
    await world.settle()
    assert _stored(world) == [(wait.row, True), (wait.row, False)]


async def test_what_other_nodes_changed_before_they_saw_that_the_customer_is_here_is_sent_at_once(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    hold = world.store.hold("present.before")
    socket = world.hello(wait.session_id)
    await hold.arrived()
    await world.commit_end(wait.session_id)
    hold.release()
    await world.settle()
    assert [frame["event"] for frame in await socket.heard(3) if frame["type"] == "event"] == [
        "wait.started",
        "wait.ended",
    ]

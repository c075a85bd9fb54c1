"""Desks and customers at different nodes are told the same, in the same order, each event once."""

import random

import pytest

from cluster import talks
from cluster.talks import Client, Node, Talk
from diyalog.domain.wait import Party

STEPS = 60
BEGAN, ENDED = "CHAT_INPROGRESS", "CHAT_ENDED"


async def test_what_one_node_writes_reaches_the_desk_of_another_at_once(database_url: str) -> None:
    async with talks.nodes(database_url, 2) as (here, there):
        staff, desk = await talks.agent(here)
        desk.connect(here)
        await desk.welcomed()
        await here.streams.finish(talks.LIMIT_S)  # the store knows where the desk is
        talk = await talks.talk(there, staff, "880214")
        await talk.say(there, Party.CUSTOMER, "Merhaba")
        await desk.has(2)
        assert talk.told(desk) == [(3, BEGAN), (4, "Merhaba")]
        talk.app.connect(there)
        await talk.app.welcomed()
        await there.streams.finish(talks.LIMIT_S)
        await talk.say(here, Party.AGENT, "Buyrun")
        await talk.app.has(5)
        await talk.end(there, Party.CUSTOMER)
        await desk.has(4)
        await talk.app.has(6)
        assert talk.told(desk) == talk.told(talk.app) == [(3, BEGAN), (4, "Merhaba"), (5, "Buyrun"), (6, ENDED)]
        assert here.notes.behind == there.notes.behind == 0, "told, not found by the poll"


async def test_the_desk_of_a_dead_node_goes_on_at_another(database_url: str) -> None:
    async with talks.nodes(database_url, 2) as (here, there):
        staff, desk = await talks.agent(here)
        desk.connect(here)
        talk = await talks.talk(there, staff, "880214")
        await desk.has(1)
        await here.streams.finish(talks.LIMIT_S)
        await here.die()
        await talk.say(there, Party.CUSTOMER, "told to a dead node")
        desk.connect(there)
        await desk.has(2)
        await there.streams.finish(talks.LIMIT_S)
        await talk.say(there, Party.CUSTOMER, "told here")
        await desk.has(3)
        assert talk.told(desk) == [(3, BEGAN), (4, "told to a dead node"), (5, "told here")]
        assert [conversation["seq"] for conversation in desk.snapshots[-1]["conversations"]] == [4]


async def test_two_desks_of_one_person_at_two_nodes_are_both_told_everything(database_url: str) -> None:
    async with talks.nodes(database_url, 2) as (here, there):
        staff, first = await talks.agent(here)
        second = talks.desk()
        first.connect(here)
        await first.welcomed()
        second.connect(there)
        await second.welcomed()
        talk = await talks.talk(here, staff, "880214")
        for number in range(5):
            await talk.say((here, there)[number % 2], Party.CUSTOMER, f"{number}")
            await here.poll()
            await there.poll()
        await first.has(6)
        await second.has(6)
        assert talk.told(first) == talk.told(second) == [(3, BEGAN), *((4 + n, f"{n}") for n in range(5))]
        assert (first.closed_with, second.closed_with) == (None, None)


async def test_a_node_that_was_given_up_says_again_which_desks_it_has(database_url: str) -> None:
    async with talks.nodes(database_url, 2) as (here, there):
        staff, desk = await talks.agent(here)
        desk.connect(here)
        await desk.welcomed()
        await here.streams.finish(talks.LIMIT_S)
        await there.store.leave(here.name)  # what is done with what a silent node held
        here.streams.tell_again()
        await here.streams.finish(talks.LIMIT_S)
        talk = await talks.talk(there, staff, "880214")
        await desk.has(1)
        assert talk.told(desk) == [(3, BEGAN)]
        assert here.notes.behind == 0


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_breaks_both_sides_are_told_the_same_once(database_url: str, seed: int) -> None:
    dice = random.Random(seed)
    async with talks.nodes(database_url, 2) as running:
        staff, desk = await talks.agent(running[0])
        conversations = [await talks.talk(dice.choice(running), staff, f"{number}") for number in range(2)]
        clients = [desk, *(talk.app for talk in conversations)]
        for client in clients:
            client.connect(dice.choice(running))
        cuts = 0
        for step in range(STEPS):
            cuts += await _step(dice, running, clients, conversations, f"{seed}-{step}")
        for talk in conversations:
            await talk.end(dice.choice(running), dice.choice([Party.CUSTOMER, Party.AGENT]))
        for client in clients:
            if client.closed_with is not None or dice.random() < 0.5:
                client.connect(dice.choice(running))
        for node in running:
            await node.streams.finish(talks.LIMIT_S)
            await node.poll()
        written = sum(len(talk.said) for talk in conversations)
        await desk.has(written + 4)
        for talk in conversations:
            await talk.app.has(4 + len(talk.said))
            first = 3
            due = [BEGAN, *talk.said, ENDED]
            assert talk.told(talk.app) == list(enumerate(due, first))
            assert talk.told(desk) == talk.told(talk.app)
        assert desk.seq == written + 4
        assert (written > 10, cuts > 5) == (True, True), "nothing was tried"


async def _step(
    dice: random.Random, running: list[Node], clients: list[Client], conversations: list[Talk], name: str
) -> int:
    """Do one thing of those that happen; how many connections it cut."""
    match dice.choices(["say", "cut", "read", "poll", "wait"], [5, 3, 4, 1, 2])[0]:
        case "say":
            author = dice.choice([Party.CUSTOMER, Party.AGENT])
            await dice.choice(conversations).say(dice.choice(running), author, name)
        case "cut":
            dice.choice(clients).connect(dice.choice(running))
            return 1
        case "read":
            dice.choice(clients).take(dice.randrange(1, 4))
        case "poll":
            await dice.choice(running).poll()
        case _:
            await dice.choice(clients).welcomed()
    return 0

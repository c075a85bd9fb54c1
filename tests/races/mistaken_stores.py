"""Stores with one mistake each, in front of a store without."""

from diyalog.domain.commands import AcceptWait, EndWait, QueueFailed, QueueTook, StartWait
from diyalog.domain.ids import CommandId, SessionId
from diyalog.domain.results import ConversationResult, EndResult, QueueResult, StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Outcome, Reason, State, Wait
from diyalog.ports import ConversationStore
from diyalog.storage.conversations import DatabaseConversations
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.histories import ENDS, OPEN
from races.parties import WaitStore


class Through:
    """A store that asks another one; each planted bug is one with a mistake."""

    def __init__(self, store: DatabaseStore) -> None:
        self.store = store

    @property
    def conversations(self) -> ConversationStore:
        return self.store.conversations

    async def start_wait(self, command: StartWait) -> StartResult:
        return await self.store.start_wait(command)

    async def end_wait(self, command: EndWait) -> EndResult:
        return await self.store.end_wait(command)

    async def queue_took(self, command: QueueTook) -> QueueResult:
        return await self.store.queue_took(command)

    async def queue_failed(self, command: QueueFailed) -> QueueResult:
        return await self.store.queue_failed(command)

    async def wait(self, session_id: SessionId) -> Wait | None:
        return await self.store.wait(session_id)


async def as_read(store: WaitStore, command: EndWait) -> EndResult | None:
    """What a command would come to if nothing changed after a look at the wait; None when it would not win."""
    wait = None if command.session_id is None else await store.wait(command.session_id)
    _, outcome, reason, timed = ENDS[command.event.value]
    if wait is None or timed or wait.state.value not in OPEN:
        return None
    why = None if reason is None else Reason(reason)
    ended = wait._replace(state=State.ENDED, outcome=Outcome(outcome), reason=why, seq=wait.seq + 1)
    return EndResult(Verdict.WON, ended._replace(message=command.message))


class ReadsThenWrites(Through):
    """Who finds the wait open has won, it decides, and then writes."""

    async def end_wait(self, command: EndWait) -> EndResult:
        decided = await as_read(self.store, command)
        written = await self.store.end_wait(command)
        return decided or written


class TakesWhatItFindsOpen(Through):
    """An agent who finds the wait open has it, it decides, and then writes."""

    @property
    def conversations(self) -> ConversationStore:
        return _HastyConversations(self.store)


class _HastyConversations(DatabaseConversations):
    def __init__(self, store: DatabaseStore) -> None:
        super().__init__(store._writer, store._read, store._sealer)
        self._wait = store.wait

    async def accept(self, command: AcceptWait) -> ConversationResult:
        found = None if command.session_id is None else await self._wait(command.session_id)
        written = await super().accept(command)
        decided = found is not None and found.state.value in OPEN
        return written._replace(verdict=Verdict.WON) if decided else written


class AnswersBeforeItWrites(Through):
    """The answer is given first, and written with whatever is asked next."""

    def __init__(self, store: DatabaseStore) -> None:
        super().__init__(store)
        self._unwritten: list[EndWait] = []

    async def end_wait(self, command: EndWait) -> EndResult:
        decided = await as_read(self, command)
        if decided is None:
            return await self.store.end_wait(command)
        self._unwritten.append(command)
        return decided

    async def wait(self, session_id: SessionId) -> Wait | None:
        unwritten, self._unwritten = self._unwritten, []
        for command in unwritten:
            await self.store.end_wait(command)
        return await self.store.wait(session_id)


class RemembersWhatItRead(Through):
    """Reads are answered from memory until this very store changes the wait."""

    def __init__(self, store: DatabaseStore) -> None:
        super().__init__(store)
        self._read: dict[SessionId, Wait] = {}

    async def end_wait(self, command: EndWait) -> EndResult:
        self._read.pop(SessionId(command.session_id or ""), None)
        return await self.store.end_wait(command)

    async def wait(self, session_id: SessionId) -> Wait | None:
        if session_id not in self._read:
            wait = await self.store.wait(session_id)
            if wait is None:
                return None
            self._read[session_id] = wait
        return self._read[session_id]


class ForgetsWhoseCommandWon(Through):
    """A command that is asked again is taken for a new one."""

    async def end_wait(self, command: EndWait) -> EndResult:
        return await self.store.end_wait(command._replace(command=CommandId(f"again-{stores.command_id()}")))


class StartsInTwoSteps(Through):
    """The open wait is replaced in one transaction, the new one started in the next."""

    async def start_wait(self, command: StartWait) -> StartResult:
        live = await self.store.current_wait(command.customer)
        if live is None or live.state.value not in OPEN:
            return await self.store.start_wait(command)
        replace = EndWait(CommandId(f"{command.command}-replace"), Event.REPLACE, row=live.row)
        ended = await self.store.end_wait(replace)
        result = await self.store.start_wait(command)
        return result._replace(replaced=ended.wait) if ended.verdict is Verdict.WON else result

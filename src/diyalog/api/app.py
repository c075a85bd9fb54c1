"""The HTTP API as one ASGI callable: the route table, and the way of a request through it."""

import secrets
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

from diyalog.api.addresses import ClientAddresses
from diyalog.api.application import ApplicationApi
from diyalog.api.authentication import CompanyGate, Keys
from diyalog.api.availability import AvailabilityApi
from diyalog.api.bearer import Failures
from diyalog.api.client import ClientApi, ClientPolicy
from diyalog.api.client_gate import ClientGate
from diyalog.api.company_look import PLAIN, CompanyLook
from diyalog.api.content import ContentLimits
from diyalog.api.conversations import ClientConversations, ConversationPolicy, StaffConversations
from diyalog.api.documents import DocumentsApi
from diyalog.api.exchange import Answer, Exchange, Message, Receive, Scope, Send
from diyalog.api.journal import RequestJournal
from diyalog.api.limits import RateLimit
from diyalog.api.notes import StaffNotes
from diyalog.api.operations import Health, OperationsApi
from diyalog.api.origins import Origins
from diyalog.api.out_of_office import OutOfOfficeApi
from diyalog.api.pages import Pages
from diyalog.api.problems import RefusedError, plain_answer, problem_answer
from diyalog.api.routes import Apis, route_table
from diyalog.api.routing import Place, RouteTable
from diyalog.api.signature_debugging import SignatureDebugging
from diyalog.api.staff import StaffApi
from diyalog.api.staff_gate import StaffGate
from diyalog.api.supervision import StaffWaits
from diyalog.clock import Clock
from diyalog.ports import StoreUnavailableError
from diyalog.protocol.help import HelpLimits
from diyalog.server.body import ClientGone
from diyalog.server.sockets import SocketApplication
from diyalog.usecases.access import Access
from diyalog.usecases.conversing import Conversing
from diyalog.usecases.notes import Notes
from diyalog.usecases.out_of_office import Office
from diyalog.usecases.routing import Routing
from diyalog.usecases.staff_access import StaffAccess
from diyalog.usecases.waiting import StoppingError, Waiting

COMPANY_PATHS: Final = ("/v1/application/", "/v1/reporting/")
BROWSER_PATHS: Final = ("/v1/client/", "/v1/staff/")
PAGE_PATHS: Final = ("/app/", "/sdk/")
_RETRY_SECONDS: Final = 1
_UNMATCHED: Final = "unmatched"
_NO_CONTENT: Final[Message] = {"type": "http.response.body", "body": b""}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPolicy:
    """Values of the settings. Limits are per minute, sizes in bytes, 0 = off; `epoch` is the database's, `static`
    the folder of the built pages.
    """

    version: str
    epoch: str
    help_limits: HelpLimits
    static: Path
    trusted_proxies: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    look: CompanyLook = PLAIN
    auth_failures: int = 300
    starts: int = 30
    chat: int = 60
    body_bytes: int = 65_536
    body_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """What the API calls, and the sockets that the server finds beside it. `routing` goes with the built-in queue."""

    waiting: Waiting
    access: Access
    conversing: Conversing
    notes: Notes
    office: Office
    staff: StaffAccess
    routing: Routing | None
    keys: Keys
    health: Health
    sockets: SocketApplication | None = None


def application(
    use_cases: UseCases,
    policy: ApiPolicy,
    journal: RequestJournal,
    clock: Clock,
    debugging: SignatureDebugging | None = None,
) -> "Application":
    """Put the API together. `debugging` is told of refused signatures, if that is asked for."""
    addresses = ClientAddresses(policy.trusted_proxies)
    content = ContentLimits(policy.body_bytes, policy.body_seconds)
    failures = RateLimit(policy.auth_failures, clock.now_ms)
    refused = Failures(failures, addresses)
    starts = RateLimit(policy.starts, clock.now_ms)
    pages = Pages(policy.static, policy.version, policy.frame_ancestors, policy.look)
    client_gate = ClientGate(use_cases.access, refused)
    staff_gate = StaffGate(use_cases.staff, refused)
    client_policy = ClientPolicy(content, starts, policy.help_limits, policy.epoch)
    client = ClientApi(use_cases.waiting, use_cases.access, client_gate, refused, client_policy)
    chat = ConversationPolicy(content, RateLimit(policy.chat, clock.now_ms), places=use_cases.waiting.policy.builtin)
    conversing = use_cases.conversing
    apis = Apis(
        company=ApplicationApi(use_cases.waiting, use_cases.access, conversing),
        out_of_office=OutOfOfficeApi(use_cases.office),
        client=client,
        client_conversations=ClientConversations(conversing, client_gate, chat, client),
        staff=StaffApi(use_cases.staff, refused, content),
        staff_conversations=StaffConversations(conversing, staff_gate, chat),
        staff_notes=StaffNotes(use_cases.notes, staff_gate, chat),
        staff_waits=StaffWaits(use_cases.waiting, staff_gate),
        availability=AvailabilityApi(use_cases.routing, staff_gate, content),
        operations=OperationsApi(use_cases.health),
        documents=DocumentsApi(policy.version, pages.integrity, policy.frame_ancestors),
    )
    table = route_table(apis)
    gate = CompanyGate(use_cases.keys, clock, content, failures, addresses, debugging=debugging)
    return Application(table, gate, Origins(policy.allowed_origins), pages, journal=journal, sockets=use_cases.sockets)


class Application:
    """The ASGI callable. Every request is answered, noted in the journal, and never answered with an error's text."""

    def __init__(
        self,
        table: RouteTable,
        company: CompanyGate,
        origins: Origins,
        pages: Pages,
        *,
        journal: RequestJournal,
        sockets: SocketApplication | None,
    ) -> None:
        self.table = table
        self._company = company
        self._origins = origins
        self._pages = pages
        self._journal = journal
        self._sockets = sockets
        self._run = secrets.token_hex(3)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope["type"] != "http":
            raise ValueError("only HTTP is spoken here; WebSockets go to the sockets of the lifespan state")
        began = perf_counter()
        exchange = Exchange(scope, receive, f"{self._run}-{next(self._numbers)}")
        path: str = scope["path"]
        place, exchange.parameter = self.table.find(path)
        route = place.template if place is not None else _folder(path)
        try:
            answer = await self._lead(exchange, path, place)
        except RefusedError as refused:
            answer = _refusal(exchange, path, refused)
        except (StoreUnavailableError, StoppingError):
            answer = _refusal(exchange, path, RefusedError("UNAVAILABLE", retry_after=_RETRY_SECONDS))
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer without its text
            answer = _refusal(exchange, path, RefusedError("DLGEXCPSRV_INTERR"))
            self._journal.request_failed(route, error, exchange.request_id)
        if path.startswith(BROWSER_PATHS):
            # Refusals too: a page that may ask may also read why not.
            answer = answer.adding(self._origins.headers(exchange))
        await send(answer.start)
        await send(answer.content if exchange.method != "HEAD" else _NO_CONTENT)
        self._journal.request(
            exchange.method,
            route,
            answer.status,
            (perf_counter() - began) * 1000,
            exchange.request_id,
            caller=exchange.asker,
            session_id=exchange.session_id,
            code=answer.code,
        )

    async def _lead(self, exchange: Exchange, path: str, place: Place | None) -> Answer:
        """Lead the request through what stands before its path: signature, CORS, or nothing. Raises RefusedError."""
        if path.startswith(COMPANY_PATHS):
            return await self._company.answer(exchange, place)
        if path.startswith(PAGE_PATHS):
            return self._page(exchange, path)
        if place is None:
            raise RefusedError("NOT_FOUND")
        if exchange.method == "OPTIONS" and path.startswith(BROWSER_PATHS):
            return self._origins.preflight(exchange, place)
        handle = place.handlers.get(exchange.method)
        if handle is None:
            raise RefusedError("METHOD_NOT_ALLOWED", headers=((b"allow", place.allow),))
        return await handle(exchange)

    def _page(self, exchange: Exchange, path: str) -> Answer:
        file = self._pages.find(path)
        if file is None:
            missing = self._pages.missing(path)
            if missing is None:
                raise RefusedError("NOT_FOUND")
            return missing
        if exchange.method not in {"GET", "HEAD"}:
            raise RefusedError("METHOD_NOT_ALLOWED", headers=((b"allow", b"GET, HEAD"),))
        return file.answer(exchange)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The lifespan protocol: hands the server its sockets. Starting and stopping is done outside."""
        await receive()
        if self._sockets is not None:
            scope["state"]["sockets"] = self._sockets
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _folder(path: str) -> str:
    """The name in log and metrics of a path that is no operation's: the folder of the pages, or none at all."""
    return next((f"{folder}*" for folder in PAGE_PATHS if path.startswith(folder)), _UNMATCHED)


def _refusal(exchange: Exchange, path: str, refused: RefusedError) -> Answer:
    """The customer and staff APIs refuse with problems, everything else with plain text."""
    form = problem_answer if path.startswith(BROWSER_PATHS) else plain_answer
    return form(refused, exchange.request_id)

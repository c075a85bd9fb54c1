"""The built agent desk in a browser, at a staff API that the test steers: it knows one member of the staff."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.async_api import BrowserContext, Page, Route, WebSocketRoute, async_playwright

from diyalog.api.pages import Pages
from kit.site import FLAGS, ROOT, required_browser

DESK: Final = "https://desk.example"
CRM: Final = "https://crm.example"
STRANGER: Final = "https://stranger.example"
AT: Final = "2026-11-02T11:36:00.000Z"
OUTER: Final = """<!doctype html><title>CRM</title><script>
  window.heard = [];
  addEventListener('message', ({ origin, data }) => heard.push([origin, data]));
</script><iframe id="desk" title="desk" width="480" height="700"></iframe>"""


@dataclass
class Session:
    """One customer's request, and the conversation that it leads to."""

    session_id: str
    name: str
    state: str = "WAITING"
    ended: dict[str, Any] | None = None
    ended_by: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)

    def waiting(self) -> dict[str, Any]:
        now = {"position": 1, "present": True, "offered": False}
        return {**self._about(), "startedAt": "2026-11-02T11:32:00.000Z", **now}

    def conversation(self) -> dict[str, Any]:
        end = {"endedAt": AT, "endedBy": self.ended_by} if self.state == "ENDED" else {}
        known = {"conversationId": self.session_id, "state": self.state, "startedAt": AT, "seq": 9, "present": True}
        return {**self._about(), **known, **end}

    def _about(self) -> dict[str, Any]:
        return {
            "sessionId": self.session_id,
            "interactionId": f"i-{self.session_id}",
            "customerId": f"88{self.session_id}",
            "customerName": self.name,
            "helpType": "chat",
            "attachedData": {"topic": "limit"},
        }


class StaffServer:
    """What the desk talks to. `refuses`: signing in fails."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._pages = Pages(ROOT / "src" / "diyalog" / "static", "1", (CRM,))
        self.sessions: list[Session] = []
        self.refuses = False
        self.offline = False
        self.available: bool | None = None  # None: the company's own queue routes
        self.notes: list[str] = []
        self.revealed: list[str] = []
        self.rights = ["agent"]
        self.calls: list[str] = []
        self.complaints: list[str] = []
        self._offered: list[dict[str, Any]] = []
        self._events: list[str] = []
        self._socket: WebSocketRoute | None = None

    async def start(self) -> None:
        """Stand between the browser and the network."""
        await self._context.route("**/*", self._answer)
        await self._context.route_web_socket("**/v1/staff/events", self._connected)

    async def page(self) -> Page:
        """An empty page that may not complain of anything."""
        page = await self._context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._note(message.text))
        return page

    async def open(self, *, lang: str = "en", **parameters: str) -> Page:
        """The desk as the company's application opens it."""
        page = await self.page()
        await page.goto(f"{DESK}/app/agentchat.html#/auth?{link(lang=lang, **parameters)}")
        return page

    def waits(self, name: str) -> Session:
        """Somebody joins the line."""
        session = Session(str(len(self.sessions) + 1), name)
        self.sessions.append(session)
        self._tell_line()
        return session

    def offers(self, *sessions: Session, until: str = AT, reason: str | None = None) -> None:
        """These are offered to the desk, and nobody else; `reason`: why the agent is away."""
        self._offered = [{**session.waiting(), "offeredAt": AT, "expiresAt": until} for session in sessions]
        self._tell_desk(reason)

    def _tell_desk(self, reason: str | None = None) -> None:
        now = {"available": self.available, "since": AT, "reason": reason}
        routing = self.available is not None
        desk = {"routing": routing, "availability": now if routing else None, "offers": self._offered}
        self._send({"type": "desk", **desk})

    def says(self, session: Session, text: str) -> None:
        """The customer writes."""
        self._add(session, f"c{len(session.messages)}", "customer", text)

    def ends(self, session: Session, by: str) -> None:
        """The conversation ends."""
        session.state, session.ended_by = "ENDED", by
        self._tell("chat.state", {"conversationId": session.session_id, "state": "CHAT_ENDED", "endedBy": by})

    async def hangs_up(self, code: int) -> None:
        """The desk's connection ends."""
        socket, self._socket = self._socket, None
        assert socket is not None, "the desk is connected"
        await socket.close(code=code)

    def _note(self, text: str) -> None:
        if "Failed to load resource" not in text and "WebSocket connection" not in text:
            self.complaints.append(text)

    def _add(self, session: Session, message_id: str, author: str, text: str) -> dict[str, Any]:
        known = next((one for one in session.messages if one["id"] == message_id), None)
        if known is not None:
            return known
        seq = 10 + len(session.messages)
        message = {"seq": seq, "id": message_id, "author": author, "text": text, "at": AT}
        session.messages.append(message)
        self._tell("chat.message", {"conversationId": session.session_id, **message})
        return message

    def _tell(self, event: str, data: dict[str, Any]) -> None:
        seq = len(self._events) + 1
        frame = json.dumps({"type": "event", "seq": seq, "event": event, "at": AT, "data": {"seq": 9, **data}})
        self._events.append(frame)
        if self._socket is not None:
            self._socket.send(frame)

    def _tell_line(self) -> None:
        waiting = [one.waiting() for one in self.sessions if one.state == "WAITING"]
        self._send({"type": "line", "total": len(waiting), "waiting": waiting})

    def _send(self, frame: dict[str, Any]) -> None:
        if self._socket is not None:
            self._socket.send(json.dumps(frame))

    def _connected(self, socket: WebSocketRoute) -> None:
        socket.on_message(lambda text: self._heard(socket, json.loads(text)))

    def _heard(self, socket: WebSocketRoute, frame: dict[str, Any]) -> None:
        if frame["type"] == "ping":
            socket.send('{"type":"pong"}')
        if frame["type"] != "hello" or self.offline:
            return
        live = [session.conversation() for session in self.sessions if session.state == "CONNECTED"]
        snapshot = {"userId": "31007", "userName": "Selin Aksoy", "conversations": live}
        head = {"seq": len(self._events), "epoch": "e", "serverTime": AT, "recovered": True}
        socket.send(json.dumps({"type": "welcome", "userId": "31007", **head, "snapshot": snapshot}))
        for event in self._events[frame["after"] :]:
            socket.send(event)
        self._socket = socket
        self._tell_line()
        self._tell_desk()

    async def _answer(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.netloc != urlsplit(DESK).netloc:
            await route.fulfill(content_type="text/html", body=OUTER)
        elif url.path.startswith("/v1/staff/"):
            await self._answer_call(route, url.path.removeprefix("/v1/staff"))
        else:
            file = self._pages.find(url.path)
            if file is None:
                await route.fulfill(status=404)
                return
            headers = {key.decode(): value.decode() for key, value in file.plain.headers}
            await route.fulfill(headers=headers, body=file.plain.body)

    async def _answer_call(self, route: Route, path: str) -> None:
        if self.offline:
            await route.abort()
            return
        body = json.loads(route.request.post_data or "{}")
        call = f"{route.request.method} {path}"
        self.calls.append(call)
        status, answer = self._handle(call, body)
        await route.fulfill(status=status, content_type="application/json", body=json.dumps(answer))

    def _handle(self, call: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        match call:
            case "POST /sessions" if self.refuses:
                return 401, {"code": "DLGEXCPSRV_TKNNOTVLD", "retryable": False}
            case "POST /sessions":
                return 201, {"staffToken": "staff-1", "expiresAt": AT, "rights": self.rights, **body}
            case "POST /conversations":
                answer = self._accept(body)
                self._tell_line()
                return answer
        if "/conversations/" not in call:
            return 200, self._about_waits(call, body)
        return 200, self._in_conversation(call, body)

    def _about_waits(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        match PurePosixPath(call.partition(" ")[2]).parts:
            case [_, "availability"]:
                self.available = body["available"]
                return {"available": self.available, "since": AT, "reason": None if self.available else "agent"}
            case [_, "offers", session_id, "decline"]:
                self._offered = [one for one in self._offered if one["sessionId"] != session_id]
                self._tell_desk()
            case [_, "waits", session_id]:
                next(one for one in self.sessions if one.session_id == session_id).state = "ENDED"
                self._tell_line()
        return {}

    def _in_conversation(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        method, _, path = call.partition(" ")
        _, _, session_id, *rest = PurePosixPath(path).parts
        session = next(one for one in self.sessions if one.session_id == session_id)
        match method, rest:
            case "POST", ["messages"]:
                return self._add(session, body["id"], "agent", body["text"])
            case "GET", ["messages"]:
                return {"messages": session.messages}
            case "POST", ["notes"]:
                self.notes.append(body["text"])
                return {"id": body["id"], "at": AT}
            case "GET", ["notes"]:
                return {"notes": []}
            case "POST", ["end"]:
                self.ends(session, "agent")
            case "POST", ["reveal"]:
                self.revealed.append(session_id)
        return session.conversation()

    def _accept(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        wanted = set(body.values())
        session = next((one for one in self.sessions if wanted & {one.session_id, f"88{one.session_id}"}), None)
        if session is None:
            return 404, {"code": "SESSION_NOT_FOUND", "retryable": False}
        if session.ended is not None:
            session.state = "ENDED"
            return 409, {"code": "WAIT_ENDED", "retryable": False, **session.ended}
        session.state = "CONNECTED"
        return 201, session.conversation()


def link(**parameters: str) -> str:
    """The parameters of the link into the desk."""
    return urlencode({"userId": "31007", "userName": "Selin Aksoy", "dlgToken": "secret", **parameters})


@asynccontextmanager
async def desk_at_work(width: int = 1280) -> AsyncIterator[StaffServer]:
    """A staff API with a browser before it; in the end the pages must have nothing to complain of."""
    executable = required_browser()
    if not (ROOT / "src" / "diyalog" / "static" / "app" / "agentchat.html").exists():
        pytest.fail("the pages are not built: run ./dev setup")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            context = await browser.new_context(
                viewport={"width": width, "height": 800}, locale="tr-TR", timezone_id="Europe/Istanbul"
            )
            server = StaffServer(context)
            await server.start()
            yield server
        finally:
            await browser.close()
    assert server.complaints == []

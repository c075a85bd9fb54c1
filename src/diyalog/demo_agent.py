"""The second story of `./dev demo`: a customer waits, and an agent comes."""

from typing import Any, Final

import aiohttp

from diyalog.demo_screen import DemoError, customer_calls, say, show_frame, staff_calls

READY_S: Final = 30.0
AGENT: Final = {"userId": "31007", "userName": "Selin Aksoy"}
_QUESTION: Final = "Can I raise my card limit for a trip?"
_ANSWER: Final = "Yes. I have raised it until Sunday; have a good trip."


async def somebody_comes(http: aiohttp.ClientSession) -> None:
    """Tell the story with real requests; raises DemoError when it goes otherwise."""
    say("6. Another customer asks, and this time somebody comes: an agent signs in at the desk and sees who waits.")
    activation = {"customerId": "880215", "customerName": "Deniz Kaya"}
    token = (await customer_calls(http, "POST", "/v1/client/activations", activation))["clientToken"]
    asked = await customer_calls(http, "POST", "/v1/client/help", {"helpType": "chat"}, token)
    session = asked["sessionId"]
    desk = (await staff_calls(http, "POST", "/v1/staff/sessions", AGENT))["staffToken"]
    line = (await staff_calls(http, "GET", "/v1/staff/queue", None, desk))["waiting"]
    if [one["sessionId"] for one in line] != [session]:
        raise DemoError("the desk does not show the customer who waits")
    async with http.ws_connect("/v1/client/events") as stream:
        hello = {"type": "hello", "sessionId": session, "after": asked["seq"], "epoch": asked["epoch"], "token": token}
        await stream.send_json(hello)
        await stream.receive_json(timeout=READY_S)
        say("7. The agent takes the wait. Of all who may want to end it, the first one wins; the customer is told.")
        talk = await staff_calls(http, "POST", "/v1/staff/conversations", {"sessionId": session}, desk)
        await _event(stream, "wait.ended")
        await _event(stream, "chat.state")
        say("8. They write to each other; both sides read the same messages in the same order.")
        question = {"id": "q-1", "text": _QUESTION}
        await customer_calls(http, "POST", f"/v1/client/help/{session}/messages", question, token)
        await _event(stream, "chat.message")
        messages = f"/v1/staff/conversations/{talk['conversationId']}/messages"
        await staff_calls(http, "POST", messages, {"id": "a-1", "text": _ANSWER}, desk)
        await _event(stream, "chat.message")
        say("9. The agent ends the conversation; the app confirms that it knows, and the session is over.")
        await staff_calls(http, "POST", f"/v1/staff/conversations/{talk['conversationId']}/end", {}, desk)
        ended = await _event(stream, "chat.state")
        await stream.send_json({"type": "ack", "seq": ended["seq"]})
        if (await stream.receive(timeout=READY_S)).data != aiohttp.WSCloseCode.OK:
            raise DemoError("the session was not over")
    say(f"The customer read: “{_ANSWER}”")


async def _event(stream: aiohttp.ClientWebSocketResponse, name: str) -> dict[str, Any]:
    """The next event of the customer's app, shown on screen."""
    event: dict[str, Any] = await stream.receive_json(timeout=READY_S)
    show_frame("app <-", event)
    if event["event"] != name:
        raise DemoError(f"the app was told {event['event']} instead of {name}")
    return event

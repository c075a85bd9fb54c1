"""Every operation of the HTTP API: method, path, and who answers; the built pages stand beside it."""

from dataclasses import dataclass

from diyalog.api.application import ApplicationApi
from diyalog.api.availability import AvailabilityApi
from diyalog.api.client import ClientApi
from diyalog.api.conversations import ClientConversations, StaffConversations
from diyalog.api.documents import DocumentsApi
from diyalog.api.notes import StaffNotes
from diyalog.api.operations import OperationsApi
from diyalog.api.out_of_office import OutOfOfficeApi
from diyalog.api.routing import Route, RouteTable
from diyalog.api.staff import StaffApi
from diyalog.api.supervision import StaffWaits


@dataclass(frozen=True, slots=True, kw_only=True)
class Apis:
    """The parts of the API."""

    company: ApplicationApi
    out_of_office: OutOfOfficeApi
    client: ClientApi
    client_conversations: ClientConversations
    staff: StaffApi
    staff_conversations: StaffConversations
    staff_notes: StaffNotes
    staff_waits: StaffWaits
    availability: AvailabilityApi
    operations: OperationsApi
    documents: DocumentsApi


def route_table(apis: Apis) -> RouteTable:
    """Lay the operations out by their paths."""
    return RouteTable(
        (
            Route("POST", "/v1/application/interactionisnotdelivered", apis.company.interaction_is_not_delivered),
            Route("POST", "/v1/application/gettransactionhashforonlinehelp", apis.company.get_transaction_hash),
            Route("POST", "/v1/application/finishonlinehelp", apis.company.finish_online_help),
            Route("POST", "/v1/application/finishonlinehelps", apis.company.finish_online_help),  # so its page says
            Route("POST", "/v1/application/enableoutofoffice", apis.out_of_office.enable),
            Route("POST", "/v1/application/disableoutofoffice", apis.out_of_office.disable),
            Route("POST", "/v1/application/getuseroutofofficeinfo", apis.out_of_office.read),
            Route("POST", "/v1/client/activations", apis.client.activate),
            Route("POST", "/v1/client/help", apis.client.start),
            Route("GET", "/v1/client/help", apis.client.current),
            Route("GET", "/v1/client/help/{sessionId}", apis.client.read),
            Route("DELETE", "/v1/client/help/{sessionId}", apis.client.cancel),
            Route("GET", "/v1/client/help/{sessionId}/messages", apis.client_conversations.messages),
            Route("POST", "/v1/client/help/{sessionId}/messages", apis.client_conversations.say),
            Route("POST", "/v1/client/help/{sessionId}/end", apis.client_conversations.end),
            Route("GET", "/v1/client/events", apis.client.events),
            Route("POST", "/v1/staff/sessions", apis.staff.sign_in),
            Route("GET", "/v1/staff/queue", apis.staff_conversations.queue),
            Route("POST", "/v1/staff/conversations", apis.staff_conversations.accept),
            Route("GET", "/v1/staff/conversations/{conversationId}", apis.staff_conversations.read),
            Route("GET", "/v1/staff/conversations/{conversationId}/messages", apis.staff_conversations.messages),
            Route("POST", "/v1/staff/conversations/{conversationId}/messages", apis.staff_conversations.say),
            Route("POST", "/v1/staff/conversations/{conversationId}/end", apis.staff_conversations.end),
            Route("POST", "/v1/staff/conversations/{conversationId}/reveal", apis.staff_conversations.reveal),
            Route("GET", "/v1/staff/conversations/{conversationId}/notes", apis.staff_notes.read),
            Route("POST", "/v1/staff/conversations/{conversationId}/notes", apis.staff_notes.leave),
            Route("DELETE", "/v1/staff/waits/{sessionId}", apis.staff_waits.cancel),
            Route("PUT", "/v1/staff/availability", apis.availability.change),
            Route("POST", "/v1/staff/offers/{sessionId}/decline", apis.availability.decline),
            Route("GET", "/v1/staff/events", apis.client.events),
            Route("GET", "/livez", apis.operations.livez),
            Route("GET", "/readyz", apis.operations.readyz),
            Route("GET", "/metrics", apis.operations.metrics),
            Route("GET", "/openapi.json", apis.documents.openapi),
            Route("GET", "/asyncapi.json", apis.documents.asyncapi),
            Route("GET", "/docs", apis.documents.docs),
            Route("GET", "/docs.css", apis.documents.style),
        )
    )

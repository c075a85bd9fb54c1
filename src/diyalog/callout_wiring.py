"""Puts the calls to the company's systems together from the settings.

Each service has connections and turns of its own: one that hangs takes none of another's.
"""

from dataclasses import dataclass

from diyalog.callouts.http import SLOTS, HttpClient
from diyalog.callouts.queue_system import HttpQueueSystem
from diyalog.callouts.staff_verifier import HttpStaffVerifier
from diyalog.callouts.token_verifier import HttpTokenVerifier
from diyalog.ports_callouts import Journal
from diyalog.settings import Settings


@dataclass(frozen=True, slots=True)
class Callouts:
    """The company's systems as the settings name them, None for those that are not named; `clients` carry the calls."""

    queue: HttpQueueSystem | None
    customers: HttpTokenVerifier | None
    staff: HttpStaffVerifier | None
    clients: tuple[HttpClient, ...]

    async def start(self) -> None:
        """Open the connections' pools, on the running event loop."""
        for client in self.clients:
            await client.start()

    async def stop(self) -> None:
        """Close them and what is in flight on them."""
        for client in self.clients:
            await client.stop()


def company_callouts(settings: Settings, journal: Journal, *, slots: int = SLOTS) -> Callouts:
    """What calls the company, none of it started. `slots`: most requests at a time to each of its services."""
    clients: list[HttpClient] = []

    def client(base: str) -> HttpClient:
        clients.append(HttpClient([base], auth_token=settings.callout_token, slots=slots))
        return clients[-1]

    queue = customers = staff = None
    if (base := settings.queue_url) is not None:
        queue = HttpQueueSystem(
            base,
            creates=client(base),
            deletes=client(base),
            form=settings.attached_data,
            slot_s=settings.queue_timeout,
            journal=journal,
        )
    if (base := settings.customer_auth_url) is not None:
        customers = HttpTokenVerifier(client(base), base, journal=journal)
    if (base := settings.staff_auth_url) is not None:
        staff = HttpStaffVerifier(client(base), base, journal=journal)
    return Callouts(queue, customers, staff, tuple(clients))

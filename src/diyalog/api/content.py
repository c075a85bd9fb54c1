"""Taking the content of a request: its media type and its bytes, within the limits."""

from dataclasses import dataclass

from diyalog.api.exchange import JSON, Exchange
from diyalog.api.problems import RefusedError
from diyalog.server.body import BodyTooLarge, BodyTooSlow, read_body


@dataclass(frozen=True, slots=True)
class ContentLimits:
    """Largest body in bytes (0 = no limit), and how long it may take to arrive, in seconds."""

    body_bytes: int = 65_536
    body_seconds: float = 10.0


async def read_content(exchange: Exchange, limits: ContentLimits) -> bytes:
    """The body as received. Raises RefusedError (BODY_TOO_LARGE, BODY_TOO_SLOW) and ClientGone."""
    try:
        return await read_body(exchange.receive, limits.body_bytes, limits.body_seconds)
    except BodyTooLarge:
        raise RefusedError("BODY_TOO_LARGE") from None
    except BodyTooSlow:
        raise RefusedError("BODY_TOO_SLOW") from None


def require_json(content_type: bytes | None) -> None:
    """Raises RefusedError (UNSUPPORTED_MEDIA_TYPE) unless the media type is application/json, with any parameters."""
    if content_type == JSON:
        return
    if content_type is None or content_type.partition(b";")[0].strip().lower() != JSON:
        raise RefusedError("UNSUPPORTED_MEDIA_TYPE")

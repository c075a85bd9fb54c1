"""The route table: path to methods, found with dict look-ups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diyalog.api.exchange import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `template` is its path; the last part, or the one before it, may be in braces and takes any one
    non-empty part.
    """

    method: str
    template: str
    handle: Handler


@dataclass(frozen=True, slots=True)
class Place:
    """One path and what may be done there. `allow` is the value of the Allow header."""

    template: str
    handlers: Mapping[str, Handler]
    allow: bytes


class RouteTable:
    """All routes of the server. Every GET route answers HEAD too."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        by_template: dict[str, dict[str, Handler]] = {}
        for route in self.routes:
            handlers = by_template.setdefault(route.template, {})
            handlers[route.method] = route.handle
            if route.method == "GET":
                handlers["HEAD"] = route.handle
        self._exact: dict[str, Place] = {}
        self._below: dict[str, Place] = {}
        self._around: dict[tuple[str, str], Place] = {}
        for template, handlers in by_template.items():
            place = Place(template, handlers, ", ".join(sorted(handlers)).encode())
            before, brace, rest = template.partition("{")
            after = rest.partition("}")[2]
            if after:
                self._around[before, after] = place
            elif brace:
                self._below[before] = place
            else:
                self._exact[template] = place

    def find(self, path: str) -> tuple[Place | None, str]:
        """Return the place of a path, None if there is none, and the variable part of the path."""
        place = self._exact.get(path)
        if place is not None:
            return place, ""
        cut = path.rfind("/") + 1
        place = self._below.get(path[:cut])
        if place is not None and cut < len(path):
            return place, path[cut:]
        start = path.rfind("/", 0, max(cut - 1, 0)) + 1
        place = self._around.get((path[:start], path[cut - 1 :]))
        if place is None or start >= cut - 1:
            return None, ""
        return place, path[start : cut - 1]

"""The route table: path to methods, found with dict look-ups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from diyalog.api.exchange import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `template` is its path; a last part in braces takes any one non-empty part."""

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
        for template, handlers in by_template.items():
            place = Place(template, handlers, ", ".join(sorted(handlers)).encode())
            if template.endswith("}"):
                self._below[template[: template.rindex("{")]] = place
            else:
                self._exact[template] = place

    def find(self, path: str) -> tuple[Place | None, str]:
        """Return the place of a path, None if there is none, and the variable last part of the path."""
        place = self._exact.get(path)
        if place is not None:
            return place, ""
        cut = path.rfind("/") + 1
        place = self._below.get(path[:cut])
        if place is None or cut == len(path):
            return None, ""
        return place, path[cut:]

"""The company's rules of the built-in queue: who may be asked, when, and when a wait is given up."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diyalog.domain.opening_hours import OpeningHours


@dataclass(frozen=True, slots=True)
class AgentRules:
    """What a member of the staff can do beyond the ordinary, and how many conversations they may have at once."""

    skills: frozenset[str] = frozenset()
    capacity: int = 3


@dataclass(frozen=True, slots=True)
class SkillRule:
    """A skill that a request asks for when its help type is one of these, and each name in `attached` has one of these
    values among the attached data. Without `help_types` any will do. Values are `comparable`.
    """

    skill: str
    help_types: frozenset[str] = frozenset()
    attached: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def asks(self, help_type: str, given: Mapping[str, frozenset[str]]) -> bool:
        """Whether such a request asks for the skill; `given`: the attached data, values by their names."""
        if self.help_types and help_type not in self.help_types:
            return False
        return all(not values.isdisjoint(given.get(name, frozenset())) for name, values in self.attached.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRules:
    """The rules; without any, everybody may be offered everything at any hour, and no wait is given up.

    `offer_ms`: how long an offer stands. `widen_after_ms`: from then on skills do not matter. `end_after_ms`: then the
    wait ends with `too_long`. `nobody_after_ms`: when nobody with the skills has taken offers for so long, it ends with
    `nobody`. A wait that is begun while closed ends with `closed`.
    """

    offer_ms: int = 20_000
    widen_after_ms: int | None = None
    end_after_ms: int | None = None
    nobody_after_ms: int | None = None
    closed: str = "We are closed at the moment."
    nobody: str = "Nobody is here who can help with this at the moment."
    too_long: str = "We could not find anyone in time."
    hours: OpeningHours | None = None
    skills: Sequence[SkillRule] = ()
    everybody: AgentRules = AgentRules()
    agents: Mapping[str, AgentRules] = field(default_factory=dict)

    def open_at(self, at_ms: int) -> bool:
        """Whether requests are taken at this time (ms since 1970)."""
        return self.hours is None or self.hours.open_at(at_ms)

    def needs(self, help_type: str, attached: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """The skills that a request asks for, in the order of the rules."""
        if not self.skills:
            return ()
        given: dict[str, frozenset[str]] = {}
        for name, value in attached:
            given[name] = given.get(name, frozenset()) | {comparable(value)}
        return tuple(dict.fromkeys(rule.skill for rule in self.skills if rule.asks(help_type, given)))

    def agent(self, user_id: str) -> AgentRules:
        """What a member of the staff can do."""
        return self.agents.get(user_id, self.everybody)


def comparable(text: str) -> str:
    """The text for comparing: without regard to case, blanks around it, and Turkish dots on an i.

    KART LİMİTİ, Kart limiti and kart limıtı are the same to it.
    """
    folded = unicodedata.normalize("NFKC", text).strip().casefold()
    return unicodedata.normalize("NFC", folded.replace("i̇", "i").replace("ı", "i"))

"""Reads the rules of the built-in queue from the TOML file that `DIYALOG_ROUTING_FILE` names (docs/routing.md)."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from diyalog.domain.opening_hours import DAY_MINUTES, OpeningHours, Span
from diyalog.domain.routing_rules import AgentRules, RoutingRules, SkillRule, comparable

_SPAN: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Seconds = Annotated[int, Meta(ge=1, le=86_400)]
OfferSeconds = Annotated[int, Meta(ge=5, le=300)]
Capacity = Annotated[int, Meta(ge=1, le=100)]
Name = Annotated[str, Meta(min_length=1, max_length=60)]
UserId = Annotated[str, Meta(min_length=1, max_length=255)]
Message = Annotated[str, Meta(min_length=1, max_length=2000)]


class RoutingFileError(Exception):
    """The file is not what it must be; the text is one line that says where and what to do."""


class _Hours(Struct, forbid_unknown_fields=True):
    zone: str
    monday: list[str] = []
    tuesday: list[str] = []
    wednesday: list[str] = []
    thursday: list[str] = []
    friday: list[str] = []
    saturday: list[str] = []
    sunday: list[str] = []
    dates: dict[str, list[str]] = {}


class _GiveUp(Struct, forbid_unknown_fields=True):
    widen_after: Seconds | None = None
    end_after: Seconds | None = None
    nobody_after: Seconds | None = None


class _Messages(Struct, forbid_unknown_fields=True):
    closed: Message = RoutingRules().closed
    nobody: Message = RoutingRules().nobody
    too_long: Message = RoutingRules().too_long


class _Agent(Struct, forbid_unknown_fields=True):
    user_id: UserId
    skills: list[Name] = []
    capacity: Capacity | None = None


class _Skill(Struct, forbid_unknown_fields=True):
    name: Name
    help_types: list[Literal["chat", "voice_call", "video_call"]] = []
    attached: dict[str, list[str]] = {}


class _File(Struct, forbid_unknown_fields=True):
    offer_seconds: OfferSeconds = 20
    capacity: Capacity = 3
    hours: _Hours | None = None
    give_up: _GiveUp = msgspec.field(default_factory=_GiveUp)
    messages: _Messages = msgspec.field(default_factory=_Messages)
    skill: list[_Skill] = []
    agent: list[_Agent] = []


def read_routing_rules(file: Path) -> RoutingRules:
    """The rules in this file. Raises RoutingFileError."""
    try:
        found = msgspec.toml.decode(file.read_bytes(), type=_File)
    except OSError as wrong:
        raise RoutingFileError(f"{file} cannot be read ({wrong.strerror}); name a TOML file") from None
    except msgspec.ValidationError as wrong:
        raise RoutingFileError(f"{file}: {' '.join(str(wrong).split())}") from None
    except (msgspec.MsgspecError, ValueError) as wrong:
        raise RoutingFileError(f"{file} is not a TOML file: {' '.join(str(wrong).split())}") from None
    except RecursionError:
        raise RoutingFileError(f"{file} is nested too deeply") from None
    try:
        return _rules(found)
    except RoutingFileError as wrong:
        raise RoutingFileError(f"{file}: {wrong}") from None


def _rules(found: _File) -> RoutingRules:
    return RoutingRules(
        offer_ms=found.offer_seconds * 1000,
        widen_after_ms=_ms(found.give_up.widen_after),
        end_after_ms=_ms(found.give_up.end_after),
        nobody_after_ms=_ms(found.give_up.nobody_after),
        closed=found.messages.closed,
        nobody=found.messages.nobody,
        too_long=found.messages.too_long,
        hours=None if found.hours is None else _hours(found.hours),
        skills=tuple(_skill(rule) for rule in found.skill),
        everybody=AgentRules(frozenset(), found.capacity),
        agents=_agents(found),
    )


def _ms(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000


def _agents(found: _File) -> Mapping[str, AgentRules]:
    agents: dict[str, AgentRules] = {}
    for one in found.agent:
        if one.user_id in agents:
            raise RoutingFileError(f"agent {one.user_id!r} stands there twice; keep one")
        agents[one.user_id] = AgentRules(frozenset(one.skills), one.capacity or found.capacity)
    return agents


def _skill(rule: _Skill) -> SkillRule:
    if not rule.help_types and not rule.attached:
        raise RoutingFileError(f"skill {rule.name!r} asks for nothing; give help_types, attached, or both")
    for name, values in rule.attached.items():
        if not values:
            raise RoutingFileError(f"skill {rule.name!r}: attached.{name} is empty; give the values that ask for it")
    attached = {name: frozenset(map(comparable, values)) for name, values in rule.attached.items()}
    return SkillRule(rule.name, frozenset(rule.help_types), attached)


def _hours(found: _Hours) -> OpeningHours:
    try:
        zone = ZoneInfo(found.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RoutingFileError(f"hours.zone: there is no zone {found.zone!r}; write one as Europe/Istanbul") from None
    weekdays = [_spans(f"hours.{day}", getattr(found, day)) for day in _DAYS]
    for place, day in enumerate(_DAYS):
        _refuse_overlap(f"hours.{day}", weekdays[place - 1], weekdays[place])
    dates: dict[date, Sequence[Span]] = {}
    for text, spans in found.dates.items():
        dates[_date(text)] = _spans(f"hours.dates.{text}", spans)
    return OpeningHours(zone, weekdays, dates)


def _date(text: str) -> date:
    with suppress(ValueError):
        read = date.fromisoformat(text)
        if text == read.isoformat():  # other forms would name the same day twice
            return read
    raise RoutingFileError(f"hours.dates: {text!r} is no date; write one as 2026-12-31")


def _spans(where: str, texts: Sequence[str]) -> list[Span]:
    spans = sorted(_span(where, text) for text in texts)
    for before, after in pairwise(spans):
        if after.start < before.end:
            raise RoutingFileError(f"{where}: two spans overlap; make them one")
    return spans


def _span(where: str, text: str) -> Span:
    read = _SPAN.fullmatch(text)
    if read is None:
        raise RoutingFileError(f"{where}: {text!r} is no span; write one as 09:00-18:00")
    start, end = int(read[1]) * 60 + int(read[2]), int(read[3]) * 60 + int(read[4])
    if start >= DAY_MINUTES or end > DAY_MINUTES or start == end:
        raise RoutingFileError(f"{where}: {text!r} is no span; it ends by 24:00, and not when it begins")
    return Span(start, end if end > start else end + DAY_MINUTES)


def _refuse_overlap(where: str, before: Sequence[Span], spans: Sequence[Span]) -> None:
    """Refuse a day that begins while the one before has not ended."""
    late = max((span.end - DAY_MINUTES for span in before), default=0)
    if any(span.start < late for span in spans):
        raise RoutingFileError(f"{where}: it begins before the day before has ended; make the spans meet")

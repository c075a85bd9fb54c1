"""Requests of every kind, right and wrong, to a world whose state the model knows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha1
from itertools import count
from random import Random
from typing import Any

from .bodies import CANARY, large, mutated, written
from .model import Model
from .reference import Header, Sent, signature, string_to_sign
from .world import ACTIVATIONS, DEVICE, FIRST, GET_HASH, HELP, NOT_DELIVERED, REVOKED, SECOND, SIGN_INS, http_date

_AWAY = (0, 0, 0, 0, 1, -1, 899, -899, 900, -900, 901, -901, 86_400, -(10**9))
_BAD_DATES = (
    "",
    "now",
    "2026-11-18T11:33:20Z",
    "Wednesday, 18-Nov-26 11:33:20 GMT",
    "Wed Nov 18 11:33:20 2026",
    "Wed, 31 Feb 2026 11:33:20 GMT",
    "Wed, 18 Nov 2026 24:00:00 GMT",
    "Wed, 18 Nov 2026 11:33:60 GMT",
    "Wed, 18 Nov 26 11:33:20 GMT",
    "Wed, 18 Nov 0000 11:33:20 GMT",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "wed, 18 nov 2026 11:33:20 gmt",
    "Çar, 18 Kas 2026 11:33:20 GMT",
    "1795000000",
    "Wed, 18 Nov 2026 11:33:20 EST",
    "Wed, 18 Nov 2026 11:33:20 +0300 GMT",
    "Wed,  18 Nov 2026 11:33:20 GMT",
    "Wed, 18 Nov 2026 11:33:20 +9999",
    "Wed, １８ Nov 2026 11:33:20 GMT",
    "x" * 600,
)
_CONTENT_TYPES = (
    "application/json; charset=utf-8",
    "application/json;charset=iso-8859-9",
    "APPLICATION/JSON",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json, text/plain",
    "application/jsonx",
    ";",
    "",
    "\xff",
    CANARY,
)
_METHODS = ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "post")
_COMPANY_TARGETS = (
    "/v1/application/interactionisnot%64elivered",
    f"{NOT_DELIVERED}?a={CANARY}",
    f"{NOT_DELIVERED}?",
    f"{NOT_DELIVERED}/",
    f"{NOT_DELIVERED}s",
    "/v1/application/",
    "/v1/application/..%2f..%2flivez",
    "/v1/application/%00%ff%c0%af",
    "/v1/reporting/getonlinehelplist",
    f"/v1/application/{CANARY}",
    "/v1/application/finishonlinehelp/../interactionisnotdelivered",
    "/V1/APPLICATION/interactionisnotdelivered",
    "/v1//application/interactionisnotdelivered",
    "/v1/application",
    "/",
)
_BAD_KEYS = (b"", b"x" * 256, b"\xc5\x9f", b"a\tb", b"\x7f", b"x" * 3000)


class Traffic:
    """Makes requests. `now_ms`: the time they are signed at."""

    def __init__(self, rng: Random, model: Model, now_ms: Callable[[], int]) -> None:
        self.rng = rng
        self.model = model
        self.now_ms = now_ms
        self._numbers = count(1)

    def next(self) -> Sent:
        """One request: of the company or a customer, flawless or spoilt in one or more ways."""
        return self._company() if self.rng.random() < 0.65 else self._customer()

    # The company

    def _company(self) -> Sent:
        rng = self.rng
        target, fields = (NOT_DELIVERED, self._ending()) if rng.random() < 0.8 else (GET_HASH, self._hash_request())
        body = self._body(fields)
        method = rng.choice(_METHODS) if rng.random() < 0.03 else "POST"
        if rng.random() < 0.05:
            target = rng.choice(_COMPANY_TARGETS)
        content_type = rng.choice(_CONTENT_TYPES) if rng.random() < 0.06 else "application/json"
        sent = Sent(method, target, (), body)
        headers = self._signed(sent, content_type)
        return replace(sent, headers=self._spoilt(headers) if rng.random() < 0.25 else headers)

    def _ending(self) -> dict[str, Any]:
        rng, fields = self.rng, {}
        waits = list(self.model.waits.values())
        known = rng.choice(waits[-40:]) if waits and rng.random() < 0.3 else None
        if known is not None and rng.random() < 0.6:
            known = rng.choice(list(self.model.live.values()) or [known])
        way = rng.random()
        if way < 0.55:
            fields["interactionId"] = (
                known.interaction_id if known else rng.choice(("7700418", CANARY, "D0", " D1", "Ş"))
            )
        if way > 0.35:
            fields["sessionId"] = known.session_id if known else rng.choice(("5521903347", CANARY, "D1"))
        if rng.random() < 0.7:
            fields["message"] = rng.choice((f"Nobody is free. {CANARY}", "Şu an yok 🙏\n<b>", ""))
        return fields

    def _hash_request(self) -> dict[str, Any]:
        fields = {"customerId": f"{CANARY}-{self.rng.randrange(20)}", "deviceHash": self.rng.choice((DEVICE, "d"))}
        if self.rng.random() < 0.2:
            waits = list(self.model.waits.values())
            fields["interactionId"] = self.rng.choice(waits).interaction_id if waits else "1"
        return fields

    def _body(self, fields: dict[str, Any]) -> bytes:
        way = self.rng.random()
        if way < 0.45:
            return written(self.rng, fields)
        return mutated(self.rng, fields) if way < 0.997 else large(self.rng, fields)

    def _signed(self, sent: Sent, content_type: str) -> tuple[Header, ...]:
        """Headers with a signature that is right, or wrong in one of many ways."""
        rng = self.rng
        date = self._date() if rng.random() < 0.12 else http_date(self.now_ms())
        key_id, secret = rng.choice((FIRST, SECOND))
        value = self._proof(sent, content_type, date, secret)
        if rng.random() < 0.06:
            key_id = rng.choice((REVOKED[0], "UNKNOWN", CANARY, key_id.lower(), key_id[:-1], f" {key_id}", FIRST[0]))
        prefix = "DLGA " if rng.random() > 0.03 else rng.choice(("DLGA", "dlga ", "Bearer ", "DLGA\t", "DLGA  ", ""))
        colon = ":" if rng.random() > 0.02 else rng.choice(("", " : ", "::", ";"))
        headers: list[Header] = [
            (b"x-dlg-date", date.encode("utf-8")),
            (b"x-dlg-requester-userid", CANARY.encode()),
            (b"x-dlg-authorization", f"{prefix}{key_id}{colon}{value}".encode()),
        ]
        if content_type or rng.random() < 0.5:
            headers.append((b"content-type", content_type.encode("latin-1")))
        if sent.target == NOT_DELIVERED and rng.random() < 0.06:
            headers += self._idempotency_key()
        rng.shuffle(headers)
        return tuple(headers)

    def _idempotency_key(self) -> list[Header]:
        """A key that no request before had, or one that may not be."""
        number = str(next(self._numbers)).encode()
        legal = self.rng.choice((number, b'key ~!@#"' + number, number.rjust(255, b"0")))
        bad = self.rng.choice(_BAD_KEYS)
        name = b"idempotency-key"
        return self.rng.choice(([(name, legal)], [(name, legal)], [(name, legal)] * 2, [(name, bad)]))

    def _date(self) -> str:
        rng = self.rng
        at = self.now_ms() + rng.choice(_AWAY) * 1000
        good = http_date(at)
        forms = (
            good,
            good.removesuffix(" GMT"),
            good.replace("GMT", "UTC"),
            good.replace("GMT", "Z"),
            http_date(at + 10_800_000).replace("GMT", "+0300"),
            http_date(at - 34_200_000).replace("GMT", "GMT-09:30"),
            f"Mon{good[3:]}",
            good.replace("GMT", "-0000"),
        )
        way = rng.random()
        if way < 0.6:
            return rng.choice(forms)
        if way < 0.9:
            return rng.choice(_BAD_DATES)
        place = rng.randrange(len(good))
        return good[:place] + chr(rng.randrange(32, 127)) + good[place + rng.randrange(2) :]

    def _proof(self, sent: Sent, content_type: str, date: str, secret: str) -> str:
        rng = self.rng
        text = string_to_sign(sent.method, content_type, date, sent.body, sent.target)
        right = signature(secret, text)
        if rng.random() > 0.3:
            return right
        signed_otherwise = (
            string_to_sign("GET", content_type, date, sent.body, sent.target),
            string_to_sign(sent.method, f"{content_type} ", date, sent.body, sent.target),
            string_to_sign(sent.method, content_type, http_date(self.now_ms() + 5000), sent.body, sent.target),
            string_to_sign(sent.method, content_type, date, sent.body + b" ", sent.target),
            string_to_sign(sent.method, content_type, date, sent.body[:-1], sent.target),
            string_to_sign(sent.method, content_type, date, b"", sent.target),
            string_to_sign(sent.method, content_type, date, sent.body, GET_HASH),
            string_to_sign(sent.method, content_type, date, sent.body, sent.target.partition("?")[0]),
            string_to_sign(sent.method, content_type, date, sent.body, "") + sent.target.encode() + b"\n",
            text.replace(sent.body + b"\n", sent.body),
        )
        values = (
            *(signature(secret, other) for other in signed_otherwise),
            signature(f"{secret} ", text),
            signature(rng.choice((FIRST, SECOND, REVOKED))[1], text),
            signature("stands for every key that does not exist", text),
            right.rstrip("="),
            f"{right}=",
            f"{right} ",
            f" {right}",
            f"{right}{right}",
            right[:-4],
            right.swapcase(),
            right.replace("+", "-").replace("/", "_"),
            _other_spelling(right),
            sha1(text).hexdigest(),
            "",
            "A" * 43 + "=",
            "=" * 44,
            CANARY,
            "x" * 700,
            "Ş" * 44,
        )
        return rng.choice(values)

    def _spoilt(self, headers: tuple[Header, ...]) -> tuple[Header, ...]:
        """Headers left out, doubled, renamed, emptied, or with bytes that do not belong there."""
        rng = self.rng
        place = rng.randrange(len(headers))
        name, value = headers[place]
        old_names = {
            b"x-dlg-date": b"date",
            b"x-dlg-requester-userid": b"x-requester-userid",
            b"x-dlg-authorization": b"x-authorization",
        }
        other = rng.choice(
            (
                (),
                ((name, value), (name, value)),
                ((name, value), (name, b"")),
                ((name, b""),),
                ((name, b" \t"),),
                ((old_names.get(name, name), value),),
                ((name, value), (old_names.get(name, name), CANARY.encode())),
                ((name, b""), (old_names.get(name, name), value)),
                ((name, b"  " + value + b"\t"),),
                ((name, value + b"\xc5\x9e"),),
                ((name, value + b"\x7f"),),
                ((name, value.ljust(rng.choice((511, 512, 513, 5000)), b"z")),),
            )
        )
        return (*headers[:place], *other, *headers[place + 1 :])

    # Customers

    def _customer(self) -> Sent:
        rng, way = self.rng, self.rng.random()
        if way < 0.3:
            sent = Sent("POST", ACTIVATIONS, (), self._body(self._activation()))
        elif way < 0.36:
            sent = Sent("POST", SIGN_INS, (), self._body(self._sign_in()))
        elif way < 0.6:
            sent = Sent("POST", HELP, (), self._body(self._help()))
        elif way < 0.7:
            sent = Sent("GET", HELP, ())
        else:
            sent = Sent(rng.choice(("GET", "GET", "DELETE", "HEAD")), f"{HELP}/{self._session()}", ())
        if rng.random() < 0.03:
            help_targets = ("/v1/client/events", "/v1/client/", f"{HELP}/", f"/v1/client/{CANARY}", f"{HELP}?{CANARY}")
            staff_targets = ("/v1/staff/", f"{SIGN_INS}/", f"{SIGN_INS}/{CANARY}", f"{SIGN_INS}?{CANARY}")
            sent = replace(sent, target=rng.choice(help_targets + staff_targets))
        if rng.random() < 0.04:
            sent = replace(sent, method=rng.choice(_METHODS))
        return replace(sent, headers=self._client_headers(sent))

    def _activation(self) -> dict[str, Any]:
        rng = self.rng
        held = list(self.model.hashes.items())
        (customer, device), value = rng.choice(held) if held and rng.random() < 0.3 else ((CANARY, DEVICE), "0" * 40)
        fields = {"customerId": customer, "customerName": CANARY, "deviceHash": device, "transactionHash": value}
        if rng.random() < 0.3:
            spoilt = rng.choice(sorted(fields))
            fields[spoilt] = rng.choice(("", fields[spoilt].upper(), f"{fields[spoilt]} ", CANARY))
        if rng.random() < 0.2:
            fields |= {"deviceId": "7", "dlgToken": CANARY}
        for name in rng.sample(sorted(fields), rng.choice((0, 0, 0, 1, 2))):
            del fields[name]
        return fields

    def _sign_in(self) -> dict[str, Any]:
        rng = self.rng
        long = CANARY * rng.choice((21, 22, 85, 86, 341, 342))
        values = (CANARY, CANARY, 31007, "", long)
        names = rng.sample(("userId", "userName", "sessionId", "token"), rng.choice((2, 3, 4, 4, 4)))
        return {name: rng.choice(values) for name in names}

    def _help(self) -> dict[str, Any]:
        rng = self.rng
        return {
            "helpType": rng.choice(("chat", "voice_call", "video_call", CANARY, "CHAT", "")),
            "attachedData": rng.choice((None, {}, {"topic": CANARY}, {CANARY: 1}, {"a": None}, [], {"a": {"b": "c"}})),
            "identityNumber": rng.choice((None, 0, "0", CANARY, 10**10, 1.5)),
        }

    def _session(self) -> str:
        waits = list(self.model.waits.values())
        if waits and self.rng.random() < 0.6:
            return self.rng.choice(waits[-60:]).session_id
        odd = ("x", CANARY, "%00", "%ff%fe", "a%2fb", "..", "%c5%9e", "0" * 2000, "1%20or%201", "a/b", "?", "%", "%zz")
        return self.rng.choice(odd)

    def _client_headers(self, sent: Sent) -> Sequence[Header]:
        rng = self.rng
        headers: list[Header] = []
        if sent.target != ACTIVATIONS:
            wait = self.model.waits.get(f"s:{sent.target.rpartition('/')[2]}")
            headers += self._bearer(wait.customer if wait is not None and rng.random() < 0.7 else None)
        if sent.method == "POST" or rng.random() < 0.2:
            good = rng.random() < 0.9
            headers.append(
                (b"content-type", b"application/json" if good else rng.choice(_CONTENT_TYPES).encode("latin-1"))
            )
        if rng.random() < 0.1:
            headers += self._idempotency_key()
        if rng.random() < 0.05:
            headers.append((b"origin", f"https://{CANARY}.example".encode()))
        return headers

    def _bearer(self, of: str | None) -> list[Header]:
        rng = self.rng
        tokens = [token for token, customer in self.model.tokens.items() if of in {None, customer}]
        token = rng.choice(tokens).encode()
        name, way = b"authorization", rng.random()
        if way < 0.6:
            return [(name, b"Bearer " + token)]
        values = (
            b"bearer " + token,
            b"Bearer  " + token + b" ",
            b"Bearer " + token[:-1],
            b"Bearer " + token.swapcase(),
            b"Bearer " + token + b"x",
            b"Bearer \xff" + token,
            b"Bearer " + b"x" * 10_000,
            b"Bearer ",
            b"Bearer",
            b"Basic " + token,
            b"DLGA " + token,
            token,
            b"Bearer " + CANARY.encode(),
            b"",
        )
        return rng.choice(([], [(name, b"Bearer " + token)] * 2, *([(name, value)] for value in values)))


def _other_spelling(value: str) -> str:
    """The same 32 bytes in base64 that is not canonical: the two bits that nothing uses are set otherwise."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{value[:-2]}{alphabet[alphabet.index(value[-2]) ^ 1]}="

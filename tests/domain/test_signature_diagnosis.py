"""The usual mistakes of signing: each is planted, signed with Python's own hmac, and must be found by its name."""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diyalog.domain.signature import Fault, SigningKey
from diyalog.domain.signature_diagnosis import (
    diagnose,
    diagnose_quickly,
    explain_text,
    first_difference,
    readings,
)
from diyalog.domain.signature_mistakes import Parts, Surroundings
from diyalog.domain.signature_refusals import explain_clock, explain_date, explain_headers

SECRET = "kV7-test-secret-0001-not-for-production"
KEY_ID = "5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384"
DATE = b"Wed, 14 May 2025 08:05:09 GMT"
BODY = '{"interactionId":"7700418","message":"Şu an <b>/</b>"}'.encode()
TARGET = b"/v1/application/interactionisnotdelivered?b=2&a=x%20y"
PATH = b"/v1/application/interactionisnotdelivered"
SENT = Parts(b"POST", b"application/json", DATE, BODY, TARGET)
AROUND = Surroundings(
    ((b"host", b"api.example:8443"), (b"date", b"Wed, 14 May 2025 08:05:30 GMT")), KEY_ID.encode(), b"31007"
)


def text_of(*parts: bytes) -> bytes:
    return b"\n".join(parts)


def sha256_of(text: bytes, key: bytes = SECRET.encode()) -> bytes:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest())


RIGHT_TEXT = b"POST\napplication/json\n" + DATE + b"\n" + BODY + b"\n" + TARGET
RIGHT = sha256_of(RIGHT_TEXT)
RAW = base64.b64decode(RIGHT)


def found(signature: bytes, sent: Parts = SENT, secret: str = SECRET) -> list[str] | None:
    mistakes = diagnose(sent, AROUND, signature, secret)
    return None if mistakes is None else [mistake.name for mistake in mistakes]


def test_the_right_signature_has_no_mistake() -> None:
    assert found(RIGHT) == []


def test_a_signature_of_something_else_is_not_explained() -> None:
    assert found(sha256_of(b"something else")) is None
    assert found(b"nonsense") is None
    assert found(b"\xff=:") is None


VALUE = json.loads(BODY)
BODIES = [
    ("body_newline_added", BODY + b"\n"),
    ("body_newline_added", BODY + b"\r\n"),
    ("body_left_empty", b""),
    ("body_reserialised", json.dumps(VALUE).encode()),
    ("body_reserialised", json.dumps(VALUE, ensure_ascii=False, indent=2).encode()),
    ("body_reserialised", json.dumps(VALUE, ensure_ascii=False, indent=4).replace("\n", "\r\n").encode()),
    ("body_reserialised", b'{"message":"\xc5\x9eu an <b>/</b>","interactionId":"7700418"}'),
    ("body_reserialised", b'{"interactionId":"7700418","message":"\\u015eu an <b>/</b>"}'),
    ("body_reserialised", b'{"interactionId":"7700418","message":"\\u015Eu an <b>/</b>"}'),
    ("body_reserialised", b'{"interactionId":"7700418","message":"\xc5\x9eu an <b>\\/<\\/b>"}'),
    ("body_reserialised", b'{"interactionId":"7700418","message":"\xc5\x9eu an \\u003cb\\u003e/\\u003c/b\\u003e"}'),
    ("body_reserialised", json.dumps(BODY.decode()).encode()),
    ("body_byte_order_mark", b"\xef\xbb\xbf" + BODY),
    ("body_hashed", hashlib.sha256(BODY).hexdigest().encode()),
    ("body_character_set", BODY.decode().encode("iso-8859-9")),
]
CONTENT_TYPES = [
    ("content_type_empty", b""),
    ("content_type_parameters", b"application/json; charset=utf-8"),
    ("content_type_other", b"text/plain"),
]
TARGETS = [
    ("target_without_query", PATH),
    ("target_with_host", b"https://api.example:8443" + TARGET),
    ("target_with_host", b"api.example:8443" + PATH),
    ("target_decoded", PATH + b"?b=2&a=x y"),
    ("target_encoded", PATH + b"?b=2&a=x%2520y"),
    ("target_query_rebuilt", PATH + b"?a=x+y&b=2"),
    ("target_slash", PATH + b"/"),
    ("target_partly", b"/interactionisnotdelivered"),
    ("target_case", TARGET.upper().lower()),
]
METHODS = [("method_case", b"post"), ("method_other", b"PUT")]
DATES = [
    ("date_of_another_header", b"Wed, 14 May 2025 08:05:30 GMT"),
    ("date_text", b"Wed, 14 May 2025 11:05:09 +0300"),
    ("date_text", b"2025-05-14T08:05:09Z"),
    ("date_text", b"Wed, 14 May 2025 08:05:09 +0000"),
    ("date_taken_twice", b"Wed, 14 May 2025 08:05:10 GMT"),
    ("date_empty", b""),
]
CHANGED = (
    [(name, {"body": value}) for name, value in BODIES]
    + [(name, {"content_type": value}) for name, value in CONTENT_TYPES]
    + [(name, {"target": value}) for name, value in TARGETS if value != TARGET]
    + [(name, {"method": value}) for name, value in METHODS]
    + [(name, {"date": value}) for name, value in DATES]
)


@pytest.mark.parametrize(("name", "change"), CHANGED)
def test_one_part_was_signed_otherwise(name: str, change: dict[str, bytes]) -> None:
    signed = SENT._replace(**change)
    text = text_of(signed.method, signed.content_type, signed.date, signed.body, signed.target)
    assert found(sha256_of(text)) == [name]
    own = explain_text(SENT, AROUND, text)
    assert own is not None
    assert [mistake.name for mistake in own] == [name]


def test_what_was_sent_with_more_than_was_signed() -> None:
    with_newline = SENT._replace(body=BODY + b"\n")
    assert found(RIGHT, with_newline) == ["body_newline_stripped"]
    crlf = SENT._replace(body=b'{\r\n"a":1}')
    assert found(sha256_of(text_of(b"POST", b"application/json", DATE, b'{\n"a":1}', TARGET)), crlf) == [
        "body_line_ends"
    ]
    parameters = SENT._replace(content_type=b"application/json; charset=utf-8")
    assert found(RIGHT, parameters) == ["content_type_without_parameters"]
    nothing = SENT._replace(content_type=b"")
    assert found(RIGHT, nothing) == ["content_type_not_sent"]
    capitals = SENT._replace(target=TARGET.replace(b"interaction", b"Interaction"))
    assert found(RIGHT, capitals) == ["target_case"]


LAYOUTS = [
    ("layout_no_newline_before_target", text_of(b"POST", b"application/json", DATE, BODY) + TARGET),
    ("layout_newline_at_end", RIGHT_TEXT + b"\n"),
    ("layout_crlf", RIGHT_TEXT.replace(b"\n", b"\r\n")),
    ("layout_backslash_n", RIGHT_TEXT.replace(b"\n", b"\\n")),
    ("layout_separator", RIGHT_TEXT.replace(b"\n", b"")),
    ("layout_order", text_of(b"POST", TARGET, b"application/json", DATE, BODY)),
    ("layout_order", text_of(DATE, b"POST", TARGET, BODY, b"application/json")),
    ("layout_without_date", text_of(b"POST", b"application/json", BODY, TARGET)),
    ("layout_extra_part", KEY_ID.encode() + b"\n" + RIGHT_TEXT),
    ("layout_extra_part", text_of(b"POST", b"application/json", DATE, b"31007", BODY, TARGET)),
    ("layout_extra_part", RIGHT_TEXT + KEY_ID.encode()),
]


@pytest.mark.parametrize(("name", "text"), LAYOUTS)
def test_the_parts_were_joined_otherwise(name: str, text: bytes) -> None:
    assert found(sha256_of(text)) == [name]


def test_an_empty_body_and_its_newline() -> None:
    empty = SENT._replace(body=b"", target=PATH, method=b"GET")
    text = text_of(b"GET", b"application/json", DATE, PATH)
    assert found(sha256_of(text), empty) == ["layout_no_newline_before_target"]


SECRETS = [
    ("secret_blanks", SECRET + "\n", SECRET),
    ("secret_base64_decoded", base64.b64decode("c2VjcmV0LWluLWJhc2U2NA==").decode(), "c2VjcmV0LWluLWJhc2U2NA=="),
    ("secret_hex_decoded", bytes.fromhex("7365637265742d31").decode(), "7365637265742d31"),
    ("secret_quoted", f'"{SECRET}"', SECRET),
    ("secret_stripped", "spaced", " spaced "),
    ("secret_is_key_id", KEY_ID, SECRET),
    ("secret_case", SECRET.upper(), SECRET),
]


@pytest.mark.parametrize(("name", "used", "issued"), SECRETS)
def test_the_secret_was_changed(name: str, used: str, issued: str) -> None:
    assert found(sha256_of(RIGHT_TEXT, used.encode()), secret=issued) == [name]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha384", "sha512"])
def test_another_algorithm(algorithm: str) -> None:
    signature = base64.b64encode(hmac.new(SECRET.encode(), RIGHT_TEXT, algorithm).digest())
    assert found(signature) == [f"algorithm_hmac_{algorithm}"]


def test_no_hmac_with_the_secret_as_its_key() -> None:
    swapped = hmac.new(RIGHT_TEXT, SECRET.encode(), hashlib.sha256).digest()
    assert found(base64.b64encode(swapped)) == ["algorithm_swapped"]
    plain = hashlib.sha256(SECRET.encode() + RIGHT_TEXT).digest()
    assert found(base64.b64encode(plain)) == ["algorithm_plain_hash"]


URL_SAFE_TEXT = next(
    text for text in (RIGHT_TEXT + b"%d" % n for n in range(999)) if set(b"+/") <= set(sha256_of(text))
)
URL_SAFE = SENT._replace(target=URL_SAFE_TEXT[URL_SAFE_TEXT.rindex(b"\n") + 1 :])


@pytest.mark.parametrize(
    ("name", "signature", "sent"),
    [
        ("encoding_hex", RAW.hex().encode(), SENT),
        ("encoding_hex", RAW.hex().upper().encode(), SENT),
        ("encoding_padding", RIGHT.rstrip(b"="), SENT),
        ("encoding_base64url", base64.urlsafe_b64encode(base64.b64decode(sha256_of(URL_SAFE_TEXT))), URL_SAFE),
        ("encoding_hex_in_base64", base64.b64encode(RAW.hex().encode()), SENT),
        ("encoding_base64_twice", base64.b64encode(RIGHT), SENT),
        ("encoding_blanks", RIGHT[:20] + b" " + RIGHT[20:], SENT),
        ("encoding_quotes", b'"' + RIGHT + b'"', SENT),
    ],
)
def test_the_signature_was_written_otherwise(name: str, signature: bytes, sent: Parts) -> None:
    assert found(signature, sent) == [name]


def test_two_mistakes_at_once() -> None:
    text = text_of(b"POST", b"application/json", DATE, json.dumps(VALUE).encode(), PATH)
    assert sorted(found(sha256_of(text)) or []) == ["body_reserialised", "target_without_query"]
    sha1 = base64.b64encode(hmac.new(SECRET.encode(), RIGHT_TEXT + b"\n", "sha1").digest())
    assert sorted(found(sha1) or []) == ["algorithm_hmac_sha1", "layout_newline_at_end"]
    hexadecimal = base64.b64decode(sha256_of(text_of(b"post", b"application/json", DATE, BODY, TARGET))).hex().encode()
    assert sorted(found(hexadecimal) or []) == ["encoding_hex", "method_case"]


def test_the_quick_search_knows_the_commonest_and_not_the_secret() -> None:
    key = SigningKey(SECRET)

    def quickly(text: bytes, sent: Parts = SENT) -> list[str] | None:
        mistakes = diagnose_quickly(sent, AROUND, sha256_of(text), key)
        return None if mistakes is None else [mistake.name for mistake in mistakes]

    assert quickly(text_of(b"POST", b"application/json", DATE, json.dumps(VALUE).encode(), TARGET)) == [
        "body_reserialised"
    ]
    assert quickly(text_of(b"POST", b"application/json", DATE, BODY, PATH)) == ["target_without_query"]
    assert quickly(RIGHT_TEXT + b"\n") == ["layout_newline_at_end"]
    assert quickly(b"something else") is None
    assert quickly(RIGHT_TEXT + b"\n", SENT._replace(body=b"x" * 8_193)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 4_000 + b"]" * 4_000,
        b'{"a":[' + b",".join([b'{"q":1}'] * 1_000) + b"]}",
        b'"' + b"\\u0131" * 1_300 + b'"',
        b"9" * 8_000,
        b"\xff" * 8_000,
    ],
)
def test_the_quick_search_is_quick_on_hostile_bodies(body: bytes) -> None:
    sent = SENT._replace(body=body, target=b"/v1/" + b"%25a/b?" * 20)
    began = perf_counter()
    assert diagnose_quickly(sent, AROUND, b"A" * 43 + b"=", SigningKey(SECRET)) is None
    assert perf_counter() - began < 1.0, "some tens of milliseconds are usual; the limit is for a busy machine"


def test_the_quick_search_is_quick_on_hostile_targets_and_headers() -> None:
    sent = SENT._replace(target=b"/v1/" + b"/" * 4_000 + b"?" + b"a=b&" * 1_000)
    around = Surroundings(((b"host", b"h"),) * 1_000 + ((b"date", b"x" * 9_000),), KEY_ID.encode(), b"31007")
    began = perf_counter()
    assert diagnose_quickly(sent, around, b"A" * 43 + b"=", SigningKey(SECRET)) is None
    assert perf_counter() - began < 1.0, "some tens of milliseconds are usual; the limit is for a busy machine"


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.binary(max_size=60),
    st.binary(max_size=60),
)
def test_no_bytes_break_the_search(method: bytes, content_type: bytes, date: bytes, body: bytes, target: bytes) -> None:
    sent = Parts(method, content_type, date, body, target)
    assert diagnose_quickly(sent, AROUND, b"A" * 43 + b"=", SigningKey(SECRET)) is None
    assert all(len(reading.digest) in {16, 20, 28, 32, 48, 64} for reading in readings(body + b"=" + target))


def test_where_the_own_text_leaves_the_right_one() -> None:
    assert first_difference(SENT, RIGHT_TEXT.replace(b"POST", b"PAST")) == (1, "method")
    assert first_difference(SENT, RIGHT_TEXT.replace(b"7700418", b"7700419")) == (76, "body")
    assert first_difference(SENT, b"POST") == (4, "line feed after the method")
    assert first_difference(SENT, RIGHT_TEXT + b"x") == (len(RIGHT_TEXT), "end")


@pytest.mark.parametrize(
    ("date", "why"),
    [
        (b"2025-05-14T08:05:09Z", "ISO 8601"),
        (b"1747209909", "number of seconds"),
        (b"Wednesday, 14-May-25 08:05:09 GMT", "RFC 850"),
        (b"Wed May 14 08:05:09 2025", "asctime"),
        (b"14 May 2025 08:05:09 GMT", "weekday is missing"),
        (b"Car, 14 May 2025 08:05:09 GMT", "weekday is not one of"),
        (b"Wed, 14 Mayis 2025 08:05:09 GMT", "month is not one of"),
        (b"Wed, 14 May 2025 08:05 GMT", "seconds are missing"),
        (b"Wed, 14 May 2025 08:05:09 TRT", "zone is none of"),
        (b"Wed, 14 May 2025 08:05:09 +03:00", "zone is none of"),
        (b"Wed, 31 Feb 2025 08:05:09 GMT", "no such day"),
        (b"Wed, 14 May 25 08:05:09 GMT", "two digits"),
    ],
)
def test_dates_that_cannot_be_read(date: bytes, why: str) -> None:
    assert why in explain_date(date)


def test_the_clock_says_how_far_and_which_way() -> None:
    assert explain_clock(1_747_209_909_000, 1_747_209_909_999).startswith("The request's date is 0 s (0 s) behind")
    early = explain_clock(1_747_209_909_000, 1_747_220_709_000)
    assert "10800 s (3 h) behind the server's clock; at most 900 s" in early
    assert "Nearly whole hours" in early
    assert "901 s (15 min 1 s) ahead of" in explain_clock(901_000, 0)
    assert "within the 900 s" in explain_clock(900_000, 0)


@pytest.mark.parametrize(
    ("headers", "fault", "words"),
    [
        ({"x_dlg_date": "a", "x-dlg-authorization": "b"}, Fault.HEADERS, ["x-dlg-date is missing", "named x_dlg_date"]),
        ({"x-dlg-requester-userid": ""}, Fault.HEADERS, ["x-dlg-requester-userid is empty"]),
        ({"authorization": "DLGA a:b"}, Fault.HEADERS, ["the name must be x-dlg-authorization"]),
        ({"x-dlg-authorization": "Bearer x"}, Fault.FORMAT, ["does not begin with `DLGA `"]),
        ({"x-dlg-authorization": "dlga a:b"}, Fault.FORMAT, ["not in capitals"]),
        ({"x-dlg-authorization": "DLGA:a:b"}, Fault.FORMAT, ["no blank follows DLGA"]),
        ({"x-dlg-authorization": "DLGA a"}, Fault.FORMAT, ["no colon"]),
        ({"x-dlg-authorization": "DLGA :b"}, Fault.FORMAT, ["no access key id"]),
        ({"x-dlg-authorization": "DLGA a:"}, Fault.FORMAT, ["no signature"]),
        ({"x-dlg-authorization": "DLGA a:" + "b" * 600}, Fault.FORMAT, ["607 characters"]),
        (
            {"x-dlg-authorization": "DLGA a:b", "x-dlg-date": "Çar"},
            Fault.FORMAT,
            ["x-dlg-date holds characters outside"],
        ),
    ],
)
def test_headers_that_were_refused(headers: dict[str, str], fault: Fault, words: list[str]) -> None:
    text = "\n".join(explain_headers([(name.encode(), value.encode()) for name, value in headers.items()], fault))
    assert [word for word in words if word not in text] == []


def test_headers_that_came_twice() -> None:
    headers = [(b"x-dlg-date", DATE), (b"x-dlg-date", DATE), (b"x-dlg-authorization", b"DLGA a:b")]
    assert explain_headers(headers, Fault.FORMAT) == [
        "The header x-dlg-date stands 2 times in the request; it may stand there once."
    ]


def test_the_page_lists_exactly_the_findings_of_the_log() -> None:
    root = Path(__file__).parents[2]
    sources = [root / "src" / "diyalog" / "domain" / f"signature_{name}.py" for name in ("mistakes", "diagnosis")]
    made = {
        name.replace("{name}", part)
        for source in sources
        for name in re.findall(r'Mistake\(\s*f?"([a-z0-9_{}]+)"', source.read_text("utf-8"))
        for part in Parts._fields
    }
    logged = {name for name in made if not name.startswith(("secret_", "algorithm_"))}
    rows = re.findall(r"^\| (`.+?) \|", (root / "docs" / "doctor.md").read_text("utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(logged) > 40
    assert named == logged | {"unknown_key", "request_too_large", "nothing_fits"}

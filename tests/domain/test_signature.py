import base64
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diyalog.domain.ids import AccessKeyId
from diyalog.domain.signature import (
    Fault,
    SignatureRefusal,
    SigningKey,
    check,
    parse_date,
    read_headers,
    string_to_sign,
)

KNOWN = json.loads((Path(__file__).parents[1] / "vectors" / "signature.json").read_text(encoding="utf-8"))
VECTORS: list[dict[str, Any]] = KNOWN["vectors"]
V1 = VECTORS[0]
KEYS = {AccessKeyId(v["accessKeyId"]): [SigningKey(v["accessKeySecret"])] for v in VECTORS}
BODY = base64.b64decode(V1["bodyBase64"])
TARGET = b"/v1/application/interactionisnotdelivered"
AUTHORIZATION = V1["authorization"].encode()
DATE = b"Wed, 14 May 2025 08:05:09 GMT"
NOW_MS = 1747210200000

Headers = list[tuple[bytes, bytes]]
HEADERS: Headers = [
    (b"host", b"diyalog.example"),
    (b"content-type", b"application/json"),
    (b"x-dlg-date", DATE),
    (b"x-dlg-requester-userid", b"31007"),
    (b"x-dlg-authorization", AUTHORIZATION),
]


def keys_of(access_key: AccessKeyId) -> Sequence[SigningKey]:
    return KEYS.get(access_key, ())


def with_header(name: bytes, *values: bytes) -> Headers:
    return [header for header in HEADERS if header[0] != name] + [(name, value) for value in values]


def answer(
    headers: Headers = HEADERS,
    *,
    method: bytes = b"POST",
    target: bytes = TARGET,
    body: bytes = BODY,
    now_ms: int = NOW_MS,
) -> Fault | str:
    """The fault a request is refused for, or the requester it was accepted for."""
    try:
        return check(headers, method=method, target=target, body=body, now_ms=now_ms, lookup=keys_of).requester
    except SignatureRefusal as refusal:
        return refusal.fault


def headers_of(vector: dict[str, Any]) -> Headers:
    parts = {
        "content-type": vector["contentType"],
        "x-dlg-date": vector["date"],
        "x-dlg-requester-userid": vector["requester"],
        "x-dlg-authorization": vector["authorization"],
    }
    return [(name.encode(), value.encode()) for name, value in parts.items() if value is not None]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
class TestKnownAnswers:
    def test_string_to_sign(self, vector: dict[str, Any]) -> None:
        text = string_to_sign(
            vector["method"].encode(),
            vector["contentType"].encode(),
            vector["date"].encode(),
            base64.b64decode(vector["bodyBase64"]),
            vector["target"].encode(),
        )
        assert text == vector["stringToSign"].encode()

    def test_signature(self, vector: dict[str, Any]) -> None:
        key = SigningKey(vector["accessKeySecret"])
        assert key.sign(vector["stringToSign"].encode()) == vector["signature"].encode()

    def test_instant(self, vector: dict[str, Any]) -> None:
        assert parse_date(vector["date"].encode()) == vector["dateMs"]

    def test_is_accepted(self, vector: dict[str, Any]) -> None:
        caller = check(
            headers_of(vector),
            method=vector["method"].encode(),
            target=vector["target"].encode(),
            body=base64.b64decode(vector["bodyBase64"]),
            now_ms=vector["dateMs"],
            lookup=keys_of,
        )
        assert (caller.access_key, caller.requester) == (vector["accessKeyId"], vector["requester"])

    def test_without_the_newline_before_the_target_is_refused(self, vector: dict[str, Any]) -> None:
        bare = f"DLGA {vector['accessKeyId']}:{vector['signatureWithoutSeparator']}"
        assert (
            answer(
                headers_of(vector | {"authorization": bare}),
                method=vector["method"].encode(),
                target=vector["target"].encode(),
                body=base64.b64decode(vector["bodyBase64"]),
                now_ms=vector["dateMs"],
            )
            is Fault.SIGNATURE
        )


@pytest.mark.parametrize("case", KNOWN["cases"], ids=lambda case: case["what"])
def test_one_part_of_v1_changed(case: dict[str, Any]) -> None:
    changed = V1 | case["change"]
    body = changed["body"].encode() if "body" in changed else BODY

    def run() -> str:
        return check(
            headers_of(changed),
            method=changed["method"].encode(),
            target=changed["target"].encode(),
            body=body,
            now_ms=case["nowMs"],
            lookup=keys_of,
        ).requester

    if case["status"] == 200:
        assert run() == "31007"
    else:
        with pytest.raises(SignatureRefusal) as refusal:
            run()
        assert (refusal.value.status, refusal.value.text) == (case["status"], case["text"])


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (Fault.HEADERS, 400, "Required headers not found"),
        (Fault.FORMAT, 400, "Authorization failed due to data format not valid"),
        (Fault.DATE, 400, "Authorization failed due to date not valid"),
        (Fault.SIGNATURE, 401, "Authorization failed"),
        (Fault.CLOCK, 403, "Request time may not be correct."),
    ],
)
def test_every_refusal_has_the_documented_answer(fault: Fault, status: int, text: str) -> None:
    refusal = SignatureRefusal(fault)
    assert (refusal.status, refusal.text) == (status, text)


class TestHeaders:
    @pytest.mark.parametrize("name", [b"x-dlg-date", b"x-dlg-requester-userid", b"x-dlg-authorization"])
    @pytest.mark.parametrize("values", [(), (b"",), (b" \t",)])
    def test_absent_and_empty_are_the_same(self, name: bytes, values: tuple[bytes, ...]) -> None:
        assert answer(with_header(name, *values)) is Fault.HEADERS

    def test_old_names_are_read_where_the_new_ones_are_absent(self) -> None:
        old = {
            b"x-dlg-date": b"date",
            b"x-dlg-requester-userid": b"x-requester-userid",
            b"x-dlg-authorization": b"x-authorization",
        }
        assert answer([(old.get(name, name), value) for name, value in HEADERS]) == "31007"

    @pytest.mark.parametrize(
        ("new", "old"),
        [
            (b"x-dlg-date", b"date"),
            (b"x-dlg-requester-userid", b"x-requester-userid"),
            (b"x-dlg-authorization", b"x-authorization"),
        ],
    )
    def test_an_empty_new_name_lets_the_old_one_count(self, new: bytes, old: bytes) -> None:
        value = dict(HEADERS)[new]
        assert answer([*with_header(new, b""), (old, value)]) == "31007"

    def test_new_names_win_over_old_ones(self) -> None:
        others = [(b"date", b"never read"), (b"x-requester-userid", b"nobody"), (b"x-authorization", b"none")]
        assert answer(others + HEADERS) == "31007"

    @pytest.mark.parametrize(
        "name", [b"x-dlg-date", b"x-dlg-requester-userid", b"x-dlg-authorization", b"content-type"]
    )
    def test_a_repeated_header_is_refused(self, name: bytes) -> None:
        value = dict(HEADERS)[name]
        for values in ((value, value), (value, b""), (b"", value)):
            assert answer(with_header(name, *values)) is Fault.FORMAT

    def test_two_empty_ones_are_absent_but_leave_open_which_content_type_was_signed(self) -> None:
        assert answer([*with_header(b"x-dlg-date", b"", b""), (b"date", DATE)]) == "31007"
        assert answer(with_header(b"content-type", b"", b"")) is Fault.FORMAT

    def test_headers_found_by_name_are_not_gone_through_again(self) -> None:
        class Received(list[tuple[bytes, bytes]]):
            def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
                raise AssertionError("this costs time with every request")

        assert read_headers(Received(HEADERS), dict(HEADERS)) == read_headers(HEADERS)

    def test_a_repeated_old_name_counts_only_where_it_is_read(self) -> None:
        dates = [(b"date", DATE), (b"date", DATE)]
        assert answer(HEADERS + dates) == "31007"
        assert answer([header for header in HEADERS if header[0] != b"x-dlg-date"] + dates) is Fault.FORMAT

    @pytest.mark.parametrize("name", [b"x-dlg-date", b"x-dlg-requester-userid", b"x-dlg-authorization"])
    @pytest.mark.parametrize("extra", [b"\x00", b"\x1f", b"\x7f", b"\t.", b"\xc4\x9e", b"\xff", b"x" * 512])
    def test_only_printable_ascii_of_512_bytes(self, name: bytes, extra: bytes) -> None:
        assert answer(with_header(name, dict(HEADERS)[name] + extra)) is Fault.FORMAT

    def test_a_requester_of_512_bytes_passes_and_no_longer_one(self) -> None:
        assert answer(with_header(b"x-dlg-requester-userid", b"7" * 512)) == "7" * 512
        assert answer(with_header(b"x-dlg-requester-userid", b"7" * 513)) is Fault.FORMAT

    def test_blanks_round_a_value_do_not_count(self) -> None:
        padded = [(name, b" \t" + value + b" ") for name, value in HEADERS]
        assert answer(padded) == "31007"

    def test_missing_comes_before_format_and_format_before_date(self) -> None:
        nothing_right = [(b"x-dlg-date", b"now"), (b"x-dlg-authorization", b"HMAC")]
        assert answer(nothing_right) is Fault.HEADERS
        assert answer([*nothing_right, (b"x-dlg-requester-userid", b"31007")]) is Fault.FORMAT
        assert answer(with_header(b"x-dlg-date", b"now"), body=b"changed") is Fault.DATE

    def test_signature_comes_before_clock(self) -> None:
        assert answer(body=b"changed", now_ms=0) is Fault.SIGNATURE


class TestClock:
    @pytest.mark.parametrize(
        ("now_ms", "expected"),
        [
            (1747209909000 - 900_001, Fault.CLOCK),
            (1747209909000 - 900_000, "31007"),
            (1747209909000 + 900_000, "31007"),
            (1747209909000 + 900_999, "31007"),  # both clocks are read in whole seconds
            (1747209909000 + 901_000, Fault.CLOCK),
        ],
    )
    def test_the_window_is_900_seconds_inclusive(self, now_ms: int, expected: Fault | str) -> None:
        assert answer(now_ms=now_ms) == expected


class TestContentType:
    @pytest.mark.parametrize(
        "sent",
        [
            b"application/json; charset=utf-8",
            b"application/json;charset=UTF-8",
            b"  application/json \t;",
            b"application/json ",
        ],
    )
    def test_parameters_a_library_added_after_signing_are_forgiven(self, sent: bytes) -> None:
        assert answer(with_header(b"content-type", sent)) == "31007"

    @pytest.mark.parametrize("sent", [b"text/plain", b"Application/JSON", b"", b"; application/json"])
    def test_another_media_type_is_not(self, sent: bytes) -> None:
        assert answer(with_header(b"content-type", sent)) is Fault.SIGNATURE

    def test_a_signed_parameter_must_arrive(self) -> None:
        v4 = headers_of(VECTORS[3] | {"contentType": "application/json"})
        body = base64.b64decode(VECTORS[3]["bodyBase64"])
        assert answer(v4, target=VECTORS[3]["target"].encode(), body=body) is Fault.SIGNATURE

    def test_missing_counts_as_empty(self) -> None:
        # openssl: POST, "", the date of V1, no body, /v1/application/x, with the secret of V1
        signature = b"mEPrb7JaXAXjhS7wGMeP6CKA4McjfWXVsx5ElZ7SOS8="
        headers = [
            (b"x-dlg-date", DATE),
            (b"x-dlg-requester-userid", b"31007"),
            (b"x-dlg-authorization", b"DLGA 5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384:" + signature),
        ]
        assert answer(headers, target=b"/v1/application/x", body=b"") == "31007"


class TestSpelling:
    @pytest.mark.parametrize(
        "signature",
        [
            b"giDt+HwKtcEnv0JIR3PkjJly/bzLWOCUosg67N+MdmM",
            b"giDt+HwKtcEnv0JIR3PkjJly/bzLWOCUosg67N+MdmM==",
            b"giDt+HwKtcEnv0JIR3PkjJly/bzLWOCUosg67N+MdmN=",
            b"giDt-HwKtcEnv0JIR3PkjJly_bzLWOCUosg67N-MdmM=",
            b" giDt+HwKtcEnv0JIR3PkjJly/bzLWOCUosg67N+MdmM=",
            b"giDt+HwKtcEnv0JIR3PkjJly/bzLWOCUosg67N+MdmM=,",
            b"8220edf87c0ab5c127bf42484773e48c9972fdbccb58e094a2c83aecdf8c7663",
            b":",
        ],
    )
    def test_only_the_canonical_spelling_of_the_signature(self, signature: bytes) -> None:
        value = b"DLGA 5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384:" + signature
        assert answer(with_header(b"x-dlg-authorization", value)) is Fault.SIGNATURE


class TestKeys:
    def test_any_of_several_live_keys_verifies(self) -> None:
        keys = [SigningKey("new"), SigningKey(V1["accessKeySecret"])]
        caller = check(HEADERS, method=b"POST", target=TARGET, body=BODY, now_ms=NOW_MS, lookup=lambda _: keys)
        assert caller.access_key == "5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384"

    @pytest.mark.parametrize("keys", [[], [SigningKey("another")]])
    def test_unknown_revoked_and_wrong_are_one_answer(self, keys: list[SigningKey]) -> None:
        with pytest.raises(SignatureRefusal) as refusal:
            check(HEADERS, method=b"POST", target=TARGET, body=BODY, now_ms=NOW_MS, lookup=lambda _: keys)
        assert (refusal.value.status, refusal.value.text) == (401, "Authorization failed")

    def test_an_unknown_key_costs_the_work_of_a_known_one(self) -> None:
        def signatures_made(keys: list[SigningKey]) -> int:
            made = 0

            def watch(frame: FrameType, event: str, argument: object) -> None:
                nonlocal made
                made += event == "call" and frame.f_code is SigningKey.sign.__code__

            headers = with_header(b"content-type", b"application/json; charset=utf-8")
            before = sys.getprofile()
            sys.setprofile(watch)
            try:
                with pytest.raises(SignatureRefusal):
                    check(headers, method=b"POST", target=b"/", body=b"", now_ms=NOW_MS, lookup=lambda _: keys)
            finally:
                sys.setprofile(before)
            return made

        assert signatures_made([]) == signatures_made([SigningKey("another")]) == 2

    def test_the_key_that_stands_for_unknown_ones_opens_nothing(self) -> None:
        stand_in = SigningKey("stands for every key that does not exist")
        signature = stand_in.sign(V1["stringToSign"].encode())
        value = b"DLGA nobody:" + signature
        assert answer(with_header(b"x-dlg-authorization", value)) is Fault.SIGNATURE


@given(
    st.lists(
        st.tuples(
            st.sampled_from([name for name, _ in HEADERS] + [b"date", b"x-requester-userid", b"x-authorization"]),
            st.one_of(st.binary(max_size=60), st.sampled_from([value for _, value in HEADERS])),
        ),
        max_size=8,
    ),
    st.binary(max_size=20),
    st.binary(max_size=20),
    st.binary(max_size=80),
)
@example([(b"x-dlg-date", b"\xff")] * 3, b"", b"", b"")
def test_no_bytes_raise_anything_but_a_refusal(headers: Headers, method: bytes, target: bytes, body: bytes) -> None:
    assert isinstance(answer(headers, method=method, target=target, body=body), Fault)


@given(st.sampled_from(["method", "content type", "date", "body", "target", "authorization"]), st.data())
def test_any_changed_byte_is_refused(part: str, data: st.DataObject) -> None:
    parts = {
        "method": b"POST",
        "content type": b"application/json",
        "date": DATE,
        "body": BODY,
        "target": TARGET,
        "authorization": AUTHORIZATION,
    }
    at = data.draw(st.integers(0, len(parts[part]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != parts[part][at]))
    parts[part] = parts[part][:at] + bytes([byte]) + parts[part][at + 1 :]
    headers = [
        (b"content-type", parts["content type"]),
        (b"x-dlg-date", parts["date"]),
        (b"x-dlg-requester-userid", b"31007"),
        (b"x-dlg-authorization", parts["authorization"]),
    ]
    result = answer(headers, method=parts["method"], target=parts["target"], body=parts["body"])
    assert isinstance(result, Fault)


def test_reading_the_headers_alone_tells_who_claims_to_ask() -> None:
    claimed = read_headers(HEADERS)
    assert (claimed.access_key, claimed.requester) == ("5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384", "31007")
    assert claimed.signature == V1["signature"].encode()
    assert (claimed.date, claimed.date_ms) == (DATE, 1747209909000)
    assert claimed.content_type == b"application/json"

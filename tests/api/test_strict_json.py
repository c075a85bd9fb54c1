"""Reading bodies strictly: what is refused, and that the quick way and the slow way agree."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from diyalog.api.bodies import HelpBody, NotDelivered
from diyalog.api.strict_json import MalformedError, StrictDecoder

NOT_DELIVERED = StrictDecoder(NotDelivered)
HELP = StrictDecoder(HelpBody)


def nested(depth: int) -> bytes:
    """An object whose values are nested so that `depth` brackets are open at once."""
    return b'{"other":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "valid JSON"),
        (b" ", "valid JSON"),
        (b"{", "valid JSON"),
        (b"{}{}", "valid JSON"),
        (b"{} x", "valid JSON"),
        (b"\xef\xbb\xbf{}", "valid JSON"),
        (b"{'message':'x'}", "valid JSON"),
        (b'{"message":"x",}', "valid JSON"),
        (b'{"message":"\n"}', "valid JSON"),
        (b'{"message":"\x00"}', "valid JSON"),
        (b'{"message":"\\q"}', "valid JSON"),
        (b'{"message":"\\u00g0"}', "valid JSON"),
        (b'{"other":01}', "valid JSON"),
        (b'{"other":+1}', "valid JSON"),
        (b"null", "JSON object"),
        (b"[]", "JSON object"),
        (b'["interactionId"]', "JSON object"),
        (b"17", "JSON object"),
        (b'{"other":NaN}', "NaN"),
        (b'{"other":-Infinity}', "NaN"),
        (b'{"other":1e999}', "too large"),
        (b'{"message":"\xff"}', "UTF-8"),
        (b'{"other":"\xed\xa0\x80"}', "UTF-8"),
        (b'{"\xc0\xaf":1}', "UTF-8"),
        ('{"message":"x"}'.encode("utf-16"), "UTF-8"),
        ('{"message":"x"}'.encode("utf-16-le"), "valid JSON"),
        (b'{"message":"\\ud800"}', "surrogate"),
        (b'{"message":"\\uDC00x and more text behind it"}', "surrogate"),
        (b'{"message":"\\ude00\\ud83d"}', "surrogate"),
        (b'{"\\ud800":1}', "surrogate"),
        (b'{"message":"\\u0000"}', "NUL"),
        (b'{"other":{"x":["a\\u0000b"]}}', "NUL"),
        (b'{"interactionId":"1","interactionId":"1"}', "repeated"),
        (b'{"interactionId":null,"interactionId":"1"}', "repeated"),
        (b'{"interactionId":1,"interactionId":1}', "repeated"),
        (b'{"interactionId":"1","interaction\\u0049d":"2"}', "repeated"),
        (b'{"other":1,"other":2}', "repeated"),
        (b'{"other":{"a":1,"a":1}}', "repeated"),
        (nested(17), "nested"),
        (b'{"other":' * 30_000, "nested"),
        (b"[" * 60_000, "nested"),
        (b'{"interactionId":true}', "$.interactionId"),
        (b'{"interactionId":false}', "$.interactionId"),
        (b'{"sessionId":1.0}', "$.sessionId"),
        (b'{"sessionId":[]}', "$.sessionId"),
        (b'{"message":1}', "$.message"),
        (b'{"message":{}}', "$.message"),
    ],
)
def test_refused(body: bytes, why: str) -> None:
    with pytest.raises(MalformedError) as refused:
        NOT_DELIVERED.decode(body)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("body", "interaction_id", "message"),
    [
        (b"{}", UNSET, UNSET),
        (b' \n{ "interactionId" : "1" }\r\n', "1", UNSET),
        (b'{"interactionId":null,"message":null}', None, None),
        (b'{"interactionId":-5}', -5, UNSET),
        (b'{"interactionId":123456789012345678901234567890}', 123456789012345678901234567890, UNSET),
        (b'{"interactionId":' + b"7" * 5000 + b"}", "7" * 5000, UNSET),
        (b'{"message":"\\ud83d\\ude4f"}', UNSET, "\U0001f64f"),
        (b'{"message":"\\\\u0000 \\\\ud800"}', UNSET, "\\u0000 \\ud800"),
        (b'{"message":"\\"interactionId\\":\\\\\\""}', UNSET, '"interactionId":\\"'),
        (b'{"message":"{[{[{[{[{[{[{[{[{[{["}', UNSET, "{[{[{[{[{[{[{[{[{[{["),
        (b'{"message":"' + b"x" * 60_000 + b'"}', UNSET, "x" * 60_000),
        (b'{"other":{"message":"no"},"message":"yes","more":[1.5,true,"x"]}', UNSET, "yes"),
        (b'{"\\u006dessage":"escaped name"}', UNSET, "escaped name"),
        (nested(16), UNSET, UNSET),
    ],
)
def test_read(body: bytes, interaction_id: object, message: object) -> None:
    value = NOT_DELIVERED.decode(body)
    assert (value.interaction_id, value.message) == (interaction_id, message)


def test_names_of_an_object_of_strings_keep_their_order() -> None:
    body = b'{"helpType":"chat","attachedData":{"z":"1","a":"2","m":"\\u015f"}}'
    data = HELP.decode(body).attached_data
    assert isinstance(data, dict)
    assert list(data.items()) == [("z", "1"), ("a", "2"), ("m", "ş")]


@pytest.mark.parametrize("data", ['{"a":1}', '{"a":null}', '{"a":{"b":"c"}}', '["a"]', '"a"', '{"a":"1","a":"2"}'])
def test_only_an_object_of_strings_is_attached_data(data: str) -> None:
    with pytest.raises(MalformedError):
        HELP.decode(f'{{"attachedData":{data}}}'.encode())


def test_a_refusal_quotes_no_value() -> None:
    for body in (
        b'{"message":4711}',
        b'{"attachedData":{"4711":4711}}',
        b'{"helpType":[4711]}',
        b"4711",
        b'{"4711":4711',
    ):
        with pytest.raises(MalformedError) as refused:
            HELP.decode(body.replace(b"message", b"identityNumber").replace(b":4711}", b":47.11}"))
        assert "47" not in str(refused.value)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@given(
    known=st.fixed_dictionaries(
        {}, optional={"interactionId": TEXT | st.integers() | st.none(), "message": TEXT | st.none()}
    ),
    unknown=st.dictionaries(TEXT.filter(lambda name: name not in {"interactionId", "sessionId", "message"}), VALUES),
    ascii_only=st.booleans(),
)
@settings(max_examples=300)
def test_whatever_json_was_written_is_read(known: dict[str, Any], unknown: dict[str, Any], *, ascii_only: bool) -> None:
    body = json.dumps(unknown | known, ensure_ascii=ascii_only).encode()
    value = NOT_DELIVERED.decode(body)
    assert value.interaction_id == known.get("interactionId", UNSET)
    assert value.message == known.get("message", UNSET)


@given(st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode))
@example(b'{"message":"\\')
@example(b'{"message":"\\"')
@settings(max_examples=500)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for content in (body, b'{"message":"' + body + b'"}', b'{"interactionId":' + body + b"}", b'{"' + body + b'":1}'):
        try:
            value = NOT_DELIVERED.decode(content)
        except MalformedError:
            continue
        assert b"\0" not in content
        reread = json.loads(content.decode())
        assert value.message == reread.get("message", UNSET)

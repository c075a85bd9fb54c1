import pytest
from hypothesis import given
from hypothesis import strategies as st

from diyalog.domain.signature import Fault, SignatureRefusal, parse_authorization, parse_date


class TestAuthorization:
    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"DLGA",
            b"DLGA ",
            b"DLGA :",
            b"DLGA id:",
            b"DLGA :sig",
            b"DLGA idsig",
            b"dlga id:sig",
            b"DLGAid:sig",
            b" DLGA id:sig",
            b"DLGA\tid:sig",
            b"DLGA \xc4\x9e:sig",
            b"DLGA id:" + b"s" * 505,
        ],
    )
    def test_not_of_the_form(self, value: bytes) -> None:
        with pytest.raises(SignatureRefusal) as refusal:
            parse_authorization(value)
        assert refusal.value.fault is Fault.FORMAT

    def test_may_be_512_bytes_long(self) -> None:
        assert parse_authorization(b"DLGA id:" + b"s" * 504) == ("id", b"s" * 504)

    def test_is_split_at_the_first_colon(self) -> None:
        assert parse_authorization(b"DLGA id:a:b") == ("id", b"a:b")


class TestDate:
    @pytest.mark.parametrize(
        ("text", "ms"),
        [
            (b"Wed, 14 May 2025 08:05:09", 1747209909000),
            (b"Wed, 14 May 2025 08:05:09 GMT", 1747209909000),
            (b"Wed, 14 May 2025 08:05:09 UTC", 1747209909000),
            (b"Wed, 14 May 2025 08:05:09 Z", 1747209909000),
            (b"Wed, 14 May 2025 08:05:09 +0000", 1747209909000),
            (b"Wed, 14 May 2025 08:05:09 -0000", 1747209909000),
            (b"Wed, 14 May 2025 11:05:09 +0300", 1747209909000),
            (b"Wed, 14 May 2025 11:05:09 GMT+03:00", 1747209909000),
            (b"Wed, 14 May 2025 02:35:09 -0530", 1747209909000),
            (b"Wed, 14 May 2025 02:35:09 GMT-05:30", 1747209909000),
            (b"Thu, 15 May 2025 08:04:09 +2359", 1747209909000),
            (b"Sun, 14 May 2025 08:05:09 GMT", 1747209909000),
            (b"Thu, 1 Jan 1970 00:00:00 GMT", 0),
            (b"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800000),
            (b"Mon, 01 Jan 0001 00:00:00 +2359", -62135683140000),
            (b"Fri, 31 Dec 9999 23:59:59 -2359", 253402387139000),
        ],
    )
    def test_every_zone_spelling(self, text: bytes, ms: int) -> None:
        assert parse_date(text) == ms

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"Wed, 31 Feb 2025 08:05:09 GMT",
            b"Wed, 29 Feb 2023 08:05:09 GMT",
            b"Wed, 00 May 2025 08:05:09 GMT",
            b"Wed, 32 May 2025 08:05:09 GMT",
            b"Wed, 014 May 2025 08:05:09 GMT",
            b"Wed, 14 May 2025 24:00:00 GMT",
            b"Wed, 14 May 2025 08:60:09 GMT",
            b"Wed, 14 May 2025 08:05:60 GMT",
            b"Wed, 14 May 0000 08:05:09 GMT",
            b"Wed, 14 May 25 08:05:09 GMT",
            b"Wed, 14 May 12025 08:05:09 GMT",
            b"Wed, 14 Foo 2025 08:05:09 GMT",
            b"Wed, 14 may 2025 08:05:09 GMT",
            b"wed, 14 May 2025 08:05:09 GMT",
            b"Wdn, 14 May 2025 08:05:09 GMT",
            b"Wednesday, 14 May 2025 08:05:09 GMT",
            b"\xc3\x87ar, 14 May 2025 08:05:09 GMT",
            b"14 May 2025 08:05:09 GMT",
            b"Wed 14 May 2025 08:05:09 GMT",
            b"Wed,14 May 2025 08:05:09 GMT",
            b"Wed, 14-May-2025 08:05:09 GMT",
            b"Wed, 14 May 2025 8:05:09 GMT",
            b"Wed, 14 May 2025 08:05 GMT",
            b"Wed, 14 May 2025 08:05:09.000 GMT",
            b"Wed, 14 May 2025 08:05:09  GMT",
            b"Wed, 14 May 2025 08:05:09 ",
            b"Wed, 14 May 2025 08:05:09\n",
            b"Wed, 14 May 2025 08:05:09 gmt",
            b"Wed, 14 May 2025 08:05:09 CEST",
            b"Wed, 14 May 2025 08:05:09 Europe/Istanbul",
            b"Wed, 14 May 2025 08:05:09 +03:00",
            b"Wed, 14 May 2025 08:05:09 +03",
            b"Wed, 14 May 2025 08:05:09 +2400",
            b"Wed, 14 May 2025 08:05:09 +0360",
            b"Wed, 14 May 2025 08:05:09 0300",
            b"Wed, 14 May 2025 08:05:09 GMT+0300",
            b"Wed, 14 May 2025 08:05:09 GMT+3:00",
            b"Wed, 14 May 2025 08:05:09 UTC+03:00",
            b"Wed, 14 May 2025 08:05:09 GMT GMT",
            b"2025-05-14T08:05:09Z",
        ],
    )
    def test_anything_else_is_not_a_date(self, text: bytes) -> None:
        with pytest.raises(SignatureRefusal) as refusal:
            parse_date(text)
        assert refusal.value.fault is Fault.DATE


@given(st.binary(max_size=600))
def test_no_bytes_raise_anything_but_a_refusal_in_the_parsers(value: bytes) -> None:
    for parse in (parse_authorization, parse_date):
        with pytest.raises(SignatureRefusal) as refusal:
            parse(value)
        assert refusal.value.status == 400

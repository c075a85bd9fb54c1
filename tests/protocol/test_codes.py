"""Which close codes end a client's efforts."""

import pytest

from diyalog.protocol.codes import MEANINGS, CloseCode, is_final


@pytest.mark.parametrize("code", [1003, 1007, 1009, 4400, 4401, 4404, 4408, 4409, 4499])
def test_final_codes(code: int) -> None:
    assert is_final(code)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1005, 1006, 1008, 1010, 1011, 1012, 1013, 3000, 4000, 4399, 4500])
def test_codes_after_which_a_client_comes_back(code: int) -> None:
    assert not is_final(code)


def test_the_table_is_complete() -> None:
    assert {int(code) for code in CloseCode} == {
        1000, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 4400, 4401, 4404, 4408, 4409,
    }  # fmt: skip
    assert set(MEANINGS) == set(CloseCode)

import pytest

from diyalog.simulator.behaviour import Action, Behaviour, Endpoint, Script, ScriptError


@pytest.mark.parametrize(
    ("text", "behaviour"),
    [
        ("answer", Behaviour(Action.ANSWER)),
        ("answer=ExpiredToken", Behaviour(Action.ANSWER, "ExpiredToken")),
        ("refuse=The queue = closed, 2*2*3", Behaviour(Action.REFUSE, "The queue = closed, 2*2", 3)),
        ("status=503*forever", Behaviour(Action.STATUS, "503", None)),
        ("slow=0.25*12", Behaviour(Action.SLOW, "0.25", 12)),
        ("cut-after", Behaviour(Action.CUT_AFTER)),
        ("redirect=http://127.0.0.1:1/x", Behaviour(Action.REDIRECT, "http://127.0.0.1:1/x")),
    ],
)
def test_is_read_from_text(text: str, behaviour: Behaviour) -> None:
    assert Behaviour.parse(text) == behaviour


@pytest.mark.parametrize(
    "text",
    ["", "explode", "ANSWER", "status", "status=abc", "status=99", "slow=", "slow=-1", "cut-after*0", "answer*x"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ScriptError):
        Behaviour.parse(text)


def taken(script: Script, endpoint: Endpoint, count: int) -> list[tuple[Action, str]]:
    return [(behaviour.action, behaviour.value) for behaviour in (script.take(endpoint) for _ in range(count))]


def test_a_script_is_used_up_in_order() -> None:
    script = Script()
    script.put(Endpoint.CREATE, ["cut-after*2", Behaviour(Action.STATUS, "500")])
    assert taken(script, Endpoint.CREATE, 5) == [
        (Action.CUT_AFTER, ""),
        (Action.CUT_AFTER, ""),
        (Action.STATUS, "500"),
        (Action.ANSWER, ""),
        (Action.ANSWER, ""),
    ]


def test_forever_lasts_until_the_next_script() -> None:
    script = Script()
    script.put(Endpoint.DELETE, ["status=503*forever", "refuse"])
    assert taken(script, Endpoint.DELETE, 3) == [(Action.STATUS, "503")] * 3
    script.put(Endpoint.DELETE, ["refuse"])
    assert taken(script, Endpoint.DELETE, 2) == [(Action.REFUSE, ""), (Action.ANSWER, "")]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"creat": []},
        {"create": "refuse"},
        {"create": [1]},
        {"delete": ["missing-id"]},
        {"delete": ["refuse"], "create": ["explode"]},
    ],
)
def test_a_wrong_script_changes_nothing(document: object) -> None:
    script = Script()
    script.put(Endpoint.DELETE, ["never"])
    with pytest.raises(ScriptError):
        script.put_all(document)
    assert taken(script, Endpoint.DELETE, 1) == [(Action.NEVER, "")]


def test_endpoints_that_are_not_named_keep_theirs() -> None:
    script = Script()
    script.put_all({"create": ["never"], "checktoken": ["refuse"]})
    script.put_all({"create": ["status=500"]})
    assert taken(script, Endpoint.CREATE, 1) == [(Action.STATUS, "500")]
    assert taken(script, Endpoint.STAFF_TOKEN, 1) == [(Action.REFUSE, "")]

"""Reading what a server has sent on one connection, strictly: anything out of place fails the test."""

import re

_HEAD = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [A-Za-z -]+\r\n((?:[a-z-]+: [ -~]*\r\n)+)\r\n")


def answers_in(received: bytes, heads: set[bytes]) -> tuple[bytes, ...]:
    """Each answer's status, and behind a 200 its body; `heads` holds HEAD when the first request was one."""
    answers: list[bytes] = []
    at = 0
    while at < len(received):
        match = _HEAD.match(received, at)
        assert match is not None, received[at:]
        status = match[1]
        fields = dict(line.split(b": ", 1) for line in match[2].splitlines())
        size = 0 if b"HEAD" in heads and not answers else int(fields[b"content-length"])
        body = received[match.end() : match.end() + size]
        assert len(body) == size, received[at:]
        at = match.end() + size
        refusal = status != b"200"
        assert not refusal or fields[b"connection"] == b"close", "who is refused is heard no further"
        assert not refusal or at == len(received), "a refusal is the last answer"
        answers.append(status if refusal or not size else status + b" " + body)
    return tuple(answers)

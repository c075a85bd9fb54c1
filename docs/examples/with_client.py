"""Tells Diyalog that no agent could take an interaction, with the package `diyalog` installed.

It signs, repeats safely after a lost answer, and has typed errors.

DIYALOG_URL=https://... DIYALOG_ACCESS_KEY_ID=... DIYALOG_ACCESS_KEY_SECRET=... \
python with_client.py INTERACTION_ID MESSAGE
"""

import os
import sys

from diyalog.client import CallError, CompanyClient


def main() -> int:
    """Send one request; 0 when it brought an answer of the operation, good or bad."""
    interaction_id, message = sys.argv[1:]
    client = CompanyClient(
        os.environ["DIYALOG_URL"],
        os.environ["DIYALOG_ACCESS_KEY_ID"],
        os.environ["DIYALOG_ACCESS_KEY_SECRET"],
        "back-office",
    )
    try:
        answer = client.interaction_is_not_delivered(
            interaction_id=interaction_id, message=message, idempotency_key=f"not-delivered-{interaction_id}"
        )
    except CallError as error:
        print(error, file=sys.stderr)
        return 1
    print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())

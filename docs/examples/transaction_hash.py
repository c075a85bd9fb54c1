"""Gets the one-time permission with which a customer's app comes in, with the package `diyalog` installed.

DIYALOG_URL=https://... DIYALOG_ACCESS_KEY_ID=... DIYALOG_ACCESS_KEY_SECRET=... \
python transaction_hash.py CUSTOMER_ID DEVICE_HASH
"""

import os
import sys

from diyalog.client import CallError, CompanyClient


def main() -> int:
    """Print the transaction hash; 1 when there is none."""
    customer_id, device_hash = sys.argv[1:]
    client = CompanyClient(
        os.environ["DIYALOG_URL"],
        os.environ["DIYALOG_ACCESS_KEY_ID"],
        os.environ["DIYALOG_ACCESS_KEY_SECRET"],
        "back-office",
    )
    try:
        answer = client.get_transaction_hash(customer_id, device_hash)
    except CallError as error:
        print(error, file=sys.stderr)
        return 1
    print(answer.transaction_hash or answer.message)
    return 0 if answer.is_success else 1


if __name__ == "__main__":
    sys.exit(main())

"""Tells Diyalog that no agent could take an interaction. Python's standard library only.

DIYALOG_URL=https://... DIYALOG_ACCESS_KEY_ID=... DIYALOG_ACCESS_KEY_SECRET=... \
python sign.py INTERACTION_ID MESSAGE
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import urllib.error
import urllib.request
from email.utils import formatdate

PATH = "/v1/application/interactionisnotdelivered"
CONTENT_TYPE = "application/json"


def main() -> int:
    """Send one request; 0 when it was answered with HTTP 200."""
    interaction_id, message = sys.argv[1:]
    # Encoded once: these very bytes are signed and sent.
    body = json.dumps({"interactionId": interaction_id, "message": message}, ensure_ascii=False).encode()
    date = formatdate(usegmt=True)
    text = b"\n".join([b"POST", CONTENT_TYPE.encode(), date.encode(), body, PATH.encode()])
    digest = hmac.digest(os.environ["DIYALOG_ACCESS_KEY_SECRET"].encode(), text, hashlib.sha256)
    signature = base64.b64encode(digest).decode()
    headers = {
        "Content-Type": CONTENT_TYPE,
        "x-dlg-date": date,
        "x-dlg-requester-userid": "back-office",
        "x-dlg-authorization": f"DLGA {os.environ['DIYALOG_ACCESS_KEY_ID']}:{signature}",
    }
    request = urllib.request.Request(os.environ["DIYALOG_URL"] + PATH, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            print(response.read().decode())
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/bin/sh
# Tells Diyalog that no agent could take an interaction. Needs openssl and curl.
#
#   DIYALOG_URL=https://... DIYALOG_ACCESS_KEY_ID=... DIYALOG_ACCESS_KEY_SECRET=... \
#   sh sign.sh INTERACTION_ID MESSAGE
#
# openssl takes the secret as an argument, so other users of this machine can see it while it runs.
set -eu

path=/v1/application/interactionisnotdelivered
content_type=application/json

# JSON needs a backslash before \ and "; control characters become blanks. The locale keeps the bytes as they are.
json_text() {
  printf '%s' "$1" | LC_ALL=C tr '\001-\037' ' ' | LC_ALL=C sed 's/[\\"]/\\&/g'
}

date=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
body=$(printf '{"interactionId":"%s","message":"%s"}' "$(json_text "$1")" "$(json_text "$2")")

signature=$(
  printf 'POST\n%s\n%s\n%s\n%s' "$content_type" "$date" "$body" "$path" |
    openssl dgst -sha256 -hmac "$DIYALOG_ACCESS_KEY_SECRET" -binary |
    openssl base64 -A
)

answer=$(
  curl --silent --show-error --max-time 30 --write-out ' %{http_code}' \
    --header "Content-Type: $content_type" \
    --header "x-dlg-date: $date" \
    --header "x-dlg-requester-userid: back-office" \
    --header "x-dlg-authorization: DLGA $DIYALOG_ACCESS_KEY_ID:$signature" \
    --data-raw "$body" \
    "$DIYALOG_URL$path"
)
status=${answer##* }
text=${answer% *}
if [ "$status" != 200 ]; then
  printf '%s %s\n' "$status" "$text" >&2
  exit 1
fi
printf '%s\n' "$text"

// The signed company request: HMAC-SHA256 over the raw body, at most 15 minutes old.
import { createHmac, timingSafeEqual } from 'node:crypto'

const WINDOW_MS = 15 * 60 * 1000

/** Whether the request of `headers` over these exact bytes was signed with the key just now. */
export function signedBy(keyId, secret, method, target, headers, body) {
  const date = headers['x-dlg-date']
  const authorization = headers['x-dlg-authorization']
  if (!date || !authorization || !headers['x-dlg-requester-userid']) return false
  const prefix = `DLGA ${keyId}:`
  if (!authorization.startsWith(prefix)) return false
  const expected = createHmac('sha256', secret)
    .update(`${method}\n${headers['content-type'] ?? ''}\n${date}\n`)
    .update(body)
    .update(`\n${target}`)
    .digest()
  const given = Buffer.from(authorization.slice(prefix.length), 'base64')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false
  return Math.abs(Date.now() - Date.parse(date)) <= WINDOW_MS
}

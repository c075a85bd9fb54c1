// Waits in Redis: one hash a session, and every change of state in one script, so that it is atomic.
import { randomBytes, randomUUID } from 'node:crypto'

const KEEP_SECONDS = 86400

const START = `
local old = redis.call('GET', KEYS[3])
if old and redis.call('HGET', 'session:' .. old, 'state') == 'WAITING' then
  redis.call('HSET', 'session:' .. old, 'state', 'ENDED', 'outcome', 'CANCELLED', 'reason', 'replaced')
end
redis.call('HSET', KEYS[1], 'customerId', ARGV[1], 'interactionId', ARGV[3], 'helpType', ARGV[4], 'state', 'WAITING', 'startedAt', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[6])
redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[6])
return 1`

const END = `
local session = redis.call('GET', KEYS[1])
if not session then return nil end
local key = 'session:' .. session
if redis.call('HGET', key, 'state') ~= 'WAITING' then return nil end
redis.call('HSET', key, 'state', 'ENDED', 'outcome', 'NOT_DELIVERED', 'reason', 'queue', 'message', ARGV[1], 'endedAt', ARGV[2])
if ARGV[4] ~= '' then
  redis.call('PUBLISH', ARGV[4], session .. ' ' .. string.gsub(ARGV[3], '@session', session, 1))
end
return session`

export class Waits {
  constructor(redis) {
    this.redis = redis
    redis.defineCommand('startWait', { numberOfKeys: 3, lua: START })
    redis.defineCommand('endWait', { numberOfKeys: 1, lua: END })
  }

  async activate(customerId) {
    const token = randomBytes(32).toString('base64url')
    await this.redis.set(`token:${token}`, customerId, 'EX', KEEP_SECONDS)
    return token
  }

  async customerOf(token) {
    return await this.redis.get(`token:${token}`)
  }

  async start(customerId, helpType) {
    const sessionId = randomUUID()
    const interactionId = randomUUID()
    const startedAt = new Date().toISOString()
    await this.redis.startWait(
      `session:${sessionId}`, `interaction:${interactionId}`, `open:${customerId}`,
      customerId, sessionId, interactionId, helpType, startedAt, KEEP_SECONDS,
    )
    return { sessionId, interactionId, helpType, state: 'WAITING', startedAt, seq: 0 }
  }

  /**
   * The event for the customer whose wait this call ended; null when nobody was waiting there.
   * With a channel, the same script publishes `<sessionId> <event>` there: one round trip for both.
   */
  async notDelivered(interactionId, message, channel = '') {
    const at = new Date().toISOString()
    const data = { outcome: 'NOT_DELIVERED', reason: 'queue', message, interactionId }
    const event = { type: 'event', sessionId: '@session', seq: 1, event: 'wait.ended', at, data }
    const text = channel === '' ? '' : JSON.stringify(event)
    const sessionId = await this.redis.endWait(`interaction:${interactionId}`, message, at, text, channel)
    return sessionId === null ? null : { ...event, sessionId }
  }

  /** The welcome of a customer's own session; null for anybody else's. */
  async welcome(token, sessionId) {
    const [customerId, session] = await Promise.all([
      this.customerOf(token),
      this.redis.hgetall(`session:${sessionId}`),
    ])
    if (!customerId || session.customerId !== customerId) return null
    const snapshot = { sessionId, interactionId: session.interactionId, helpType: session.helpType, state: session.state }
    return { type: 'welcome', sessionId, seq: 0, epoch: 'peer', serverTime: new Date().toISOString(), recovered: true, snapshot }
  }

  async acknowledged(sessionId) {
    await this.redis.hset(`session:${sessionId}`, 'acknowledgedAt', new Date().toISOString())
  }
}

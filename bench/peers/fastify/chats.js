// What a careful Node developer writes for conversations: Fastify, ws, messages in Redis, events over Redis pub/sub.
import { randomBytes, randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'

const { BENCH_PORT, BENCH_REDIS_PORT } = process.env
const CHANNEL = 'chats'
const redis = new Redis(Number(BENCH_REDIS_PORT), '127.0.0.1', { enableAutoPipelining: true })
const subscriber = redis.duplicate()
const customers = new Map() // sessionId -> socket
const desks = new Map() // userId -> socket
const app = Fastify({ bodyLimit: 65536 })
const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 65536 })

// One script: the sender must be of the conversation, a repeated id is one message, and it is numbered, kept and published.
redis.defineCommand('say', {
  numberOfKeys: 2,
  lua: `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return nil end
local known = redis.call('HGET', KEYS[2], ARGV[3])
if known then return tonumber(known) end
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
redis.call('HSET', KEYS[2], ARGV[3], seq)
redis.call('RPUSH', KEYS[2] .. ':texts', ARGV[4])
redis.call('PUBLISH', ARGV[5], redis.call('HGET', KEYS[1], 'agent') .. ' ' .. seq .. ' ' .. ARGV[4])
return seq`,
})

subscriber.on('message', (_channel, text) => {
  const [agent, seq] = text.split(' ', 2)
  const said = JSON.parse(text.slice(agent.length + seq.length + 2))
  const { sessionId, at, ...data } = said
  const event = { type: 'event', event: 'chat.message', at }
  customers.get(sessionId)?.send(JSON.stringify({ ...event, sessionId, seq: Number(seq), data }))
  desks.get(agent)?.send(JSON.stringify({ ...event, data: { conversationId: sessionId, seq: Number(seq), ...data } }))
})
await subscriber.subscribe(CHANNEL)

const shown = (request) => (request.headers.authorization ?? '').slice('Bearer '.length)

async function admit(prefix, who) {
  const token = randomBytes(32).toString('base64url')
  await redis.set(`${prefix}:${token}`, who, 'EX', 86400)
  return token
}

app.post('/v1/staff/sessions', async (request, reply) =>
  reply.code(201).send({ staffToken: await admit('staff', request.body.userId) }))

app.post('/v1/client/activations', async (request, reply) =>
  reply.code(201).send({ clientToken: await admit('customer', request.body.customerId) }))

app.post('/v1/client/help', async (request, reply) => {
  const customer = await redis.get(`customer:${shown(request)}`)
  if (!customer) return reply.code(401).send({})
  const sessionId = randomUUID()
  await redis.hset(`session:${sessionId}`, 'customer', customer, 'seq', 0)
  return reply.code(201).send({ sessionId })
})

app.post('/v1/staff/conversations', async (request, reply) => {
  const agent = await redis.get(`staff:${shown(request)}`)
  if (!agent) return reply.code(401).send({})
  if (!(await redis.hsetnx(`session:${request.body.sessionId}`, 'agent', agent))) return reply.code(409).send({})
  return reply.code(201).send({ conversationId: request.body.sessionId })
})

async function say(request, reply, role, prefix) {
  const sender = await redis.get(`${prefix}:${shown(request)}`)
  if (!sender) return reply.code(401).send({})
  const { id, text } = request.body
  const { sessionId } = request.params
  const said = JSON.stringify({ sessionId, at: new Date().toISOString(), id, author: role, text })
  const seq = await redis.say(`session:${sessionId}`, `messages:${sessionId}`, role, sender, id, said, CHANNEL)
  return seq === null ? reply.code(404).send({}) : reply.code(201).send({ id, seq })
}

app.post('/v1/client/help/:sessionId/messages', (request, reply) => say(request, reply, 'customer', 'customer'))
app.post('/v1/staff/conversations/:sessionId/messages', (request, reply) => say(request, reply, 'agent', 'staff'))

async function hello(socket, { token, sessionId }) {
  const staff = sessionId === undefined
  const who = await redis.get(`${staff ? 'staff' : 'customer'}:${token}`)
  if (!who) return socket.close(4401)
  socket.key = staff ? who : sessionId
  socket.place = staff ? desks : customers
  socket.place.set(socket.key, socket)
  socket.send(JSON.stringify({ type: 'welcome', seq: 0, epoch: 'peer', recovered: true, snapshot: {} }))
}

async function marked(socket, frame) {
  const session = socket.place === customers ? socket.key : frame.conversationId
  const side = socket.place === customers ? 'customer' : 'agent'
  await redis.hset(`session:${session}`, `${side}Seen`, frame.seq)
  const other = side === 'customer' ? desks.get(await redis.hget(`session:${session}`, 'agent')) : customers.get(session)
  other?.send(JSON.stringify({ type: 'event', event: 'chat.read', data: { conversationId: session, author: side, read: frame.seq } }))
}

function onMessage(data) {
  const frame = JSON.parse(data)
  if (frame.type === 'hello') void hello(this, frame)
  else void marked(this, frame)
}

function onClose() {
  if (this.place?.get(this.key) === this) this.place.delete(this.key)
}

app.server.on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, (ws) => {
    ws.on('message', onMessage)
    ws.on('close', onClose)
  })
})

await app.listen({ port: Number(BENCH_PORT), host: '127.0.0.1', backlog: 4096 })
console.log(`ready on http://127.0.0.1:${app.server.address().port}`)

// What a careful Node developer writes: Fastify, ws, waits in Redis, events over Redis pub/sub.
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'
import { signedBy } from './signature.js'
import { Waits } from './waits.js'

const { BENCH_PORT, BENCH_REDIS_PORT, BENCH_ACCESS_KEY_ID, BENCH_ACCESS_KEY_SECRET } = process.env
const CHANNEL = 'events'
const redis = new Redis(Number(BENCH_REDIS_PORT), '127.0.0.1', { enableAutoPipelining: true })
const subscriber = redis.duplicate()
const waits = new Waits(redis)
const sockets = new Map() // sessionId -> the customer's socket on this node
const app = Fastify({ bodyLimit: 65536 })
const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 65536 })

subscriber.on('message', (_channel, text) => {
  const at = text.indexOf(' ')
  sockets.get(text.slice(0, at))?.send(text.slice(at + 1))
})
await subscriber.subscribe(CHANNEL)

app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, raw, done) => { done(null, raw) })

app.post('/v1/application/interactionisnotdelivered', async (request, reply) => {
  const { method, url, headers, body: raw } = request
  if (!signedBy(BENCH_ACCESS_KEY_ID, BENCH_ACCESS_KEY_SECRET, method, url, headers, raw)) {
    return reply.code(401).type('text/plain; charset=utf-8').send('Authorization failed')
  }
  const { interactionId, message = '' } = JSON.parse(raw)
  const event = await waits.notDelivered(interactionId, message, CHANNEL)
  if (event === null) return { isSuccess: false, message: 'No customer is waiting in the given interaction.', errorCode: 402 }
  return { isSuccess: true, message: 'Customer waiting will be stopped.' }
})

app.post('/v1/client/activations', async (request, reply) => {
  const { customerId } = JSON.parse(request.body)
  return reply.code(201).send({ clientToken: await waits.activate(customerId), customerId })
})

app.post('/v1/client/help', async (request, reply) => {
  const customerId = await waits.customerOf((request.headers.authorization ?? '').slice('Bearer '.length))
  if (!customerId) return reply.code(401).send({ code: 'DLGEXCP_AUTH_REQUEST' })
  return reply.code(201).send(await waits.start(customerId, JSON.parse(request.body).helpType))
})

app.get('/livez', async () => 'ok')

async function hello(socket, { token, sessionId }) {
  const welcome = await waits.welcome(token, sessionId)
  if (welcome === null) {
    socket.close(4401)
    return
  }
  socket.sessionId = sessionId
  sockets.set(sessionId, socket)
  socket.send(JSON.stringify(welcome))
}

async function acknowledged(socket) {
  await waits.acknowledged(socket.sessionId)
  socket.close(1000)
}

function onMessage(data) {
  const frame = JSON.parse(data)
  if (frame.type === 'hello') void hello(this, frame)
  else if (frame.type === 'ack') void acknowledged(this)
}

function onClose() {
  if (sockets.get(this.sessionId) === this) sockets.delete(this.sessionId)
}

app.server.on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, (ws) => {
    ws.on('message', onMessage)
    ws.on('close', onClose)
  })
})

await app.listen({ port: Number(BENCH_PORT), host: '127.0.0.1', backlog: 4096 })
console.log(`ready on http://127.0.0.1:${app.server.address().port}`)

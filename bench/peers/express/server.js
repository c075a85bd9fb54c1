// What most people write: Express, Socket.IO with its Redis adapter, waits in Redis.
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import express from 'express'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { signedBy } from './signature.js'
import { Waits } from './waits.js'

const { BENCH_PORT, BENCH_REDIS_PORT, BENCH_ACCESS_KEY_ID, BENCH_ACCESS_KEY_SECRET } = process.env
const redis = new Redis(Number(BENCH_REDIS_PORT), '127.0.0.1')
const waits = new Waits(redis)
const app = express()
const server = createServer(app)
const io = new Server(server, { adapter: createAdapter(redis.duplicate(), redis.duplicate()), transports: ['websocket'] })

app.use(express.json({ limit: '64kb', verify: (request, _response, raw) => { request.rawBody = raw } }))

app.use('/v1/application', (request, response, next) => {
  const { method, originalUrl, headers, rawBody } = request
  if (signedBy(BENCH_ACCESS_KEY_ID, BENCH_ACCESS_KEY_SECRET, method, originalUrl, headers, rawBody ?? '')) next()
  else response.status(401).type('text').send('Authorization failed')
})

app.post('/v1/application/interactionisnotdelivered', async (request, response) => {
  const event = await waits.notDelivered(request.body.interactionId, request.body.message ?? '')
  if (event === null) {
    response.json({ isSuccess: false, message: 'No customer is waiting in the given interaction.', errorCode: 402 })
    return
  }
  io.to(event.sessionId).emit('event', event)
  response.json({ isSuccess: true, message: 'Customer waiting will be stopped.' })
})

app.post('/v1/client/activations', async (request, response) => {
  const { customerId } = request.body
  response.status(201).json({ clientToken: await waits.activate(customerId), customerId })
})

app.post('/v1/client/help', async (request, response) => {
  const customerId = await waits.customerOf((request.get('authorization') ?? '').replace('Bearer ', ''))
  if (customerId) response.status(201).json(await waits.start(customerId, request.body.helpType))
  else response.status(401).json({ code: 'DLGEXCP_AUTH_REQUEST' })
})

app.get('/livez', (_request, response) => { response.type('text').send('ok') })

io.on('connection', (socket) => {
  socket.on('hello', async ({ token, sessionId }) => {
    const welcome = await waits.welcome(token, sessionId)
    if (welcome === null) {
      socket.disconnect(true)
      return
    }
    socket.data.sessionId = sessionId
    await socket.join(sessionId)
    socket.emit('welcome', welcome)
  })
  socket.on('ack', async () => {
    await waits.acknowledged(socket.data.sessionId)
    socket.disconnect(true)
  })
})

server.listen({ port: Number(BENCH_PORT), host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(`ready on http://127.0.0.1:${server.address().port}`)
})

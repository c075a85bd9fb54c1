#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKET_IN = 65536, CLOSE_NORMAL = 1000 };

void waiter_close(struct waiter *waiter) {
    if (waiter->source.fd >= 0)
        close(waiter->source.fd);
    waiter->source.fd = -1;
    free(waiter->rest);
    waiter->rest = NULL;
    waiter->rest_n = 0;
}

void waiter_connect(struct load *load, struct waiter *waiter) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)load->source_address)};
    int on = 1;
    waiter_close(waiter);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("no socket for a customer: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (load->source_address > 0 && bind(fd, (struct sockaddr *)&local, sizeof local) < 0)
        fail("cannot bind a customer's address: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        fail("a customer cannot connect: %s", strerror(errno));
    waiter->source = (struct source){SOURCE_WAITER, fd};
    waiter->state = SOCKET_CONNECTING;
    waiter->asked = waiter->delivered = false;
    waiter->ended_seq = 0;
    load->connecting++;
    watch(load, &waiter->source, EPOLLOUT);
}

static void socket_send(struct waiter *waiter, int opcode, const char *payload, size_t n) {
    char out[1024 + SOCKET_HEAD_MAX];
    if (n > 1024)
        fail("a frame does not fit its buffer");
    size_t length = frame_write(out, opcode, payload, n, true);
    /* A server that closed meanwhile is noticed by the read that follows. */
    if (send(waiter->source.fd, out, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EAGAIN)
        fail("a customer's socket does not take %zu bytes", length);
}

static void upgrade(struct load *load, struct waiter *waiter) {
    char out[512];
    const char *target = load->options.socketio ? "/socket.io/?EIO=4&transport=websocket" : "/v1/client/events";
    int n = snprintf(out, sizeof out,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                     target, load->options.port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = waiter};
    waiter->state = SOCKET_UPGRADING;
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, waiter->source.fd, &event);
    if (send(waiter->source.fd, out, (size_t)n, MSG_NOSIGNAL) != n)
        fail("a customer's upgrade could not be sent: %s", strerror(errno));
}

static void hello(struct load *load, struct waiter *waiter) {
    char out[512];
    int n = snprintf(out, sizeof out, "%s{\"type\":\"hello\",\"token\":\"%s\",\"sessionId\":\"%s\",\"after\":0,\"epoch\":null}%s",
                     load->options.socketio ? "42[\"hello\"," : "", waiter->token, waiter->session, load->options.socketio ? "]" : "");
    waiter->state = SOCKET_GREETING;
    socket_send(waiter, FRAME_TEXT, out, (size_t)n);
}

void waiter_ack(struct load *load, struct waiter *waiter) {
    char out[96];
    int n = snprintf(out, sizeof out, "%s{\"type\":\"ack\",\"seq\":%ld}%s", load->options.socketio ? "42[\"ack\"," : "", waiter->ended_seq,
                     load->options.socketio ? "]" : "");
    socket_send(waiter, FRAME_TEXT, out, (size_t)n);
}

/* The end of a wait is right only for the asked customer, with the sent text, once. */
static void wait_ended(struct load *load, struct waiter *waiter, struct span json) {
    char expected[MESSAGE_MAX];
    struct span session, message, interaction, outcome;
    message_text(waiter, expected);
    bool right = waiter->asked && json_text(json, "sessionId", &session) && span_is(session, waiter->session) &&
                 json_text(json, "message", &message) && span_is(message, expected) && json_text(json, "interactionId", &interaction) &&
                 span_is(interaction, waiter->interaction) && json_text(json, "outcome", &outcome) && span_is(outcome, "NOT_DELIVERED");
    if (!right) {
        if (load->counts.mismatches++ == 0)
            fprintf(stderr, "load: first wrong event (asked: %d): %.*s\n", waiter->asked, (int)(json.n < 300 ? json.n : 300), json.p);
        return;
    }
    if (waiter->delivered) {
        load->counts.duplicates++;
        return;
    }
    waiter->delivered = true;
    waiter->state = SOCKET_ENDED;
    waiter->ended_seq = json_integer(json, "seq");
    load->counts.delivered++;
    load->progress++;
    load->last_event = now_ns();
    if (load->recording)
        sample(&load->end_to_end, load->last_event - waiter->from);
    if (!load->options.ack_after)
        waiter_ack(load, waiter);
}

static void message_in(struct load *load, struct waiter *waiter, struct span json) {
    struct span type, event, session;
    if (!json_text(json, "type", &type))
        fail("a frame without a type: %.*s", (int)(json.n < 300 ? json.n : 300), json.p);
    if (span_is(type, "welcome") && waiter->state == SOCKET_GREETING) {
        if (!json_text(json, "sessionId", &session) || !span_is(session, waiter->session))
            fail("a welcome to another session: %.*s", (int)(json.n < 300 ? json.n : 300), json.p);
        waiter->state = SOCKET_WAITING;
        load->welcomed++;
        load->connecting--;
        load->progress++;
    } else if (span_is(type, "event") && json_text(json, "event", &event) && span_is(event, "wait.ended")) {
        wait_ended(load, waiter, json);
    } else {
        load->counts.other_events++;
    }
}

/* Engine.IO 4 and Socket.IO 5 packets: one digit, or two, before the JSON. */
static void socketio_text(struct load *load, struct waiter *waiter, struct span text) {
    if (text.n > 0 && text.p[0] == '2') {
        socket_send(waiter, FRAME_TEXT, "3", 1);
    } else if (text.n > 0 && text.p[0] == '0' && waiter->state == SOCKET_OPENING) {
        waiter->state = SOCKET_JOINING;
        socket_send(waiter, FRAME_TEXT, "40", 2);
    } else if (text.n > 1 && text.p[0] == '4' && text.p[1] == '0' && waiter->state == SOCKET_JOINING) {
        hello(load, waiter);
    } else if (text.n > 1 && text.p[0] == '4' && text.p[1] == '2') {
        const char *json = memchr(text.p, '{', text.n);
        if (json == NULL)
            fail("a Socket.IO event without an object");
        message_in(load, waiter, (struct span){json, (size_t)(text.p + text.n - json)});
    }
}

static void socket_closed(struct load *load, struct waiter *waiter, int code) {
    if (waiter->state == SOCKET_CLOSED)
        return;
    if (waiter->state < SOCKET_WAITING)
        fail("a customer's socket was closed before its welcome (code %d)", code);
    if (!waiter->delivered || (!load->options.socketio && code != CLOSE_NORMAL)) {
        if (load->counts.bad_closes++ == 0)
            fprintf(stderr, "load: first wrong close: code %d, outcome received: %d\n", code, waiter->delivered);
    }
    waiter->state = SOCKET_CLOSED;
    load->closed++;
    load->progress++;
}

static void frame_in(struct load *load, struct waiter *waiter, const struct frame *frame) {
    struct span payload = frame->payload;
    if (frame->opcode == FRAME_CLOSE) {
        int code = payload.n >= 2 ? (unsigned char)payload.p[0] << 8 | (unsigned char)payload.p[1] : 1005;
        socket_send(waiter, FRAME_CLOSE, payload.p, payload.n < 2 ? 0 : 2);
        socket_closed(load, waiter, code);
    } else if (frame->opcode == FRAME_PING) {
        socket_send(waiter, FRAME_PONG, payload.p, payload.n);
    } else if (frame->opcode == FRAME_TEXT && frame->final) {
        if (load->options.socketio)
            socketio_text(load, waiter, payload);
        else
            message_in(load, waiter, payload);
    } else if (frame->opcode != FRAME_PONG) {
        fail("a frame that this generator does not read: opcode %d, final %d", frame->opcode, frame->final);
    }
}

/* The bytes of a complete 101 answer, or 0. */
static size_t upgraded(struct load *load, struct waiter *waiter, const char *p, size_t n) {
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    if (n < 12 || memcmp(p + 9, "101", 3) != 0)
        fail("a customer's upgrade was refused: %.*s", (int)(n < 300 ? n : 300), p);
    if (load->options.socketio)
        waiter->state = SOCKET_OPENING;
    else
        hello(load, waiter);
    return (size_t)(end + 4 - p);
}

static void keep_rest(struct waiter *waiter, const char *p, size_t n) {
    free(waiter->rest);
    waiter->rest = NULL;
    waiter->rest_n = n;
    if (n == 0)
        return;
    waiter->rest = malloc(n);
    if (waiter->rest == NULL)
        fail("out of memory");
    memcpy(waiter->rest, p, n);
}

static void waiter_readable(struct load *load, struct waiter *waiter) {
    static char buffer[SOCKET_IN];
    if (waiter->rest_n > 0)
        memcpy(buffer, waiter->rest, waiter->rest_n);
    ssize_t got = recv(waiter->source.fd, buffer + waiter->rest_n, sizeof buffer - waiter->rest_n, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        waiter_close(waiter);
        socket_closed(load, waiter, 1006);
        return;
    }
    size_t n = waiter->rest_n + (size_t)got, at = 0;
    if (waiter->state == SOCKET_UPGRADING)
        at = upgraded(load, waiter, buffer, n);
    while (at < n && waiter->state > SOCKET_UPGRADING) {
        struct frame frame;
        int read = frame_read(buffer + at, n - at, &frame);
        if (read < 0)
            fail("bytes that are no WebSocket frame");
        if (read == 0)
            break;
        frame_in(load, waiter, &frame);
        at += frame.used;
    }
    keep_rest(waiter, buffer + at, n - at);
}

void waiter_ready(struct load *load, struct waiter *waiter, uint32_t events) {
    if (waiter->source.fd < 0)
        return;
    if (waiter->state == SOCKET_CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(waiter->source.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0 || (events & EPOLLERR))
            fail("a customer cannot connect: %s", strerror(error));
        upgrade(load, waiter);
        return;
    }
    waiter_readable(load, waiter);
}

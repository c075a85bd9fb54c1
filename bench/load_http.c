#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char END_TARGET[] = "/v1/application/interactionisnotdelivered";

void request_open(struct load *load, struct request *request, int port) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    request->source = (struct source){SOURCE_REQUEST, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    request->job = JOB_NONE;
    request->port = port;
    request->n = 0;
    if (request->source.fd < 0 || connect(request->source.fd, (struct sockaddr *)&server, sizeof server) < 0)
        fail("cannot connect to port %d: %s", port, strerror(errno));
    setsockopt(request->source.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(load, &request->source, EPOLLIN);
}

static int port_for(const struct options *o, enum job job, int connection) {
    bool company = job == JOB_END || job == JOB_FORGED || job == JOB_REPEAT;
    return company && o->post_n > 0 ? o->post_ports[connection % o->post_n] : o->port;
}

/* Fresh connections for each phase, so that no server's idle limit closes one between phases. */
void pool_open(struct load *load, int connections, enum job job) {
    load->free_head = load->free_n = 0;
    for (int i = 0; i < connections; i++) {
        request_open(load, &load->pool[i], port_for(&load->options, job, i));
        load->free_ring[load->free_n++] = &load->pool[i];
    }
}

void pool_close(struct load *load) {
    for (int i = 0; i < load->options.connections; i++)
        if (load->pool[i].source.fd >= 0) {
            close(load->pool[i].source.fd);
            load->pool[i].source.fd = -1;
        }
}

int message_text(const struct waiter *waiter, char out[MESSAGE_MAX]) {
    return snprintf(out, MESSAGE_MAX, "All our advisers are busy, please try again later. (%08x)", waiter->nonce);
}

static void send_whole(struct request *request, const char *data, size_t n) {
    ssize_t sent = send(request->source.fd, data, n, MSG_NOSIGNAL);
    if (sent != (ssize_t)n)
        fail("a request could not be sent whole: %s", sent < 0 ? strerror(errno) : "short write");
}

static int signed_head(struct load *load, char *out, size_t room, int port, struct span body, bool forged) {
    static char date[DATE_TEXT + 1];
    static time_t date_at;
    char signature[SIGNATURE_TEXT + 1];
    time_t now = time(NULL);
    if (now != date_at) {
        http_date(now, date);
        date_at = now;
    }
    struct span parts[] = {LITERAL("POST"), LITERAL("application/json"), {date, DATE_TEXT}, body, LITERAL(END_TARGET)};
    sign_parts(&load->signer, parts, 5, signature);
    if (forged)
        signature[0] = signature[0] == 'A' ? 'B' : 'A';
    return snprintf(out, room,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                    "x-dlg-date: %s\r\nx-dlg-requester-userid: 31007\r\nx-dlg-authorization: DLGA %s:%s\r\n\r\n",
                    END_TARGET, port, body.n, date, load->options.key_id, signature);
}

static int plain_head(const struct load *load, char *out, size_t room, const char *path, const char *token, size_t body_n) {
    return snprintf(out, room,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s%s%s\r\n",
                    path, load->options.port, body_n, token[0] ? "Authorization: Bearer " : "", token, token[0] ? "\r\n" : "");
}

void request_send(struct load *load, struct request *request, enum job job, int place, uint64_t from) {
    char out[2048], body[512], message[MESSAGE_MAX];
    struct waiter *waiter = &load->waiters[place];
    int head = 0, body_n = 0;
    request->job = job;
    request->waiter = place;
    request->from = from;
    switch (job) {
    case JOB_ACTIVATE:
        body_n = snprintf(body, sizeof body, "{\"customerId\":\"%d\",\"customerName\":\"Customer %d\"}",
                          1000000 + load->options.first + place, place);
        head = plain_head(load, out, sizeof out, "/v1/client/activations", "", (size_t)body_n);
        break;
    case JOB_START:
        body_n = snprintf(body, sizeof body, "{\"helpType\":\"chat\"}");
        head = plain_head(load, out, sizeof out, "/v1/client/help", waiter->token, (size_t)body_n);
        break;
    case JOB_END:
        waiter->nonce = (uint32_t)random();
        waiter->from = from;
        waiter->asked = true;
        __attribute__((fallthrough)); /* a forged or repeated request differs in nothing else */
    case JOB_FORGED:
    case JOB_REPEAT:
        message_text(waiter, message);
        body_n = snprintf(body, sizeof body, "{\"interactionId\":\"%s\",\"message\":\"%s\"}", waiter->interaction, message);
        head = signed_head(load, out, sizeof out, request->port, (struct span){body, (size_t)body_n}, job == JOB_FORGED);
        break;
    case JOB_PROBE:
        head = snprintf(out, sizeof out, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", load->options.port);
        break;
    case JOB_NONE:
        return;
    }
    if ((size_t)(head + body_n) > sizeof out)
        fail("a request does not fit its buffer");
    memcpy(out + head, body, (size_t)body_n);
    send_whole(request, out, (size_t)(head + body_n));
}

static bool copy_text(struct span json, const char *key, char out[ID_MAX]) {
    struct span value;
    if (!json_text(json, key, &value) || value.n == 0 || value.n >= ID_MAX)
        return false;
    memcpy(out, value.p, value.n);
    out[value.n] = 0;
    return true;
}

static void ended_answer(struct load *load, int status, struct span body) {
    const char *success = json_value(body, "isSuccess");
    bool good = status == 200 && success != NULL && body.p + body.n - success >= 4 && memcmp(success, "true", 4) == 0;
    load->counts.answered++;
    if (!good && load->counts.failures++ == 0)
        fprintf(stderr, "load: first failed answer: HTTP %d %.*s\n", status, (int)(body.n < 200 ? body.n : 200), body.p);
}

static void request_done(struct load *load, struct request *request, int status, struct span body) {
    struct waiter *waiter = &load->waiters[request->waiter];
    uint64_t took = now_ns() - request->from;
    enum job job = request->job;
    request->job = JOB_NONE;
    if (job == JOB_PROBE) {
        if (load->recording)
            sample(&load->probes, took);
        return;
    }
    load->progress++;
    load->free_ring[(load->free_head + load->free_n++) % (unsigned)load->options.connections] = request;
    if (job == JOB_FORGED) {
        load->forged_status = status;
        load->done++;
        return;
    }
    if (job == JOB_REPEAT) {
        load->repeat_code = status == 200 ? json_integer(body, "errorCode") : -1;
        load->done++;
        return;
    }
    if (load->recording)
        sample(&load->answers, took);
    if (job == JOB_END) {
        ended_answer(load, status, body);
        return;
    }
    bool good = status == 201;
    if (job == JOB_ACTIVATE)
        good = good && copy_text(body, "clientToken", waiter->token);
    else
        good = good && copy_text(body, "sessionId", waiter->session) && copy_text(body, "interactionId", waiter->interaction);
    if (!good)
        fail("set-up refused: HTTP %d %.*s", status, (int)(body.n < 300 ? body.n : 300), body.p);
    load->done++;
    if (job == JOB_START && load->options.mode != MODE_STARTS)
        waiter_connect(load, waiter);
}

static long content_length(struct span head) {
    static const char name[] = "\r\ncontent-length:";
    for (size_t i = 0; i + sizeof name - 1 < head.n; i++)
        if (head.p[i] == '\r' && strncasecmp(head.p + i, name, sizeof name - 1) == 0)
            return strtol(head.p + i + sizeof name - 1, NULL, 10);
    return -1;
}

void request_readable(struct load *load, struct request *request) {
    ssize_t got = recv(request->source.fd, request->in + request->n, IN_MAX - request->n, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        close(request->source.fd);
        request->source.fd = -1;
        if (request->job != JOB_NONE)
            fail("the server closed a connection with a request in flight");
        request_open(load, request, request->port); /* idle past the server's limit: it may close, and is called again */
        return;
    }
    request->n += (size_t)got;
    const char *end = memmem(request->in, request->n, "\r\n\r\n", 4);
    if (end == NULL)
        return;
    size_t head = (size_t)(end + 4 - request->in);
    long length = content_length((struct span){request->in, head});
    if (request->n < 12 || length < 0 || head + (size_t)length > IN_MAX)
        fail("an answer without a usable content-length: %.*s", (int)head, request->in);
    if (request->n < head + (size_t)length)
        return;
    request->n = 0; /* one request in flight, so nothing can follow */
    request_done(load, request, atoi(request->in + 9), (struct span){end + 4, (size_t)length});
}

#define _GNU_SOURCE
#include "serve.h"

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

enum { READ_MAX = 65536, EVENTS = 256 };

void peer_send(struct peer *peer, const char *data, size_t n) {
    if (peer->broken || send(peer->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
        peer->broken = true;
}

void peer_answer(struct peer *peer, const char *status, const char *type, struct span body) {
    char out[4096];
    int head = snprintf(out, sizeof out, "HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n\r\n", status, type, body.n);
    if ((size_t)head + body.n > sizeof out) {
        peer->broken = true;
        return;
    }
    memcpy(out + head, body.p, body.n);
    peer_send(peer, out, (size_t)head + body.n);
}

void peer_upgrade(struct peer *peer, struct span socket_key) {
    char accept[32], out[256];
    socket_accept_key(socket_key, accept);
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
                     "sec-websocket-accept: %s\r\n\r\n",
                     accept);
    peer->upgraded = true;
    peer_send(peer, out, (size_t)n);
}

void peer_frame(struct peer *peer, int opcode, struct span payload) {
    char out[4096 + SOCKET_HEAD_MAX];
    if (payload.n > 4096) {
        peer->broken = true;
        return;
    }
    peer_send(peer, out, frame_write(out, opcode, payload.p, payload.n, false));
}

static void take_header(struct http_request *request, size_t *body, struct span name, struct span value) {
    static const struct {
        const char *name;
        size_t at;
    } known[] = {
        {"content-type", offsetof(struct http_request, content_type)},
        {"x-dlg-date", offsetof(struct http_request, date)},
        {"x-dlg-requester-userid", offsetof(struct http_request, requester)},
        {"x-dlg-authorization", offsetof(struct http_request, authorization)},
        {"authorization", offsetof(struct http_request, bearer)},
        {"sec-websocket-key", offsetof(struct http_request, socket_key)},
    };
    if (name.n == 14 && strncasecmp(name.p, "content-length", 14) == 0) {
        *body = strtoul(value.p, NULL, 10);
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (name.n == strlen(known[i].name) && strncasecmp(name.p, known[i].name, name.n) == 0)
            *(struct span *)((char *)request + known[i].at) = value;
}

/* Bytes used by one complete request, 0 when more are needed, -1 when it is none. */
static ssize_t read_request(const char *p, size_t n, struct http_request *request) {
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    const char *line = memchr(p, '\r', n), *space = memchr(p, ' ', (size_t)(line - p));
    const char *second = space ? memchr(space + 1, ' ', (size_t)(line - space - 1)) : NULL;
    size_t body = 0;
    if (second == NULL)
        return -1;
    memset(request, 0, sizeof *request);
    request->method = (struct span){p, (size_t)(space - p)};
    request->target = (struct span){space + 1, (size_t)(second - space - 1)};
    while (line < end) {
        const char *name = line + 2, *stop = memchr(name, '\r', (size_t)(end + 1 - name));
        const char *colon = memchr(name, ':', (size_t)(stop - name));
        if (colon == NULL)
            return -1;
        const char *value = colon + 1;
        while (value < stop && *value == ' ')
            value++;
        take_header(request, &body, (struct span){name, (size_t)(colon - name)}, (struct span){value, (size_t)(stop - value)});
        line = stop;
    }
    size_t head = (size_t)(end + 4 - p);
    if (body > READ_MAX / 2)
        return -1;
    if (n < head + body)
        return 0;
    request->body = (struct span){end + 4, body};
    return (ssize_t)(head + body);
}

/* Takes what is complete; returns the bytes used. */
static size_t consume(const struct service *service, struct peer *peer, char *p, size_t n) {
    size_t at = 0;
    while (at < n && !peer->broken) {
        if (peer->upgraded) {
            struct frame frame;
            int got = frame_read(p + at, n - at, &frame);
            peer->broken = got < 0;
            if (got <= 0)
                break;
            service->frame(peer, &frame);
            at += frame.used;
        } else {
            struct http_request request;
            ssize_t used = read_request(p + at, n - at, &request);
            peer->broken = used < 0;
            if (used <= 0)
                break;
            service->request(peer, &request);
            at += (size_t)used;
        }
    }
    return at;
}

static void peer_readable(const struct service *service, struct peer *peer) {
    static char buffer[READ_MAX];
    if (peer->rest_n > 0)
        memcpy(buffer, peer->rest, peer->rest_n);
    ssize_t got = recv(peer->fd, buffer + peer->rest_n, sizeof buffer - peer->rest_n, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0) {
        size_t n = peer->rest_n + (size_t)got, used = consume(service, peer, buffer, n);
        free(peer->rest);
        peer->rest = NULL;
        peer->rest_n = n - used;
        if (peer->rest_n > 0) {
            peer->rest = malloc(peer->rest_n);
            if (peer->rest == NULL)
                abort();
            memcpy(peer->rest, buffer + used, peer->rest_n);
        }
    }
    if (got <= 0 || peer->broken) {
        service->gone(peer);
        close(peer->fd);
        free(peer->rest);
        free(peer);
    }
}

static void accept_all(int epoll, int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct peer *peer = calloc(1, sizeof *peer);
        if (peer == NULL)
            abort();
        peer->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
        perror("cannot listen on 127.0.0.1");
        exit(1);
    }
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("ready on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

void serve(int port, const struct service *service) {
    int listener = listen_on(port), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event first = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &first);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(epoll, listener);
            else
                peer_readable(service, events[i].data.ptr);
        }
    }
}

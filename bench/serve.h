/* A small HTTP/1.1 and WebSocket server on one epoll thread: what limit.c and company.c stand on.
 * It serves the benchmark on loopback only and is no example of a server for strangers. */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include "wire.h"

struct http_request {
    struct span method, target, body;
    struct span content_type, date, requester, authorization, bearer, socket_key;
};

/* One accepted connection. */
struct peer {
    int fd;
    bool upgraded, broken;
    char *rest; /* bytes of an incomplete request or frame */
    size_t rest_n;
    void *owner; /* the service's own */
};

struct service {
    void (*request)(struct peer *peer, const struct http_request *request);
    void (*frame)(struct peer *peer, const struct frame *frame);
    void (*gone)(struct peer *peer);
};

void peer_send(struct peer *peer, const char *data, size_t n);
void peer_answer(struct peer *peer, const char *status, const char *type, struct span body);
void peer_upgrade(struct peer *peer, struct span socket_key);
void peer_frame(struct peer *peer, int opcode, struct span payload);

/* Listens on 127.0.0.1 (port 0: any), prints one line with the address, and serves until killed. */
void serve(int port, const struct service *service);

#endif

/* The load generator: customers who wait on real sockets, and the company that ends their waits with signed requests.
 * load.c        options, the order of phases
 * load_phase.c  the event loop, what is sent next, when a phase is over
 * load_http.c   request connections: build, sign, read and verify
 * load_socket.c the customers' sockets: WebSocket, or Socket.IO over it
 * load_report.c latencies, CPU shares, the JSON report */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "wire.h"

enum { IN_MAX = 8192, ID_MAX = 160, MESSAGE_MAX = 128, NODES_MAX = 8 };

enum mode { MODE_END, MODE_IDLE, MODE_STARTS };

struct options {
    enum mode mode;
    int port;                  /* customers' apps: activations, starts, sockets */
    int post_ports[NODES_MAX]; /* the company's requests, their connections in turn; none: port */
    int post_n, customers, first, connections, batches, warmup, sources;
    double rate; /* requests a second by the clock; 0: as fast as answers come */
    double quiet_seconds;
    bool ack_after, socketio, probe, hold, check;
    int server_pids[NODES_MAX], server_n, store_pids[NODES_MAX], store_n, server_core, other_core; /* other_core: -1 when nobody asks */
    const char *key_id, *key_secret;
};

enum source_kind { SOURCE_REQUEST, SOURCE_WAITER, SOURCE_PACE, SOURCE_PROBE_TICK, SOURCE_STDIN };

/* First member of whatever epoll points to. */
struct source {
    enum source_kind kind;
    int fd;
};

enum job { JOB_NONE, JOB_ACTIVATE, JOB_START, JOB_END, JOB_FORGED, JOB_REPEAT, JOB_PROBE };

/* One keep-alive connection with at most one request in flight. */
struct request {
    struct source source;
    enum job job;
    int port, waiter;
    uint64_t from; /* when it was sent, or at a fixed rate when it was due */
    size_t n;
    char in[IN_MAX];
};

enum socket_state { SOCKET_NONE, SOCKET_CONNECTING, SOCKET_UPGRADING, SOCKET_OPENING, SOCKET_JOINING, SOCKET_GREETING, SOCKET_WAITING, SOCKET_ENDED, SOCKET_CLOSED };

/* One customer and the socket of the customer's app. */
struct waiter {
    struct source source;
    enum socket_state state;
    bool asked, delivered;
    long ended_seq;
    uint32_t nonce; /* makes the message of each request its own */
    uint64_t from;
    char *rest;
    size_t rest_n;
    char token[ID_MAX], session[ID_MAX], interaction[ID_MAX];
};

struct samples {
    uint64_t *at;
    size_t n, capacity;
};

/* Clock and CPU counters at one moment. */
struct cpu_mark {
    uint64_t wall, own, server, store, core, other_core;
};

struct counts {
    long answered, delivered, failures, mismatches, duplicates, missing, bad_closes, other_events;
};

struct load {
    struct options options;
    int epoll;
    struct source pace, probe_tick, input;
    struct signer signer;
    struct waiter *waiters;
    int *order;
    struct request *pool, probe;
    struct request **free_ring;
    unsigned free_head, free_n;
    enum job job;     /* what free connections send now */
    long sent, allowed; /* how many were sent, how many may be by now */
    long done;        /* set-up requests answered */
    long welcomed, connecting, closed;
    uint64_t phase_began, progress;
    bool measuring, recording, released;
    struct counts counts;
    struct samples end_to_end, answers, probes, lag;
    uint64_t last_byte, longest_silence, longest_turn, last_event;
    double *batch_rates;
    int batch_n;
    struct cpu_mark spent;
    int forged_status;
    long repeat_code;
    int source_address;
};

/* Ends the program: set-up that fails is not a measurement. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* load_phase.c */
void watch(struct load *load, struct source *source, uint32_t events);
void activate_all(struct load *load);
void start_all(struct load *load);
void check_one(struct load *load, enum job job);
void measure(struct load *load, enum job job);
void settle(struct load *load);
void hold(struct load *load, const char *at);

/* load_http.c */
void pool_open(struct load *load, int connections, enum job job);
void pool_close(struct load *load);
void request_open(struct load *load, struct request *request, int port);
void request_send(struct load *load, struct request *request, enum job job, int waiter, uint64_t from);
void request_readable(struct load *load, struct request *request);
int message_text(const struct waiter *waiter, char out[MESSAGE_MAX]);

/* load_socket.c */
void waiter_connect(struct load *load, struct waiter *waiter);
void waiter_ready(struct load *load, struct waiter *waiter, uint32_t events);
void waiter_ack(struct load *load, struct waiter *waiter);
void waiter_close(struct waiter *waiter);

/* load_report.c */
void sample(struct samples *samples, uint64_t value);
struct cpu_mark cpu_now(const struct options *options);
void cpu_add(struct cpu_mark *sum, struct cpu_mark began, struct cpu_mark ended);
void report(struct load *load);

#endif

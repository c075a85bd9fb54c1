#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS = 256, CONNECTING_MAX = 200, PROBE_NS = 1000000, TURN_MS = 100 };

void watch(struct load *load, struct source *source, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0)
        fail("cannot watch a descriptor: %s", strerror(errno));
}

static void timer_every(struct load *load, struct source *timer, enum source_kind kind, uint64_t ns) {
    struct itimerspec every = {.it_interval = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}};
    every.it_value = every.it_interval;
    *timer = (struct source){kind, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
    if (timer->fd < 0 || timerfd_settime(timer->fd, 0, &every, NULL) < 0)
        fail("no timer: %s", strerror(errno));
    watch(load, timer, EPOLLIN);
}

static uint64_t due_at(const struct load *load, long i) {
    return load->phase_began + (uint64_t)((double)i * 1e9 / load->options.rate);
}

static bool may_send(const struct load *load) {
    if (load->free_n == 0 || load->sent >= load->allowed)
        return false;
    if (load->job == JOB_START && load->options.mode != MODE_STARTS)
        return load->connecting + (load->sent - load->done) < CONNECTING_MAX;
    if (load->job == JOB_END && load->recording && load->options.rate > 0)
        return due_at(load, load->sent) <= now_ns();
    return true;
}

/* Gives work to every free connection, oldest free first, so that none idles past a server's limit. */
static void send_more(struct load *load) {
    while (may_send(load)) {
        struct request *request = load->free_ring[load->free_head];
        bool paced = load->job == JOB_END && load->recording && load->options.rate > 0;
        uint64_t now = now_ns(), from = paced ? due_at(load, load->sent) : now;
        load->free_head = (load->free_head + 1) % (unsigned)load->options.connections;
        load->free_n--;
        if (paced)
            sample(&load->lag, now - from);
        request_send(load, request, load->job, load->order[load->sent++], from);
    }
}

static void drain_timer(int fd) {
    uint64_t expirations;
    if (read(fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
        fail("a timer cannot be read: %s", strerror(errno));
}

static void probe_tick(struct load *load) {
    drain_timer(load->probe_tick.fd);
    if (load->probe.job == JOB_NONE)
        request_send(load, &load->probe, JOB_PROBE, 0, now_ns());
}

static void input_ready(struct load *load) {
    char line[64];
    if (read(load->input.fd, line, sizeof line) <= 0)
        exit(0); /* whoever held us is gone */
    load->released = true;
}

/* Time with a probe unanswered and not one byte from the server: what its loop cannot have used to serve anybody. */
static void note_silence(struct load *load, uint64_t now) {
    uint64_t since = load->probe.from > load->last_byte ? load->probe.from : load->last_byte;
    if (load->recording && load->probe.job == JOB_PROBE && now - since > load->longest_silence)
        load->longest_silence = now - since;
    load->last_byte = now;
}

static void dispatch(struct load *load, struct epoll_event *event) {
    struct source *source = event->data.ptr;
    if (source->fd < 0)
        return;
    switch (source->kind) {
    case SOURCE_REQUEST:
        request_readable(load, (struct request *)source);
        break;
    case SOURCE_WAITER:
        waiter_ready(load, (struct waiter *)source, event->events);
        break;
    case SOURCE_PACE:
        drain_timer(source->fd);
        break;
    case SOURCE_PROBE_TICK:
        probe_tick(load);
        break;
    case SOURCE_STDIN:
        input_ready(load);
        break;
    }
}

static void turn(struct load *load) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(load->epoll, events, EVENTS, TURN_MS);
    uint64_t began = now_ns();
    for (int i = 0; i < count; i++) {
        struct source *source = events[i].data.ptr;
        if (source->kind == SOURCE_REQUEST || source->kind == SOURCE_WAITER) {
            note_silence(load, began);
            break;
        }
    }
    for (int i = 0; i < count; i++)
        dispatch(load, &events[i]);
    send_more(load);
    uint64_t took = now_ns() - began;
    if (load->recording && took > load->longest_turn)
        load->longest_turn = took;
}

/* Runs until `over`; false when nothing moved for the quiet time. */
static bool run_until(struct load *load, bool (*over)(const struct load *)) {
    uint64_t moved = now_ns(), seen = load->progress, quiet = (uint64_t)(load->options.quiet_seconds * 1e9);
    send_more(load);
    while (!over(load)) {
        turn(load);
        if (load->progress != seen) {
            moved = now_ns();
            seen = load->progress;
        } else if (now_ns() - moved > quiet) {
            return false;
        }
    }
    return true;
}

static void begin(struct load *load, enum job job, long count) {
    load->job = job;
    load->sent = load->done = 0;
    load->allowed = count;
    load->phase_began = now_ns();
}

static void finish(struct load *load) {
    load->allowed = load->sent = 0;
    load->job = JOB_NONE;
    pool_close(load);
}

static bool all_done(const struct load *load) {
    return load->done == load->allowed;
}

static bool all_welcomed(const struct load *load) {
    return load->welcomed == load->options.customers;
}

static bool all_closed(const struct load *load) {
    return load->closed == load->options.customers;
}

static bool all_ended(const struct load *load) {
    const struct counts *c = &load->counts;
    return c->answered == load->allowed && c->delivered >= load->allowed - c->failures;
}

void activate_all(struct load *load) {
    pool_open(load, load->options.connections, JOB_ACTIVATE);
    begin(load, JOB_ACTIVATE, load->options.customers);
    if (!run_until(load, all_done))
        fail("activations: %ld of %d answered, then nothing", load->done, load->options.customers);
    finish(load);
}

void start_all(struct load *load) {
    pool_open(load, load->options.connections, JOB_START);
    load->welcomed = load->connecting = load->closed = 0;
    begin(load, JOB_START, load->options.customers);
    if (!run_until(load, all_welcomed))
        fail("starts: %ld answered and %ld welcomed of %d, then nothing", load->done, load->welcomed, load->options.customers);
    finish(load);
    for (int i = load->options.customers - 1; i > 0; i--) { /* ends come in no order of start */
        int j = (int)(random() % (i + 1)), kept = load->order[i];
        load->order[i] = load->order[j];
        load->order[j] = kept;
    }
}

/* One forged or repeated request, outside every measured window. */
void check_one(struct load *load, enum job job) {
    pool_open(load, 1, job);
    begin(load, job, 1);
    if (!run_until(load, all_done))
        fail("a check was not answered");
    finish(load);
}

static void probe_start(struct load *load) {
    request_open(load, &load->probe, load->options.port);
    timer_every(load, &load->probe_tick, SOURCE_PROBE_TICK, PROBE_NS);
}

static void probe_stop(struct load *load) {
    close(load->probe_tick.fd);
    close(load->probe.source.fd);
    load->probe_tick.fd = load->probe.source.fd = -1;
}

/* One batch: every wait is ended once (or, for JOB_START, every customer starts one). */
void measure(struct load *load, enum job job) {
    struct counts before = load->counts;
    bool paced = load->recording && load->options.rate > 0;
    load->counts.answered = load->counts.delivered = load->counts.failures = 0;
    pool_open(load, load->options.connections, job);
    if (load->options.probe)
        probe_start(load);
    if (paced)
        timer_every(load, &load->pace, SOURCE_PACE, (uint64_t)(1e9 / load->options.rate));
    struct cpu_mark began = cpu_now(&load->options);
    load->last_event = load->last_byte = began.wall;
    begin(load, job, load->options.customers);
    bool whole = run_until(load, job == JOB_END ? all_ended : all_done);
    struct cpu_mark ended = cpu_now(&load->options);
    if (!whole && job == JOB_START)
        fail("starts: %ld of %d answered, then nothing", load->done, load->options.customers);
    if (!whole) /* what never came must not be counted as time that was needed */
        load->counts.missing += load->allowed - load->counts.delivered;
    if (load->recording) {
        double seconds = (double)((whole ? ended.wall : load->last_event) - began.wall) / 1e9;
        long ended_n = job == JOB_END ? load->counts.delivered : load->done;
        cpu_add(&load->spent, began, ended);
        load->batch_rates[load->batch_n++] = (double)ended_n / seconds;
    }
    load->counts.answered += before.answered;
    load->counts.delivered += before.delivered;
    load->counts.failures += before.failures;
    if (paced)
        close(load->pace.fd);
    if (load->options.probe)
        probe_stop(load);
    load->recording = false;
    finish(load);
}

/* Every customer's app has acknowledged, and the server closes. Outside the measured window. */
void settle(struct load *load) {
    if (load->options.ack_after)
        for (int i = 0; i < load->options.customers; i++)
            if (load->waiters[i].delivered)
                waiter_ack(load, &load->waiters[i]);
    if (!run_until(load, all_closed))
        load->counts.bad_closes += load->options.customers - load->closed;
    for (int i = 0; i < load->options.customers; i++)
        waiter_close(&load->waiters[i]);
}

/* Says where it stands and waits for a line, still answering pings: time to measure the server from outside. */
void hold(struct load *load, const char *at) {
    printf("{\"at\":\"%s\"}\n", at);
    fflush(stdout);
    load->released = false;
    load->input = (struct source){SOURCE_STDIN, STDIN_FILENO};
    watch(load, &load->input, EPOLLIN);
    while (!load->released)
        turn(load);
    epoll_ctl(load->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
}

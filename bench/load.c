/* load MODE [options], MODE one of
 *   end     every wait is ended once per batch by a signed request, as fast as answers come or at --rate
 *   idle    all customers wait, nothing else happens; says so on stdout and ends when stdin does
 *   starts  every customer starts one wait, no sockets
 * BENCH_ACCESS_KEY_ID and BENCH_ACCESS_KEY_SECRET sign. JSON lines on stdout; exit 1 when an event or answer was wrong. */
#define _GNU_SOURCE
#include "load.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum { MISUSE = 2, SET_UP_FAILED = 3 };

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(SET_UP_FAILED);
}

static void usage(const char *why) {
    fprintf(stderr,
            "load: %s\nload end|idle|starts --port N [--post-port N]... [--customers N] [--first ID] [--connections K] [--batches B] [--warmup B] [--rate R]\n"
            "     [--pid SERVER]... [--store-pid PID]... [--core N] [--other-core N] [--quiet SECONDS] [--sources N] [--ack-after] [--socketio] [--probe] [--hold] [--check]\n",
            why);
    exit(MISUSE);
}

static enum mode mode_named(const char *name) {
    static const char *const names[] = {"end", "idle", "starts"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum mode)i;
    usage("no such mode");
    exit(MISUSE);
}

/* An option that may be given again for each node. */
static void one_more(int values[NODES_MAX], int *count) {
    if (*count == NODES_MAX)
        usage("too many nodes");
    values[(*count)++] = atoi(optarg);
}

static struct options read_options(int argc, char **argv) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'},    {"customers", 1, 0, 'n'}, {"connections", 1, 0, 'k'}, {"batches", 1, 0, 'b'}, {"warmup", 1, 0, 'w'},
        {"rate", 1, 0, 'r'},    {"pid", 1, 0, 'P'},       {"core", 1, 0, 'c'},        {"quiet", 1, 0, 'q'},   {"sources", 1, 0, 's'},
        {"ack-after", 0, 0, 'a'}, {"socketio", 0, 0, 'i'}, {"probe", 0, 0, 'o'},      {"hold", 0, 0, 'h'},    {"check", 0, 0, 'C'},
        {"first", 1, 0, 'f'},   {"post-port", 1, 0, 't'}, {"other-core", 1, 0, 'O'}, {"store-pid", 1, 0, 'S'},
        {0, 0, 0, 0},
    };
    struct options o = {.customers = 10000, .connections = 64, .batches = 1, .sources = 8, .quiet_seconds = 10, .other_core = -1};
    if (argc < 2)
        usage("which mode?");
    o.mode = mode_named(argv[1]);
    for (int c; (c = getopt_long(argc - 1, argv + 1, "", names, NULL)) != -1;) {
        switch (c) {
        case 'p': o.port = atoi(optarg); break;
        case 'n': o.customers = atoi(optarg); break;
        case 'f': o.first = atoi(optarg); break;
        case 'k': o.connections = atoi(optarg); break;
        case 'b': o.batches = atoi(optarg); break;
        case 'w': o.warmup = atoi(optarg); break;
        case 'r': o.rate = atof(optarg); break;
        case 't': one_more(o.post_ports, &o.post_n); break;
        case 'P': one_more(o.server_pids, &o.server_n); break;
        case 'S': one_more(o.store_pids, &o.store_n); break;
        case 'O': o.other_core = atoi(optarg); break;
        case 'c': o.server_core = atoi(optarg); break;
        case 'q': o.quiet_seconds = atof(optarg); break;
        case 's': o.sources = atoi(optarg); break;
        case 'a': o.ack_after = true; break;
        case 'i': o.socketio = true; break;
        case 'o': o.probe = true; break;
        case 'h': o.hold = true; break;
        case 'C': o.check = true; break;
        default: usage("unknown option");
        }
    }
    o.key_id = getenv("BENCH_ACCESS_KEY_ID");
    o.key_secret = getenv("BENCH_ACCESS_KEY_SECRET");
    if (o.key_id == NULL || o.key_secret == NULL)
        usage("BENCH_ACCESS_KEY_ID and BENCH_ACCESS_KEY_SECRET must be set");
    if (o.port <= 0 || o.customers <= 0 || o.connections <= 0 || o.sources <= 0)
        usage("a number is missing or not positive");
    return o;
}

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL)
        fail("out of memory");
    return memory;
}

static void prepare(struct load *load) {
    struct rlimit files;
    int customers = load->options.customers, connections = load->options.connections;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (load->options.mode != MODE_STARTS && files.rlim_max < (rlim_t)(customers + connections + 32))
        fail("%d customers need more descriptors than the hard limit of %lu", customers, (unsigned long)files.rlim_max);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    signer_init(&load->signer, load->options.key_secret);
    load->waiters = zeroed((size_t)customers, sizeof *load->waiters);
    load->order = zeroed((size_t)customers, sizeof *load->order);
    load->pool = zeroed((size_t)connections, sizeof *load->pool);
    load->free_ring = zeroed((size_t)connections, sizeof *load->free_ring);
    load->batch_rates = zeroed((size_t)load->options.batches + 1, sizeof *load->batch_rates);
    for (int i = 0; i < customers; i++) {
        load->waiters[i].source.fd = -1;
        load->order[i] = i;
    }
    for (int i = 0; i < connections; i++)
        load->pool[i].source.fd = -1;
    load->probe.source.fd = load->probe_tick.fd = load->pace.fd = -1;
}

static void run_end(struct load *load) {
    const struct options *o = &load->options;
    for (int batch = 0; batch < o->warmup + o->batches; batch++) {
        load->source_address = batch % o->sources;
        start_all(load);
        if (batch == 0 && o->check)
            check_one(load, JOB_FORGED);
        load->recording = batch >= o->warmup;
        if (load->recording && o->hold)
            hold(load, "ready");
        measure(load, JOB_END);
        if (batch >= o->warmup && o->hold)
            hold(load, "measured");
        if (batch == 0 && o->check)
            check_one(load, JOB_REPEAT);
        settle(load);
    }
    report(load);
}

int main(int argc, char **argv) {
    static struct load load;
    load.options = read_options(argc, argv);
    prepare(&load);
    activate_all(&load);
    switch (load.options.mode) {
    case MODE_END:
        run_end(&load);
        break;
    case MODE_IDLE:
        start_all(&load);
        hold(&load, "ready");
        break;
    case MODE_STARTS:
        load.recording = true;
        measure(&load, JOB_START);
        report(&load);
        break;
    }
    const struct counts *c = &load.counts;
    bool forgery_accepted = load.options.check && load.options.mode == MODE_END && load.forged_status != 401;
    bool repeat_accepted = load.options.check && load.options.mode == MODE_END && load.repeat_code != 402;
    return c->failures || c->mismatches || c->duplicates || c->missing || c->bad_closes || forgery_accepted || repeat_accepted;
}

#define _GNU_SOURCE
#include "load.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void sample(struct samples *samples, uint64_t value) {
    if (samples->n == samples->capacity) {
        samples->capacity = samples->capacity ? samples->capacity * 2 : 65536;
        samples->at = realloc(samples->at, samples->capacity * sizeof *samples->at);
        if (samples->at == NULL)
            fail("out of memory");
    }
    samples->at[samples->n++] = value;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* On-CPU nanoseconds of all threads of a process. */
static uint64_t process_ns(int pid) {
    char path[320];
    uint64_t sum = 0, ns;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = pid > 0 ? opendir(path) : NULL;
    if (tasks == NULL)
        return 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fscanf(file, "%" SCNu64, &ns) == 1)
            sum += ns;
        fclose(file);
    }
    closedir(tasks);
    return sum;
}

/* The same of a process and its children: a database server has one for each connection. */
static uint64_t family_ns(int pid) {
    char path[64];
    uint64_t sum = process_ns(pid);
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fscanf(file, "%d", &child) == 1)
        sum += process_ns(child);
    if (file != NULL)
        fclose(file);
    return sum;
}

/* Busy nanoseconds of one core, steal included; 0 for one that nobody asked for. */
static uint64_t core_ns(int core) {
    char line[512], name[16];
    unsigned long user, nice, system, idle, iowait, irq, softirq, steal;
    uint64_t busy = 0;
    FILE *file = fopen("/proc/stat", "r");
    snprintf(name, sizeof name, "cpu%d ", core);
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 &&
            sscanf(line + strlen(name), "%lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) == 8)
            busy = user + nice + system + irq + softirq + steal;
    if (file != NULL)
        fclose(file);
    return busy * (uint64_t)(1000000000 / sysconf(_SC_CLK_TCK));
}

struct cpu_mark cpu_now(const struct options *options) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t own = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
                   (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
    uint64_t server = 0, store = 0;
    for (int i = 0; i < options->server_n; i++)
        server += process_ns(options->server_pids[i]);
    for (int i = 0; i < options->store_n; i++)
        store += family_ns(options->store_pids[i]);
    return (struct cpu_mark){now_ns(), own, server, store, core_ns(options->server_core), core_ns(options->other_core)};
}

void cpu_add(struct cpu_mark *sum, struct cpu_mark began, struct cpu_mark ended) {
    sum->wall += ended.wall - began.wall;
    sum->own += ended.own - began.own;
    sum->server += ended.server - began.server;
    sum->store += ended.store > began.store ? ended.store - began.store : 0; /* a child that ended takes its time along */
    sum->core += ended.core - began.core;
    sum->other_core += ended.other_core - began.other_core;
}

static void print_samples(const char *name, struct samples *samples) {
    if (samples->n == 0)
        return;
    qsort(samples->at, samples->n, sizeof *samples->at, ascending);
    printf(",\"%s\":{\"n\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}", name, samples->n, (double)samples->at[samples->n / 2] / 1e3,
           (double)samples->at[samples->n * 99 / 100] / 1e3, (double)samples->at[samples->n - 1] / 1e3);
}

void report(struct load *load) {
    const struct counts *c = &load->counts;
    double wall = load->spent.wall > 0 ? (double)load->spent.wall : 1;
    double others = (double)load->spent.core - (double)load->spent.server;
    printf("{\"at\":\"report\",\"customers\":%d,\"batch_rates\":[", load->options.customers);
    for (int i = 0; i < load->batch_n; i++)
        printf("%s%.1f", i ? "," : "", load->batch_rates[i]);
    printf("],\"seconds\":%.3f,\"generator_cpu\":%.3f,\"server_cpu\":%.3f,\"others_on_server_core\":%.3f", wall / 1e9,
           (double)load->spent.own / wall, (double)load->spent.server / wall, others > 0 ? others / wall : 0.0);
    printf(",\"store_cpu\":%.3f,\"other_core\":%.3f", (double)load->spent.store / wall, (double)load->spent.other_core / wall);
    printf(",\"delivered\":%ld,\"failures\":%ld,\"mismatches\":%ld,\"duplicates\":%ld,\"missing\":%ld,\"bad_closes\":%ld,\"other_events\":%ld",
           c->delivered, c->failures, c->mismatches, c->duplicates, c->missing, c->bad_closes, c->other_events);
    printf(",\"forged_status\":%d,\"repeat_code\":%ld", load->forged_status, load->repeat_code);
    printf(",\"longest_turn_us\":%.1f,\"longest_silence_us\":%.1f", (double)load->longest_turn / 1e3, (double)load->longest_silence / 1e3);
    print_samples("end_to_end", &load->end_to_end);
    print_samples("answers", &load->answers);
    print_samples("probes", &load->probes);
    print_samples("send_lag", &load->lag);
    printf("}\n");
    fflush(stdout);
}

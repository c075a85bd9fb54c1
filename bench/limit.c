/* The limit: the customer's wait and the signed "not delivered" call in memory, on one epoll thread, with every
 * signature verified. What no server that also has to remember can beat.
 *
 * limit [--port N] [--customers N] [--lie KIND]; BENCH_ACCESS_KEY_ID and BENCH_ACCESS_KEY_SECRET name the key. */
#define _GNU_SOURCE
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LIE_EVERY = 500, WINDOW_SECONDS = 900 };
enum wait_state { NONE, WAITING, ENDED };

/* One deliberate fault, so that the self-check can show that the generator would notice it. */
enum lie { HONEST, LIE_WRONG, LIE_DROP, LIE_ALTER, LIE_TWICE, LIE_FORGED, LIE_REPEAT };

struct customer {
    char token[48], session[48], interaction[48];
    unsigned generation;
    enum wait_state state;
    struct peer *peer;
};

static struct {
    struct customer *customers;
    unsigned capacity, activated;
    const char *key_id;
    struct signer signer;
    enum lie lie;
    unsigned long ended;
} limit;

static bool lies(enum lie kind) {
    return limit.lie == kind && limit.ended % LIE_EVERY == 0;
}

/* Ids carry the customer's place: `<letter><place>-<the rest>`. The whole id is still compared. */
static struct customer *customer_by(struct span id, size_t field) {
    unsigned place = 0;
    for (size_t i = 1; i < id.n && id.p[i] >= '0' && id.p[i] <= '9' && place < 100000000; i++)
        place = place * 10 + (unsigned)(id.p[i] - '0');
    if (place >= limit.activated || !span_is(id, (char *)&limit.customers[place] + field))
        return NULL;
    return &limit.customers[place];
}

static bool date_within_window(struct span date) {
    static char last[DATE_TEXT + 1];
    static time_t last_at;
    if (date.n != DATE_TEXT)
        return false;
    if (memcmp(last, date.p, DATE_TEXT) != 0) {
        struct tm t = {0};
        memcpy(last, date.p, DATE_TEXT);
        if (strptime(last, "%a, %d %b %Y %H:%M:%S GMT", &t) == NULL)
            return false;
        last_at = timegm(&t);
    }
    return labs(time(NULL) - last_at) <= WINDOW_SECONDS;
}

static bool signature_matches(const struct http_request *request) {
    char expected[SIGNATURE_TEXT + 1];
    struct span parts[] = {request->method, request->content_type, request->date, request->body, request->target};
    struct span given = request->authorization;
    size_t id_n = strlen(limit.key_id);
    if (given.n != 5 + id_n + 1 + SIGNATURE_TEXT || memcmp(given.p, "DLGA ", 5) != 0 || memcmp(given.p + 5, limit.key_id, id_n) != 0)
        return false;
    sign_parts(&limit.signer, parts, 5, expected);
    unsigned char difference = 0;
    for (size_t i = 0; i < SIGNATURE_TEXT; i++)
        difference |= (unsigned char)(expected[i] ^ given.p[5 + id_n + 1 + i]);
    return difference == 0 && date_within_window(request->date);
}

static void send_ended(struct customer *customer, struct span message) {
    char json[1024];
    struct customer *receiver = lies(LIE_WRONG) ? &limit.customers[(customer - limit.customers + 1) % limit.activated] : customer;
    const char *prefix = lies(LIE_ALTER) ? "Not " : "";
    int n = snprintf(json, sizeof json,
                     "{\"type\":\"event\",\"sessionId\":\"%s\",\"seq\":1,\"event\":\"wait.ended\",\"data\":{\"outcome\":\"NOT_DELIVERED\","
                     "\"reason\":\"queue\",\"message\":\"%s%.*s\",\"interactionId\":\"%s\"}}",
                     customer->session, prefix, (int)message.n, message.p, customer->interaction);
    if (receiver->peer == NULL || lies(LIE_DROP) || (size_t)n >= sizeof json)
        return;
    for (int times = lies(LIE_TWICE) ? 2 : 1; times > 0; times--)
        peer_frame(receiver->peer, FRAME_TEXT, (struct span){json, (size_t)n});
}

static void on_not_delivered(struct peer *peer, const struct http_request *request) {
    static const char success[] = "{\"isSuccess\":true,\"message\":\"Customer waiting will be stopped.\"}";
    static const char nobody[] = "{\"isSuccess\":false,\"message\":\"No customer is waiting in the given interaction.\",\"errorCode\":402}";
    struct span id, message = {"", 0};
    if (!signature_matches(request) && limit.lie != LIE_FORGED) {
        peer_answer(peer, "401 Unauthorized", "text/plain; charset=utf-8", LITERAL("Authorization failed"));
        return;
    }
    json_text(request->body, "message", &message);
    struct customer *customer = json_text(request->body, "interactionId", &id) ? customer_by(id, offsetof(struct customer, interaction)) : NULL;
    if (customer == NULL || (customer->state != WAITING && limit.lie != LIE_REPEAT)) {
        peer_answer(peer, "200 OK", "application/json", LITERAL(nobody));
        return;
    }
    customer->state = ENDED;
    limit.ended++;
    peer_answer(peer, "200 OK", "application/json", LITERAL(success));
    send_ended(customer, message);
}

static void on_activation(struct peer *peer, const struct http_request *request) {
    char body[160];
    struct span id;
    if (limit.activated == limit.capacity || !json_text(request->body, "customerId", &id)) {
        peer_answer(peer, "400 Bad Request", "application/problem+json", LITERAL("{\"code\":\"DLGEXCPINP_CUSTOMER_ID\"}"));
        return;
    }
    unsigned place = limit.activated++;
    struct customer *customer = &limit.customers[place];
    snprintf(customer->token, sizeof customer->token, "t%u-%08lx%08lx", place, random(), random());
    int n = snprintf(body, sizeof body, "{\"clientToken\":\"%s\",\"customerId\":\"%.*s\"}", customer->token, (int)(id.n < 64 ? id.n : 64), id.p);
    peer_answer(peer, "201 Created", "application/json", (struct span){body, (size_t)n});
}

static void on_help(struct peer *peer, const struct http_request *request) {
    char body[256];
    struct span token = request->bearer;
    struct customer *customer = NULL;
    if (token.n > 7 && memcmp(token.p, "Bearer ", 7) == 0)
        customer = customer_by((struct span){token.p + 7, token.n - 7}, offsetof(struct customer, token));
    if (customer == NULL) {
        peer_answer(peer, "401 Unauthorized", "application/problem+json", LITERAL("{\"code\":\"DLGEXCP_AUTH_REQUEST\"}"));
        return;
    }
    unsigned place = (unsigned)(customer - limit.customers);
    customer->generation++;
    customer->state = WAITING;
    customer->peer = NULL;
    snprintf(customer->session, sizeof customer->session, "s%u-%u-%08lx", place, customer->generation, random());
    snprintf(customer->interaction, sizeof customer->interaction, "i%u-%u", place, customer->generation);
    int n = snprintf(body, sizeof body, "{\"sessionId\":\"%s\",\"interactionId\":\"%s\",\"helpType\":\"chat\",\"state\":\"WAITING\",\"seq\":0}",
                     customer->session, customer->interaction);
    peer_answer(peer, "201 Created", "application/json", (struct span){body, (size_t)n});
}

static void on_request(struct peer *peer, const struct http_request *request) {
    if (span_is(request->target, "/v1/application/interactionisnotdelivered"))
        on_not_delivered(peer, request);
    else if (span_is(request->target, "/v1/client/help"))
        on_help(peer, request);
    else if (span_is(request->target, "/v1/client/activations"))
        on_activation(peer, request);
    else if (span_is(request->target, "/v1/client/events") && request->socket_key.n > 0)
        peer_upgrade(peer, request->socket_key);
    else if (span_is(request->target, "/livez"))
        peer_answer(peer, "200 OK", "text/plain; charset=utf-8", LITERAL("ok"));
    else
        peer_answer(peer, "404 Not Found", "text/plain; charset=utf-8", LITERAL("not found"));
}

static void on_hello(struct peer *peer, struct span payload) {
    char json[256];
    struct span token, session;
    struct customer *customer = json_text(payload, "token", &token) ? customer_by(token, offsetof(struct customer, token)) : NULL;
    if (customer == NULL || !json_text(payload, "sessionId", &session) || !span_is(session, customer->session)) {
        peer_frame(peer, FRAME_CLOSE, LITERAL("\x11\x31")); /* 4401 */
        return;
    }
    customer->peer = peer;
    peer->owner = customer;
    int n = snprintf(json, sizeof json, "{\"type\":\"welcome\",\"sessionId\":\"%s\",\"seq\":0,\"epoch\":\"limit\",\"recovered\":true}", customer->session);
    peer_frame(peer, FRAME_TEXT, (struct span){json, (size_t)n});
}

static void on_frame(struct peer *peer, const struct frame *frame) {
    struct span type;
    if (frame->opcode == FRAME_CLOSE)
        peer->broken = true;
    else if (frame->opcode == FRAME_PING)
        peer_frame(peer, FRAME_PONG, frame->payload);
    else if (frame->opcode == FRAME_TEXT && json_text(frame->payload, "type", &type)) {
        if (span_is(type, "hello"))
            on_hello(peer, frame->payload);
        else if (span_is(type, "ack"))
            peer_frame(peer, FRAME_CLOSE, LITERAL("\x03\xe8")); /* 1000 */
    }
}

static void on_gone(struct peer *peer) {
    struct customer *customer = peer->owner;
    if (customer != NULL && customer->peer == peer)
        customer->peer = NULL;
}

static enum lie lie_named(const char *name) {
    static const char *const names[] = {"none", "wrong", "drop", "alter", "twice", "forged", "repeat"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum lie)i;
    fprintf(stderr, "limit: no such lie: %s\n", name);
    exit(2);
}

int main(int argc, char **argv) {
    static const struct service service = {on_request, on_frame, on_gone};
    const char *secret = getenv("BENCH_ACCESS_KEY_SECRET");
    int port = 0;
    limit.capacity = 200000;
    limit.key_id = getenv("BENCH_ACCESS_KEY_ID");
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0)
            port = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--customers") == 0)
            limit.capacity = (unsigned)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--lie") == 0)
            limit.lie = lie_named(argv[i + 1]);
    }
    limit.customers = calloc(limit.capacity, sizeof *limit.customers);
    if (limit.customers == NULL || limit.key_id == NULL || secret == NULL) {
        fputs("limit: BENCH_ACCESS_KEY_ID and BENCH_ACCESS_KEY_SECRET must be set\n", stderr);
        return 2;
    }
    signer_init(&limit.signer, secret);
    serve(port, &service);
}

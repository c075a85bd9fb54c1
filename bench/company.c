/* A company's queue that answers CreateInteraction and DeleteInteraction at once: the other end of `starts`. */
#define _GNU_SOURCE
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned long created;
static unsigned long origin; /* keeps ids of one run apart from those of the run before */

static void on_request(struct peer *peer, const struct http_request *request) {
    char body[160];
    if (!span_is(request->method, "POST")) {
        peer_answer(peer, "200 OK", "application/json", LITERAL("{}"));
        return;
    }
    int n = snprintf(body, sizeof body, "{\"success\":true,\"errorMessage\":null,\"result\":{\"interactionId\":\"%lu-%lu\"}}", origin, ++created);
    peer_answer(peer, "200 OK", "application/json", (struct span){body, (size_t)n});
}

static void on_frame(struct peer *peer, const struct frame *frame) {
    (void)frame;
    peer->broken = true;
}

static void on_gone(struct peer *peer) {
    (void)peer;
}

int main(int argc, char **argv) {
    static const struct service service = {on_request, on_frame, on_gone};
    origin = (unsigned long)time(NULL);
    serve(argc > 1 ? atoi(argv[1]) : 0, &service);
}

/* What the generator and the C servers share: clock, signature, JSON look-ups, WebSocket frames. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Low-level SHA-256 keeps the key's two blocks hashed once; OpenSSL calls it deprecated since 3.0. */
#define OPENSSL_API_COMPAT 10100
#include <openssl/sha.h>

enum { SIGNATURE_TEXT = 44, DATE_TEXT = 29, SOCKET_HEAD_MAX = 14 };

struct span {
    const char *p;
    size_t n;
};

#define LITERAL(text) ((struct span){(text), sizeof(text) - 1})

/* Monotonic time in nanoseconds. */
uint64_t now_ns(void);

bool span_is(struct span value, const char *text);

/* HMAC-SHA256 under one key. */
struct signer {
    SHA256_CTX inner, outer;
};

void signer_init(struct signer *signer, const char *secret);

/* Base64 of the HMAC over the parts joined with one LF between each; writes 44 characters and a NUL. */
void sign_parts(const struct signer *signer, const struct span *parts, int count, char out[SIGNATURE_TEXT + 1]);

/* Base64 with padding; returns the length written (without the NUL). */
size_t base64(const unsigned char *data, size_t n, char *out);

/* The text of x-dlg-date for an instant, in GMT; 29 characters and a NUL. */
void http_date(time_t at, char out[DATE_TEXT + 1]);

/* Where the value of `key` begins, at whatever depth it comes first; NULL when it is not there. */
const char *json_value(struct span json, const char *key);

/* The string value of `key`, still escaped. False when absent or not a string. */
bool json_text(struct span json, const char *key, struct span *out);

/* The non-negative integer value of `key`, or -1. */
long json_integer(struct span json, const char *key);

enum { FRAME_TEXT = 1, FRAME_BINARY = 2, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };

struct frame {
    int opcode;
    bool final;
    struct span payload;
    size_t used;
};

/* Reads one frame (RFC 6455), unmasking in place. 1: a frame, 0: more bytes needed, -1: not a frame. */
int frame_read(char *p, size_t n, struct frame *out);

/* Writes one final frame; `out` has room for n + SOCKET_HEAD_MAX. Returns its length. */
size_t frame_write(char *out, int opcode, const char *payload, size_t n, bool masked);

/* Sec-WebSocket-Accept for a key; writes 28 characters and a NUL. */
void socket_accept_key(struct span key, char out[32]);

#endif

#define _GNU_SOURCE
#include "wire.h"

#include <stdio.h>
#include <string.h>

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool span_is(struct span value, const char *text) {
    return value.n == strlen(text) && memcmp(value.p, text, value.n) == 0;
}

void signer_init(struct signer *signer, const char *secret) {
    unsigned char key[64] = {0}, block[64];
    size_t n = strlen(secret);
    if (n > sizeof key)
        SHA256((const unsigned char *)secret, n, key);
    else
        memcpy(key, secret, n);
    for (size_t i = 0; i < sizeof key; i++)
        block[i] = key[i] ^ 0x36;
    SHA256_Init(&signer->inner);
    SHA256_Update(&signer->inner, block, sizeof block);
    for (size_t i = 0; i < sizeof key; i++)
        block[i] = key[i] ^ 0x5c;
    SHA256_Init(&signer->outer);
    SHA256_Update(&signer->outer, block, sizeof block);
}

void sign_parts(const struct signer *signer, const struct span *parts, int count, char out[SIGNATURE_TEXT + 1]) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX inner = signer->inner, outer = signer->outer;
    for (int i = 0; i < count; i++) {
        if (i > 0)
            SHA256_Update(&inner, "\n", 1);
        SHA256_Update(&inner, parts[i].p, parts[i].n);
    }
    SHA256_Final(digest, &inner);
    SHA256_Update(&outer, digest, sizeof digest);
    SHA256_Final(digest, &outer);
    base64(digest, sizeof digest, out);
}

size_t base64(const unsigned char *data, size_t n, char *out) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *o = out;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)data[i] << 16;
        if (left > 1)
            v |= (uint32_t)data[i + 1] << 8;
        if (left > 2)
            v |= data[i + 2];
        *o++ = alphabet[v >> 18];
        *o++ = alphabet[v >> 12 & 63];
        *o++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
        *o++ = left > 2 ? alphabet[v & 63] : '=';
    }
    *o = 0;
    return (size_t)(o - out);
}

void http_date(time_t at, char out[DATE_TEXT + 1]) {
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t;
    char text[64];
    gmtime_r(&at, &t);
    /* Not strftime: its names follow the locale. */
    snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday,
             months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    memcpy(out, text, DATE_TEXT);
    out[DATE_TEXT] = 0;
}

static const char *skip_blanks(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* p stands on the opening quote; returns the closing quote, or end. */
static const char *string_end(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p < end ? p : end;
}

const char *json_value(struct span json, const char *key) {
    const char *end = json.p + json.n, *p = json.p;
    size_t key_length = strlen(key);
    while (p < end) {
        if (*p != '"') {
            p++;
            continue;
        }
        const char *close = string_end(p, end), *after = skip_blanks(close + 1 < end ? close + 1 : end, end);
        bool is_key = after < end && *after == ':';
        if (is_key && (size_t)(close - p - 1) == key_length && memcmp(p + 1, key, key_length) == 0)
            return skip_blanks(after + 1, end);
        p = after;
    }
    return NULL;
}

bool json_text(struct span json, const char *key, struct span *out) {
    const char *end = json.p + json.n, *value = json_value(json, key);
    if (value == NULL || value >= end || *value != '"')
        return false;
    out->p = value + 1;
    out->n = (size_t)(string_end(value, end) - out->p);
    return true;
}

long json_integer(struct span json, const char *key) {
    const char *end = json.p + json.n, *p = json_value(json, key);
    long value = 0;
    if (p == NULL || p >= end || *p < '0' || *p > '9')
        return -1;
    for (; p < end && *p >= '0' && *p <= '9' && value < 1000000000000; p++)
        value = value * 10 + (*p - '0');
    return value;
}

int frame_read(char *p, size_t n, struct frame *out) {
    if (n < 2)
        return 0;
    const unsigned char *u = (const unsigned char *)p;
    bool masked = u[1] & 0x80;
    uint64_t length = u[1] & 0x7f;
    size_t head = 2;
    if (u[0] & 0x70)
        return -1;
    if (length >= 126) {
        size_t wide = length == 126 ? 2 : 8;
        if (n < 2 + wide)
            return 0;
        length = 0;
        for (size_t i = 0; i < wide; i++)
            length = length << 8 | u[2 + i];
        head += wide;
    }
    if (length > 65536)
        return -1;
    size_t mask_at = head;
    head += masked ? 4 : 0;
    if (n < head + length)
        return 0;
    if (masked)
        for (size_t i = 0; i < length; i++)
            p[head + i] ^= p[mask_at + (i & 3)];
    *out = (struct frame){u[0] & 15, u[0] & 0x80, {p + head, (size_t)length}, head + (size_t)length};
    return 1;
}

size_t frame_write(char *out, int opcode, const char *payload, size_t n, bool masked) {
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned char *u = (unsigned char *)out;
    size_t head = 2;
    u[0] = (unsigned char)(0x80 | opcode);
    if (n < 126) {
        u[1] = (unsigned char)n;
    } else {
        u[1] = 126;
        u[2] = (unsigned char)(n >> 8);
        u[3] = (unsigned char)n;
        head = 4;
    }
    if (!masked) {
        memcpy(out + head, payload, n);
        return head + n;
    }
    u[1] |= 0x80;
    memcpy(out + head, mask, 4);
    head += 4;
    for (size_t i = 0; i < n; i++)
        u[head + i] = (unsigned char)payload[i] ^ mask[i & 3];
    return head + n;
}

void socket_accept_key(struct span key, char out[32]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[128];
    unsigned char digest[SHA_DIGEST_LENGTH];
    size_t n = key.n < 64 ? key.n : 64;
    memcpy(text, key.p, n);
    memcpy(text + n, guid, sizeof guid - 1);
    SHA1((const unsigned char *)text, n + sizeof guid - 1, digest);
    base64(digest, sizeof digest, out);
}

/* call_log.c - what the log says of a call. Never a user's text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/call_log.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

// Less would show as 0.0 ms.
static const uint64_t wait_shown_ns = 50000;

void anm_log_call(const anm_log *log, const anm_receipt *r)
{
    const uint64_t *s = r->stages_ns;
    char wait[32] = "";

    if (s[ANM_STAGE_QUEUE] >= wait_shown_ns)
        snprintf(wait, sizeof(wait), " | queue=%.1fms", ms(s[ANM_STAGE_QUEUE]));
    anm_log_line(
        log, ANM_LOG_INFO,
        "breakdown tok=%.1fms | bind=%.1fms | pred=%.1fms | post=%.1fms | "
        "total=%.1fms | %s (%s) | band %s%s",
        ms(s[ANM_STAGE_TOKENIZE]), ms(s[ANM_STAGE_BIND]),
        ms(s[ANM_STAGE_PREDICT]), ms(s[ANM_STAGE_POST]), ms(r->total_ns),
        anm_device_name(r->where.device), anm_evidence_name(r->where.evidence),
        anm_verdict_name(r->band.verdict), wait);
}

typedef struct range {
    long low, high;
    char hash[17];
} range;

static range summarize(const int32_t *values, size_t n)
{
    char hex[ANM_SHA256_HEX] = "";
    uint8_t digest[ANM_SHA256_BYTES];
    range r = { .low = values[0], .high = values[0] };
    anm_sha256 *h = anm_sha256_new();

    for (size_t i = 0; i < n; i++) {
        if (values[i] < r.low) r.low = values[i];
        if (values[i] > r.high) r.high = values[i];
    }
    if (h) {
        anm_sha256_add(h, values, n * sizeof(*values));
        anm_sha256_read(h, digest);
        anm_sha256_hex(digest, hex);
        memcpy(r.hash, hex, sizeof(r.hash) - 1);
    }
    anm_sha256_free(h);
    return r;
}

void anm_log_inputs(const anm_log *log, const anm_inputs *in, size_t n)
{
    if (!anm_log_wants(log, ANM_LOG_DEBUG)) return;
    for (size_t i = 0; i < n; i++) {
        const anm_input *input = &in->items[i];
        const range ids = summarize(input->ids, input->len);
        const range mask = summarize(input->mask, input->len);
        anm_log_line(log, ANM_LOG_DEBUG,
                     "input ids [1, %zu] int32 range [%ld, %ld] sha256 %s | "
                     "mask [1, %zu] int32 range [%ld, %ld] sha256 %s",
                     input->len, ids.low, ids.high, ids.hash, input->len,
                     mask.low, mask.high, mask.hash);
    }
}

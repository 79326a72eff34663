/* record.c - receipts of our own calls and of logs, reduced to records.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/record.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"

void anm_records_deinit(anm_records *r)
{
    anm_free(r->items);
    anm_free(r->loads);
    anm_free(r->artifacts);
    *r = (anm_records){ 0 };
}

static anm_record *add_record(anm_records *r)
{
    if (!anm_grow(&r->items, &r->cap, r->n + 1, sizeof(*r->items))) return NULL;
    r->items[r->n] = (anm_record){ .at_ms = ANM_COUNTER_UNKNOWN };
    return &r->items[r->n++];
}

/* ---- Our own calls --------------------------------------------------------- */

anm_record *anm_records_add(anm_records *r, const anm_receipt *receipt,
                            int64_t at_ms)
{
    const anm_counters *c = &receipt->counters;
    anm_record *one = add_record(r);

    if (!one) return NULL;
    *one = (anm_record){
        .at_ms = at_ms,
        .total_ns = receipt->total_ns,
        .p50_ns = receipt->band.n ? receipt->band.p50_ns : 0,
        .low_ns = receipt->band.low_ns,
        .high_ns = receipt->band.high_ns,
        .band_n = (unsigned)receipt->band.n,
        .blurred = receipt->band.blurred,
        .verdict = receipt->band.verdict,
        .n_causes = receipt->n_causes,
        .first = receipt->first,
        .tokens = (unsigned)receipt->input.tokens,
        .device = receipt->where.device,
        .evidence = receipt->where.evidence,
        .idle_ns = c->idle_before,
        .run_delay_ns = c->run_delay_ns,
        .run_delay_max_ns = c->run_delay_max_ns,
        .major_faults = c->major_faults,
        .minor_faults = c->minor_faults,
        .throttled_ns = c->throttled_ns,
        .freq_khz = c->freq_khz,
        .psi_cpu_us = c->psi_cpu_us,
        .psi_memory_us = c->psi_memory_us,
        .psi_io_us = c->psi_io_us,
    };
    memcpy(one->stages_ns, receipt->stages_ns, sizeof(one->stages_ns));
    for (size_t i = 0; i < one->n_causes; i++) {
        one->causes[i].cause = receipt->causes[i].cause;
        one->causes[i].excess_ns = receipt->causes[i].excess_ns;
        one->causes[i].explained_ns = receipt->causes[i].explained_ns;
    }
    return one;
}

/* ---- Words of a receipt ------------------------------------------------------ */

/* The words that a member may have. */
typedef struct words {
    const char *(*at)(size_t i);
    size_t n;
} words;

/* Position of a word among them; false when it is none of them. */
static bool find_word(const char *word, words known, size_t *out)
{
    for (size_t i = 0; i < known.n; i++) {
        if (strcmp(word, known.at(i)) != 0) continue;
        *out = i;
        return true;
    }
    return false;
}

static const char *verdict_at(size_t i)
{
    return anm_verdict_name((anm_verdict)i);
}

static const char *cause_at(size_t i)
{
    return anm_cause_name((anm_cause)i);
}

static const char *device_at(size_t i)
{
    return anm_device_name((anm_device)i);
}

static const char *evidence_at(size_t i)
{
    return anm_evidence_name((anm_evidence)i);
}

static const char *units_at(size_t i)
{
    return anm_units_name((anm_units)i);
}

static const char *precision_at(size_t i)
{
    return anm_precision_name((anm_precision)i);
}

static const words verdicts = { verdict_at, ANM_VERDICT_BELOW + 1 },
                   causes = { cause_at, ANM_CAUSE_COUNT },
                   devices = { device_at, ANM_DEVICE_MIXED + 1 },
                   evidences = { evidence_at, ANM_EVIDENCE_OBSERVED + 1 },
                   unit_words = { units_at, ANM_UNITS_CPU_ONLY + 1 },
                   precisions = { precision_at, ANM_PRECISION_INT4 + 1 };

static anm_status read_word(const json_t *o, const char *key, const char *at,
                            words known, size_t *out, anm_error *err)
{
    const char *word;
    const anm_status status = anm_json_string(o, key, at, &word, err);

    if (status || find_word(word, known, out)) return status;
    return anm_fail(err, ANM_E_FORMAT, "%s.%s: '%.40s' is not known", at, key,
                    word);
}

static anm_status read_ns(const json_t *o, const char *key, const char *at,
                          uint64_t *out, anm_error *err)
{
    int64_t value;
    const anm_status status = anm_json_int(
        o, key, at, (anm_int_rule){ .max = INT64_MAX }, &value, err);

    if (!status) *out = (uint64_t)value;
    return status;
}

/* ---- Parts of a receipt -------------------------------------------------------- */

static anm_status read_stages(const json_t *doc, anm_record *r, anm_error *err)
{
    const json_t *o;
    anm_status status = anm_json_object(doc, "stages_ns", "receipt", &o, err);

    if (!status) status = read_ns(o, "total", "stages_ns", &r->total_ns, err);
    for (int s = 0; s < ANM_STAGE_COUNT && !status; s++)
        status = read_ns(o, anm_stage_name((anm_stage)s), "stages_ns",
                         &r->stages_ns[s], err);
    return status;
}

static anm_status read_band(const json_t *doc, anm_record *r, anm_error *err)
{
    const json_t *o;
    size_t verdict = 0;
    int64_t n = 0;
    anm_status status = anm_json_object(doc, "band", "receipt", &o, err);

    if (!status)
        status = read_word(o, "verdict", "band", verdicts, &verdict, err);
    if (!status)
        status = anm_json_int(o, "n", "band",
                              (anm_int_rule){ .max = UINT32_MAX }, &n, err);
    if (!status) status = read_ns(o, "p50_ns", "band", &r->p50_ns, err);
    if (!status) status = read_ns(o, "low_ns", "band", &r->low_ns, err);
    if (!status) status = read_ns(o, "high_ns", "band", &r->high_ns, err);
    if (!n) r->p50_ns = 0;
    r->band_n = (unsigned)n;
    // Logs of before this member: not known to be.
    if (!status) r->blurred = json_is_true(json_object_get(o, "blurred"));
    r->verdict = (anm_verdict)verdict;
    return status;
}

static anm_status read_causes(const json_t *doc, anm_record *r, anm_error *err)
{
    const json_t *list;
    anm_status status = anm_json_array(doc, "causes", "receipt", &list, err);

    if (status) return status;
    if (json_array_size(list) > 3)
        return anm_fail(err, ANM_E_FORMAT, "causes: %zu, at most 3",
                        json_array_size(list));
    r->n_causes = json_array_size(list);
    for (size_t i = 0; i < r->n_causes && !status; i++) {
        const json_t *o = json_array_get(list, i);
        size_t cause = 0;
        status = read_word(o, "name", "causes", causes, &cause, err);
        r->causes[i].cause = (anm_cause)cause;
        if (!status)
            status =
                read_ns(o, "excess_ns", "causes", &r->causes[i].excess_ns, err);
        if (!status)
            status = read_ns(o, "explained_ns", "causes",
                             &r->causes[i].explained_ns, err);
    }
    return status;
}

static anm_status read_counters(const json_t *doc, anm_record *r,
                                anm_error *err)
{
    const struct {
        const char *name;
        int64_t *into;
    } rows[] = {
        { "idle_before", &r->idle_ns },
        { "run_delay_ns", &r->run_delay_ns },
        { "run_delay_max_ns", &r->run_delay_max_ns },
        { "major_faults", &r->major_faults },
        { "minor_faults", &r->minor_faults },
        { "throttled_ns", &r->throttled_ns },
        { "freq_khz", &r->freq_khz },
        { "psi_cpu_us", &r->psi_cpu_us },
        { "psi_memory_us", &r->psi_memory_us },
        { "psi_io_us", &r->psi_io_us },
    };
    const json_t *o;
    anm_status status = anm_json_object(doc, "counters", "receipt", &o, err);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && !status; i++)
        status =
            anm_json_int_or(o, rows[i].name, "counters",
                            (anm_int_rule){ .max = INT64_MAX,
                                            .otherwise = ANM_COUNTER_UNKNOWN },
                            rows[i].into, err);
    return status;
}

static anm_status read_where(const json_t *doc, anm_record *r, anm_error *err)
{
    const json_t *o;
    size_t device = 0, evidence = 0;
    anm_status status = anm_json_object(doc, "where", "receipt", &o, err);

    if (!status)
        status = read_word(o, "device", "where", devices, &device, err);
    if (!status)
        status = read_word(o, "evidence", "where", evidences, &evidence, err);
    r->device = (anm_device)device;
    r->evidence = (anm_evidence)evidence;
    return status;
}

static anm_status read_firsts(const json_t *doc, anm_record *r, anm_error *err)
{
    static const char *const names[] = { "call", "length", "thread" };
    const json_t *list;
    const anm_status status =
        anm_json_array(doc, "first", "receipt", &list, err);

    if (status) return status;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        for (unsigned bit = 0; bit < 3; bit++)
            if (word && strcmp(word, names[bit]) == 0) r->first |= 1u << bit;
    }
    return ANM_OK;
}

static anm_status read_input(const json_t *doc, anm_record *r, anm_error *err)
{
    const json_t *o;
    int64_t tokens = 0;
    anm_status status = anm_json_object(doc, "input", "receipt", &o, err);

    if (!status)
        status =
            anm_json_int(o, "tokens", "input",
                         (anm_int_rule){ .max = UINT32_MAX }, &tokens, err);
    r->tokens = (unsigned)tokens;
    return status;
}

/* ---- The models and loads of a log ----------------------------------------------- */

/* Which of the log's models this receipt is of; those beyond the table share
 * its last place. */
static anm_status find_model(anm_records *r, const json_t *doc, unsigned *out,
                             anm_error *err)
{
    const json_t *o;
    const char *name, *fingerprint;
    size_t precision = 0, units = 0, at = 0;
    anm_status status = anm_json_object(doc, "model", "receipt", &o, err);

    if (!status) status = anm_json_string(o, "name", "model", &name, err);
    if (!status)
        status = anm_json_string(o, "fingerprint", "model", &fingerprint, err);
    if (!status)
        status =
            read_word(o, "precision", "model", precisions, &precision, err);
    if (!status)
        status = read_word(doc, "units", "receipt", unit_words, &units, err);
    if (status) return status;
    for (; at < r->n_models; at++) {
        const anm_record_model *m = &r->models[at];
        if (m->precision == (anm_precision)precision &&
            m->units == (anm_units)units &&
            strncmp(m->fingerprint, fingerprint, sizeof(m->fingerprint) - 1) ==
                0)
            break;
    }
    if (at == ANM_RECORD_MODELS_MAX) at--;
    if (at == r->n_models) {
        anm_record_model *m = &r->models[r->n_models++];
        m->precision = (anm_precision)precision;
        m->units = (anm_units)units;
        snprintf(m->name, sizeof(m->name), "%s", name);
        snprintf(m->fingerprint, sizeof(m->fingerprint), "%s", fingerprint);
    }
    *out = (unsigned)at;
    return ANM_OK;
}

/* The number of an artifact's path; SIZE_MAX when memory is out. */
static size_t number_artifact(anm_records *r, const char *path)
{
    char hex[ANM_SHA256_HEX];
    uint8_t digest[ANM_SHA256_BYTES];
    anm_sha256 *h = anm_sha256_new();

    if (!h) return SIZE_MAX;
    anm_sha256_add(h, path, strlen(path));
    anm_sha256_read(h, digest);
    anm_sha256_free(h);
    anm_sha256_hex(digest, hex);
    hex[32] = '\0';
    for (size_t i = 0; i < r->n_artifacts; i++)
        if (strcmp(r->artifacts[i], hex) == 0) return i;
    if (!anm_grow(&r->artifacts, &r->cap_artifacts, r->n_artifacts + 1,
                  sizeof(*r->artifacts)))
        return SIZE_MAX;
    memcpy(r->artifacts[r->n_artifacts], hex, 33);
    return r->n_artifacts++;
}

/* The start that a receipt belongs to, among the latest; SIZE_MAX: a new one. */
static size_t find_start(const anm_records *r, const anm_load_record *load)
{
    enum { LOOK_BACK = 64 };

    for (size_t i = r->n_loads; i-- > 0 && i + LOOK_BACK >= r->n_loads;) {
        const anm_load_record *known = &r->loads[i];
        if (known->load_ns == load->load_ns && known->model == load->model &&
            known->artifact == load->artifact &&
            strcmp(known->state, load->state) == 0)
            return i;
    }
    return SIZE_MAX;
}

static anm_status note_load(anm_records *r, const json_t *doc, anm_record *one,
                            anm_error *err)
{
    const json_t *o;
    const char *state, *path;
    anm_load_record load = { .at = r->n, .model = one->model };
    anm_status status = anm_json_object(doc, "artifact", "receipt", &o, err);

    if (!status) status = anm_json_string(o, "state", "artifact", &state, err);
    if (!status)
        status = anm_json_string_or(o, "path", "artifact", "", &path, err);
    if (!status) status = read_ns(o, "load_ns", "artifact", &load.load_ns, err);
    if (status) return status;
    const size_t artifact = number_artifact(r, path);
    if (artifact == SIZE_MAX)
        return anm_fail(err, ANM_E_NOMEM, "receipts: out of memory");
    load.artifact = (unsigned)artifact;
    snprintf(load.state, sizeof(load.state), "%.15s", state);
    size_t start = find_start(r, &load);
    if (start == SIZE_MAX) {
        if (!anm_grow(&r->loads, &r->cap_loads, r->n_loads + 1,
                      sizeof(*r->loads)))
            return anm_fail(err, ANM_E_NOMEM, "receipts: out of memory");
        start = r->n_loads++;
        r->loads[start] = load;
    }
    one->start = (unsigned)start;
    return ANM_OK;
}

/* ---- Lines ----------------------------------------------------------------------- */

static anm_status read_parts(anm_records *r, const json_t *doc, anm_record *one,
                             anm_error *err)
{
    int64_t version;
    anm_status status =
        anm_json_int(doc, "anemone_receipt", "receipt",
                     (anm_int_rule){ .min = 1, .max = 1 }, &version, err);

    if (!status)
        status =
            anm_json_int_or(doc, "at_ms", "receipt",
                            (anm_int_rule){ .min = INT64_MIN + 1,
                                            .max = INT64_MAX,
                                            .otherwise = ANM_COUNTER_UNKNOWN },
                            &one->at_ms, err);
    if (!status) status = read_stages(doc, one, err);
    if (!status) status = read_band(doc, one, err);
    if (!status) status = read_causes(doc, one, err);
    if (!status) status = read_counters(doc, one, err);
    if (!status) status = read_where(doc, one, err);
    if (!status) status = read_input(doc, one, err);
    if (!status) status = read_firsts(doc, one, err);
    if (!status) status = find_model(r, doc, &one->model, err);
    return status;
}

static anm_status read_line(anm_records *r, const char *line, size_t len,
                            anm_error *err)
{
    json_t *doc = NULL;
    anm_record one = { 0 };

    if (len > ANM_RECEIPT_LINE_MAX)
        return anm_fail(err, ANM_E_FORMAT, "%zu bytes, at most %zu", len,
                        ANM_RECEIPT_LINE_MAX);
    anm_status status = anm_json_parse(&doc, line, len, err);
    if (!status && !json_is_object(doc))
        status = anm_fail(err, ANM_E_FORMAT, "not an object");
    if (!status) status = read_parts(r, doc, &one, err);
    if (!status) status = note_load(r, doc, &one, err);
    json_decref(doc);
    if (status) return status;
    anm_record *kept = add_record(r);
    if (!kept) return anm_fail(err, ANM_E_NOMEM, "receipts: out of memory");
    *kept = one;
    r->models[one.model].n++;
    return ANM_OK;
}

static void note_damaged(anm_records *r, const char *file, size_t line,
                         const char *why)
{
    if (r->n_damaged < ANM_DAMAGED_NAMED) {
        r->damaged[r->n_damaged].file = file;
        r->damaged[r->n_damaged].line = line;
        snprintf(r->damaged[r->n_damaged].why,
                 sizeof(r->damaged[r->n_damaged].why), "%.90s", why);
    }
    r->n_damaged++;
}

static anm_status read_file(anm_records *r, const char *path, const char *file,
                            anm_error *err)
{
    anm_map map;
    anm_error why;
    size_t line = 0;
    anm_status status = anm_map_open(&map, path, err);

    if (status) return status;
    const char *at = (const char *)map.bytes.data;
    size_t left = map.bytes.len;
    while (left && !status) {
        const char *end = memchr(at, '\n', left);
        const size_t len = end ? (size_t)(end - at) : left;
        line++;
        if (len) {
            r->n_lines++;
            const anm_status bad = read_line(r, at, len, &why);
            if (bad == ANM_E_NOMEM)
                status = anm_fail(err, bad, "%s: %s", path, why.message);
            else if (bad)
                note_damaged(r, file, line, why.message);
        }
        const size_t taken = end ? len + 1 : len;
        at += taken;
        left -= taken;
    }
    anm_map_close(&map);
    return status;
}

anm_status anm_records_read(anm_records *r, const char *path, anm_error *err)
{
    const size_t len = strlen(path);
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    char *older = anm_alloc(len + 3);
    anm_status status = ANM_OK;

    if (!older) return anm_fail(err, ANM_E_NOMEM, "receipts: out of memory");
    memcpy(older, path, len);
    memcpy(older + len, ".1", 3);
    // The file before the last rotation is there or not: no error.
    if (!anm_file_look(older, &kind, &id, NULL) && kind == ANM_FILE_REGULAR)
        status = read_file(r, older, ".1", err);
    anm_free(older);
    if (!status) status = read_file(r, path, "", err);
    if (status || r->n || !r->n_lines) return status;
    return anm_fail(err, ANM_E_FORMAT,
                    "%s: none of %zu lines is a receipt; line %zu: %s", path,
                    r->n_lines, r->damaged[0].line, r->damaged[0].why);
}

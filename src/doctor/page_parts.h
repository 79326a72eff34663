/* page_parts.h - the sections of the page, each appended by one function that
 * leaves itself out when the document has nothing for it.
 *
 * Members are read by the look_* functions, which take anything: a missing or
 * foreign value is "" or NAN.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ANM_PAGE_PARTS_H
#define ANM_PAGE_PARTS_H

#include <jansson.h>
#include <stdint.h>

#include "anemone.h"
#include "doctor/svg.h"

/* ---- Looking into a document ------------------------------------------------------ */

const json_t *anm_look(const json_t *o, const char *name);
const char *anm_look_text(const json_t *o, const char *name);
/* NAN for what is no number, and for one beyond 1e18 either way. */
double anm_look_number(const json_t *o, const char *name);
bool anm_look_true(const json_t *o, const char *name);

/* ---- Calls ---------------------------------------------------------------------- */

typedef enum anm_page_counter {
    ANM_PAGE_QUEUE,
    ANM_PAGE_RUN_DELAY,
    ANM_PAGE_THROTTLED,
    ANM_PAGE_MAJOR_FAULTS,
    ANM_PAGE_MINOR_FAULTS,
    ANM_PAGE_PSI_MEMORY,
    ANM_PAGE_PSI_IO,
    ANM_PAGE_PSI_CPU,
    ANM_PAGE_FREQUENCY,
    ANM_PAGE_COUNTERS,
} anm_page_counter;

/* NAN stands for what is not known, here and below. */
typedef struct anm_page_call {
    double at; /* place on the time axis */
    double total, queue, predict;
    double prepare, post;  /* stages tokenize and bind; post */
    double p50, low, high; /* of the band; low may be 0 */
    double idle;
    double counters[ANM_PAGE_COUNTERS];
    const char *experiment; /* borrowed from the document */
    const json_t *causes;
    unsigned long long number;
    bool is_above, is_judged, imposed;
} anm_page_call;

typedef struct anm_page {
    const json_t *doc;
    anm_page_call *calls; /* [n_calls], in the document's order */
    size_t n_calls;
    bool
        has_clock; /* `at` is ns since the first call; else the call's number */
    bool by_ratio; /* bands differ so much that calls are shown over them */
} anm_page;

/* ANM_OK or ANM_E_NOMEM. */
anm_status anm_page_read_calls(anm_page *p, anm_error *err);

/* Total, as it is shown: over the band's median, or in ns. */
double anm_page_shown(const anm_page *p, const anm_page_call *c, double ns);

/* ---- Sections --------------------------------------------------------------------- */

void anm_page_timeline(const anm_page *p, anm_buf *b);
void anm_page_stages(const anm_page *p, anm_buf *b);
void anm_page_idle(const anm_page *p, anm_buf *b);
void anm_page_experiments(const anm_page *p, anm_buf *b);
void anm_page_tables(const anm_page *p, anm_buf *b);

/* page_style.c: pieces of at most 4,095 bytes, as the language promises of a
 * literal; ends in NULL. */
extern const char *const anm_page_styles[];

/* page_words.c: a cause as a sentence without its full stop; a name that is
 * not known gives itself. */
const char *anm_page_cause(const char *name);
/* "sure", "very sure" …, as the command says it. */
const char *anm_page_sureness(double confidence);
/* Date and time of milliseconds since the epoch, in UTC; "" for none. */
void anm_page_date(char out[32], double ms);

/* ---- Small parts of HTML -------------------------------------------------------------- */

void anm_page_title(anm_buf *b, const char *title, const char *lead);
/* <span class=…>text</span> */
void anm_page_span(anm_buf *b, const char *class, const char *text);
/* A value as anm_amount_text() writes it. */
void anm_page_amount(anm_buf *b, anm_amount kind, double value);
/* A verdict as a badge. */
void anm_page_verdict(anm_buf *b, const char *verdict);

#endif

/* test_memory_threads.c - many who recall, several who remember and forget, two
 * handles on one store, two processes: no answer is torn, none is lost. Meant
 * to be run under the thread sanitizer as well.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "memory/memory_parts.h"
#include "support/memories.h"

enum { READERS = 4, WRITERS = 2, ROUNDS = 60, STEADY = 8 };

/* What nobody changes: key "s0" to "s7" in the collection "steady". */
static const char *const steady[STEADY] = {
    "the old house by the river",
    "a cup of tea in the morning",
    "where the boats lie at night",
    "bread and butter",
    "the train was late again",
    "two letters from my aunt",
    "snow on the roof",
    "the key is under the stone",
};

typedef struct crowd {
    anm_memory *handles[2];
    atomic_int wrong;
    atomic_bool stop;
    char first_error[1024];
    pthread_mutex_t mutex;
} crowd;

typedef struct member {
    crowd *c;
    unsigned number;
} member;

static void note_wrong(crowd *c, const char *what)
{
    pthread_mutex_lock(&c->mutex);
    if (!c->first_error[0])
        snprintf(c->first_error, sizeof(c->first_error), "%s", what);
    pthread_mutex_unlock(&c->mutex);
    atomic_fetch_add(&c->wrong, 1);
}

static bool is_text(anm_text t, const char *s)
{
    return t.len == strlen(s) && memcmp(t.data, s, t.len) == 0;
}

/* The steady item is found first, with its own text, whatever others do. An
 * item that changes has one of its two texts, and its metadata fit. */
static void check_answer(crowd *c, const anm_recall *r, unsigned i)
{
    if (anm_recall_n(r) == 0) {
        note_wrong(c, "no result");
        return;
    }
    const anm_recalled best = anm_recall_at(r, 0);
    if (strcmp(best.collection, "steady") != 0 || best.score < 0.9999f ||
        !is_text(best.text, steady[i]))
        note_wrong(c, "another result than the steady one");
    for (size_t h = 0; h < anm_recall_n(r); h++) {
        const anm_recalled hit = anm_recall_at(r, h);
        if (strcmp(hit.collection, "steady") == 0) continue;
        const bool even = is_text(hit.text, "an even thing");
        if (!even && !is_text(hit.text, "an odd thing"))
            note_wrong(c, "a text that nobody wrote");
        if (!is_text(hit.meta, even ? "{\"even\":true}" : "{\"even\":false}"))
            note_wrong(c, "text and metadata of two writes");
    }
}

static void *read_often(void *arg)
{
    member *me = arg;
    crowd *c = me->c;

    for (unsigned round = 0; round < ROUNDS; round++) {
        const unsigned i = (me->number + round) % STEADY;
        const anm_recall_params params = {
            .k = 50, .where = round % 4 == 3 ? "even = true or s = 1" : NULL
        };
        anm_memory *m = c->handles[(me->number + round) % 2];
        anm_recall *r;
        anm_error err;
        if (anm_memory_recall(m, anm_text_of(steady[i]), &params, &r, NULL,
                              &err)) {
            note_wrong(c, err.message);
            continue;
        }
        check_answer(c, r, i);
        anm_recall_free(r);
    }
    return NULL;
}

static void *write_often(void *arg)
{
    member *me = arg;
    crowd *c = me->c;
    char key[16], collection[16];
    anm_error err;

    snprintf(collection, sizeof(collection), "busy%u", me->number);
    for (unsigned round = 0; !atomic_load(&c->stop); round++) {
        anm_memory *m = c->handles[(me->number + round) % 2];
        const bool even = round % 2 == 0;
        snprintf(key, sizeof(key), "k%u", round % 7);
        const anm_memo memo = {
            anm_text_of(key),
            anm_text_of(even ? "an even thing" : "an odd thing"),
            anm_text_of(even ? "{\"even\":true}" : "{\"even\":false}")
        };
        size_t removed;
        if (anm_memory_remember(m, collection, &memo, 1, NULL, NULL, NULL,
                                &err))
            note_wrong(c, err.message);
        if (round % 5 == 4 && anm_memory_forget(m, collection, &memo.key, 1,
                                                NULL, &removed, &err))
            note_wrong(c, err.message);
    }
    return NULL;
}

static crowd *gather(anm_model *model)
{
    const char *path = test_store_path();
    crowd *c = anm_alloc_array(1, sizeof(*c));

    pthread_mutex_init(&c->mutex, NULL);
    for (int i = 0; i < 2; i++) {
        const anm_memory_options o = { .store = path,
                                       .model = model,
                                       .timeout_ms = 60000 };
        assert_int_equal(anm_memory_open(&c->handles[i], &o, NULL), ANM_OK);
    }
    for (int i = 0; i < STEADY; i++) {
        const char key[] = { 's', (char)('0' + i), 0 };
        test_remember(c->handles[0], "steady", key, steady[i], "{\"s\":1}");
    }
    return c;
}

static void answers_are_whole_while_others_write(void **state)
{
    anm_options o = test_options("tiny-bert-mean");
    pthread_t readers[READERS], writers[WRITERS];
    member members[READERS + WRITERS];
    (void)state;

    o.threads = 2;
    anm_model *model = test_model_open(&o);
    crowd *c = gather(model);
    for (unsigned i = 0; i < READERS + WRITERS; i++)
        members[i] = (member){ c, i };
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_often,
                                        &members[READERS + i]),
                         0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(
            pthread_create(&readers[i], NULL, read_often, &members[i]), 0);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    atomic_store(&c->stop, true);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    if (atomic_load(&c->wrong))
        fail_msg("%d wrong, first: %s", atomic_load(&c->wrong), c->first_error);
    for (int i = 0; i < 2; i++)
        anm_memory_close(c->handles[i]);
    pthread_mutex_destroy(&c->mutex);
    anm_free(c);
    anm_model_close(model);
}

/* ---- One pool, several who search ---------------------------------------------- */

enum { DIM = 1024, N = 1200 }; // more than is worth a second thread

typedef struct searcher {
    anm_archive *a;
    const float *query;
    size_t wanted; // the row that is the query
    int wrong;
} searcher;

static void *search_often(void *arg)
{
    searcher *me = arg;

    for (int round = 0; round < 20; round++) {
        anm_search s = { .query = me->query, .k = 3 };
        anm_collection_list list;
        anm_field field = { 0 };
        anm_reader *reader;
        if (anm_archive_collections(me->a, NULL, 0, &list, NULL) ||
            anm_reader_take(me->a, &reader, NULL)) {
            me->wrong++;
            continue;
        }
        field.collection = list.items;
        s.fields = &field;
        s.n_fields = list.n;
        s.generation = list.generation;
        if (anm_search_run(me->a, reader->store, &s, NULL) ||
            field.n_hits != 3 || field.hits[0].id != (int64_t)me->wanted + 1)
            me->wrong++;
        anm_search_deinit(&s);
        anm_reader_give_back(me->a, reader);
        anm_free(list.items);
    }
    return NULL;
}

static void fill(anm_archive *a, float *vectors)
{
    anm_collection c = { .name = "c", .dim = DIM, .fingerprint = "sha256:x" };

    assert_int_equal(anm_store_begin(a->writer, NULL), ANM_OK);
    assert_int_equal(anm_store_need_collection(a->writer, &c, NULL), ANM_OK);
    for (size_t i = 0; i < N; i++) {
        char key[16];
        anm_put what;
        // Each row has one pair of numbers of its own.
        vectors[i * DIM + i % DIM] = 0.6f;
        vectors[i * DIM + (i + 1 + i / DIM) % DIM] = 0.8f;
        snprintf(key, sizeof(key), "%zu", i);
        const anm_record r = { .key = anm_text_of(key),
                               .vector = vectors + i * DIM };
        assert_int_equal(anm_store_put(a->writer, &c, &r, &what, NULL), ANM_OK);
    }
    assert_int_equal(anm_store_commit(a->writer, NULL), ANM_OK);
}

static void searches_share_pool_and_index(void **state)
{
    anm_archive *a = test_archive_open(test_store_path(), 2);
    float *vectors = anm_alloc_array((size_t)N * DIM, sizeof(*vectors));
    pthread_t threads[4];
    searcher searchers[4];
    (void)state;

    fill(a, vectors);
    for (size_t i = 0; i < 4; i++) {
        const size_t row = i * 311;
        searchers[i] = (searcher){ a, vectors + row * DIM, row, 0 };
        assert_int_equal(
            pthread_create(&threads[i], NULL, search_often, &searchers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(searchers[i].wrong, 0);
    }
    anm_free(vectors);
    anm_archive_close(a);
}

/* ---- Two processes ---------------------------------------------------------------- */

enum { EACH = 40 };

/* Remember EACH items under keys of this letter; 0 when all went well. */
static int remember_many(const char *path, char letter)
{
    const anm_options o = test_options("tiny-bert-mean");
    anm_memory_options how = { .store = path, .timeout_ms = 60000 };
    anm_memory *m;
    int wrong = 0;

    if (anm_model_open(&how.model, &o, NULL)) return 1;
    if (anm_memory_open(&m, &how, NULL)) return 1;
    for (int i = 0; i < EACH; i++) {
        const char key[] = { letter, (char)('0' + i / 10), (char)('0' + i % 10),
                             0 };
        const anm_memo memo = { anm_text_of(key),
                                anm_text_of(steady[i % 8]),
                                { 0 } };
        anm_remembered counts;
        anm_recall *r = NULL;
        if (anm_memory_remember(m, "shared", &memo, 1, &counts, NULL, NULL,
                                NULL) ||
            counts.added != 1)
            wrong++;
        // What was acknowledged is found at once.
        const anm_recall_params all = { .k = 1000 };
        if (anm_memory_recall(m, memo.text, &all, &r, NULL, NULL) ||
            anm_recall_n(r) < (size_t)i + 1)
            wrong++;
        anm_recall_free(r);
    }
    anm_memory_close(m);
    anm_model_close(how.model);
    return wrong;
}

static void two_processes_share_a_store(void **state)
{
    const char *path = test_store_path();
    int status;
    (void)state;

    // Before any thread exists: the child has this one alone.
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(remember_many(path, 'c') != 0);
    assert_int_equal(remember_many(path, 'p'), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    anm_memory *m = test_memory_open(path, NULL);
    anm_recall *r = test_recall(m, steady[0], 1000, NULL);
    assert_int_equal(anm_recall_n(r), 2 * EACH);
    anm_recall_free(r);
    anm_memory_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_processes_share_a_store),
        cmocka_unit_test(answers_are_whole_while_others_write),
        cmocka_unit_test(searches_share_pool_and_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

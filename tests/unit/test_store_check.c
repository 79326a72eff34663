/* Each promise of the schema, broken from outside, is found and named.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "store/statement.h"
#include "support/stores.h"

static const struct {
    const char *damage, *finding;
} cases[] = {
    { "UPDATE item SET text = 'other' WHERE iid = 2",
      "collection notes, item 2 (key b): the text is not the one that was "
      "put" },
    { "DELETE FROM vector WHERE iid = 2", "item 2 has no vector" },
    { "INSERT INTO vector VALUES(77, zeroblob(32), 0)",
      "vector 77 has no item" },
    { "UPDATE vector SET v = zeroblob(31) WHERE iid = 2",
      "collection notes, item 2: vector of 31 bytes, needed are 32" },
    { "UPDATE vector SET v = zeroblob(32) WHERE iid = 2",
      "collection notes, item 2 (key b): the vector is not the one that was "
      "put" },
    { "UPDATE vector SET sum = sum + 1 WHERE iid = 2",
      "collection notes, item 2 (key b): the vector is not the one that was "
      "put" },
    { "UPDATE vector SET v = (SELECT v FROM vector WHERE iid = 3), "
      "sum = (SELECT sum FROM vector WHERE iid = 3) WHERE iid = 2",
      "collection notes, item 2 (key b): the vector is not the one that was "
      "put" },
    { "UPDATE item SET cid = 9 WHERE iid = 2",
      "item 2 is of collection 9, which does not exist" },
    { "UPDATE collection SET items = 5",
      "collection notes counts 5 items and has 3" },
    { "UPDATE collection SET seq = 99",
      "collection notes: last change 99, in the log 3" },
    { "DELETE FROM change WHERE iid = 2",
      "item 2: its change 2 is not in the log" },
    { "INSERT INTO change VALUES(55, 1, 2, 1)",
      "change 55 puts item 2, which does not have it" },
    { "INSERT INTO change VALUES(55, 1, 2, 2)",
      "change 55 removes item 2, which is there" },
    { "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'change'",
      "the sequence ends at 1, the log at 3" },
    { "DELETE FROM store WHERE key = 'uuid'", "the store has no uuid" },
    { "PRAGMA ignore_check_constraints=1;"
      "UPDATE item SET meta = '[]' WHERE iid = 2",
      "collection notes, item 2: metadata is no object" },
};

static anm_store *three_items(const char *path, anm_collection *c)
{
    anm_store *s = test_store_open(path, ANM_STORE_CREATE);

    *c = test_store_collection(s, "notes", 8);
    test_store_add(s, c, "a", "1", "", 1);
    test_store_add(s, c, "b", "2", "", 2);
    test_store_add(s, c, "c", "3", "", 3);
    return s;
}

static void every_broken_promise_is_found_and_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = test_db_path();
        anm_collection c;
        anm_store *s = three_items(path, &c);

        test_store_sound(s);
        test_store_sql(path, cases[i].damage);
        const char *found = test_store_problems(s);
        if (!strstr(found, cases[i].finding))
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].damage, found,
                     cases[i].finding);
        anm_store_close(s);
    }
}

/* What is missing is a finding, and no failure of the checking. */
static void missing_table_is_found_and_the_rest_is_checked(void **state)
{
    const char *path = test_db_path();
    anm_collection c;
    anm_store *s = three_items(path, &c);
    (void)state;

    test_store_sql(path, "DROP TABLE path_index; DROP TABLE change;"
                         "UPDATE collection SET items = 5");
    const char *found = test_store_problems(s);
    assert_non_null(strstr(found, "no such table: change"));
    assert_non_null(strstr(found, "counts 5 items and has 3"));
    anm_store_close(s);
}

/* Overwrite page `page` of the file with 0xa5 from byte `from` on. */
static void damage_page(const char *path, long page, long from)
{
    char bytes[ANM_STORE_PAGE_BYTES];
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    memset(bytes, 0xa5, sizeof(bytes));
    assert_int_equal(
        fseek(file, (page - 1) * ANM_STORE_PAGE_BYTES + from, SEEK_SET), 0);
    assert_int_equal(
        fwrite(bytes, 1, (size_t)(ANM_STORE_PAGE_BYTES - from), file),
        ANM_STORE_PAGE_BYTES - from);
    fclose(file);
}

static void damaged_page_is_found_and_named(void **state)
{
    const char *path = test_db_path();
    char copy[600], key[16], page_text[32];
    uint64_t before, after;
    size_t found = 0;
    anm_store *s = test_store_open(path, ANM_STORE_CREATE);
    const anm_collection c = test_store_collection(s, "notes", 384);
    (void)state;

    test_store_begin(s);
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        test_store_put(s, &c, key, "some text", "{\"n\":1}", (uint64_t)i);
    }
    test_store_commit(s);
    assert_int_equal(anm_store_compact(s, &before, &after, NULL), ANM_OK);
    anm_store_close(s);
    const long pages = (long)(after / ANM_STORE_PAGE_BYTES);
    for (long page = 2; page <= pages; page++) {
        snprintf(copy, sizeof(copy), "%s.%ld", path, page);
        test_file_copy(path, copy);
        damage_page(copy, page, 0);
        // Damage of the schema's own tables may keep a store from opening.
        anm_error err;
        anm_store *d = NULL;
        if (anm_store_open(&d, copy, ANM_STORE_READ, 0, &err)) {
            assert_int_equal(err.status, ANM_E_CORRUPT);
            continue;
        }
        const char *lines = test_store_problems(d);
        assert_true(lines[0] != '\0');
        snprintf(page_text, sizeof(page_text), "age %ld", page);
        found += strstr(lines, page_text) != NULL;
        anm_store_close(d);
    }
    assert_true(pages > 15);
    // Pages of the tree are named; one in the middle of a long row is found
    // by the row.
    assert_true(found > (size_t)pages / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_promise_is_found_and_named),
        cmocka_unit_test(missing_table_is_found_and_the_rest_is_checked),
        cmocka_unit_test(damaged_page_is_found_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

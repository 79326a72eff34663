/* The page shows what a document holds, takes any document of its version, and
 * turns no text of one into markup.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/page.h"

#include <string.h>

#include "base/alloc.h"
#include "support/support.h"

static char *write(const char *json)
{
    anm_error err;
    char *html = NULL;

    if (anm_page_write(json, &html, &err)) fail_msg("%s", err.message);
    return html;
}

static void assert_holds(const char *html, const char *what)
{
    if (!strstr(html, what)) fail_msg("the page does not hold '%s'", what);
}

static void assert_lacks(const char *html, const char *what)
{
    if (strstr(html, what)) fail_msg("the page holds '%s'", what);
}

static void a_document_of_a_run_is_shown(void **state)
{
    char *json = test_read(test_data("doctor.json"), NULL);
    char *html = write(json);
    (void)state;

    assert_holds(html, "<h1>Other processes take the CPUs</h1>");
    assert_holds(html, "<code>cpu_contention</code>");
    assert_holds(html, "Every call against its band");
    assert_holds(html, "After a pause");
    assert_holds(html, "The four hypotheses");
    assert_holds(html, "class=\"verdict supported\"");
    assert_holds(html, "AMD EPYC");
    assert_holds(html, "<svg class=\"narrow\"");
    // One page, no network, no script.
    assert_lacks(html, "<script");
    assert_lacks(html, "http:");
    assert_lacks(html, "https:");
    assert_lacks(html, "src=");
    assert_lacks(html, "url(");
    assert_lacks(html, "@import");
    anm_free(html);
    free(json);
}

static void a_page_needs_nothing_but_version_and_findings(void **state)
{
    char *html = write("{\"anemone_doctor\":1,\"findings\":[]}");
    (void)state;

    assert_holds(html, "<h1>No finding</h1>");
    assert_lacks(html, "<svg");
    anm_free(html);
}

static void what_is_no_document_is_refused(void **state)
{
    static const struct {
        const char *json;
        anm_status status;
    } cases[] = {
        { "", ANM_E_FORMAT },
        { "{", ANM_E_FORMAT },
        { "[]", ANM_E_FORMAT },
        { "7", ANM_E_FORMAT },
        { "{}", ANM_E_FORMAT },
        { "{\"anemone_doctor\":\"1\",\"findings\":[]}", ANM_E_FORMAT },
        { "{\"anemone_doctor\":2,\"findings\":[]}", ANM_E_UNSUPPORTED },
        { "{\"anemone_doctor\":1,\"settings\":[]}", ANM_E_FORMAT },
        { "{\"anemone_doctor\":1,\"findings\":[]} x", ANM_E_FORMAT },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        anm_error err;
        char *html = NULL;
        assert_int_equal(anm_page_write(cases[i].json, &html, &err),
                         cases[i].status);
        assert_null(html);
        assert_true(err.message[0] != '\0');
    }
}

/* ---- Documents that mean harm ---------------------------------------------------- */

static const char hostile[] = "</style><script>alert(1)</script>\"'&";

/* Every string becomes markup, every number what it is told to be. */
static void poison(json_t *v, double number)
{
    json_t *one;
    const char *key;
    size_t i;
    void *next;

    if (json_is_string(v)) {
        json_string_set(v, hostile);
    } else if (json_is_integer(v)) {
        json_integer_set(v, (json_int_t)number);
    } else if (json_is_real(v)) {
        json_real_set(v, number);
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, one) poison(one, number);
    } else {
        json_object_foreach_safe(v, next, key, one)
        {
            // What decides that it is shown at all stays.
            if (strcmp(key, "anemone_doctor") && strcmp(key, "source") &&
                strcmp(key, "role") && strcmp(key, "verdict"))
                poison(one, number);
        }
    }
}

static void hostile_values_give_a_harmless_page(void **state)
{
    static const double numbers[] = { 0, -1, 1e15, 9e18 };
    char *json = test_read(test_data("doctor.json"), NULL);
    (void)state;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        json_t *doc = json_loads(json, 0, NULL);
        assert_non_null(doc);
        poison(doc, numbers[i]);
        char *text = json_dumps(doc, 0);
        char *html = write(text);
        assert_lacks(html, "<script");
        assert_lacks(html, "nan");
        assert_lacks(html, "inf\"");
        assert_holds(html, "&lt;script&gt;");
        anm_free(html);
        free(text);
        json_decref(doc);
    }
    free(json);
}

/* Put `with` in the place of the n-th value of the document, from 0; false when
 * there are fewer. */
static bool replace(json_t *v, size_t *n, json_t *with)
{
    json_t *one;
    const char *key;
    size_t i;

    if (json_is_array(v)) {
        json_array_foreach(v, i, one)
        {
            if ((*n)-- == 0) return json_array_set(v, i, with) == 0;
            if (replace(one, n, with)) return true;
        }
    } else {
        json_object_foreach(v, key, one)
        {
            if ((*n)-- == 0) return json_object_set(v, key, with) == 0;
            if (replace(one, n, with)) return true;
        }
    }
    return false;
}

static void values_of_another_type_are_left_out(void **state)
{
    const char *const others[] = { "null",  "true",  "-7",
                                   "\"x\"", "[[1]]", "{\"a\":{}}" };
    char *json = test_read(test_data("doctor.json"), NULL);
    (void)state;

    // A stride that is no divisor of anything here meets every kind of value.
    for (size_t n = 0; n < 6000; n += 61) {
        json_t *doc = json_loads(json, 0, NULL);
        json_t *with = json_loads(others[n % 6], JSON_DECODE_ANY, NULL);
        size_t at = n;
        const bool done = replace(doc, &at, with);
        char *text = json_dumps(doc, 0);
        anm_error err;
        char *html = NULL;
        const anm_status status = anm_page_write(text, &html, &err);
        if (status && status != ANM_E_FORMAT && status != ANM_E_UNSUPPORTED)
            fail_msg("value %zu: %s", n, err.message);
        anm_free(html);
        free(text);
        json_decref(with);
        json_decref(doc);
        if (!done) break;
    }
    free(json);
}

/* ---- Memory ------------------------------------------------------------------------ */

static void no_memory_is_an_error_and_no_page(void **state)
{
    const char json[] =
        "{\"anemone_doctor\":1,\"findings\":[{\"cause\":\"paging\"}],"
        "\"experiments\":[{\"arms\":[{\"samples_ns\":[1,2]}]}],"
        "\"settings\":[{\"name\":\"a\",\"value\":7}],\"calls\":["
        "{\"total_ns\":5,\"queue_ns\":0,\"predict_ns\":4,\"at_ms\":1,\"band\":"
        "{\"p50_ns\":4,\"low_ns\":3,\"high_ns\":6},\"counters\":"
        "{\"idle_before\":5000}},{\"total_ns\":5,\"band\":{\"p50_ns\":4,"
        "\"low_ns\":3,\"high_ns\":6},\"counters\":{\"idle_before\":9000000}}]}";
    (void)state;

    test_fault_spare_jansson(true);
    for (uint64_t k = 1;; k++) {
        anm_error err;
        char *html = NULL;
        test_fault_arm(k);
        const anm_status status = anm_page_write(json, &html, &err);
        const bool failed = test_fault_disarm();
        assert_int_equal(status, failed ? ANM_E_NOMEM : ANM_OK);
        assert_true(failed == !html);
        anm_free(html);
        if (!failed) break;
    }
    test_fault_spare_jansson(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_of_a_run_is_shown),
        cmocka_unit_test(a_page_needs_nothing_but_version_and_findings),
        cmocka_unit_test(what_is_no_document_is_refused),
        cmocka_unit_test(hostile_values_give_a_harmless_page),
        cmocka_unit_test(values_of_another_type_are_left_out),
        cmocka_unit_test(no_memory_is_an_error_and_no_page),
    };
    test_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

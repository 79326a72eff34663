/* Unit tests of format/model_description.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "support/packages.h"
#include "support/pb_write.h"

/* A neural network: a description that nothing else must fit. */
static const char *finish(test_pb *w)
{
    test_pb_end(w);
    test_pb_int(w, 1, 4);
    test_pb_begin(w, 500);
    test_pb_end(w);
    return test_pb_file(w);
}

static void check_refused(test_pb *w, anm_status want, const char *words)
{
    anm_mlpackage *p = NULL;
    anm_error err = { 0 };

    assert_int_equal(anm_mlpackage_open(&p, finish(w), &err), want);
    if (!test_holds(err.message, words))
        fail_msg("no \"%s\" in \"%s\"", words, err.message);
}

/* An input x of an array, up to and into the ArrayFeatureType. */
static void begin_array(test_pb *w)
{
    test_pb_begin(w, 2);
    test_pb_begin(w, 1);
    test_pb_text(w, 1, "x");
    test_pb_text(w, 2, "what it is");
    test_pb_begin(w, 3);
    test_pb_begin(w, 5);
}

static void end_array(test_pb *w, bool optional)
{
    test_pb_end(w);
    test_pb_int(w, 1000, optional);
    test_pb_end(w);
    test_pb_end(w);
}

static void arrays_have_types_shapes_and_defaults(void **state)
{
    static const struct {
        int number;
        anm_mil_type type;
    } types[] = {
        { 0x10010, ANM_MIL_FLOAT16 }, { 0x10020, ANM_MIL_FLOAT32 },
        { 0x10040, ANM_MIL_FLOAT64 }, { 0x20008, ANM_MIL_INT8 },
        { 0x20020, ANM_MIL_INT32 },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        test_pb w = { 0 };

        begin_array(&w);
        test_pb_int(&w, 1, 1); // not packed
        test_pb_bytes(&w, 1, "\x20\x40", 2);
        test_pb_int(&w, 2, types[i].number);
        end_array(&w, true);
        anm_mlpackage *p = test_open_package(finish(&w));
        const anm_feature *f = &p->features.inputs[0];
        assert_string_equal(f->name, "x");
        assert_string_equal(f->about, "what it is");
        assert_int_equal(f->kind, ANM_FEATURE_ARRAY);
        assert_int_equal(f->type, types[i].type);
        assert_true(f->optional && f->rank == 3);
        assert_true(f->dims[0] == 1 && f->dims[1] == 32 && f->dims[2] == 64);
        assert_false(anm_feature_is_flexible(f));
        anm_mlpackage_close(p);
    }
}

static void ranges_and_enumerated_shapes_are_flexible(void **state)
{
    (void)state;
    test_pb w = { 0 };

    begin_array(&w);
    test_pb_begin(&w, 31);
    test_pb_begin(&w, 1);
    test_pb_int(&w, 1, 1);
    test_pb_int(&w, 2, 512);
    test_pb_end(&w);
    test_pb_begin(&w, 1);
    test_pb_int(&w, 1, 3);
    test_pb_int(&w, 2, -1);
    test_pb_end(&w);
    test_pb_end(&w);
    test_pb_begin(&w, 21);
    for (int i = 0; i < 2; i++) {
        test_pb_begin(&w, 1);
        test_pb_bytes(&w, 1, i ? "\x02\x03" : "\x01", i ? 2 : 1);
        test_pb_end(&w);
    }
    test_pb_end(&w);
    end_array(&w, false);
    anm_mlpackage *p = test_open_package(finish(&w));
    const anm_feature *f = &p->features.inputs[0];
    assert_int_equal(f->n_ranges, 2);
    assert_true(f->ranges[0].low == 1 && f->ranges[0].high == 512);
    assert_true(f->ranges[1].low == 3 && f->ranges[1].high == -1);
    assert_int_equal(f->n_shapes, 2);
    assert_int_equal(f->shape_ranks[0], 1);
    assert_int_equal(f->shapes[1][1], 3);
    assert_true(anm_feature_is_flexible(f));
    anm_mlpackage_close(p);
}

static void arrays_out_of_range_are_refused(void **state)
{
    (void)state;
    test_pb w = { 0 };

    begin_array(&w);
    test_pb_int(&w, 2, 12345);
    end_array(&w, false);
    check_refused(&w, ANM_E_FORMAT, "feature x: array dtype 12345");

    begin_array(&w);
    test_pb_int(&w, 1, -5);
    end_array(&w, false);
    check_refused(&w, ANM_E_LIMIT, "an axis of -5");

    begin_array(&w);
    for (int i = 0; i < 17; i++)
        test_pb_int(&w, 1, 1);
    end_array(&w, false);
    check_refused(&w, ANM_E_LIMIT, "rank above 16");

    begin_array(&w);
    test_pb_begin(&w, 31);
    test_pb_begin(&w, 1);
    test_pb_int(&w, 1, 5);
    test_pb_int(&w, 2, 4);
    test_pb_end(&w);
    test_pb_end(&w);
    end_array(&w, false);
    check_refused(&w, ANM_E_FORMAT, "a range from 5 to 4");
}

static void every_kind_of_feature_is_named(void **state)
{
    static const char *const names[] = {
        "int64Type",      "doubleType",     "stringType",   "imageType",
        "multiArrayType", "dictionaryType", "sequenceType", "stateType",
    };
    (void)state;

    for (unsigned kind = 1; kind <= 8; kind++) {
        test_pb w = { 0 };

        test_pb_begin(&w, 2);
        test_pb_begin(&w, 10);
        test_pb_begin(&w, 3);
        test_pb_begin(&w, kind);
        for (int i = 0; i < 3; i++)
            test_pb_end(&w);
        anm_mlpackage *p = test_open_package(finish(&w));
        assert_string_equal(anm_feature_kind_name(p->features.outputs[0].kind),
                            names[kind - 1]);
        anm_mlpackage_close(p);
    }
}

static void metadata_is_kept(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_pb_begin(&w, 2);
    test_pb_begin(&w, 100);
    test_pb_text(&w, 1, "about");
    test_pb_text(&w, 2, "1.2");
    test_pb_text(&w, 3, "author");
    test_pb_text(&w, 4, "license");
    test_pb_begin(&w, 100);
    test_pb_text(&w, 1, "key");
    test_pb_text(&w, 2, "value");
    test_pb_end(&w);
    test_pb_end(&w);
    anm_mlpackage *p = test_open_package(finish(&w));
    assert_string_equal(p->about, "about");
    assert_string_equal(p->version, "1.2");
    assert_string_equal(p->author, "author");
    assert_string_equal(p->license, "license");
    assert_string_equal(anm_mlpackage_user_defined(p, "key"), "value");
    assert_null(anm_mlpackage_user_defined(p, "nothing"));
    assert_string_equal(p->kind, "neuralNetwork");
    anm_mlpackage_close(p);
}

static void a_feature_without_a_type_is_refused(void **state)
{
    (void)state;
    test_pb w = { 0 };

    test_pb_begin(&w, 2);
    test_pb_begin(&w, 1);
    test_pb_text(&w, 1, "x");
    test_pb_end(&w);
    check_refused(&w, ANM_E_FORMAT, "feature x: no type given");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_have_types_shapes_and_defaults),
        cmocka_unit_test(ranges_and_enumerated_shapes_are_flexible),
        cmocka_unit_test(arrays_out_of_range_are_refused),
        cmocka_unit_test(every_kind_of_feature_is_named),
        cmocka_unit_test(metadata_is_kept),
        cmocka_unit_test(a_feature_without_a_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

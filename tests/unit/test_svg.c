/* Shapes are well-formed, texts stay texts, and a failed append is kept.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "doctor/svg.h"

#include <math.h>
#include <string.h>

#include "support/support.h"

static void texts_of_others_stay_texts(void **state)
{
    anm_buf b = { 0 };
    (void)state;

    anm_put_escaped(&b, "<b a='1' c=\"2\">&\x01\x7f\tß\n");
    assert_string_equal(b.data, "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;"
                                "\xef\xbf\xbd\xef\xbf\xbd\tß\n");
    anm_buf_deinit(&b);
}

static void shapes_are_written_as_asked(void **state)
{
    anm_buf b = { 0 };
    (void)state;

    anm_svg_begin(&b, "wide", 10, 20.25, "a & b");
    anm_svg_line(&b, "grid", (anm_spot){ 0, 1 }, (anm_spot){ 2.06, -3 });
    anm_svg_bar(&b, "part", (anm_area){ 1, 2, 3, 4 }, "<hint>");
    anm_svg_bar(&b, "part", (anm_area){ 1, 2, 0, 4 }, NULL);
    anm_svg_bar(&b, "part", (anm_area){ 1, 2, (double)NAN, 4 }, NULL);
    anm_svg_dot(&b, "hint", (anm_spot){ 1, 2 }, 3, NULL);
    anm_svg_text(&b, "tick", ANM_ANCHOR_END, (anm_spot){ 1, 2 }, "5 < 6");
    anm_svg_path_begin(&b, "band");
    anm_svg_path_move(&b, (anm_spot){ 1, 2 });
    anm_svg_path_line(&b, (anm_spot){ 3, 4 });
    anm_svg_path_point(&b, (anm_spot){ 5, 6 });
    anm_svg_path_box(&b, (anm_area){ 1, 2, 3, 4 });
    anm_svg_path_end(&b);
    anm_svg_end(&b);
    assert_string_equal(
        b.data,
        "<svg class=\"wide\" width=\"10\" height=\"20.3\" viewBox=\"0 0 10 "
        "20.3\" role=\"img\" aria-label=\"a &amp; b\">\n"
        "<line class=\"grid\" x1=\"0\" y1=\"1\" x2=\"2.1\" y2=\"-3\"/>"
        "<rect class=\"part\" x=\"1\" y=\"2\" width=\"3\" height=\"4\">"
        "<title>&lt;hint&gt;</title></rect>"
        "<circle class=\"hint\" cx=\"1\" cy=\"2\" r=\"3\"/>"
        "<text class=\"tick\" x=\"1\" y=\"2\" text-anchor=\"end\">5 &lt; 6"
        "</text><path class=\"band\" d=\"M1 2L3 4M5 6h0M1 2h3v4h-3z\"/>\n"
        "</svg>\n");
    anm_buf_deinit(&b);
}

static void a_distribution_steps_up_to_one(void **state)
{
    const anm_axis_params px = {
        .kind = ANM_AMOUNT_COUNT, .high = 10, .end = 100, .n_ticks = 2
    };
    const anm_axis_params py = {
        .kind = ANM_AMOUNT_SHARE, .high = 1, .begin = 100, .n_ticks = 2
    };
    const anm_axis x = anm_axis_make(&px), y = anm_axis_make(&py);
    const double values[] = { 2, 4, 4, 9 };
    anm_buf b = { 0 };
    (void)state;

    anm_svg_steps(&b, "base", &x, &y, values, 4);
    assert_string_equal(b.data, "<path class=\"base\" d=\"M20 100L20 100L20 75"
                                "L40 75L40 50L40 50L40 25L90 25L90 0L100 0\"/>"
                                "\n");
    anm_buf_reset(&b);
    anm_svg_steps(&b, "base", &x, &y, values, 0);
    assert_int_equal(b.len, 0);
    anm_buf_deinit(&b);
}

static void many_values_draw_no_more_than_pixels(void **state)
{
    static double values[100000];
    const anm_axis_params px = {
        .kind = ANM_AMOUNT_COUNT, .high = 1e5, .end = 300, .n_ticks = 2
    };
    const anm_axis_params py = {
        .kind = ANM_AMOUNT_SHARE, .high = 1, .begin = 100, .n_ticks = 2
    };
    const anm_axis x = anm_axis_make(&px), y = anm_axis_make(&py);
    anm_buf b = { 0 };
    (void)state;

    for (size_t i = 0; i < 100000; i++)
        values[i] = (double)i;
    anm_svg_steps(&b, "base", &x, &y, values, 100000);
    assert_true(b.len < 120000);
    anm_buf_deinit(&b);
}

/* The number of a kind of text in s. */
static size_t count(const char *s, const char *what)
{
    size_t n = 0;
    for (s = strstr(s, what); s; s = strstr(s + 1, what))
        n++;
    return n;
}

static void an_axis_has_a_line_a_tick_and_one_unit(void **state)
{
    const anm_axis_params p = { .kind = ANM_AMOUNT_DURATION,
                                .high = 4e6,
                                .begin = 40,
                                .end = 400,
                                .n_ticks = 4 };
    const anm_axis a = anm_axis_make(&p);
    anm_buf b = { 0 };
    (void)state;

    anm_svg_x_axis(&b, &a, 0, 100);
    assert_int_equal(count(b.data, "<line"), 5);
    assert_int_equal(count(b.data, "<text"), 5);
    assert_int_equal(count(b.data, " ms<"), 1);
    anm_buf_reset(&b);
    anm_svg_y_axis(&b, &a, 40, 100);
    assert_int_equal(count(b.data, "<text"), 5);
    anm_buf_deinit(&b);
}

static void texts_that_would_touch_are_left_out(void **state)
{
    const anm_axis_params p = { .kind = ANM_AMOUNT_DURATION,
                                .low = 1e6,
                                .high = 200e6,
                                .begin = 0,
                                .end = 60,
                                .is_log = true };
    const anm_axis a = anm_axis_make(&p);
    anm_buf b = { 0 };
    (void)state;

    anm_svg_x_axis(&b, &a, 0, 100);
    assert_true(count(b.data, "<text") < count(b.data, "<line"));
    assert_int_equal(count(b.data, "200 ms<"), 1);
    anm_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_others_stay_texts),
        cmocka_unit_test(shapes_are_written_as_asked),
        cmocka_unit_test(a_distribution_steps_up_to_one),
        cmocka_unit_test(many_values_draw_no_more_than_pixels),
        cmocka_unit_test(an_axis_has_a_line_a_tick_and_one_unit),
        cmocka_unit_test(texts_that_would_touch_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

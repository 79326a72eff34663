/* document.c - reads and shows the library's JSON documents.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "document.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

enum { ALIGN_MAX = 20 };

json_t *cli_document_read(const char *json, anm_error *err)
{
    json_error_t why;
    json_t *root = json_loads(json, 0, &why);
    if (!root)
        cli_fail(err, ANM_E_INTERNAL, "the library's document: %s", why.text);
    return root;
}

void cli_document_write(FILE *out, const char *json)
{
    cli_json_line(out, anm_text_of(json));
    fputc('\n', out);
}

void cli_scalar_text(const json_t *value, char *out, size_t cap)
{
    if (json_is_string(value)) {
        snprintf(out, cap, "%s", json_string_value(value));
    } else if (json_is_integer(value)) {
        snprintf(out, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(out, cap, "%.6g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(out, cap, "%s", json_is_true(value) ? "yes" : "no");
    } else {
        snprintf(out, cap, "-");
    }
}

void cli_member_text(const json_t *object, const char *name, char *out,
                     size_t cap)
{
    cli_scalar_text(json_object_get(object, name), out, cap);
}

double cli_member_number(const json_t *object, const char *name, double missing)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : missing;
}

/* "8 16 32", or "48x96" for a shape. */
static void list_text(const json_t *list, const char *between, char *out,
                      size_t cap)
{
    const json_t *value;
    size_t used = 0, i;

    snprintf(out, cap, "-");
    json_array_foreach(list, i, value)
    {
        char one[256];
        cli_scalar_text(value, one, sizeof(one));
        const int len =
            snprintf(out + used, cap - used, "%s%s", i ? between : "", one);
        if (len < 0 || (size_t)len >= cap - used) return;
        used += (size_t)len;
    }
}

/* A whole number, or a real too large for its fraction to matter. */
static bool is_count(const json_t *value)
{
    const double number = json_number_value(value);
    if (json_is_integer(value)) return number >= 0.0;
    return json_is_real(value) && number >= 1e5 && number < 1e18;
}

/* "bytes", "weight_bytes" and their like. */
static bool is_bytes(const char *name)
{
    const size_t len = strlen(name);
    return len >= 5 && !strcmp(name + len - 5, "bytes");
}

static void value_text(const char *name, const json_t *value, char *out,
                       size_t cap)
{
    if (json_is_array(value)) {
        list_text(value, strcmp(name, "shape") ? " " : "x", out, cap);
    } else if (is_bytes(name) && json_is_number(value)) {
        char text[32];
        cli_bytes_text(text, json_number_value(value));
        snprintf(out, cap, "%s", text);
    } else if (is_count(value)) {
        char text[32];
        cli_count_text(text, (uint64_t)json_number_value(value));
        snprintf(out, cap, "%s", text);
    } else {
        cli_scalar_text(value, out, cap);
    }
}

/* What is printed below the fields: lists of objects, and long lists. */
static bool is_below(const json_t *value)
{
    enum { LONG = 60 };
    const json_t *one;
    size_t len = 0, i;

    json_array_foreach(value, i, one)
    {
        if (json_is_object(one)) return true;
        len += json_string_length(one) + 1;
    }
    return len > LONG;
}

static void print_lines(FILE *out, const cli_term *term, const json_t *list)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        char text[512];
        cli_scalar_text(one, text, sizeof(text));
        fputs("  ", out);
        cli_put_text(out, term, anm_text_of(text), SIZE_MAX);
        fputc('\n', out);
    }
}

static void add_fields(cli_table *t, const char *prefix, const json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char name[128], text[512];
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
        if (json_is_object(value)) {
            add_fields(t, name, value);
        } else if (!is_below(value)) {
            value_text(key, value, text, sizeof(text));
            cli_table_add(t, "%s\t%s", name, text);
        }
    }
}

/* A line of cells: names when `row` is NULL. Columns are those of the first
 * object. */
static void add_row(cli_table *t, json_t *first, const json_t *row)
{
    char line[1024] = "";
    size_t used = 0;
    const char *key;
    json_t *unused;

    json_object_foreach(first, key, unused)
    {
        char cell[512];
        if (row) {
            value_text(key, json_object_get(row, key), cell, sizeof(cell));
        } else {
            snprintf(cell, sizeof(cell), "%s", key);
        }
        const int len = snprintf(line + used, sizeof(line) - used, "%s%s",
                                 used ? "\t" : "", cell);
        if (len < 0 || (size_t)len >= sizeof(line) - used) break;
        used += (size_t)len;
    }
    cli_table_add(t, "%s", line);
}

/* Numbers stand to the right. */
static const char *alignment(json_t *first, char out[ALIGN_MAX])
{
    const char *key;
    json_t *value;
    size_t n = 0;

    json_object_foreach(first, key, value) if (n + 1 < ALIGN_MAX) out[n++] =
        json_is_number(value) ? 'r' : 'l';
    out[n] = '\0';
    return out;
}

static bool is_wide(const json_t *list)
{
    enum { WIDEST = 48 };
    const json_t *row;
    const char *key;
    json_t *value;
    size_t i;

    json_array_foreach(list, i, row) json_object_foreach(
        (json_t *)(uintptr_t)row, key,
        value) if (json_string_length(value) > WIDEST) return true;
    return false;
}

static void print_paragraphs(FILE *out, const json_t *list)
{
    enum { INDENT = 12, WIDTH = 80 };
    const json_t *row;
    const char *key;
    json_t *value;
    size_t i;

    json_array_foreach(list, i, row)
    {
        if (i) fputc('\n', out);
        json_object_foreach((json_t *)(uintptr_t)row, key, value)
        {
            char text[1024];
            if (json_is_null(value)) continue;
            value_text(key, value, text, sizeof(text));
            fprintf(out, "  %-*s", INDENT - 2, key);
            cli_wrap(out, text, INDENT, WIDTH);
        }
    }
}

static void print_lists(FILE *out, const cli_term *term, const char *prefix,
                        const json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (json_is_object(value)) print_lists(out, term, key, value);
        if (!is_below(value)) continue;
        fprintf(out, "\n%s%s%s%s%s\n", cli_ink_on(term, CLI_BOLD), prefix,
                *prefix ? "." : "", key, cli_ink_on(term, CLI_PLAIN));
        if (!json_is_object(json_array_get(value, 0))) {
            print_lines(out, term, value);
            continue;
        }
        if (is_wide(value)) {
            print_paragraphs(out, value);
            continue;
        }
        cli_table t = { 0 };
        char align[ALIGN_MAX];
        const json_t *row;
        size_t i;
        add_row(&t, json_array_get(value, 0), NULL);
        json_array_foreach(value, i, row)
            add_row(&t, json_array_get(value, 0), row);
        cli_table_print(&t, alignment(json_array_get(value, 0), align), true,
                        term, out);
    }
}

void cli_document_print(FILE *out, const cli_term *term, const json_t *root)
{
    cli_table t = { 0 };
    add_fields(&t, "", root);
    cli_table_print(&t, "l", false, term, out);
    print_lists(out, term, "", root);
}

anm_status cli_document_show(FILE *out, const cli_term *term, const char *json,
                             bool as_json, anm_error *err)
{
    if (as_json) {
        cli_document_write(out, json);
        return ANM_OK;
    }
    json_t *root = cli_document_read(json, err);
    if (!root) return ANM_E_INTERNAL;
    // The field that names kind and version is for programs.
    json_object_del(root, json_object_iter_key(json_object_iter(root)));
    cli_document_print(out, term, root);
    json_decref(root);
    return ANM_OK;
}

/* mlpackage.c - opening: the manifest, the paths in it, the Model and how its
 * description and its program fit together.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/mlpackage_reading.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/json.h"
#include "format/protobuf.h"

/* The versions of the model's specification that are known: up to the one of
 * iOS 26. */
enum { SPEC_VERSION_MAX = 10 };

/* ---- Memory -------------------------------------------------------------- */

void *anm_reading_array(anm_mlpackage_reading *r, size_t n, size_t size)
{
    enum { OVERHEAD = 16 }; // alignment in the arena
    size_t total = 0;

    r->over_budget = !anm_mul_size(n, size, &total) ||
                     !anm_add_size(total, OVERHEAD, &total) ||
                     total > r->memory_left;
    if (r->over_budget) return NULL;
    void *array = anm_arena_array(&r->arena, n, size);
    if (array) r->memory_left -= total;
    return array;
}

const char *anm_reading_copy(anm_mlpackage_reading *r, anm_bytes text)
{
    char *copy = anm_reading_array(r, text.len + 1, 1);

    if (copy && text.len) memcpy(copy, text.data, text.len);
    return copy;
}

anm_status anm_reading_fail(const anm_mlpackage_reading *r, anm_error *err)
{
    if (r->over_budget)
        return anm_fail(err, ANM_E_LIMIT,
                        "reading takes more memory than the model file's size "
                        "and %zu bytes",
                        ANM_MLPACKAGE_MEMORY_MAX);
    return anm_fail(err, ANM_E_NOMEM, "out of memory");
}

/* ---- Files --------------------------------------------------------------- */

static const char *join(anm_mlpackage_reading *r, const char *folder,
                        anm_bytes name)
{
    const size_t len = strlen(folder);
    char *path = anm_reading_array(r, len + name.len + 2, 1);

    if (!path) return NULL;
    memcpy(path, folder, len);
    path[len] = '/';
    memcpy(path + len + 1, name.data, name.len);
    return path;
}

/* NULL for a part of a path that stays where it is, else what is wrong. */
static const char *part_trouble(anm_bytes part)
{
    if (!part.len) return "an empty part, or absolute";
    if (anm_bytes_equal(part, anm_bytes_of("..", 2))) return "leads upwards";
    if (anm_bytes_equal(part, anm_bytes_of(".", 1))) return "a part \".\"";
    for (size_t i = 0; i < part.len; i++) {
        if (part.data[i] == '\\') return "a backslash";
        if (part.data[i] < ' ') return "a control character";
    }
    return NULL;
}

/* A path inside a package: plain parts with one '/' between them. */
static anm_status check_path(anm_bytes path, anm_error *err)
{
    size_t begin = 0;

    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.data[i] != '/') continue;
        const char *trouble =
            part_trouble((anm_bytes){ path.data + begin, i - begin });
        begin = i + 1;
        if (!trouble) continue;
        return anm_fail(err, ANM_E_FORMAT, "path \"%.*s\": %s",
                        (int)(path.len < 200 ? path.len : 200),
                        (const char *)path.data, trouble);
    }
    return ANM_OK;
}

/* Links may lead from one place of the package to another and nowhere else.
 * What does not exist passes: opening it says so. */
static anm_status check_links(const anm_mlpackage_reading *r, const char *path,
                              anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    const size_t len = strlen(r->root);
    anm_status status = anm_file_look(path, &kind, &id, err);

    if (status || kind == ANM_FILE_ABSENT) return status;
    char *real = anm_path_absolute(path);
    if (!real) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    if (strncmp(real, r->root, len) != 0 || real[len] != '/')
        status = anm_fail(err, ANM_E_FORMAT,
                          "%s: a link that leads out of the package, to %s; "
                          "put the file itself there",
                          path, real);
    anm_free(real);
    return status;
}

anm_status anm_reading_file(anm_mlpackage_reading *r, const char *folder,
                            anm_bytes name, unsigned *index, anm_error *err)
{
    anm_status status = check_path(name, err);

    if (status) return status;
    const char *path = join(r, folder, name);
    if (!path) return anm_reading_fail(r, err);
    for (size_t i = 0; i < r->view.n_files; i++) {
        *index = (unsigned)i;
        if (strcmp(r->files[i].path, path) == 0) return ANM_OK;
    }
    if (r->view.n_files > ANM_MLPACKAGE_FILES_MAX)
        return anm_fail(err, ANM_E_LIMIT, "%s: more than %d blob files", path,
                        ANM_MLPACKAGE_FILES_MAX);
    anm_mlpackage_file *file = &r->files[r->view.n_files];
    status = check_links(r, path, err);
    if (!status) status = anm_map_open(&file->map, path, err);
    if (status) return status;
    file->path = path;
    *index = (unsigned)r->view.n_files++;
    r->view.bytes += file->map.bytes.len;
    return ANM_OK;
}

/* ---- The manifest -------------------------------------------------------- */

/* "1.0.0": three numbers, the first of which is known. */
static anm_status check_version(const char *text, anm_error *err)
{
    int n_parts = 0, n_digits = 0;

    for (const char *p = text;; p++) {
        if (*p >= '0' && *p <= '9' && n_digits < 9) {
            n_digits++;
            continue;
        }
        n_parts += n_digits > 0 && (*p == '.' || !*p);
        if (*p != '.' || !n_digits) break;
        n_digits = 0;
    }
    if (n_parts != 3 || !n_digits)
        return anm_fail(err, ANM_E_FORMAT,
                        "fileFormatVersion \"%s\" is not of the form 1.0.0",
                        text);
    if (strncmp(text, "1.", 2) == 0) return ANM_OK;
    return anm_fail(err, ANM_E_UNSUPPORTED,
                    "fileFormatVersion %s, 1.x.x is read", text);
}

/* The path of an item, relative to Data/. */
static anm_status item_path(const json_t *items, const char *id,
                            anm_bytes *path, anm_error *err)
{
    const json_t *item = NULL;
    const char *text = NULL;
    anm_status status =
        anm_json_object(items, id, "itemInfoEntries", &item, err);

    if (!status) status = anm_json_string(item, "path", id, &text, err);
    if (status) return status;
    *path =
        anm_bytes_of(text, json_string_length(json_object_get(item, "path")));
    return check_path(*path, err);
}

static anm_status read_items(anm_mlpackage_reading *r, const json_t *manifest,
                             anm_bytes *root, anm_error *err)
{
    const char *version = NULL, *id = NULL, *key;
    const json_t *items = NULL;
    json_t *item;
    anm_status status = anm_json_string(manifest, "fileFormatVersion",
                                        "Manifest.json", &version, err);

    if (!status) status = check_version(version, err);
    if (!status)
        status = anm_json_object(manifest, "itemInfoEntries", "Manifest.json",
                                 &items, err);
    if (!status)
        status = anm_json_string(manifest, "rootModelIdentifier",
                                 "Manifest.json", &id, err);
    if (status) return status;
    json_object_foreach((json_t *)items, key, item)
    {
        status = item_path(items, key, root, err);
        if (status) return status;
    }
    if (!json_object_get(items, id))
        return anm_fail(err, ANM_E_FORMAT,
                        "rootModelIdentifier %s is none of the %zu entries of "
                        "itemInfoEntries",
                        id, json_object_size(items));
    status = item_path(items, id, root, err);
    if (status) return status;
    root->data = (const uint8_t *)anm_reading_copy(r, *root);
    return root->data ? ANM_OK : anm_reading_fail(r, err);
}

static anm_status read_manifest(anm_mlpackage_reading *r, anm_bytes *root,
                                anm_error *err)
{
    json_t *json = NULL;
    const char *path = join(r, r->view.path, anm_bytes_of("Manifest.json", 13));

    if (!path) return anm_reading_fail(r, err);
    anm_status status =
        anm_json_read(&json, path, ANM_MLPACKAGE_MANIFEST_MAX, err);
    if (status) return status;
    status = read_items(r, json, root, err);
    json_decref(json);
    return status ? anm_fail_prefix(err, status, "%s", path) : ANM_OK;
}

/* ---- The model ----------------------------------------------------------- */

/* Fields of the Model that say its kind. */
static const struct {
    uint32_t field;
    const char *name;
} kinds[] = {
    { 200, "pipelineClassifier" },
    { 201, "pipelineRegressor" },
    { 202, "pipeline" },
    { 300, "glmRegressor" },
    { 301, "supportVectorRegressor" },
    { 302, "treeEnsembleRegressor" },
    { 303, "neuralNetworkRegressor" },
    { 304, "bayesianProbitRegressor" },
    { 400, "glmClassifier" },
    { 401, "supportVectorClassifier" },
    { 402, "treeEnsembleClassifier" },
    { 403, "neuralNetworkClassifier" },
    { 404, "kNearestNeighborsClassifier" },
    { 500, "neuralNetwork" },
    { 501, "itemSimilarityRecommender" },
    { 502, "mlProgram" },
    { 555, "customModel" },
    { 556, "linkedModel" },
    { 560, "classConfidenceThresholding" },
    { 600, "oneHotEncoder" },
    { 601, "imputer" },
    { 602, "featureVectorizer" },
    { 603, "dictVectorizer" },
    { 604, "scaler" },
    { 606, "categoricalMapping" },
    { 607, "normalizer" },
    { 609, "arrayFeatureExtractor" },
    { 610, "nonMaximumSuppression" },
    { 900, "identity" },
    { 2000, "textClassifier" },
    { 2001, "wordTagger" },
    { 2002, "visionFeaturePrint" },
    { 2003, "soundAnalysisPreprocessing" },
    { 2004, "gazetteer" },
    { 2005, "wordEmbedding" },
    { 2006, "audioFeaturePrint" },
    { 3000, "serializedModel" },
};

static const char *kind_of(uint32_t field)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].field == field) return kinds[i].name;
    return NULL;
}

typedef struct model_parts {
    anm_bytes description, program;
} model_parts;

static anm_status take_part(anm_mlpackage_reading *r, const anm_pb_field *f,
                            model_parts *parts, anm_error *err)
{
    const char *kind = kind_of(f->number);

    if (f->number == 1) return anm_pb_int(f, &r->view.spec_version, err);
    if (f->number == 2) return anm_pb_message(f, &parts->description, err);
    if (!kind) return ANM_OK;
    if (r->view.kind)
        return anm_fail(err, ANM_E_FORMAT, "a model of two kinds, %s and %s",
                        r->view.kind, kind);
    r->view.kind = kind;
    return anm_pb_message(f, &parts->program, err);
}

static anm_status split_model(anm_mlpackage_reading *r, anm_bytes model,
                              model_parts *parts, anm_error *err)
{
    while (model.len) {
        anm_pb_field f;
        anm_status status = anm_pb_next(&model, &f, err);

        if (!status) status = take_part(r, &f, parts, err);
        if (status) return status;
    }
    if (r->view.spec_version > SPEC_VERSION_MAX)
        return anm_fail(err, ANM_E_UNSUPPORTED,
                        "specification version %" PRId64 ", at most %d is read",
                        r->view.spec_version, SPEC_VERSION_MAX);
    if (!r->view.kind)
        return anm_fail(err, ANM_E_FORMAT, "no model of a known kind in it");
    if (r->view.spec_version > 0) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "specification version %" PRId64 ", must be 1 or above",
                    r->view.spec_version);
}

/* ---- Description and program --------------------------------------------- */

static bool has_input(const anm_mil_function *f, const char *name,
                      bool is_state)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (strcmp(f->inputs[i].name, name) == 0)
            return f->inputs[i].type.is_state == is_state;
    return false;
}

static bool has_output(const anm_mil_function *f, const char *name)
{
    for (size_t i = 0; i < f->block.n_outputs; i++)
        if (strcmp(f->block.outputs[i].name, name) == 0) return true;
    return false;
}

/* What is described is there. */
static anm_status check_described(const anm_mil_function *f, anm_error *err)
{
    const anm_features *x = &f->features;
    const anm_feature *missing = NULL;
    const char *what = "input";

    for (size_t i = 0; i < x->n_inputs && !missing; i++)
        if (!has_input(f, x->inputs[i].name, false)) missing = &x->inputs[i];
    for (size_t i = 0; i < x->n_states && !missing; i++)
        if (!has_input(f, x->states[i].name, true)) {
            missing = &x->states[i];
            what = "state";
        }
    for (size_t i = 0; i < x->n_outputs && !missing; i++)
        if (!has_output(f, x->outputs[i].name)) {
            missing = &x->outputs[i];
            what = "output";
        }
    if (!missing) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "the description has an %s %s that function %s lacks", what,
                    missing->name, f->name);
}

/* What is there is described. */
static anm_status check_complete(const anm_mil_function *f, anm_error *err)
{
    const anm_features *x = &f->features;

    for (size_t i = 0; i < f->n_inputs; i++) {
        const char *name = f->inputs[i].name;
        const bool is_described =
            f->inputs[i].type.is_state
                ? anm_feature_find(x->states, x->n_states, name) != NULL
                : anm_feature_find(x->inputs, x->n_inputs, name) != NULL;

        if (!is_described)
            return anm_fail(err, ANM_E_FORMAT,
                            "function %s has an input %s that the description "
                            "lacks",
                            f->name, name);
    }
    return ANM_OK;
}

static const anm_features *described(const anm_description *d,
                                     const char *function)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->functions[i].name, function) == 0)
            return &d->functions[i].features;
    return NULL;
}

/* Without a list of functions the description is the default one's. */
static anm_status attach_features(anm_mlpackage_reading *r,
                                  const anm_description *d, anm_mil_function *f,
                                  anm_error *err)
{
    const anm_features *features =
        d->n ? described(d, f->name) : &r->view.features;

    if (!d->n && f != r->view.main) return ANM_OK;
    if (!features)
        return anm_fail(err, ANM_E_FORMAT,
                        "function %s is not in the description", f->name);
    f->features = *features;
    const anm_status status = check_described(f, err);
    return status ? status : check_complete(f, err);
}

static anm_status choose_main(anm_mlpackage_reading *r,
                              const anm_description *d, anm_error *err)
{
    const char *name = d->main[0] ? d->main : "main";

    r->view.main = anm_mlpackage_function(&r->view, name);
    if (!r->view.main && !d->main[0] && r->view.n_functions == 1)
        r->view.main = &r->view.functions[0];
    if (r->view.main) return ANM_OK;
    return anm_fail(err, ANM_E_FORMAT,
                    "default function %s is none of the %zu functions", name,
                    r->view.n_functions);
}

static anm_status join_program(anm_mlpackage_reading *r,
                               const anm_description *d, anm_error *err)
{
    anm_status status = choose_main(r, d, err);

    for (size_t i = 0; i < d->n && !status; i++)
        if (!anm_mlpackage_function(&r->view, d->functions[i].name))
            status = anm_fail(err, ANM_E_FORMAT,
                              "the description has a function %s that the "
                              "program lacks",
                              d->functions[i].name);
    for (size_t i = 0; i < r->view.n_functions && !status; i++)
        status = attach_features(
            r, d, (anm_mil_function *)&r->view.functions[i], err);
    if (!status) r->view.features = r->view.main->features;
    return status;
}

static anm_status read_model(anm_mlpackage_reading *r, anm_bytes model,
                             anm_error *err)
{
    model_parts parts = { 0 };
    anm_description d = { 0 };
    anm_status status = split_model(r, model, &parts, err);

    if (!status)
        status = anm_reading_description(r, parts.description, &d, err);
    if (status || strcmp(r->view.kind, "mlProgram") != 0) return status;
    status = anm_reading_program(r, parts.program, err);
    return status ? status : join_program(r, &d, err);
}

/* ---- Containers ---------------------------------------------------------- */

static anm_status open_model(anm_mlpackage_reading *r, anm_error *err)
{
    const anm_bytes model = r->files[0].map.bytes;

    r->memory_left += model.len;
    const anm_status status = read_model(r, model, err);
    return status ? anm_fail_prefix(err, status, "%s", r->files[0].path)
                  : ANM_OK;
}

/* The folder of a path that has one. */
static const char *folder_of(anm_mlpackage_reading *r, const char *path)
{
    return anm_reading_copy(
        r, anm_bytes_of(path, (size_t)(strrchr(path, '/') - path)));
}

static anm_status open_folder(anm_mlpackage_reading *r, anm_error *err)
{
    anm_bytes root = { 0 };
    unsigned index = 0;
    anm_status status = read_manifest(r, &root, err);

    if (status) return status;
    const char *data = join(r, r->view.path, anm_bytes_of("Data", 4));
    if (!data) return anm_reading_fail(r, err);
    status = anm_reading_file(r, data, root, &index, err);
    if (status) return status;
    r->folder = folder_of(r, r->files[0].path);
    return r->folder ? open_model(r, err) : anm_reading_fail(r, err);
}

static anm_status open_file(anm_mlpackage_reading *r, anm_error *err)
{
    const anm_status status = anm_map_open(&r->files[0].map, r->view.path, err);

    if (status) return status;
    r->files[0].path = r->view.path;
    r->view.n_files = 1;
    r->view.bytes = r->files[0].map.bytes.len;
    return open_model(r, err);
}

/* The path as given, without slashes at its end. */
static anm_bytes trimmed(const char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    return anm_bytes_of(path, len);
}

static anm_status set_root(anm_mlpackage_reading *r, anm_error *err)
{
    char *real = anm_path_absolute(r->view.path);

    if (!real)
        return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", r->view.path);
    r->root = anm_reading_copy(r, anm_bytes_of(real, strlen(real)));
    anm_free(real);
    return r->root ? ANM_OK : anm_reading_fail(r, err);
}

static bool ends_in(const char *path, const char *ending)
{
    const anm_bytes p = trimmed(path);
    const size_t n = strlen(ending);

    return p.len > n && memcmp(p.data + p.len - n, ending, n) == 0;
}

static anm_status open_container(anm_mlpackage_reading *r, anm_error *err)
{
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    anm_status status = anm_file_look(r->view.path, &kind, &id, err);

    if (status) return status;
    if (kind != ANM_FILE_FOLDER) {
        r->view.container = ANM_MLPACKAGE_FILE;
        return open_file(r, err);
    }
    status = set_root(r, err);
    if (status) return status;
    if (ends_in(r->view.path, ".mlmodelc")) {
        r->view.container = ANM_MLPACKAGE_COMPILED;
        return anm_reading_compiled(r, err);
    }
    return open_folder(r, err);
}

anm_status anm_mlpackage_open(anm_mlpackage **out, const char *path,
                              anm_error *err)
{
    *out = NULL;
    anm_mlpackage_reading *r = anm_alloc_zero(sizeof(*r));
    if (!r) return anm_fail(err, ANM_E_NOMEM, "%s: out of memory", path);
    r->memory_left = ANM_MLPACKAGE_MEMORY_MAX;
    r->view.files = r->files;
    r->view.about = r->view.version = r->view.author = r->view.license = "";
    r->view.path = anm_reading_copy(r, trimmed(path));
    anm_status status =
        r->view.path ? open_container(r, err) : anm_reading_fail(r, err);
    if (status) {
        anm_mlpackage_close(&r->view);
        return status;
    }
    *out = &r->view;
    return ANM_OK;
}

void anm_mlpackage_close(anm_mlpackage *p)
{
    anm_mlpackage_reading *r = (anm_mlpackage_reading *)p;

    if (!r) return;
    for (size_t i = 0; i < p->n_files; i++)
        anm_map_close(&r->files[i].map);
    anm_arena_deinit(&r->arena);
    anm_free(r);
}

bool anm_mlpackage_is(const char *path)
{
    if (ends_in(path, ".mlpackage") || ends_in(path, ".mlmodelc") ||
        ends_in(path, ".mlmodel"))
        return true;
    anm_file_kind kind = ANM_FILE_ABSENT;
    anm_file_id id;
    char *manifest = anm_path_join(path, "Manifest.json");

    if (manifest && anm_file_look(manifest, &kind, &id, NULL))
        kind = ANM_FILE_ABSENT;
    anm_free(manifest);
    return kind == ANM_FILE_REGULAR;
}

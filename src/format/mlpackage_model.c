/* mlpackage_model.c - opening: the Model, and how its description and its program
 * fit together.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format/mlpackage_parts.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "format/protobuf.h"

/* The versions of the model's specification that are known: up to the one of
 * iOS 26. */
enum { SPEC_VERSION_MAX = 10 };

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
    anm_pb_field f;
    anm_status status = ANM_OK;

    while (anm_pb_take(&model, &f, &status, err))
        status = take_part(r, &f, parts, err);
    if (status) return status;
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
    // No message of Protocol Buffers begins like any of these.
    const char *mistaken = anm_bytes_mistaken(model);
    if (mistaken) return anm_fail(err, ANM_E_FORMAT, "%s", mistaken);
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
    anm_status status = anm_reading_manifest(r, &root, err);

    if (status) return status;
    const char *data =
        anm_reading_join(r, r->view.path, anm_bytes_of("Data", 4));
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
    char manifest[4096]; // no system here takes a longer path
    const int len =
        snprintf(manifest, sizeof(manifest), "%s/Manifest.json", path);

    if (len < 0 || (size_t)len >= sizeof(manifest)) return false;
    return !anm_file_look(manifest, &kind, &id, NULL) &&
           kind == ANM_FILE_REGULAR;
}

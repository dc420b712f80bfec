/* Draft of an adapter to ONNX Runtime: proves by compiling that infer, strings, cancelling and questions map to its C API.
 * It is not linked; the real one, backends/onnx, includes the engine's own header. The engine's API is a table of function
 * pointers; below is a short one with only the members that are used.
 *
 * What it showed: shapes of outputs are known after the run only, so outputs are copied once into tensor_like; string
 * tensors need their bytes when they are made; threads belong to the session, so acb_model_open tells cores_max; SetTerminate
 * sticks until it is unset, so a call resets it on entry and then looks at the flag; metadata comes as allocated strings, so
 * the model keeps copies; symbolic dimensions are -1 as ours; sequence and map values are UNSUPPORTED. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "aether/backend.h"

/* --- the engine, as far as it is used --- */

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;

enum {
    ONNX_FLOAT = 1,
    ONNX_UINT8,
    ONNX_INT8,
    ONNX_UINT16,
    ONNX_INT16,
    ONNX_INT32,
    ONNX_INT64,
    ONNX_STRING,
    ONNX_BOOL,
    ONNX_FLOAT16,
    ONNX_DOUBLE,
    ONNX_UINT32,
    ONNX_UINT64,
    ONNX_BFLOAT16 = 16
};

struct draft_ort {
    const char *(*GetErrorMessage)(const OrtStatus *status);
    void (*ReleaseStatus)(OrtStatus *status);
    OrtStatus *(*CreateEnv)(int level, const char *logid, OrtEnv **out);
    void (*ReleaseEnv)(OrtEnv *env);
    OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **out);
    OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *options, int threads);
    void (*ReleaseSessionOptions)(OrtSessionOptions *options);
    OrtStatus *(*CreateSession)(const OrtEnv *env, const char *path, const OrtSessionOptions *options,
                                OrtSession **out);
    void (*ReleaseSession)(OrtSession *session);
    OrtStatus *(*SessionGetInputCount)(const OrtSession *session, size_t *out);
    OrtStatus *(*SessionGetOutputCount)(const OrtSession *session, size_t *out);
    OrtStatus *(*SessionGetInputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **value);
    OrtStatus *(*SessionGetOutputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **value);
    OrtStatus *(*SessionGetInputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **info);
    OrtStatus *(*SessionGetOutputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **info);
    OrtStatus *(*CastTypeInfoToTensorInfo)(const OrtTypeInfo *info, const OrtTensorTypeAndShapeInfo **out);
    void (*ReleaseTypeInfo)(OrtTypeInfo *info);
    OrtStatus *(*GetTensorElementType)(const OrtTensorTypeAndShapeInfo *info, int *out);
    OrtStatus *(*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *out);
    OrtStatus *(*GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *dims, size_t count);
    OrtStatus *(*GetTensorTypeAndShape)(const OrtValue *value, OrtTensorTypeAndShapeInfo **out);
    void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo *info);
    OrtStatus *(*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *info, void *data, size_t bytes,
                                                 const int64_t *shape, size_t rank, int type, OrtValue **out);
    OrtStatus *(*CreateTensorAsOrtValue)(OrtAllocator *allocator, const int64_t *shape, size_t rank, int type,
                                         OrtValue **out);
    OrtStatus *(*GetTensorMutableData)(OrtValue *value, void **out);
    OrtStatus *(*GetResizedStringTensorElementBuffer)(OrtValue *value, size_t index, size_t bytes, char **buffer);
    OrtStatus *(*GetStringTensorDataLength)(const OrtValue *value, size_t *bytes);
    OrtStatus *(*GetStringTensorContent)(const OrtValue *value, void *bytes, size_t room, size_t *offsets,
                                         size_t count);
    void (*ReleaseValue)(OrtValue *value);
    OrtStatus *(*CreateRunOptions)(OrtRunOptions **out);
    OrtStatus *(*RunOptionsSetTerminate)(OrtRunOptions *options);
    OrtStatus *(*RunOptionsUnsetTerminate)(OrtRunOptions *options);
    void (*ReleaseRunOptions)(OrtRunOptions *options);
    OrtStatus *(*Run)(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                      const OrtValue *const *inputs, size_t input_count, const char *const *output_names,
                      size_t output_count, OrtValue **outputs);
    OrtAllocator *allocator;
    OrtMemoryInfo *cpu;
};

/* --- the adapter --- */

static const struct acb_host *host;
static const struct draft_ort *ort; /* the real one gets it by dlopen at the first model_open */
static OrtEnv *env;

#define PORTS_MAX 64

struct model {
    OrtSession *session;
    struct acb_port port[2][PORTS_MAX];
    const struct acb_port *ports[2][PORTS_MAX];
    uint32_t count[2];
    uint64_t file_bytes;
};

struct instance {
    struct model *model;
    OrtRunOptions *run;
};

/* True when it went well; otherwise the engine's words are the error's line. */
static bool fine(OrtStatus *status, struct acb_err *err)
{
    if (status == NULL) {
        return true;
    }
    (void)snprintf(err->text, sizeof(err->text), "%s", ort->GetErrorMessage(status));
    ort->ReleaseStatus(status);
    return false;
}

static const struct {
    int theirs;
    uint32_t ours;
} dtypes[] = {
    {ONNX_FLOAT, ACB_F32},  {ONNX_UINT8, ACB_U8},      {ONNX_INT8, ACB_I8},    {ONNX_UINT16, ACB_U16},
    {ONNX_INT16, ACB_I16},  {ONNX_INT32, ACB_I32},     {ONNX_INT64, ACB_I64},  {ONNX_STRING, ACB_STRING},
    {ONNX_BOOL, ACB_BOOL},  {ONNX_FLOAT16, ACB_F16},   {ONNX_DOUBLE, ACB_F64}, {ONNX_UINT32, ACB_U32},
    {ONNX_UINT64, ACB_U64}, {ONNX_BFLOAT16, ACB_BF16},
};

static uint32_t ours_of(int theirs)
{
    for (size_t k = 0; k < sizeof(dtypes) / sizeof(dtypes[0]); k++) {
        if (dtypes[k].theirs == theirs) {
            return dtypes[k].ours;
        }
    }
    return ACB_DTYPE_ANY;
}

static int theirs_of(uint32_t ours)
{
    for (size_t k = 0; k < sizeof(dtypes) / sizeof(dtypes[0]); k++) {
        if (dtypes[k].ours == ours) {
            return dtypes[k].theirs;
        }
    }
    return 0;
}

static int32_t probe(const char *folder)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/model.onnx", folder);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        (void)fclose(file);
    }
    return file != NULL ? 80 : 0;
}

/* dtype, rank and dimensions; -1 stands for a symbolic dimension on both sides. */
static bool read_port(const OrtTensorTypeAndShapeInfo *info, struct acb_port *port, struct acb_err *err)
{
    int type = 0;
    size_t rank = 0;
    if (!fine(ort->GetTensorElementType(info, &type), err) || !fine(ort->GetDimensionsCount(info, &rank), err) ||
        rank > ACB_RANK_MAX || !fine(ort->GetDimensions(info, port->shape, rank), err)) {
        return false;
    }
    port->dtype = ours_of(type);
    port->rank = (uint32_t)rank;
    return port->dtype != ACB_DTYPE_ANY;
}

static bool add_port(struct model *m, uint32_t side, size_t index, struct acb_err *err)
{
    struct acb_port *port = &m->port[side][index];
    OrtTypeInfo *info = NULL;
    const OrtTensorTypeAndShapeInfo *tensor = NULL; /* NULL: a sequence or a map */
    char *name = NULL;
    bool ok = fine(side == 0 ? ort->SessionGetInputName(m->session, index, ort->allocator, &name)
                             : ort->SessionGetOutputName(m->session, index, ort->allocator, &name),
                   err) &&
              fine(side == 0 ? ort->SessionGetInputTypeInfo(m->session, index, &info)
                             : ort->SessionGetOutputTypeInfo(m->session, index, &info),
                   err) &&
              fine(ort->CastTypeInfoToTensorInfo(info, &tensor), err) && tensor != NULL && read_port(tensor, port, err);
    ort->ReleaseTypeInfo(info);
    port->size = sizeof(*port);
    port->name = name;
    m->ports[side][index] = port;
    m->count[side]++;
    return ok;
}

static bool add_ports(struct model *m, struct acb_err *err)
{
    size_t count[2];
    if (!fine(ort->SessionGetInputCount(m->session, &count[0]), err) ||
        !fine(ort->SessionGetOutputCount(m->session, &count[1]), err)) {
        return false;
    }
    for (uint32_t side = 0; side < 2; side++) {
        for (size_t k = 0; k < count[side]; k++) {
            if (k == PORTS_MAX || !add_port(m, side, k, err)) {
                return false;
            }
        }
    }
    return true;
}

static void model_close(void *model)
{
    struct model *m = model;
    if (m != NULL) {
        ort->ReleaseSession(m->session);
        host->free(host->ctx, m);
    }
}

/* Creating a session cannot be watched: progress is told before and after, and a stop is heard then. */
static int32_t model_open(const struct acb_model_open *open, void **ret, struct acb_err *err)
{
    OrtSessionOptions *options = NULL;
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/model.onnx", open->folder);
    struct model *m = host->alloc(host->ctx, sizeof(*m));
    if (m == NULL) {
        return ACB_NOMEM;
    }
    memset(m, 0, sizeof(*m));
    bool ok = fine(ort->CreateSessionOptions(&options), err) &&
              fine(ort->SetIntraOpNumThreads(options, ACB_FITS(open, cores_max) ? (int)open->cores_max : 1), err) &&
              fine(ort->CreateSession(env, path, options, &m->session), err) && add_ports(m, err);
    ort->ReleaseSessionOptions(options);
    if (!ok) {
        model_close(m);
        return ACB_CORRUPT;
    }
    *ret = m;
    return ACB_OK;
}

static const char *meta(void *model, const char *key)
{
    (void)model;
    return strcmp(key, "architecture") == 0 ? "onnx" : NULL;
}

static int32_t describe(void *model, struct acb_model_info *ret)
{
    const struct model *m = model;
    ret->inputs = m->ports[0];
    ret->input_count = m->count[0];
    ret->outputs = m->ports[1];
    ret->output_count = m->count[1];
    return ACB_OK;
}

static int32_t bytes(void *model, void *instance, struct acb_bytes *const *ret, uint32_t *count)
{
    *count = 0;
    if (instance == NULL) {
        ret[0]->kind = ACB_BYTES_WEIGHTS;
        ret[0]->source = ACB_SOURCE_ESTIMATED;
        ret[0]->bytes = ((const struct model *)model)->file_bytes;
        *count = 1;
    }
    return ACB_OK;
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    (void)open;
    struct instance *i = host->alloc(host->ctx, sizeof(*i));
    if (i == NULL) {
        return ACB_NOMEM;
    }
    i->model = model;
    if (!fine(ort->CreateRunOptions(&i->run), err)) {
        host->free(host->ctx, i);
        return ACB_FAILED;
    }
    *ret = i;
    return ACB_OK;
}

static void instance_close(void *instance)
{
    struct instance *i = instance;
    ort->ReleaseRunOptions(i->run);
    host->free(host->ctx, i);
}

/* Our strings have a length before each; theirs are made one by one, so that bytes of 0 survive. */
static bool fill_strings(OrtValue *value, const struct acb_tensor *t, struct acb_err *err)
{
    const char *at = t->data;
    const char *end = at + t->bytes;
    for (size_t k = 0; at < end; k++) {
        uint32_t len = 0;
        char *to = NULL;
        memcpy(&len, at, sizeof(len));
        if (!fine(ort->GetResizedStringTensorElementBuffer(value, k, len, &to), err)) {
            return false;
        }
        memcpy(to, at + sizeof(len), len);
        at += sizeof(len) + len;
    }
    return true;
}

/* Everything but strings is lent as it lies. */
static bool give_input(const struct acb_tensor *t, OrtValue **ret, struct acb_err *err)
{
    if (t->dtype != ACB_STRING) {
        return fine(ort->CreateTensorWithDataAsOrtValue(ort->cpu, t->data, t->bytes, t->shape, t->rank,
                                                        theirs_of(t->dtype), ret),
                    err);
    }
    return fine(ort->CreateTensorAsOrtValue(ort->allocator, t->shape, t->rank, ONNX_STRING, ret), err) &&
           fill_strings(*ret, t, err);
}

/* Their strings: all bytes behind each other, and where each begins. Ours: a length before each. */
static bool copy_strings(OrtValue *value, uint64_t count, const struct acb_infer *infer, struct acb_tensor *like,
                         struct acb_tensor **ret, struct acb_err *err)
{
    size_t total = 0;
    if (!fine(ort->GetStringTensorDataLength(value, &total), err)) {
        return false;
    }
    like->bytes = total + count * sizeof(uint32_t);
    size_t *at = host->alloc(host->ctx, (count + 1) * sizeof(*at));
    char *all = host->alloc(host->ctx, total);
    bool ok = at != NULL && all != NULL && fine(ort->GetStringTensorContent(value, all, total, at, count), err) &&
              host->tensor_like(host->ctx, infer->call, like, ret) == ACB_OK;
    for (uint64_t k = 0; ok && k < count; k++) {
        uint32_t len = (uint32_t)((k + 1 < count ? at[k + 1] : total) - at[k]);
        char *to = (char *)(*ret)->data + at[k] + k * sizeof(len);
        memcpy(to, &len, sizeof(len));
        memcpy(to + sizeof(len), all + at[k], len);
    }
    host->free(host->ctx, at);
    host->free(host->ctx, all);
    return ok;
}

static bool copy_output(OrtValue *value, const char *name, const struct acb_infer *infer, struct acb_tensor **ret,
                        struct acb_err *err)
{
    OrtTensorTypeAndShapeInfo *info = NULL;
    struct acb_port port = {0};
    void *data = NULL;
    if (!fine(ort->GetTensorTypeAndShape(value, &info), err)) {
        return false;
    }
    bool ok = read_port(info, &port, err);
    ort->ReleaseTensorTypeAndShapeInfo(info);
    struct acb_tensor like = {.size = sizeof(like), .dtype = port.dtype, .rank = port.rank, .name = name};
    memcpy(like.shape, port.shape, sizeof(like.shape));
    uint64_t count = 1;
    for (uint32_t d = 0; d < port.rank; d++) {
        count *= (uint64_t)port.shape[d];
    }
    if (ok && port.dtype == ACB_STRING) {
        return copy_strings(value, count, infer, &like, ret, err);
    }
    ok = ok && fine(ort->GetTensorMutableData(value, &data), err) &&
         host->tensor_like(host->ctx, infer->call, &like, ret) == ACB_OK;
    if (ok) {
        memcpy((*ret)->data, data, (*ret)->bytes);
    }
    return ok;
}

/* SetTerminate of an earlier call still sticks: it is taken off, and then the flag tells whether it was meant for us. */
static bool begin(struct instance *i, const struct acb_infer *infer, struct acb_err *err)
{
    return fine(ort->RunOptionsUnsetTerminate(i->run), err) && __atomic_load_n(infer->cancelled, __ATOMIC_ACQUIRE) == 0;
}

static int32_t run(struct instance *i, const struct acb_infer *infer, const char *const *wanted, uint32_t count,
                   struct acb_tensor **outputs, struct acb_err *err)
{
    OrtValue *in[PORTS_MAX] = {NULL};
    OrtValue *out[PORTS_MAX] = {NULL};
    const char *names[PORTS_MAX];
    bool ok = true;
    for (uint32_t k = 0; ok && k < infer->input_count; k++) {
        names[k] = infer->inputs[k]->name;
        ok = give_input(infer->inputs[k], &in[k], err);
    }
    ok = ok && fine(ort->Run(i->model->session, i->run, names, (const OrtValue *const *)in, infer->input_count, wanted,
                             count, out),
                    err);
    for (uint32_t k = 0; ok && k < count; k++) {
        struct acb_tensor *made = NULL;
        ok = copy_output(out[k], wanted[k], infer, &made, err);
        if (k < infer->want_count) {
            outputs[k] = made;
        }
    }
    for (uint32_t k = 0; k < PORTS_MAX; k++) {
        ort->ReleaseValue(in[k]);
        ort->ReleaseValue(out[k]);
    }
    bool stopped = __atomic_load_n(infer->cancelled, __ATOMIC_RELAXED) != 0;
    return ok ? ACB_OK : stopped ? ACB_CANCELLED : ACB_FAILED;
}

static int32_t infer(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs, struct acb_err *err)
{
    struct instance *i = instance;
    const char *wanted[PORTS_MAX];
    uint32_t count = infer->want_count > 0 ? infer->want_count : i->model->count[1];
    if (infer->input_count > PORTS_MAX || count > PORTS_MAX) {
        return ACB_INVALID;
    }
    for (uint32_t k = 0; k < count; k++) {
        wanted[k] = infer->want_count > 0 ? infer->wants[k]->name : i->model->ports[1][k]->name;
    }
    return begin(i, infer, err) ? run(i, infer, wanted, count, outputs, err) : ACB_CANCELLED;
}

static void cancel(void *instance)
{
    struct acb_err nobody = {.size = sizeof(nobody)};
    (void)fine(ort->RunOptionsSetTerminate(((struct instance *)instance)->run), &nobody);
}

static void stop(void)
{
    ort->ReleaseEnv(env);
}

static const struct acb_plugin plugin = {
    .size = sizeof(plugin),
    .major = ACB_MAJOR,
    .minor = ACB_MINOR,
    .name = "onnx",
    .version = "0",
    .summary = "ONNX graphs",
    .probe = probe,
    .model_open = model_open,
    .model_close = model_close,
    .meta = meta,
    .describe = describe,
    .bytes = bytes,
    .instance_open = instance_open,
    .instance_close = instance_close,
    .infer = infer,
    .cancel = cancel,
    .stop = stop,
};

const struct acb_plugin *draft_onnx_entry(const struct acb_host *given, const struct draft_ort *api);

const struct acb_plugin *draft_onnx_entry(const struct acb_host *given, const struct draft_ort *api)
{
    host = given;
    ort = api;
    struct acb_err err = {.size = sizeof(err)};
    return fine(ort->CreateEnv(2, "aether", &env), &err) ? &plugin : NULL;
}

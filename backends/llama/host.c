#include "host.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "llama.h"

static const struct acb_host *the_host; /* set once, at entry */

void llama_plug_host_set(const struct acb_host *host)
{
    the_host = host;
}

const struct acb_host *llama_plug_host(void)
{
    return the_host;
}

void *llama_plug_alloc(uint64_t count, uint64_t bytes)
{
    if (bytes != 0 && count > (UINT64_MAX >> 8) / bytes) {
        return NULL;
    }
    void *p = the_host->alloc(the_host->ctx, KIT_MAX(count * bytes, 1));
    return p != NULL ? memset(p, 0, count * bytes) : NULL;
}

void llama_plug_free(void *p)
{
    the_host->free(the_host->ctx, p);
}

/* --- its log --- */

#define LINE_BYTES 400

/* llama.cpp writes lines in pieces, and from any thread. */
static struct {
    pthread_mutex_t lock;
    enum ggml_log_level level; /* of the line */
    char line[LINE_BYTES];
    char first[LINE_BYTES]; /* the first error since llama_plug_log_forget */
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_calm; /* atomic */

void llama_plug_log_calm(bool calm)
{
    __atomic_store_n(&is_calm, calm, __ATOMIC_RELAXED);
}

static int32_t level_of(enum ggml_log_level level)
{
    if (__atomic_load_n(&is_calm, __ATOMIC_RELAXED)) {
        return ACB_LOG_DEBUG;
    }
    return level == GGML_LOG_LEVEL_ERROR ? ACB_LOG_ERROR : level == GGML_LOG_LEVEL_WARN ? ACB_LOG_WARN : ACB_LOG_DEBUG;
}

/* As the log wants it: text="…", where no quote or backslash needs an escape. */
static void tell(enum ggml_log_level level, char *line)
{
    char text[LINE_BYTES + 16];
    for (char *c = line; *c != 0; c++) {
        *c = *c == '"' || *c == '\\' ? '\'' : (unsigned char)*c < 0x20 ? ' ' : *c;
    }
    (void)snprintf(text, sizeof(text), "text=\"%s\"", line);
    the_host->log(the_host->ctx, level_of(level), "llama.log", text);
}

static void end_line(void)
{
    if (log_state.line[0] != 0) {
        if (log_state.level == GGML_LOG_LEVEL_ERROR && log_state.first[0] == 0) {
            memcpy(log_state.first, log_state.line, sizeof(log_state.first));
        }
        tell(log_state.level, log_state.line);
    }
    log_state.line[0] = 0;
}

static void on_log(enum ggml_log_level level, const char *text, void *ctx)
{
    (void)ctx;
    (void)pthread_mutex_lock(&log_state.lock);
    if (level != GGML_LOG_LEVEL_CONT) {
        end_line();
        log_state.level = level;
    }
    size_t len = strlen(log_state.line);
    (void)snprintf(log_state.line + len, LINE_BYTES - len, "%s", text);
    len = strlen(log_state.line);
    if (len > 0 && (log_state.line[len - 1] == '\n' || len + 1 == LINE_BYTES)) {
        log_state.line[len - 1] = 0;
        end_line();
    }
    (void)pthread_mutex_unlock(&log_state.lock);
}

void llama_plug_log_start(void)
{
    llama_log_set(on_log, NULL);
}

void llama_plug_log_forget(void)
{
    (void)pthread_mutex_lock(&log_state.lock);
    log_state.first[0] = 0;
    (void)pthread_mutex_unlock(&log_state.lock);
}

void llama_plug_log_first(char *buf, size_t room)
{
    (void)pthread_mutex_lock(&log_state.lock);
    (void)snprintf(buf, room, "%s", log_state.first);
    (void)pthread_mutex_unlock(&log_state.lock);
}

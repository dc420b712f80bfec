/* tests/unit/model/world.h - a folder of models to play with. */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/file.h"
#include "support/test.h"

#define FOLDER_BYTES 512

static char folder[FOLDER_BYTES]; /* of the test that runs */

static inline void folder_make(void)
{
    snprintf(folder, sizeof(folder), "%s/models-XXXXXX", TEST_BUILD);
    assert_non_null(mkdtemp(folder));
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)at;
    if (type == FTW_DNR) {
        chmod(path, 0755);
    }
    return remove(path);
}

static inline void folder_remove(const char *below)
{
    char path[FOLDER_BYTES * 2];
    snprintf(path, sizeof(path), "%s/%s", folder, below);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* folder/id/name with `text` in it. */
static inline void put_file(const char *id, const char *name, const char *text)
{
    char path[FOLDER_BYTES * 4];
    snprintf(path, sizeof(path), "%s/%s", folder, id);
    assert_int_equal(kit_file_make_folder(path, NULL), KIT_OK);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, id, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* folder/hf/models--org--name with the snapshot `commit` in it, as Hugging Face's cache has it but for the links. */
static inline void put_cached(const char *org, const char *name, const char *commit)
{
    char below[FOLDER_BYTES];
    snprintf(below, sizeof(below), "hf/models--%s--%s/snapshots/%s", org, name, commit);
    put_file(below, "config.json", "{}");
    put_file(below, "model.safetensors", "weights");
    snprintf(below, sizeof(below), "hf/models--%s--%s/refs", org, name);
    put_file(below, "main", commit);
}

static inline void put_model(const char *id)
{
    put_file(id, "echo.json", "{}");
}

#endif

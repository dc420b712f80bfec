/* src/hub/plan.h - which files of a repository make a model here, out of what the hub lists.
 *
 * Taken: config.json and the tokenizer's files, what sentence-transformers adds (modules.json, 1_Pooling/config.json, …),
 * and weights: model.safetensors, else its index and shards, else the only .gguf file. What is said by `file` comes instead
 * of these weights. Not taken: the same weights in other formats (.bin, .h5, .msgpack, .onnx, …), cards and pictures.
 * Source: the hub's API, GET /api/models/{id}/revision/{revision}?blobs=true, as huggingface_hub reads it.
 * Thread: any; pure. Memory: a plan owns its texts. */
#ifndef HUB_PLAN_H
#define HUB_PLAN_H

#include "crypt/hash.h"
#include "hub/name.h"
#include "kit/json.h"

#define HUB_FILES_MAX 1024

/* What proves that a file is what the hub means: the SHA-256 of a large one, git's name of a small one (the SHA-1 of
 * "blob <size>", a NUL and the bytes). */
enum hub_proof { HUB_PROOF_NONE, HUB_PROOF_GIT, HUB_PROOF_SHA256 };

struct hub_plan_file {
    char path[HUB_FILE_BYTES];
    bool sized; /* size is known */
    uint64_t size;
    enum hub_proof proof;
    char hash[CRYPT_HEX_BYTES]; /* of proof; "" without one */
};

struct hub_plan {
    char commit[HUB_COMMIT_BYTES];
    struct hub_plan_file *files; /* [count], small kinds first, then weights; owned */
    uint32_t count;
};

/* listing: the hub's answer. file: a path in the repository, or a word such as "Q4_K_M" that one .gguf file has in its
 * name; empty: as above. Errors: IO (the answer is no listing, or names a hostile path: nothing of it is taken),
 * NOT_FOUND and INVALID, param "file" (no such file, more than one; the message names some), UNPROCESSABLE (no weights
 * that anything here can load, or a name that is not written here), TOO_LARGE (more than HUB_FILES_MAX), NOMEM. */
KIT_MUST_CHECK enum kit_status hub_plan_read(kit_json listing, const char *id, kit_str file, struct hub_plan *ret,
                                             struct kit_err *err);
void hub_plan_done(struct hub_plan *p); /* zeroed is fine */

/* Takes an ETag as it stands in a head: strips W/ and quotes, tells which proof it is. Others: HUB_PROOF_NONE. */
enum hub_proof hub_plan_read_etag(kit_str etag, char hash[CRYPT_HEX_BYTES]);

/* Bytes of all files; those without a size count nothing. */
uint64_t hub_plan_bytes(const struct hub_plan *p);

#endif

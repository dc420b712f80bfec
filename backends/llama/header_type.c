#include "header_type.h"

static const struct {
    const char *name;
    uint32_t bytes;
    bool whole;
} values[GGUF_VALUE_COUNT] = {
    [GGUF_VALUE_U8] = {"u8", 1, true},          [GGUF_VALUE_I8] = {"i8", 1, true},
    [GGUF_VALUE_U16] = {"u16", 2, true},        [GGUF_VALUE_I16] = {"i16", 2, true},
    [GGUF_VALUE_U32] = {"u32", 4, true},        [GGUF_VALUE_I32] = {"i32", 4, true},
    [GGUF_VALUE_F32] = {"f32", 4, false},       [GGUF_VALUE_BOOL] = {"bool", 1, false},
    [GGUF_VALUE_STRING] = {"string", 0, false}, [GGUF_VALUE_ARRAY] = {"array", 0, false},
    [GGUF_VALUE_U64] = {"u64", 8, true},        [GGUF_VALUE_I64] = {"i64", 8, true},
    [GGUF_VALUE_F64] = {"f64", 8, false},
};

uint32_t llama_gguf_value_bytes(uint32_t type)
{
    return type < GGUF_VALUE_COUNT ? values[type].bytes : 0;
}

bool llama_gguf_value_whole(uint32_t type)
{
    return type < GGUF_VALUE_COUNT && values[type].whole;
}

const char *llama_gguf_value_name(uint32_t type)
{
    return type < GGUF_VALUE_COUNT ? values[type].name : "unknown";
}

/* By ggml's numbers; those that are missing were removed or are none of a file. */
static const struct {
    uint16_t numbers, bytes;
} blocks[] = {
    [0] = {1, 4},                                                                                  /* f32 */
    [1] = {1, 2},                                                                                  /* f16 */
    [2] = {32, 18},                                                                                /* q4_0 */
    [3] = {32, 20},                                                                                /* q4_1 */
    [6] = {32, 22},                                                                                /* q5_0 */
    [7] = {32, 24},                                                                                /* q5_1 */
    [8] = {32, 34},                                                                                /* q8_0 */
    [9] = {32, 36},                                                                                /* q8_1 */
    [10] = {256, 84},                                                                              /* q2_K */
    [11] = {256, 110}, [12] = {256, 144}, [13] = {256, 176}, [14] = {256, 210}, [15] = {256, 292}, /* q8_K */
    [16] = {256, 66},                                                                              /* iq2_xxs */
    [17] = {256, 74},  [18] = {256, 98},  [19] = {256, 50},  [20] = {32, 18},                      /* iq4_nl */
    [21] = {256, 110}, [22] = {256, 82},  [23] = {256, 136},                                       /* iq4_xs */
    [24] = {1, 1},                                                                                 /* i8 */
    [25] = {1, 2},     [26] = {1, 4},     [27] = {1, 8},     [28] = {1, 8},                        /* f64 */
    [29] = {256, 56},                                                                              /* iq1_m */
    [30] = {1, 2},                                                                                 /* bf16 */
    [34] = {256, 54},                                                                              /* tq1_0 */
    [35] = {256, 66},  [39] = {32, 17},                                                            /* mxfp4 */
    [40] = {64, 36},   [41] = {128, 18},                                                           /* q1_0 */
    [42] = {64, 18},
};

bool llama_gguf_block(uint32_t type, uint32_t *numbers, uint32_t *bytes)
{
    if (type >= KIT_COUNT(blocks) || blocks[type].numbers == 0) {
        return false;
    }
    *numbers = blocks[type].numbers;
    *bytes = blocks[type].bytes;
    return true;
}

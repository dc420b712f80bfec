#include "model/state.h"

const char *model_state_text(enum model_state s)
{
    static const char *const texts[] = {
#define STATE_TEXT(name, text) text,
        MODEL_STATES(STATE_TEXT)
#undef STATE_TEXT
    };
    return (unsigned)s < MODEL_STATE_COUNT ? texts[s] : "unknown";
}

#define BIT(state) (1u << MODEL_##state)

bool model_state_may(enum model_state from, enum model_state to)
{
    static const unsigned next[MODEL_STATE_COUNT] = {
        [MODEL_AVAILABLE] = BIT(DOWNLOADING) | BIT(LOADING),
        [MODEL_DOWNLOADING] = BIT(AVAILABLE) | BIT(FAILED),
        [MODEL_LOADING] = BIT(WARMING) | BIT(AVAILABLE) | BIT(FAILED),
        [MODEL_WARMING] = BIT(READY) | BIT(DRAINING) | BIT(AVAILABLE) | BIT(FAILED),
        [MODEL_READY] = BIT(DRAINING),
        [MODEL_DRAINING] = BIT(AVAILABLE) | BIT(FAILED),
        [MODEL_FAILED] = BIT(AVAILABLE) | BIT(DOWNLOADING) | BIT(LOADING),
    };
    return (unsigned)from < MODEL_STATE_COUNT && (unsigned)to < MODEL_STATE_COUNT && (next[from] & (1u << to)) != 0;
}

enum model_step model_state_step(enum model_state s, const struct model_facts *f)
{
    switch (s) {
    case MODEL_AVAILABLE:
    case MODEL_FAILED:
        if (f->fetch) {
            return MODEL_STEP_PULL;
        }
        return f->wanted && !f->absent && (f->due || s == MODEL_AVAILABLE) ? MODEL_STEP_LOAD : MODEL_STEP_NONE;
    case MODEL_READY:
        return !f->wanted || f->lost ? MODEL_STEP_COOL : MODEL_STEP_NONE;
    case MODEL_DRAINING:
        if (!f->cooled) {
            return MODEL_STEP_COOL;
        }
        return f->alone ? MODEL_STEP_CLOSE : MODEL_STEP_NONE;
    default:
        return MODEL_STEP_NONE;
    }
}

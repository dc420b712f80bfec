#include "support/json_path.h"

kit_json test_json_path(kit_json v, const char *path)
{
    kit_str rest = kit_str_c(path), name;
    while (kit_str_cut(&rest, '.', &name)) {
        uint64_t index;
        char key[64];
        v = kit_str_to_u64(name, &index) == KIT_OK ? kit_json_at(v, index)
                                                   : kit_json_get(v, kit_str_to_c(name, key, sizeof(key)));
    }
    return v;
}

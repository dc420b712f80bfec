#include "folder.h"

#include "kit/file.h"

enum kit_status native_folder_below(const char *folder, kit_str path, char ret[NATIVE_FOLDER_BYTES],
                                    struct kit_err *err)
{
    kit_str rest = path;
    for (kit_str piece; kit_str_cut(&rest, '/', &piece);) {
        if (piece.len == 0 || kit_str_eq(piece, kit_str_lit(".."))) {
            return kit_fail(err, KIT_PARSE, "'%.*s' is not below the model's folder",
                            KIT_STR_ARG(kit_str_sub(path, 0, 64)));
        }
    }
    return kit_file_join(ret, NATIVE_FOLDER_BYTES, kit_str_c(folder), path.len == 0 ? kit_str_lit(".") : path, err);
}

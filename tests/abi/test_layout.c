/* The structs and codes of the ABI against the frozen table: a changed row breaks plug-ins that are built already. */
#include "support/test.h"

#include "aether/backend.h"

struct row {
    const char *what;
    uint64_t frozen, now;
};

static const struct row rows[] = {
#define STRUCT(name, size) {#name, size, sizeof(struct name)},
#define FIELD(name, member, offset, size)                                                                              \
    {#name "." #member, offset, offsetof(struct name, member)},                                                        \
        {#name "." #member " (size)", size, sizeof(((struct name *)0)->member)},
#define CODE(name, value) {#name, value, name},
#include "layout_0_1.def"
};

TEST(abi_layout_is_the_frozen_one)
{
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        if (rows[i].frozen != rows[i].now) {
            fail_msg("%s was %llu and is %llu", rows[i].what, (unsigned long long)rows[i].frozen,
                     (unsigned long long)rows[i].now);
        }
    }
}

/* Every field is named in the table: sizes of the members and the gaps add up to the struct. */
TEST(abi_layout_leaves_no_field_out)
{
    static const struct {
        uint64_t size, last_end;
    } structs[] = {
#undef STRUCT
#undef FIELD
#undef CODE
#define STRUCT(name, bytes) {.size = bytes},
#define FIELD(name, member, offset, bytes) {.last_end = (offset) + (bytes)},
#define CODE(name, value)
#include "layout_0_1.def"
    };
    uint64_t size = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < KIT_COUNT(structs); i++) {
        if (structs[i].size != 0) {
            assert_int_equal(end, size);
            size = structs[i].size;
        } else {
            end = structs[i].last_end;
        }
    }
    assert_int_equal(end, size);
}

TEST(abi_every_struct_begins_with_its_size)
{
#define BEGINS(name) assert_int_equal(offsetof(struct name, size), 0)
    BEGINS(acb_err);
    BEGINS(acb_tensor);
    BEGINS(acb_host);
    BEGINS(acb_option);
    BEGINS(acb_port);
    BEGINS(acb_model_info);
    BEGINS(acb_bytes);
    BEGINS(acb_model_open);
    BEGINS(acb_instance_open);
    BEGINS(acb_want);
    BEGINS(acb_infer);
    BEGINS(acb_step);
    BEGINS(acb_plugin);
}

int main(void)
{
    return TEST_RUN(TEST_OF(abi_layout_is_the_frozen_one), TEST_OF(abi_layout_leaves_no_field_out),
                    TEST_OF(abi_every_struct_begins_with_its_size));
}

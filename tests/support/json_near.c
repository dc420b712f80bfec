#include "support/json_near.h"

#include <math.h>
#include <stdio.h>

#include "support/test.h"

#define PATH_BYTES 256
#define DEPTH_MAX 64

static void compare(kit_json got, kit_json expected, double tolerance, const char *path);

static void compare_object(kit_json got, kit_json expected, double tolerance, const char *path)
{
    char below[PATH_BYTES], key[PATH_BYTES];
    for (struct kit_json_iter i = kit_json_iter(expected); kit_json_next(&i);) {
        kit_str_to_c(i.key, key, sizeof(key));
        snprintf(below, sizeof(below), "%.200s.%.50s", path, key);
        compare(kit_json_get(got, key), i.value, tolerance, below);
    }
}

static void compare_array(kit_json got, kit_json expected, double tolerance, const char *path)
{
    char below[PATH_BYTES];
    struct kit_json_iter g = kit_json_iter(got), e = kit_json_iter(expected);
    while (kit_json_next(&g) && kit_json_next(&e)) {
        snprintf(below, sizeof(below), "%.200s[%zu]", path, g.index);
        compare(g.value, e.value, tolerance, below);
    }
}

static void compare(kit_json got, kit_json expected, double tolerance, const char *path)
{
    enum kit_json_type type = kit_json_type(expected);
    if (kit_json_type(got) != type) {
        fail_msg("%s is %s, expected %s", path, kit_json_type_name(got), kit_json_type_name(expected));
    }
    if (kit_json_count(got) != kit_json_count(expected)) {
        fail_msg("%s has %zu, expected %zu", path, kit_json_count(got), kit_json_count(expected));
    }
    kit_str a = kit_json_str(got, (kit_str){0}), b = kit_json_str(expected, (kit_str){0});
    if (type == KIT_JSON_STRING && !kit_str_eq(a, b)) {
        fail_msg("%s is '%.*s', expected '%.*s'", path, KIT_STR_ARG(a), KIT_STR_ARG(b));
    }
    double x = kit_json_f64(got, 0), y = kit_json_f64(expected, 0);
    if (type == KIT_JSON_NUMBER && !(fabs(x - y) <= tolerance)) {
        fail_msg("%s is %.9g, expected %.9g", path, x, y);
    }
    if (type == KIT_JSON_BOOL && kit_json_bool(got, false) != kit_json_bool(expected, false)) {
        fail_msg("%s is not what was expected", path);
    }
    if (type == KIT_JSON_OBJECT) {
        compare_object(got, expected, tolerance, path);
    } else if (type == KIT_JSON_ARRAY) {
        compare_array(got, expected, tolerance, path);
    }
}

void test_json_near(kit_json got, kit_json expected, double tolerance)
{
    compare(got, expected, tolerance, "it");
}

void test_json_near_text(kit_str got, const char *expected, double tolerance)
{
    struct kit_json_doc *a = NULL, *b = NULL;
    struct kit_err err = {0};
    if (kit_json_parse(got, DEPTH_MAX, &a, &err) != KIT_OK ||
        kit_json_parse(kit_str_c(expected), DEPTH_MAX, &b, &err) != KIT_OK) {
        fail_msg("%s: %.*s, %s", err.msg, KIT_STR_ARG(got), expected);
    }
    test_json_near(kit_json_root(a), kit_json_root(b), tolerance);
    kit_json_free(a);
    kit_json_free(b);
}

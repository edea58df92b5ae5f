// SPDX-License-Identifier: Apache-2.0
/* On a fake tree: files where the kernel's resctrl has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/string.h"
#include "container/resctrl.h"

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static char root[64];

static void put(const char *path, const char *text)
{
    AUTO_FREE char *file = string_format("%s/%s", root, path);
    AUTO_CLOSE int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static char *get(const char *path)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_FREE char *file = string_format("%s/%s", root, path);
    return read_file_at(AT_FDCWD, file, 65536, NULL, &error);
}

static bool is_there(const char *path)
{
    AUTO_FREE char *file = string_format("%s/%s", root, path);
    return access(file, F_OK) == 0;
}

/* A class of service as the kernel makes it: what mkdir brings forth there. */
static void make_group(const char *name)
{
    AUTO_FREE char *directory = string_format("%s/%s", root, name);
    AUTO_FREE char *schemata = string_format("%s/schemata", name);
    AUTO_FREE char *tasks = string_format("%s/tasks", name);
    AUTO_FREE char *monitors = string_format("%s/%s/mon_groups", root, name);
    assert_int_equal(mkdir(directory, 0755), 0);
    assert_int_equal(mkdir(monitors, 0755), 0);
    put(schemata, "");
    put(tasks, "");
}

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/test_resctrl.XXXXXX");
    assert_non_null(mkdtemp(root));
    AUTO_FREE char *info = string_format("%s/info", root);
    assert_int_equal(mkdir(info, 0755), 0);
    put("info/last_cmd_status", "ok\n");
    put("schemata", "");
    put("tasks", "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    return remove_tree_at(AT_FDCWD, root, &error);
}

static void a_named_class_gets_the_schemata_and_the_process(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    bool made = true;
    make_group("gold");
    const struct spec_intel_rdt rdt = { .clos_id = "gold", .l3_cache_schema = "L3:0=f" };
    assert_int_equal(resctrl_apply(root, "web", &rdt, 4711, &made, &error), 0);
    assert_false(made);
    AUTO_FREE char *schemata = get("gold/schemata"), *tasks = get("gold/tasks");
    assert_string_equal(schemata, "L3:0=f\n");
    assert_string_equal(tasks, "4711\n");
}

static void the_default_class_is_the_root_and_is_never_removed(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    bool made;
    const struct spec_intel_rdt rdt = { .clos_id = "/", .schemata = WORDS("MB:0=50") };
    assert_int_equal(resctrl_apply(root, "web", &rdt, 4711, &made, &error), 0);
    assert_false(made);
    AUTO_FREE char *schemata = get("schemata");
    assert_string_equal(schemata, "MB:0=50\n");
    assert_int_equal(resctrl_remove(root, "/", &error), 0);
    assert_true(is_there("tasks"));
}

static void a_group_that_was_made_is_taken_away_again_when_it_cannot_be_filled(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    bool made = true;
    /* The fake tree brings forth no files in a new directory: the first write fails. */
    const struct spec_intel_rdt rdt = { .l3_cache_schema = "L3:0=f" };
    put("info/last_cmd_status", "too many bits\n");
    assert_int_equal(resctrl_apply(root, "web", &rdt, 4711, &made, &error), -1);
    assert_false(made);
    assert_false(is_there("web"));
    assert_non_null(strstr(error.message, "linux.intelRdt.l3CacheSchema: write \"L3:0=f\""));
    assert_non_null(strstr(error.message, "(too many bits)"));
}

static void a_group_of_the_containers_own_must_be_new(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    bool made;
    make_group("web");
    const struct spec_intel_rdt rdt = { .l3_cache_schema = "L3:0=f" };
    assert_int_equal(resctrl_apply(root, "web", &rdt, 4711, &made, &error), -1);
    assert_int_equal(error.code, EEXIST);
}

static void monitoring_makes_a_group_below(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    bool made;
    make_group("gold");
    AUTO_FREE char *monitor = string_format("%s/gold/mon_groups/web", root);
    assert_int_equal(mkdir(monitor, 0755), 0);
    put("gold/mon_groups/web/tasks", "");
    const struct spec_intel_rdt rdt = { .clos_id = "gold", .enable_monitoring = true };
    assert_int_equal(resctrl_apply(root, "web", &rdt, 4711, &made, &error), 0);
    AUTO_FREE char *tasks = get("gold/mon_groups/web/tasks");
    assert_string_equal(tasks, "4711\n");
}

static void an_update_writes_what_is_given(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    make_group("gold");
    assert_int_equal(resctrl_update(root, "gold", NULL, "MB:0=70", &error), 0);
    AUTO_FREE char *schemata = get("gold/schemata");
    assert_string_equal(schemata, "MB:0=70\n");
    assert_int_equal(resctrl_update(root, "absent", NULL, "MB:0=70", &error), -1);
}

static void no_name_leads_out_of_the_tree(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    bool made;
    static const char *const names[] = { "..", ".", "a/b", "../x", "info", "mon_groups" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        const struct spec_intel_rdt rdt = { .clos_id = names[i] };
        assert_int_equal(resctrl_apply(root, "web", &rdt, 1, &made, &error), -1);
        assert_non_null(strstr(error.message, "is not the name of a group"));
        assert_int_equal(resctrl_update(root, names[i], "L3:0=f", NULL, &error), -1);
        assert_int_equal(resctrl_remove(root, names[i], &error), -1);
    }
    /* Nor does a link in the place of a group. */
    AUTO_FREE char *link = string_format("%s/link", root);
    assert_int_equal(symlink("/tmp", link), 0);
    const struct spec_intel_rdt rdt = { .clos_id = "link", .l3_cache_schema = "L3:0=f" };
    assert_int_equal(resctrl_apply(root, "web", &rdt, 1, &made, &error), -1);
}

static void removing_what_is_gone_is_fine(void **state)
{
    (void)state;
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(resctrl_remove(root, "web", &error), 0);
    AUTO_FREE char *group = string_format("%s/web", root);
    assert_int_equal(mkdir(group, 0755), 0);
    assert_int_equal(resctrl_remove(root, "web", &error), 0);
    assert_false(is_there("web"));
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_named_class_gets_the_schemata_and_the_process),
        test(the_default_class_is_the_root_and_is_never_removed),
        test(a_group_that_was_made_is_taken_away_again_when_it_cannot_be_filled),
        test(a_group_of_the_containers_own_must_be_new),
        test(monitoring_makes_a_group_below),
        test(an_update_writes_what_is_given),
        test(no_name_leads_out_of_the_tree),
        test(removing_what_is_gone_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

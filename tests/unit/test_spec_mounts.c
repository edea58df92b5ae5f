// SPDX-License-Identifier: Apache-2.0
#include "spec_fixture.h"

#include <sys/mount.h>

#include "spec/mount_options.h"

#define OPTIONS(words) "\"options\":[" words "]"
#define USER_NAMESPACE                                                                             \
    "\"linux\":{\"namespaces\":[{\"type\":\"user\"}],"                                             \
    "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1},"                                \
    "{\"containerID\":1,\"hostID\":2,\"size\":1000}],"                                             \
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":100}]},"
#define MAPPING(container, host, size)                                                             \
    "{\"containerID\":" container ",\"hostID\":" host ",\"size\":" size "}"

static void each_property_of_a_mount(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "", NULL },
        { "\"type\":\"\",\"options\":null", NULL },
        { "\"type\":7", "mounts[0].type: must be a string" },
        { "\"options\":\"ro\"", "mounts[0].options: must be an array, is a string" },
        { OPTIONS("\"ro\",1"), "mounts[0].options[1]: must be a string, is an integer" },
        { OPTIONS("null"), "mounts[0].options[0]: must be a string, is null" },
        { "\"type\":\"tmpfs\"," OPTIONS("\"tmpcopyup\""), NULL },
        { "\"type\":\"bind\"," OPTIONS("\"tmpcopyup\""),
          "mounts[0].options: tmpcopyup is for type tmpfs only" },
        { "\"uidMappings\":[" MAPPING("0", "0", "1") "]",
          "mounts[0]: uidMappings and gidMappings must come together" },
        { "\"uidMappings\":[" MAPPING("0", "0", "1") "],\"gidMappings\":[" MAPPING("0", "0",
                                                                                   "0") "]",
          "mounts[0].gidMappings[0]: maps no ids" },
        { OPTIONS("\"idmap\""), "mounts[0]: idmap needs uidMappings and gidMappings" },
        { OPTIONS("\"idmap=uids=0-1-10#10-11-10;gids=0-100-10\""), NULL },
        { OPTIONS("\"idmap=uids=0-1-10\""), "mounts[0].options[0]: needs both uids= and gids=" },
        { OPTIONS("\"idmap=uids=0-1;gids=0-100-10\""),
          "mounts[0].options[0]: \"0-1\" is not FROM-TO-COUNT" },
        { OPTIONS("\"idmap=uids=0-1-4294967296;gids=0-100-10\""),
          "mounts[0].options[0]: \"0-1-4294967296\" is not FROM-TO-COUNT" },
        { OPTIONS("\"idmap=uids=0-1-0;gids=0-100-10\""), "mounts[0].options[0]: maps no ids" },
        { OPTIONS("\"idmap=uids=0-1-1;gids=0-100-10;pids=1\""),
          "mounts[0].options[0]: \"pids=1\" is neither" },
        { OPTIONS("\"idmap=uids=@0-1-1;gids=0-100-10\""),
          "mounts[0].options[0]: \"@0-1-1\" is not mapped in the container's user namespace" },
    };
    CHECK_ALL(spec_decode, MOUNT, goldens);
}

static void what_a_mount_must_have(void **state)
{
    (void)state;
    static const struct golden goldens[] = {
        { "\"mounts\":[{\"destination\":\"/a\",\"type\":\"proc\"}]", NULL },
        { "\"mounts\":[{\"destination\":\"\"}]", "mounts[0].destination: must not be empty" },
        { "\"mounts\":[{\"source\":\"/a\"}]", "mounts[0].destination: is required" },
        { "\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\"}]",
          "mounts[0].source: is required for a bind mount" },
        { "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"rbind\"]}]",
          "mounts[0].source: is required for a bind mount" },
        { "\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\",\"remount\",\"ro\"]}]", NULL },
        { USER_NAMESPACE "\"mounts\":[{\"destination\":\"/a\",\"source\":\"/b\","
                         "\"options\":[\"bind\",\"idmap\"]}]",
          NULL },
    };
    CHECK_ALL(spec_decode, CONFIG, goldens);
}

static const struct spec_mount *only_mount(const struct spec *spec)
{
    assert_int_equal(spec->mount_count, 1);
    return &spec->mounts[0];
}

static void a_relative_destination_is_below_the_root(void **state)
{
    (void)state;
    const char *text = "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
                       "\"mounts\":[{\"destination\":\"a/b\",\"type\":\"tmpfs\"}]}";
    AUTO_PROBLEMS struct spec_problems problems = { 0 };
    AUTO_SPEC struct spec *spec = spec_decode(text, strlen(text), &problems);
    assert_non_null(spec);
    assert_string_equal(only_mount(spec)->destination, "/a/b");
    assert_int_equal(problems.warning_count, 1);
    assert_string_equal(problems.warnings[0].path, "mounts[0].destination");
}

static void options_are_told_apart_by_who_carries_them_out(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, MOUNT,
        OPTIONS("\"nosuid\",\"size=64k\",\"noexec\",\"\",\"dirsync\",\"rslave\",\"mode=1777\","
                "\"rnosuid\",\"private\",\"X-mount.mkdir\""));
    const struct spec_mount *mount = only_mount(spec);
    assert_true(mount->attributes_set == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    assert_true(mount->attributes_clear == 0);
    assert_true(mount->recursive_set == MOUNT_ATTR_NOSUID);
    assert_true(mount->superblock_flags == MS_DIRSYNC);
    assert_string_equal(mount->data, "size=64k,mode=1777,X-mount.mkdir");
    assert_int_equal(mount->propagation_count, 2);
    assert_true(mount->propagation[0] == (MS_SLAVE | MS_REC));
    assert_true(mount->propagation[1] == MS_PRIVATE);
    assert_false(mount->bind);
}

static void a_later_option_undoes_an_earlier_one(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, MOUNT,
                    OPTIONS("\"ro\",\"nodev\",\"sync\",\"rw\",\"dev\",\"async\",\"rro\",\"rrw\""));
    const struct spec_mount *mount = only_mount(spec);
    assert_true(mount->attributes_set == 0);
    assert_true(mount->attributes_clear == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV));
    assert_true(mount->superblock_flags == 0);
    assert_true(mount->superblock_flags_clear == (MS_RDONLY | MS_SYNCHRONOUS));
    assert_true(mount->recursive_set == 0 && mount->recursive_clear == MOUNT_ATTR_RDONLY);
}

/* mount_setattr(2): to change the access time, all of its field must be cleared. */
static void access_times_are_one_field(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        uint64_t set;
    } cases[] = {
        { "\"noatime\"", MOUNT_ATTR_NOATIME },
        { "\"strictatime\"", MOUNT_ATTR_STRICTATIME },
        { "\"relatime\"", 0 },
        { "\"noatime\",\"strictatime\"", MOUNT_ATTR_STRICTATIME },
        { "\"strictatime\",\"noatime\"", MOUNT_ATTR_NOATIME },
        { "\"noatime\",\"relatime\"", 0 },
        { "\"noatime\",\"atime\"", 0 },
        { "\"strictatime\",\"nostrictatime\"", 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        AUTO_FREE char *text = string_format("\"options\":[%s]", cases[i].words);
        AUTO_SPEC struct spec *spec = must_decode(spec_decode, MOUNT, text);
        assert_true(only_mount(spec)->attributes_set == cases[i].set);
        assert_true((only_mount(spec)->attributes_clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME ||
                    cases[i].set == 0);
        assert_true((only_mount(spec)->attributes_clear | cases[i].set) == MOUNT_ATTR__ATIME);
    }
}

static void read_only_is_the_mounts_and_the_file_systems(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = must_decode(spec_decode, MOUNT, OPTIONS("\"ro\""));
    assert_true(only_mount(spec)->attributes_set == MOUNT_ATTR_RDONLY);
    assert_true(only_mount(spec)->superblock_flags == MS_RDONLY);
}

static void binds_are_known_by_option_and_by_type(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool bind, recursive;
    } cases[] = {
        { OPTIONS("\"bind\""), true, false },
        { OPTIONS("\"rbind\""), true, true },
        { "\"type\":\"bind\"", true, false },
        { "\"type\":\"bind\"," OPTIONS("\"rbind\""), true, true },
        { "\"type\":\"none\"", false, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        AUTO_SPEC struct spec *spec = must_decode(spec_decode, MOUNT, cases[i].text);
        assert_int_equal(only_mount(spec)->bind, cases[i].bind);
        assert_int_equal(only_mount(spec)->recursive, cases[i].recursive);
    }
}

static void switches_are_set_by_their_words(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec =
        must_decode(spec_decode, MOUNT,
                    "\"type\":\"tmpfs\"," OPTIONS("\"tmpcopyup\",\"copy-symlink\",\"src-nofollow\","
                                                  "\"dest-nofollow\",\"remount\",\"defaults\""));
    const struct spec_mount *mount = only_mount(spec);
    assert_true(mount->copy_up && mount->copy_symlink && mount->source_nofollow &&
                mount->destination_nofollow && mount->remount);
    assert_string_equal(mount->data, "");
    AUTO_SPEC struct spec *plain = must_decode(spec_decode, MOUNT, "");
    mount = only_mount(plain);
    assert_false(mount->copy_up || mount->copy_symlink || mount->source_nofollow ||
                 mount->destination_nofollow || mount->remount);
    assert_string_equal(mount->data, "");
}

static void mappings_alone_ask_for_an_idmapped_mount(void **state)
{
    (void)state;
    const char *mappings = "\"uidMappings\":[" MAPPING(
        "0", "1000", "10") "],\"gidMappings\":[" MAPPING("1", "4294967290", "5") "]";
    AUTO_SPEC struct spec *spec = must_decode(spec_decode, MOUNT, mappings);
    const struct spec_mount *mount = only_mount(spec);
    assert_int_equal(mount->idmap, SPEC_IDMAP);
    assert_int_equal(mount->uid_mappings[0].host_id, 1000);
    assert_true(mount->gid_mappings[0].host_id == 4294967290U);
    AUTO_FREE char *recursive = string_format("%s," OPTIONS("\"ridmap\""), mappings);
    AUTO_SPEC struct spec *other = must_decode(spec_decode, MOUNT, recursive);
    assert_int_equal(only_mount(other)->idmap, SPEC_IDMAP_RECURSIVE);
}

/* The example of crun(1): with these mappings "@1-3-10" is 1-4-10. */
static void mappings_in_an_option_may_be_relative_to_the_container(void **state)
{
    (void)state;
    AUTO_SPEC struct spec *spec = must_decode(
        spec_decode, CONFIG,
        USER_NAMESPACE "\"mounts\":[{\"destination\":\"/a\",\"source\":\"/b\",\"options\":"
                       "[\"ridmap=uids=@1-3-10#20-30-40;gids=@0-5-1\"]}]");
    const struct spec_mount *mount = only_mount(spec);
    assert_int_equal(mount->idmap, SPEC_IDMAP_RECURSIVE);
    assert_int_equal(mount->uid_mapping_count, 2);
    assert_int_equal(mount->uid_mappings[0].container_id, 1);
    assert_int_equal(mount->uid_mappings[0].host_id, 4);
    assert_int_equal(mount->uid_mappings[0].size, 10);
    assert_int_equal(mount->uid_mappings[1].host_id, 30);
    assert_int_equal(mount->gid_mappings[0].host_id, 5005);
    check_golden(
        spec_decode, CONFIG,
        &(struct golden){ USER_NAMESPACE
                          "\"mounts\":[{\"destination\":\"/a\",\"source\":\"/b\",\"options\":"
                          "[\"idmap=uids=@0-1-1001;gids=0-0-1\"]}]",
                          "mounts[0].options[0]: \"@0-1-1001\" is not mapped" });
}

/* runtime-spec config.md, "Linux mount options": all of the table. */
static void every_option_of_the_specification_is_known(void **state)
{
    (void)state;
    AUTO_STRINGS char **words = string_split(
        "async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime "
        "nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid "
        "nosymfollow private ratime rbind rdev rdiratime relatime remount rexec rnoatime rnodev "
        "rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate "
        "rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared "
        "silent slave strictatime suid symfollow sync tmpcopyup unbindable idmap ridmap",
        " ");
    for (char **word = words; *word; word++)
        if (!mount_option_find(*word))
            fail_msg("%s is not known", *word);
    assert_null(mount_option_find("size=1"));
}

static void each_option_is_there_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < spec_mount_option_count; i++)
        assert_ptr_equal(mount_option_find(spec_mount_options[i].name), &spec_mount_options[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_of_a_mount),
        cmocka_unit_test(what_a_mount_must_have),
        cmocka_unit_test(a_relative_destination_is_below_the_root),
        cmocka_unit_test(options_are_told_apart_by_who_carries_them_out),
        cmocka_unit_test(a_later_option_undoes_an_earlier_one),
        cmocka_unit_test(access_times_are_one_field),
        cmocka_unit_test(read_only_is_the_mounts_and_the_file_systems),
        cmocka_unit_test(binds_are_known_by_option_and_by_type),
        cmocka_unit_test(switches_are_set_by_their_words),
        cmocka_unit_test(mappings_alone_ask_for_an_idmapped_mount),
        cmocka_unit_test(mappings_in_an_option_may_be_relative_to_the_container),
        cmocka_unit_test(every_option_of_the_specification_is_known),
        cmocka_unit_test(each_option_is_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

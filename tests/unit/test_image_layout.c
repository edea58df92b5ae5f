// SPDX-License-Identifier: Apache-2.0
#include "image_layout.h"

#include <errno.h>
#include <sys/inotify.h>

#include "base/json.h"
#include "image/oci_layout.h"
#include "image/oci_manifest.h"

static int set_up(void **state)
{
    *state = temporary_directory();
    return 0;
}

static int tear_down(void **state)
{
    char *directory = *state;
    remove_directory(&directory);
    return 0;
}

/* Descriptors of blobs that nobody reads. */
static char *somewhere(char digit)
{
    char digits[65];
    memset(digits, digit, 64);
    digits[64] = '\0';
    return string_format("{\"mediaType\":\"" OCI_MANIFEST "\",\"digest\":\"sha256:%s\",\"size\":10",
                         digits);
}

/* The first digit of the digest that is found, or -1. */
static int find(const char *directory, const char *tag, struct error *error)
{
    AUTO_OCI_DESCRIPTOR struct oci_descriptor found = { 0 };
    AUTO_CLOSE int fd = oci_layout_open(directory, error);
    if (fd < 0 || oci_layout_find(fd, tag, &found, error) < 0)
        return -1;
    return digest_hex(found.digest)[0];
}

static void a_tag_chooses_the_image(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = layout_begin(*state);
    layout_add(&layout, somewhere('1'), "one", NULL);
    layout_add(&layout, somewhere('2'), "docker.io/library/two:latest", NULL);
    layout_finish(&layout);
    assert_int_equal(find(*state, "one", &error), '1');
    assert_int_equal(find(*state, "docker.io/library/two:latest", &error), '2');
}

static void without_a_tag_there_must_be_one_image(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = layout_begin(*state);
    layout_add(&layout, somewhere('1'), NULL, NULL);
    layout_finish(&layout);
    assert_int_equal(find(*state, NULL, &error), '1');

    layout = layout_begin(*state);
    layout_add(&layout, somewhere('1'), "a", NULL);
    layout_add(&layout, somewhere('1'), "b", NULL); /* the same image */
    layout_finish(&layout);
    assert_int_equal(find(*state, NULL, &error), '1');

    layout = layout_begin(*state);
    layout_add(&layout, somewhere('1'), "a", NULL);
    layout_add(&layout, somewhere('2'), "b", NULL);
    layout_finish(&layout);
    assert_int_equal(find(*state, NULL, &error), -1);
    assert_error_contains(error, "several images: add :TAG; its tags: a, b");
}

static void an_unknown_tag_lists_those_there_are(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = layout_begin(*state);
    layout_add(&layout, somewhere('1'), "a", NULL);
    layout_add(&layout, somewhere('2'), "b", NULL);
    layout_finish(&layout);
    assert_int_equal(find(*state, "c", &error), -1);
    assert_error_contains(error, "no tag \"c\" in the image layout; its tags: a, b");
}

static void the_machine_chooses_among_platforms(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = layout_begin(*state);
    layout_add(&layout, somewhere('1'), "a", "{\"os\":\"linux\",\"architecture\":\"sparc64\"}");
    layout_add(&layout, somewhere('2'), "a", "{\"os\":\"windows\",\"architecture\":\"amd64\"}");
    layout_add(&layout, somewhere('3'), "a", "{\"os\":\"linux\",\"architecture\":\"amd64\"}");
    layout_add(&layout, somewhere('4'), NULL, "{\"os\":\"unknown\",\"architecture\":\"unknown\"}");
    layout_finish(&layout);
    assert_int_equal(find(*state, "a", &error), '3');
    assert_int_equal(find(*state, NULL, &error), '3');
}

static void no_image_for_this_machine_is_said(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = layout_begin(*state);
    layout_add(&layout, somewhere('1'), "a", "{\"os\":\"linux\",\"architecture\":\"sparc64\"}");
    layout_finish(&layout);
    assert_int_equal(find(*state, "a", &error), -1);
    assert_error_contains(error, "no image for linux/amd64");
}

static char *index_of(const struct layout *layout, char *descriptor, const char *more)
{
    AUTO_FREE char *owned = descriptor;
    AUTO_FREE char *text =
        string_format("{\"schemaVersion\":2,\"manifests\":[%s%s}]}", owned, more);
    return layout_text_blob(layout, OCI_INDEX, text);
}

static void an_index_in_an_index_is_followed(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = layout_begin(*state);
    char *inner = index_of(&layout, somewhere('7'),
                           ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}");
    layout_add(&layout, index_of(&layout, inner, ""), "a", NULL);
    layout_finish(&layout);
    assert_int_equal(find(*state, "a", &error), '7');
}

static void indexes_do_not_nest_without_end(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = layout_begin(*state);
    char *inner = somewhere('7');
    for (int i = 0; i < 6; i++)
        inner = index_of(&layout, inner, "");
    layout_add(&layout, inner, "a", NULL);
    layout_finish(&layout);
    assert_int_equal(find(*state, "a", &error), -1);
    assert_error_contains(error, "more than 4 indexes inside each other");
}

static void what_is_no_layout_is_refused(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    assert_int_equal(find(*state, NULL, &error), -1);
    assert_error_contains(error, "is not an OCI image layout");
    error_clear(&error);
    write_text(*state, "oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}");
    assert_int_equal(find(*state, NULL, &error), -1);
    assert_error_contains(error, "imageLayoutVersion 2.0.0");
    error_clear(&error);
    write_text(*state, "oci-layout", "{}");
    assert_int_equal(find(*state, NULL, &error), -1);
    assert_error_contains(error, "imageLayoutVersion: is missing");
}

static void an_index_is_decoded_strictly(void **state)
{
    static const struct {
        const char *index, *says;
    } wrong[] = {
        { "[]", "not an object" },
        { "{}", "schemaVersion: is missing" },
        { "{\"schemaVersion\":1,\"manifests\":[]}", "must be 2" },
        { "{\"schemaVersion\":2}", "manifests: is missing" },
        { "{\"schemaVersion\":2,\"manifests\":{}}", "must be of type array" },
        { "{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}", "manifests" },
        { "{\"schemaVersion\":2,\"manifests\":[1]}", "manifests[0]: not an object" },
        { "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x\",\"size\":1}]}",
          "manifests[0].digest: is missing" },
        { "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x\",\"digest\":\"sha256:../../"
          "etc\","
          "\"size\":1}]}",
          "neither sha256:HEX" },
        { "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x\",\"digest\":\"md5:00\","
          "\"size\":1}]}",
          "neither sha256:HEX" },
        { "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x\",\"digest\":\"x\",\"size\":-1}]"
          "}",
          "is not a size" },
        { "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x\",\"digest\":\"x\","
          "\"size\":18446744073709551615}]}",
          "is not a size" },
    };
    struct layout layout = layout_begin(*state);
    layout_finish(&layout);
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_ERROR struct error error = { 0 };
        write_text(*state, "index.json", wrong[i].index);
        assert_int_equal(find(*state, NULL, &error), -1);
        assert_error_contains(error, wrong[i].says);
    }
}

/* A layout with one image of one layer. */
static void write_image(const char *directory, const struct layout_image *image)
{
    struct bytes tar = TAR({ .name = "a", .data = "x" });
    struct layout_image copy = *image;
    if (!copy.layers[0].length)
        copy.layers[0] = tar;
    struct layout layout = layout_begin(directory);
    layout_add(&layout, layout_image(&layout, &copy), "t", NULL);
    layout_finish(&layout);
    bytes_free(&tar);
}

static int read_image(const char *directory, struct oci_image *image, struct error *error)
{
    AUTO_OCI_DESCRIPTOR struct oci_descriptor found = { 0 };
    AUTO_CLOSE int fd = oci_layout_open(directory, error);
    assert_true(fd >= 0);
    if (oci_layout_find(fd, NULL, &found, error) < 0)
        return -1;
    return oci_image_read(fd, &found, image, error);
}

static void the_configuration_says_how_to_run(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_OCI_IMAGE struct oci_image image = { 0 };
    write_image(*state, &(struct layout_image){
                            .run_config = "{\"Entrypoint\":[\"/e\"],\"Cmd\":[\"a\",\"b c\"],"
                                          "\"Env\":[\"A=1\",\"B=\"],\"WorkingDir\":\"/w\","
                                          "\"User\":\"1:2\",\"StopSignal\":\"SIGINT\"}" });
    assert_ok(read_image(*state, &image, &error), error);
    assert_string_equal(image.config.entrypoint.items[0], "/e");
    assert_int_equal(image.config.command.count, 2);
    assert_string_equal(image.config.command.items[1], "b c");
    assert_string_equal(image.config.environment.items[1], "B=");
    assert_string_equal(image.config.working_directory, "/w");
    assert_string_equal(image.config.user, "1:2");
    assert_string_equal(image.config.stop_signal, "SIGINT");
    assert_int_equal(image.layers[0].compression, LAYER_PLAIN);
}

static void null_and_empty_members_are_absent(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    AUTO_OCI_IMAGE struct oci_image image = { 0 };
    write_image(*state,
                &(struct layout_image){ .run_config = "{\"Entrypoint\":null,\"Cmd\":[],"
                                                      "\"WorkingDir\":\"\",\"User\":\"\"}" });
    assert_ok(read_image(*state, &image, &error), error);
    assert_int_equal(image.config.entrypoint.count, 0);
    assert_null(image.config.working_directory);
    assert_null(image.config.user);
}

static void an_image_that_does_not_fit_is_refused(void **state)
{
    static const struct {
        struct layout_image image;
        const char *says;
    } wrong[] = {
        { { .architecture = "sparc64" }, "for linux/sparc64, this machine is linux/amd64" },
        { { .config_type = "application/vnd.cncf.helm.config.v1+json" }, "artifact, not an image" },
        { { .layer_type = "application/vnd.oci.image.layer.v1.tar+encrypted" },
          "cannot be unpacked" },
        { { .run_config = "{\"Env\":[\"novalue\"]}" }, "Env[0]: \"novalue\" is not NAME=VALUE" },
        { { .run_config = "{\"Env\":[\"=x\"]}" }, "Env[0]" },
        { { .run_config = "{\"Cmd\":\"sh\"}" }, "config.config.Cmd: must be of type array" },
        { { .run_config = "{\"Cmd\":[1]}" }, "config.config.Cmd[0]: must be a string" },
        { { .run_config = "{\"User\":\"a\",\"User\":\"b\"}" }, "User" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_ERROR struct error error = { 0 };
        AUTO_OCI_IMAGE struct oci_image image = { 0 };
        write_image(*state, &wrong[i].image);
        assert_int_equal(read_image(*state, &image, &error), -1);
        assert_error_contains(error, wrong[i].says);
    }
}

static int decode_both(const char *manifest_text, const char *config_text, struct error *error)
{
    AUTO_OCI_IMAGE struct oci_image image = { 0 };
    AUTO_OCI_DESCRIPTOR struct oci_descriptor config = { 0 };
    AUTO_JSON struct json_object *manifest =
        json_parse(manifest_text, strlen(manifest_text), error);
    assert_non_null(manifest);
    if (oci_manifest_decode(manifest, &config, &image, error) < 0)
        return -1;
    AUTO_JSON struct json_object *object = json_parse(config_text, strlen(config_text), error);
    assert_non_null(object);
    return oci_config_decode(object, &image, error);
}

#define DIGEST_OF_ZEROS "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define BLOB(type)      "{\"mediaType\":\"" type "\",\"digest\":\"" DIGEST_OF_ZEROS "\",\"size\":1}"
#define MANIFEST(layers)                                                                           \
    "{\"schemaVersion\":2,\"config\":" BLOB(OCI_CONFIG) ",\"layers\":[" layers "]}"
#define CONFIG(ids)                                                                                \
    "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[" ids "]}}"

static void layers_and_diff_ids_pair(void **state)
{
    (void)state;
    static const char id[] = CONFIG("\"" DIGEST_OF_ZEROS "\"");
    static const struct {
        const char *manifest, *config, *says;
    } wrong[] = {
        { MANIFEST(""), id, "no layers" },
        { MANIFEST(BLOB(OCI_LAYER) "," BLOB(OCI_LAYER)), id, "1 for 2 layers" },
        { MANIFEST(BLOB(OCI_LAYER)), CONFIG(""), "0 for 1 layers" },
        { MANIFEST(BLOB(OCI_LAYER)), CONFIG("\"sha256:x\""), "\"sha256:x\" is not a digest" },
        { MANIFEST(BLOB(OCI_LAYER)), "{\"os\":\"linux\",\"architecture\":\"amd64\"}",
          "config.rootfs: is missing" },
        { "{\"schemaVersion\":2,\"layers\":[]}", id, "config: is missing" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_ERROR struct error error = { 0 };
        assert_int_equal(decode_both(wrong[i].manifest, wrong[i].config, &error), -1);
        assert_error_contains(error, wrong[i].says);
    }
    AUTO_ERROR struct error error = { 0 };
    assert_ok(decode_both(MANIFEST(BLOB(OCI_LAYER)), id, &error), error);
}

/* Open a 10-byte blob of a known digest. */
static const char ten_bytes[] = "0123456789";

static int open_ten(const char *directory, struct error *error)
{
    const struct bytes bytes = { .data = (char *)ten_bytes, .length = 10 };
    char digest[DIGEST_TEXT_SIZE];
    digest_of(&bytes, digest);
    const struct oci_descriptor descriptor = { .media_type = (char *)"x",
                                               .digest = digest,
                                               .size = 10 };
    AUTO_CLOSE int layout_fd = oci_layout_open(directory, error);
    assert_true(layout_fd >= 0);
    AUTO_JSON struct json_object *json = oci_blob_json(layout_fd, &descriptor, error);
    return json ? 0 : -1;
}

static char *path_of_ten(const char *directory)
{
    const struct bytes bytes = { .data = (char *)ten_bytes, .length = 10 };
    char digest[DIGEST_TEXT_SIZE];
    digest_of(&bytes, digest);
    return string_format("%s/blobs/sha256/%s", directory, digest_hex(digest));
}

static void a_blob_has_the_size_and_digest_of_its_descriptor(void **state)
{
    struct layout layout = layout_begin(*state);
    layout_finish(&layout);
    AUTO_FREE char *path = path_of_ten(*state);
    static const struct {
        const char *text, *says;
    } wrong[] = {
        { "012345678", "is damaged: it has 9 bytes, not 10" },
        { "01234567899", "is damaged: it has 11 bytes, not 10" },
        { "0123456780", "blob is damaged: its digest is sha256:" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        AUTO_ERROR struct error error = { 0 };
        write_text("/", path, wrong[i].text);
        assert_int_equal(open_ten(*state, &error), -1);
        assert_error_contains(error, wrong[i].says);
    }
    AUTO_ERROR struct error error = { 0 };
    write_text("/", path, ten_bytes); /* the digest is right now; it is still no JSON */
    assert_int_equal(open_ten(*state, &error), -1);
    assert_null(strstr(error.message, "damaged"));
}

static void a_blob_is_a_regular_file_inside_the_layout(void **state)
{
    AUTO_ERROR struct error error = { 0 };
    struct layout layout = layout_begin(*state);
    layout_finish(&layout);
    AUTO_FREE char *path = path_of_ten(*state);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(open_ten(*state, &error), -1);
    assert_error_contains(error, "leads out of the image layout");
    error_clear(&error);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0644), 0);
    /* It is not even opened: a device might do something then. */
    AUTO_CLOSE int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
    assert_int_equal(open_ten(*state, &error), -1); /* and does not wait for a writer */
    assert_error_contains(error, "not a regular file");
    char event[4096];
    assert_int_equal(read(watch, event, sizeof(event)), -1);
    assert_int_equal(errno, EAGAIN);
}

#define layout_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        layout_test(a_tag_chooses_the_image),
        layout_test(without_a_tag_there_must_be_one_image),
        layout_test(an_unknown_tag_lists_those_there_are),
        layout_test(the_machine_chooses_among_platforms),
        layout_test(no_image_for_this_machine_is_said),
        layout_test(an_index_in_an_index_is_followed),
        layout_test(indexes_do_not_nest_without_end),
        layout_test(what_is_no_layout_is_refused),
        layout_test(an_index_is_decoded_strictly),
        layout_test(the_configuration_says_how_to_run),
        layout_test(null_and_empty_members_are_absent),
        layout_test(an_image_that_does_not_fit_is_refused),
        layout_test(layers_and_diff_ids_pair),
        layout_test(a_blob_has_the_size_and_digest_of_its_descriptor),
        layout_test(a_blob_is_a_regular_file_inside_the_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

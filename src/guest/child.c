// SPDX-License-Identifier: Apache-2.0
#include "guest/child.h"

#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/prctl.h>

#include "guest/home.h"
#include "guest/mounts.h"
#include "guest/system_call.h"

enum { DEFAULT_UMASK = 0022, SET_MASK = 2 /* SIG_SETMASK */ };

static int set_streams(const struct launch *launch)
{
    const uint64_t no_signal = 0;
    CALL4(__NR_rt_sigprocmask, SET_MASK, &no_signal, 0, sizeof(no_signal));
    int result = (int)CALL0(__NR_setsid);
    for (int i = 0; i < 3 && result >= 0; i++)
        result = sys_dup_to(launch->fds[i], i);
    if (result >= 0 && launch->start.flags & GUEST_START_TERMINAL)
        result = (int)sys_ioctl(0, TIOCSCTTY, 0);
    return result;
}

static int set_limits(const struct launch *launch)
{
    struct guest_rlimit limit;
    for (uint32_t i = 0; i < launch->start.rlimit_count; i++) {
        memcpy(&limit, launch->rlimits + i * sizeof(limit), sizeof(limit));
        int result = (int)CALL4(__NR_prlimit64, 0, limit.resource, &limit, 0);
        if (result < 0)
            return result;
    }
    return 0;
}

static int set_oom_score(const struct launch *launch)
{
    char number[16];
    struct text text = TEXT(number);
    int32_t score = launch->start.oom_score_adj;
    if (!(launch->start.flags & GUEST_START_OOM_SCORE))
        return 0;
    text_add(&text, score < 0 ? "-" : "");
    text_add_number(&text, score < 0 ? 0U - (uint32_t)score : (uint32_t)score);
    return text_write_file("/proc/self/oom_score_adj", number);
}

/* Newer capabilities than the host knows go as well: the kernel says where its own end. */
static int drop_bounding(uint64_t kept)
{
    for (unsigned int capability = 0; capability < 64; capability++) {
        if (kept >> capability & 1)
            continue;
        int result = sys_prctl(PR_CAPBSET_DROP, capability, 0);
        if (result == -EINVAL)
            return 0;
        if (result < 0)
            return result;
    }
    return 0;
}

static int set_ids(const struct guest_start *start, const void *groups)
{
    int result = (int)CALL2(SETGROUPS, start->group_count, groups);
    if (result == 0)
        result = (int)CALL3(SETRESGID, start->gid, start->gid, start->gid);
    if (result == 0)
        result = (int)CALL3(SETRESUID, start->uid, start->uid, start->uid);
    return result;
}

static int set_capabilities(const uint64_t sets[GUEST_CAPABILITY_SETS])
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];
    for (int word = 0; word < 2; word++)
        data[word] = (struct __user_cap_data_struct){
            .effective = (uint32_t)(sets[GUEST_EFFECTIVE] >> (32 * word)),
            .permitted = (uint32_t)(sets[GUEST_PERMITTED] >> (32 * word)),
            .inheritable = (uint32_t)(sets[GUEST_INHERITABLE] >> (32 * word)),
        };
    return (int)CALL2(__NR_capset, &header, data);
}

static int raise_ambient(const uint64_t sets[GUEST_CAPABILITY_SETS])
{
    uint64_t ambient = sets[GUEST_AMBIENT] & sets[GUEST_PERMITTED] & sets[GUEST_INHERITABLE];
    for (unsigned int capability = 0; capability < 64; capability++) {
        int result = ambient >> capability & 1
                         ? sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)
                         : 0;
        if (result < 0 && result != -EINVAL) /* a capability that this kernel does not know */
            return result;
    }
    return 0;
}

static int set_identity(const struct launch *launch)
{
    const struct guest_start *start = &launch->start;
    bool chosen = start->flags & GUEST_START_CAPABILITIES;
    CALL1(__NR_umask, start->flags & GUEST_START_UMASK ? start->umask : DEFAULT_UMASK);
    int result = chosen ? drop_bounding(start->capabilities[GUEST_BOUNDING]) : 0;
    if (result == 0 && chosen)
        result = sys_prctl(PR_SET_KEEPCAPS, 1, 0);
    if (result == 0)
        result = set_ids(start, launch->groups);
    if (result == 0 && chosen)
        result = set_capabilities(start->capabilities);
    if (result == 0 && chosen)
        result = raise_ambient(start->capabilities);
    if (result == 0 && start->flags & GUEST_START_NO_NEW_PRIVILEGES)
        result = sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
    return result;
}

/* It is made where it is missing, while we may. */
static int make_working_directory(const struct launch *launch)
{
    if (CALL4(__NR_faccessat, AT_FDCWD, launch->working_directory, 0, 0) == -ENOENT)
        return make_directories(launch->working_directory, 0755);
    return 0;
}

static int enter_working_directory(const struct launch *launch)
{
    return (int)CALL1(__NR_chdir, launch->working_directory);
}

static const char *variable(const struct launch *launch, const char *prefix)
{
    for (const char *const *entry = launch->environment; *entry; entry++) {
        const char *value = text_after(*entry, prefix);
        if (value)
            return value;
    }
    return NULL;
}

static int set_home(const struct launch *launch)
{
    static const char prefix[] = "HOME=";
    if (variable(launch, prefix))
        return 0;
    char *home = map_memory(HOME_SIZE);
    if (!home)
        return -ENOMEM;
    struct text text = { .data = home, .size = HOME_SIZE };
    text_add(&text, prefix);
    home_of(launch->start.uid, &text);
    const char **end = launch->environment;
    while (*end)
        end++;
    end[0] = home;
    end[1] = NULL;
    return 0;
}

static int execute_at(const struct launch *launch, const char *path)
{
    return (int)CALL3(__NR_execve, path, launch->arguments, launch->environment);
}

/* As execvpe(3): a directory that cannot be searched does not end the search. */
static int search(const struct launch *launch, const char *directories)
{
    char path[4096];
    int failure = -ENOENT;
    for (const char *directory = directories;; directory++) {
        const char *end = text_find(directory, ':');
        struct text text = TEXT(path);
        text_add_bytes(&text, directory, (size_t)(end - directory));
        text_add(&text, end == directory ? "./" : "/");
        text_add(&text, launch->arguments[0]);
        int result = execute_at(launch, path);
        if (result == -EACCES)
            failure = result;
        else if (result != -ENOENT && result != -ENOTDIR)
            return result;
        if (!*end)
            return failure;
        directory = end;
    }
}

static int execute(const struct launch *launch)
{
    const char *path = variable(launch, "PATH=");
    const char *program = launch->arguments[0];
    if (!*program)
        return -ENOENT;
    if (*text_find(program, '/'))
        return execute_at(launch, program);
    return search(launch, path ? path : "/bin:/usr/bin");
}

static const struct {
    enum guest_step step;
    int (*act)(const struct launch *launch);
} steps[] = {
    { GUEST_STEP_TERMINAL, set_streams },
    { GUEST_STEP_LIMITS, set_limits },
    { GUEST_STEP_LIMITS, set_oom_score },
    { GUEST_STEP_WORKING_DIRECTORY, make_working_directory },
    { GUEST_STEP_START, set_home },
    { GUEST_STEP_IDENTITY, set_identity },
    { GUEST_STEP_WORKING_DIRECTORY, enter_working_directory },
    { GUEST_STEP_EXECUTE, execute },
};

_Noreturn void child_run(const struct launch *launch, int report_fd)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int result = steps[i].act(launch);
        if (result >= 0)
            continue;
        const struct guest_failed failed = { .step = steps[i].step, .error = (uint32_t)-result };
        sys_write(report_fd, &failed, sizeof(failed));
        break;
    }
    sys_exit(127);
}

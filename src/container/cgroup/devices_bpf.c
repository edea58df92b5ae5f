// SPDX-License-Identifier: Apache-2.0
/*
 * Device rules by cgroup v2: a program of type BPF_PROG_TYPE_CGROUP_DEVICE that the kernel asks on
 * every mknod and open of a device (include/uapi/linux/bpf.h, struct bpf_cgroup_dev_ctx).
 *
 * The last rule that matches decides, separately for each of read, write and mknod. The program
 * goes through the rules from the last to the first, with the asked-for access bits in R5:
 *
 *     R2 = type, R5 = access bits not decided yet, R3 = major, R4 = minor
 *     rule "allow c 1:3 rw":   if R2 != char or R3 != 1 or R4 != 3: next rule
 *                              R5 &= ~(read | write); if R5 == 0: return 1
 *     rule "deny  c 1:* w":    if R2 != char or R3 != 1: next rule
 *                              if R5 & write: return 0
 *     end:                     return 0
 *
 * A denied bit ends in 0 at once, and a bit that no rule speaks of is denied at the end, so that
 * what is left in R5 is what nobody has allowed yet.
 */
#include "container/cgroup/devices_bpf.h"

#include <errno.h>
#include <sys/syscall.h>

/* The kernel takes 4096 instructions without CAP_BPF, which is plenty: a rule has at most six. */
#define MAXIMUM_RULES 600

#define PROGRAM_NAME "openvirt_device"

static struct bpf_insn instruction(uint8_t code, uint8_t to, uint8_t from, int16_t jump,
                                   int32_t value)
{
    return (struct bpf_insn){
        .code = code,
        .dst_reg = to,
        .src_reg = from,
        .off = jump,
        .imm = value,
    };
}

static void add(struct device_program *program, uint8_t code, uint8_t to, uint8_t from,
                int32_t value)
{
    program->instructions[program->count++] = instruction(code, to, from, 0, value);
}

/* A jump whose target, the next rule, is not known yet. */
static void add_jump_to_next(struct device_program *program, uint8_t code, uint8_t reg,
                             int32_t value)
{
    program->instructions[program->count++] =
        instruction(BPF_JMP | code | BPF_K, reg, 0, -1, value);
}

static void add_return(struct device_program *program, int32_t value)
{
    add(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, value);
    add(program, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

/* access_type is (access << 16) | type. */
static void add_prologue(struct device_program *program)
{
    add(program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0);
    add(program, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_5, BPF_REG_2, 0);
    add(program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0xffff);
    add(program, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_5, 0, 16);
    add(program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1, 0);
    program->instructions[program->count - 1].off = offsetof(struct bpf_cgroup_dev_ctx, major);
    add(program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 0);
    program->instructions[program->count - 1].off = offsetof(struct bpf_cgroup_dev_ctx, minor);
}

static int32_t access_bits(const struct spec_device_rule *rule)
{
    return (rule->mknod ? BPF_DEVCG_ACC_MKNOD : 0) | (rule->read ? BPF_DEVCG_ACC_READ : 0) |
           (rule->write ? BPF_DEVCG_ACC_WRITE : 0);
}

static void add_rule(struct device_program *program, const struct spec_device_rule *rule)
{
    size_t first = program->count;
    if (rule->type != 'a')
        add_jump_to_next(program, BPF_JNE, BPF_REG_2,
                         rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    if (rule->major >= 0)
        add_jump_to_next(program, BPF_JNE, BPF_REG_3, (int32_t)rule->major);
    if (rule->minor >= 0)
        add_jump_to_next(program, BPF_JNE, BPF_REG_4, (int32_t)rule->minor);
    if (rule->allow) {
        add(program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_5, 0, ~access_bits(rule));
        add_jump_to_next(program, BPF_JNE, BPF_REG_5, 0);
        add_return(program, 1);
    } else {
        /* skip the return when none of the bits is asked for: there is no "jump if clear" */
        program->instructions[program->count++] =
            instruction(BPF_JMP | BPF_JSET | BPF_K, BPF_REG_5, 0, 1, access_bits(rule));
        add_jump_to_next(program, BPF_JA, 0, 0);
        add_return(program, 0);
    }
    for (size_t i = first; i < program->count; i++) {
        if (program->instructions[i].off == -1)
            program->instructions[i].off = (int16_t)(program->count - i - 1);
    }
}

int device_program_make(const struct device_rules *rules, struct device_program *program,
                        struct error *error)
{
    if (rules->count > MAXIMUM_RULES)
        return error_set(error, E2BIG, "linux.resources.devices: more than %d rules",
                         MAXIMUM_RULES);
    *program = (struct device_program){
        .instructions = allocate(rules->count * 7 + 8, sizeof(*program->instructions)),
    };
    add_prologue(program);
    for (size_t i = rules->count; i-- > 0;)
        add_rule(program, &rules->rules[i]);
    add_return(program, 0);
    return 0;
}

/* Is it one rule for everything, so that a program would allow whatever is asked? */
static bool allows_everything(const struct device_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (!rules->rules[i].allow)
            return false;
    }
    return rules->first_default > 0 && rules->rules[0].type == 'a';
}

static int bpf(int command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

int device_program_load(const struct device_program *program, struct error *error)
{
    union bpf_attr attributes = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = (uint64_t)(uintptr_t)program->instructions,
        .insn_cnt = (uint32_t)program->count,
        .license = (uint64_t)(uintptr_t) "Apache-2.0",
        .prog_name = PROGRAM_NAME,
    };
    int fd = bpf(BPF_PROG_LOAD, &attributes);
    if (fd < 0)
        return error_set(error, errno, "linux.resources.devices: load the device program");
    return fd;
}

static bool is_ours(int program_fd)
{
    struct bpf_prog_info info = { 0 };
    union bpf_attr attributes = { .info = {
                                      .bpf_fd = (uint32_t)program_fd,
                                      .info_len = sizeof(info),
                                      .info = (uint64_t)(uintptr_t)&info,
                                  } };
    return bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) == 0 &&
           strncmp(info.name, PROGRAM_NAME, sizeof(info.name) - 1) == 0;
}

/* The program that an earlier call attached; systemd may have attached another one. -1: none. */
static int find_attached(int cgroup_fd)
{
    uint32_t ids[64] = { 0 };
    union bpf_attr query = { .query = {
                                 .target_fd = (uint32_t)cgroup_fd,
                                 .attach_type = BPF_CGROUP_DEVICE,
                                 .prog_ids = (uint64_t)(uintptr_t)ids,
                                 .prog_cnt = ARRAY_LENGTH(ids),
                             } };
    if (bpf(BPF_PROG_QUERY, &query) < 0)
        return -1;
    for (uint32_t i = 0; i < query.query.prog_cnt; i++) {
        union bpf_attr open = { .prog_id = ids[i] };
        AUTO_CLOSE int fd = bpf(BPF_PROG_GET_FD_BY_ID, &open);
        if (fd >= 0 && is_ours(fd))
            return take_fd(&fd);
    }
    return -1;
}

/* With an old one, both change places in one step: at no time is there none, nor are there two. */
static int attach(int cgroup_fd, int program_fd, int old_fd, struct error *error)
{
    union bpf_attr attributes = {
        .target_fd = (uint32_t)cgroup_fd,
        .attach_bpf_fd = (uint32_t)program_fd,
        .attach_type = BPF_CGROUP_DEVICE,
        .attach_flags = BPF_F_ALLOW_MULTI,
    };
    if (old_fd >= 0) {
        attributes.attach_flags |= BPF_F_REPLACE;
        attributes.replace_bpf_fd = (uint32_t)old_fd;
    }
    if (bpf(BPF_PROG_ATTACH, &attributes) < 0)
        return error_set(error, errno, "linux.resources.devices: attach the device program");
    return 0;
}

int devices_v2_apply(struct cgroup_directory *directory, const struct spec_resources *resources,
                     bool fresh, struct error *error)
{
    AUTO_DEVICE_RULES struct device_rules rules = { 0 };
    device_rules_complete(resources, &rules);
    if (fresh && allows_everything(&rules))
        return 0;
    AUTO_DEVICE_PROGRAM struct device_program program = { 0 };
    if (device_program_make(&rules, &program, error) < 0)
        return -1;
    int cgroup_fd = directory_open(directory);
    if (cgroup_fd < 0)
        return error_set(error, errno, "open cgroup %s", directory->path);
    AUTO_CLOSE int program_fd = device_program_load(&program, error);
    if (program_fd < 0)
        return -1;
    AUTO_CLOSE int old_fd = fresh ? -1 : find_attached(cgroup_fd);
    return attach(cgroup_fd, program_fd, old_fd, error);
}

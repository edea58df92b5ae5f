// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's system calls without a C library: the program is one file of some 30 kB, for 64 and
 * for 32 bits, built with no other package than the compiler and the kernel's headers. Each returns
 * what the kernel does: a negative errno value when it fails.
 */
#pragma once

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <stddef.h>
#include <stdint.h>

/* What parts between the two: the instruction, the registers, and calls that only 64 bits have
 * under their plain name. */
#ifdef __x86_64__

static inline long system_call(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

/* clang-format off */
#define START_CODE "xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call guest_main\n hlt\n"
#define SETGROUPS  __NR_setgroups
#define SETRESUID  __NR_setresuid
#define SETRESGID  __NR_setresgid
/* clang-format on */

static inline long sys_map_memory(size_t size)
{
    register long flags __asm__("r10") = 0x22; /* MAP_PRIVATE | MAP_ANONYMOUS */
    register long fd __asm__("r8") = -1;
    register long offset __asm__("r9") = 0;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(__NR_mmap), "D"(0L), "S"(size), "d"(3L), "r"(flags), "r"(fd), "r"(offset)
                     : "rcx", "r11", "memory");
    return result;
}

#else

static inline long system_call(long number, long a, long b, long c, long d, long e)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory");
    return result;
}

/* The stack is 16 bytes aligned before the argument and the return address are pushed. */
#define START_CODE                                                                                 \
    "xor %ebp, %ebp\n mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n"               \
    " call guest_main\n hlt\n"
#define SETGROUPS __NR_setgroups32
#define SETRESUID __NR_setresuid32
#define SETRESGID __NR_setresgid32

static inline long sys_map_memory(size_t size)
{
    /* The old mmap takes its six arguments in memory: mmap(2), "C library/kernel differences". */
    const unsigned long arguments[6] = { 0, size, 3, 0x22, (unsigned long)-1, 0 };
    return system_call(__NR_mmap, (long)arguments, 0, 0, 0, 0);
}

#endif

#define CALL5(name, a, b, c, d, e)                                                                 \
    system_call(name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
#define CALL4(name, a, b, c, d) CALL5(name, a, b, c, d, 0)
#define CALL3(name, a, b, c)    CALL5(name, a, b, c, 0, 0)
#define CALL2(name, a, b)       CALL5(name, a, b, 0, 0, 0)
#define CALL1(name, a)          CALL5(name, a, 0, 0, 0, 0)
#define CALL0(name)             CALL5(name, 0, 0, 0, 0, 0)

/* A map that failed is one of the last 4095 addresses. */
static inline void *map_memory(size_t size)
{
    long address = sys_map_memory(size);
    return (unsigned long)address > -4096UL ? NULL : (void *)address;
}

static inline void unmap_memory(void *memory, size_t size)
{
    CALL2(__NR_munmap, memory, size);
}

static inline int sys_open(const char *path, int flags, int mode)
{
    return (int)CALL4(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_LARGEFILE, mode);
}

static inline void sys_close(int fd)
{
    CALL1(__NR_close, fd);
}

static inline long sys_read(int fd, void *data, size_t size)
{
    return CALL3(__NR_read, fd, data, size);
}

static inline long sys_write(int fd, const void *data, size_t size)
{
    return CALL3(__NR_write, fd, data, size);
}

static inline long sys_ioctl(int fd, unsigned long request, unsigned long argument)
{
    return CALL3(__NR_ioctl, fd, request, argument);
}

static inline int sys_mkdir(const char *path, int mode)
{
    return (int)CALL3(__NR_mkdirat, AT_FDCWD, path, mode);
}

static inline int sys_unlink(const char *path)
{
    return (int)CALL3(__NR_unlinkat, AT_FDCWD, path, 0);
}

static inline int sys_symlink(const char *target, const char *path)
{
    return (int)CALL3(__NR_symlinkat, target, AT_FDCWD, path);
}

static inline int sys_mount(const char *source, const char *target, const char *type,
                            unsigned long flags, const char *options)
{
    return (int)CALL5(__NR_mount, source, target, type, flags, options);
}

static inline int sys_kill(int pid, int number)
{
    return (int)CALL2(__NR_kill, pid, number);
}

static inline int sys_fork(void)
{
    return (int)CALL0(__NR_fork);
}

static inline _Noreturn void sys_exit(int status)
{
    for (;;)
        CALL1(__NR_exit_group, status);
}

static inline int sys_dup_to(int fd, int number)
{
    return (int)CALL3(__NR_dup3, fd, number, 0);
}

static inline int sys_pipe(int fds[2])
{
    return (int)CALL2(__NR_pipe2, fds, O_CLOEXEC);
}

static inline int sys_set_nonblocking(int fd)
{
    return (int)CALL3(__NR_fcntl, fd, F_SETFL, O_NONBLOCK);
}

static inline int sys_prctl(int option, unsigned long a, unsigned long b)
{
    return (int)CALL5(__NR_prctl, option, a, b, 0, 0);
}

static inline int sys_wait_any(int *status, int options)
{
    return (int)CALL4(__NR_wait4, -1, status, options, 0);
}

static inline void sleep_ms(int milliseconds)
{
    CALL3(__NR_poll, 0, 0, milliseconds);
}

// For ThreadSanitizer: lets signals through to threads that wait in a system call
// which they make by `syscall`.
//
// It holds a signal back until its thread comes to a function that it intercepts,
// or is in one that blocks. It does not intercept `syscall`, by which std and
// parking_lot wait for locks and threads, and the hub for events. A thread that
// waits there for long would hear of no signal.
//
// So here is a `syscall` that makes the calls that wait from within `nanosleep`,
// which it knows to block, and has no other effect: it calls the C library's
// function through a pointer, in whose place is ours.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

typedef long Syscall(long, long, long, long, long, long, long);
typedef int Nanosleep(const struct timespec *, struct timespec *);

// `__interception::real_nanosleep`.
extern Nanosleep *real_nanosleep __asm__("_ZN14__interception14real_nanosleepE");

static Syscall *real_syscall;
static Nanosleep *libc_nanosleep;

struct call {
    long number, a, b, c, d, e, f, result;
};

// What this thread's next `nanosleep` is to do.
static __thread struct call *next;

static int wait_or_sleep(const struct timespec *time, struct timespec *left) {
    struct call *call = next;
    if (!call)
        return libc_nanosleep(time, left);
    next = 0; // a signal's handler may come here too
    call->result = real_syscall(call->number, call->a, call->b, call->c, call->d, call->e, call->f);
    return 0;
}

__attribute__((constructor)) static void start(void) {
    Syscall *found = (Syscall *)dlsym(RTLD_NEXT, "syscall");
    libc_nanosleep = real_nanosleep;
    real_nanosleep = wait_or_sleep;
    real_syscall = found;
}

static int waits(long number, long operation) {
    operation &= FUTEX_CMD_MASK;
    return number == SYS_epoll_pwait2 ||
           (number == SYS_futex && (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET));
}

long syscall(long number, long a, long b, long c, long d, long e, long f) {
    if (!real_syscall) // before our constructor
        start();
    if (!waits(number, b))
        return real_syscall(number, a, b, c, d, e, f);
    struct call call = {number, a, b, c, d, e, f, 0};
    next = &call;
    nanosleep(0, 0);
    return call.result;
}

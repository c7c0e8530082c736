/* Stands between the hub and one program: outlives it, and writes down how it ended.

       agenthub-shim EXIT-FILE OPEN-FILES PROGRAM [ARGUMENT...]

   The program starts in the directory that is open as descriptor 3, and inherits 0, 1
   and 2 alone. Linux only, and without a C library: to load one costs this program and
   its hub more than all else that happens here. `shim.py` has the same as a shell script
   for where no compiler is.

   cc -O2 -static -nostdlib -ffreestanding -fno-stack-protector -o agenthub-shim shim.c */

#ifndef __linux__
#error "the shim in C is for Linux"
#endif

typedef unsigned long word; /* what a register holds */

#if defined(__x86_64__)
enum {
    WRITE = 1, CLOSE = 3, SIGPROCMASK = 14, CLONE = 56, EXECVE = 59, WAIT4 = 61,
    FCHDIR = 81, EXIT_GROUP = 231, OPENAT = 257, PRLIMIT = 302, CLOSE_RANGE = 436
};
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");

/* Inlined without exception: between `clone` and `execve` two processes use one stack,
   and a return address on it would be overwritten. */
static inline __attribute__((always_inline)) long
call(word number, word a, word b, word c, word d, word e)
{
    long result;
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum {
    WRITE = 64, CLOSE = 57, SIGPROCMASK = 135, CLONE = 220, EXECVE = 221, WAIT4 = 260,
    FCHDIR = 50, EXIT_GROUP = 94, OPENAT = 56, PRLIMIT = 261, CLOSE_RANGE = 436
};
__asm__(".globl _start\n_start: mov x0, sp\n bl begin\n");

static inline __attribute__((always_inline)) long
call(word number, word a, word b, word c, word d, word e)
{
    register word x8 __asm__("x8") = number;
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    register word x4 __asm__("x4") = e;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                     : "memory");
    return (long)x0;
}
#else
#error "no system calls known for this processor"
#endif

enum {
    AT_FDCWD = -100, O_WRONLY = 1, NOFILE = 7, SIG_BLOCK = 0, SIG_SETMASK = 2,
    CLONE_VM = 0x100, CLONE_VFORK = 0x4000, SIGCHLD = 17, ENOENT = 2
};
enum { ERROR = 2, DIRECTORY = 3 };                   /* descriptors */
enum { CANNOT_EXECUTE = 126, NOT_FOUND = 127, MISUSE = 64 }; /* as a shell has it */

/* HUP INT QUIT USR1 USR2 PIPE ALRM TERM VTALRM PROF: what a person may choose to stop
   with is sent to the whole group, and only the program shall end by it. */
#define SIGNAL(number) (1UL << ((number) - 1))
static const word OUTLIVED = SIGNAL(1) | SIGNAL(2) | SIGNAL(3) | SIGNAL(10) | SIGNAL(12)
                             | SIGNAL(13) | SIGNAL(14) | SIGNAL(15) | SIGNAL(26)
                             | SIGNAL(27);

static void say(const char *text)
{
    word length = 0;
    while (text[length])
        length++;
    call(WRITE, ERROR, (word)text, length, 0, 0);
}

/* The soft limit of open files; a word that is no number lifts it to the hard one. */
static void limit_files(const char *text)
{
    word limit[2] = {0, 0};
    call(PRLIMIT, 0, NOFILE, 0, (word)limit, 0);
    word wanted = 0;
    while (*text >= '0' && *text <= '9')
        wanted = wanted * 10 + (word)(*text++ - '0');
    limit[0] = *text || wanted > limit[1] ? limit[1] : wanted;
    call(PRLIMIT, 0, NOFILE, (word)limit, 0, 0);
}

/* The code of the program once it has ended: its own, or 128 and the signal's number. */
static int run(char **argv, char **environment)
{
    word before = 0;
    if (call(FCHDIR, DIRECTORY, 0, 0, 0, 0) < 0) {
        say("agenthub: could not enter the working directory\n");
        return CANNOT_EXECUTE;
    }
    call(CLOSE, DIRECTORY, 0, 0, 0, 0);
    call(CLOSE_RANGE, DIRECTORY, ~0U, 0, 0, 0);
    call(SIGPROCMASK, SIG_BLOCK, (word)&OUTLIVED, (word)&before, sizeof before, 0);

    long child = call(CLONE, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        call(SIGPROCMASK, SIG_SETMASK, (word)&before, 0, sizeof before, 0);
        long error = call(EXECVE, (word)argv[0], (word)argv, (word)environment, 0, 0);
        call(WRITE, ERROR, (word) "agenthub: could not execute the program\n", 40, 0, 0);
        call(EXIT_GROUP, error == -ENOENT ? NOT_FOUND : CANNOT_EXECUTE, 0, 0, 0, 0);
    }
    if (child < 0) {
        say("agenthub: could not start a process for the program\n");
        return CANNOT_EXECUTE;
    }
    int status = 0;
    while (call(WAIT4, (word)child, (word)&status, 0, 0, 0) != child)
        ;
    int by_signal = status & 0x7f;
    return by_signal ? 128 + by_signal : (status >> 8) & 0xff;
}

__attribute__((noreturn, used)) void begin(word *stack)
{
    word count = stack[0];
    char **argv = (char **)(stack + 1);
    int code = MISUSE;
    if (count > 3) {
        limit_files(argv[2]);
        code = run(argv + 3, argv + count + 1);
        char text[4] = {(char)('0' + code / 100), (char)('0' + code / 10 % 10),
                        (char)('0' + code % 10), '\n'};
        long file = call(OPENAT, (word)AT_FDCWD, (word)argv[1], O_WRONLY, 0, 0);
        if (file >= 0)
            call(WRITE, (word)file, (word)text, sizeof text, 0, 0);
    }
    for (;;)
        call(EXIT_GROUP, (word)code, 0, 0, 0, 0);
}

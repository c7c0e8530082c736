/* An agent that costs as little as a process can: child FIFO INDEX MODE [BYTES].

   It says "+INDEX PID" into the FIFO once it runs. Modes: wait (for ever), deaf (wait,
   and ignore TERM), fail (exit 1 at once), write (on each USR1 write so many bytes and
   say "-INDEX PID"), burst (the same once, and exit 0). child.py does the same. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 4096

static char block[65536];

static void say(const char *fifo, char what, const char *index) {
    char line[64];
    int length = snprintf(line, sizeof line, "%c%s %d\n", what, index, (int)getpid());
    int file = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || write(file, line, length) != length) return; /* nobody listens */
    close(file);
}

/* In pieces of 4 KiB, as stdio does it. A short write goes on where it ended, so that
   byte n of all output is always the same. */
static void write_out(long bytes) {
    for (long at = 0; at < bytes;) {
        long offset = at % (long)sizeof block, part = PIECE - offset % PIECE;
        ssize_t done = write(STDOUT_FILENO, block + offset, part < bytes - at ? part : bytes - at);
        if (done <= 0) _exit(3);
        at += done;
    }
}

int main(int count, char **words) {
    if (count < 4) return 2;
    const char *fifo = words[1], *index = words[2], *mode = words[3];
    long bytes = count > 4 ? atol(words[4]) : 0;
    sigset_t go;
    int number;

    for (size_t i = 0; i < sizeof block; i++)
        block[i] = i % 64 == 63 ? '\n' : (char)('0' + (i / 64) % 64);
    sigemptyset(&go);
    sigaddset(&go, SIGUSR1);
    if (bytes) sigprocmask(SIG_BLOCK, &go, NULL);
    if (!strcmp(mode, "deaf")) signal(SIGTERM, SIG_IGN);
    say(fifo, '+', index);
    if (!strcmp(mode, "fail")) return 1;
    while (bytes) {
        sigwait(&go, &number);
        write_out(bytes);
        say(fifo, '-', index);
        if (!strcmp(mode, "burst")) return 0;
    }
    for (;;) pause();
}

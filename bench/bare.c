/* A supervisor that does nothing but supervise, in C: bare SET-UP.

   Each line of the set-up is one agent, tab-separated: restart (0 or 1), grace in
   seconds, output file, words of the command. It starts all and says "ready"; then
   each line "start", "stop", "status" or "pids" on its input gets one line back.
   bare.py does the same. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_WORDS 32

extern char **environ;

struct agent {
    char *words[MOST_WORDS + 1], *output;
    double grace, kill_at;
    int restart, wanted;
    pid_t pid;
};

static struct agent *agents;
static int count;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void read_setup(const char *path) {
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    if (!file) exit(2);
    while (getline(&line, &room, file) > 0) {
        agents = realloc(agents, (count + 1) * sizeof *agents);
        struct agent *a = &agents[count++];
        char *rest = strdup(line), *word;
        int n = 0;
        memset(a, 0, sizeof *a);
        rest[strcspn(rest, "\n")] = 0;
        a->restart = atoi(strsep(&rest, "\t"));
        a->grace = atof(strsep(&rest, "\t"));
        a->output = strsep(&rest, "\t");
        while (n < MOST_WORDS && (word = strsep(&rest, "\t"))) a->words[n++] = word;
    }
    free(line);
    fclose(file);
}

static void start(struct agent *a) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, a->output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawnattr_init(&how);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    a->kill_at = 0;
    if (posix_spawn(&a->pid, a->words[0], &files, &how, a->words, environ)) a->pid = 0;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
}

static void reap(void) {
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (int i = 0; i < count; i++)
            if (agents[i].pid == pid) {
                agents[i].pid = 0;
                break;
            }
    for (int i = 0; i < count; i++)
        if (!agents[i].pid && agents[i].wanted) {
            if (agents[i].restart) start(&agents[i]);
            else agents[i].wanted = 0;
        }
}

static void answer(const char *command) {
    int alive = 0;
    for (int i = 0; i < count; i++) {
        struct agent *a = &agents[i];
        if (!strcmp(command, "start") && !a->pid) {
            a->wanted = 1;
            start(a);
        } else if (!strcmp(command, "stop") && a->pid) {
            a->wanted = 0;
            a->kill_at = now() + a->grace;
            kill(-a->pid, SIGTERM);
        }
        alive += a->pid != 0;
        if (!strcmp(command, "pids") && a->pid) printf("%d ", (int)a->pid);
    }
    if (!strcmp(command, "status")) printf("%d of %d", alive, count);
    printf("\n");
    fflush(stdout);
}

/* Kill whose grace is over; the milliseconds to the next one, -1 for none. */
static int press(void) {
    double next = 0, t = now();
    for (int i = 0; i < count; i++) {
        struct agent *a = &agents[i];
        if (!a->pid || !a->kill_at) continue;
        if (a->kill_at <= t) {
            kill(-a->pid, SIGKILL);
            a->kill_at = 0;
        } else if (!next || a->kill_at < next) next = a->kill_at;
    }
    return next ? (int)((next - t) * 1000) + 1 : -1;
}

int main(int words, char **word) {
    char command[64];
    sigset_t mask;
    struct signalfd_siginfo told;
    struct pollfd fds[2] = {{0, POLLIN, 0}, {-1, POLLIN, 0}};

    if (words != 2) return 2;
    read_setup(word[1]);
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    fds[1].fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    setvbuf(stdin, NULL, _IONBF, 0);
    for (int i = 0; i < count; i++) {
        agents[i].wanted = 1;
        start(&agents[i]);
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        poll(fds, 2, press());
        if (fds[1].revents) {
            while (read(fds[1].fd, &told, sizeof told) > 0) continue;
            reap();
        }
        if (fds[0].revents) {
            if (!fgets(command, sizeof command, stdin)) return 0;
            command[strcspn(command, "\n")] = 0;
            answer(command);
        }
    }
}

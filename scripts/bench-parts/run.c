/* Runs a command and appends what it took to a file.
 *
 *     run FILE COMMAND [ARGUMENT]...
 *
 * One line: seconds on the clock, processor seconds, and the most memory it held in MiB, separated
 * by tabs. The exit status is the command's. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(struct timeval t) {
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fputs("usage: run FILE COMMAND [ARGUMENT]...\n", stderr);
        return 2;
    }
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("run");
        return 1;
    }
    double wall = now() - start;
    struct rusage use;
    getrusage(RUSAGE_CHILDREN, &use);
    FILE *to = fopen(argv[1], "a");
    if (!to ||
        fprintf(to, "%.6f\t%.6f\t%.1f\n", wall, seconds(use.ru_utime) + seconds(use.ru_stime),
                (double)use.ru_maxrss / 1024) < 0 ||
        fclose(to)) {
        perror(argv[1]);
        return 1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

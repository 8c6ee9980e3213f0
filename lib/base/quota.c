/* Reads the processor quota of control groups, version 1 and 2. */
#include "base/quota.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 8400, LINE_SIZE = 4200 };

/* Up to two whole numbers of a file; returns how many there were. */
static int read_numbers(const char *folder, const char *name, long long numbers[2]) {
    char path[PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    int count = fscanf(file, "%lld %lld", &numbers[0], &numbers[1]);
    fclose(file);
    return count;
}

static void lower(size_t *limit, long long quota, long long period) {
    if (quota <= 0 || period <= 0)
        return;
    size_t allowed = (size_t)(quota / period + (quota % period != 0));
    *limit = allowed < *limit ? allowed : *limit;
}

static void apply_folder(const char *folder, size_t *limit) {
    long long both[2], quota[2], period[2];
    if (read_numbers(folder, "cpu.max", both) == 2)
        lower(limit, both[0], both[1]);
    if (read_numbers(folder, "cpu.cfs_quota_us", quota) >= 1 &&
        read_numbers(folder, "cpu.cfs_period_us", period) >= 1)
        lower(limit, quota[0], period[0]);
}

/* A group and its ancestors. In a container the path may be the host's, with only the root to see
 * here. */
static void apply_group(const char *root, const char *mount, const char *group, size_t *limit) {
    char folder[PATH_SIZE];
    int start = snprintf(folder, sizeof folder, "%s%s", root, mount);
    if (start < 0 || (size_t)start >= sizeof folder)
        return;
    snprintf(folder + start, sizeof folder - (size_t)start, "%s", group);
    for (;;) {
        apply_folder(folder, limit);
        char *slash = strrchr(folder + start, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

static bool lists_cpu(const char *controllers) {
    for (const char *at = controllers; *at;) {
        size_t len = strcspn(at, ",");
        if (len == 3 && memcmp(at, "cpu", 3) == 0)
            return true;
        at += len + (at[len] == ',');
    }
    return false;
}

/* A line is "number:controllers:/group"; version 2 has number 0 and no controllers. */
static void apply_line(char *line, const char *root, size_t *limit) {
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : 0;
    if (!group)
        return;
    *controllers++ = *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (strcmp(line, "0") == 0 && !*controllers) {
        apply_group(root, "", group, limit);
        apply_group(root, "/unified", group, limit);
    } else if (lists_cpu(controllers)) {
        apply_group(root, "/cpu", group, limit);
        apply_group(root, "/cpu,cpuacct", group, limit);
    }
}

size_t gru_quota_processors(const char *groups, const char *root) {
    char line[LINE_SIZE];
    size_t limit = SIZE_MAX;
    FILE *file = fopen(groups, "re");
    if (!file)
        return limit;
    while (fgets(line, sizeof line, file))
        apply_line(line, root, &limit);
    fclose(file);
    return limit;
}

/* How much processor time the control groups of this process leave it, on Linux.
 *
 * Version 2 keeps "quota period" or "max period" in cpu.max; version 1 has cpu.cfs_quota_us (−1: no
 * limit) and cpu.cfs_period_us. A group's ancestors limit it too. See cgroups(7) and the kernel's
 * Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst. */
#ifndef GRU_BASE_QUOTA_H
#define GRU_BASE_QUOTA_H

#include <stddef.h>

/* Whole processors, rounded up, that the groups listed in the file `groups` (/proc/self/cgroup)
 * allow where the hierarchies are mounted under `root` (/sys/fs/cgroup); SIZE_MAX: as many as there
 * are. Files that cannot be read limit nothing. */
size_t gru_quota_processors(const char *groups, const char *root);

#endif

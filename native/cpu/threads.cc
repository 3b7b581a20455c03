// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// How many CPUs this process may use. A container often shows all CPUs of its host and grants a
// few: its quota is in the control group, version 1 or 2.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <string>
#include <thread>

#include "rbn_cpu.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace rbn::cpu {
namespace {

#if defined(__linux__)

// The first line of a file, without its end; empty where there is none.
std::string first_line(const std::string& path) {
  char line[256] = "";
  if (FILE* file = fopen(path.c_str(), "re")) {
    if (!fgets(line, sizeof line, file)) line[0] = 0;
    fclose(file);
  }
  line[strcspn(line, "\n")] = 0;
  return line;
}

int affinity_cpus() {
  // Machines with more CPUs than cpu_set_t holds (1,024) fail here and count as unbounded.
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

// CPUs that a group may use, from its own directory; infinity where it sets no bound.
double group_cpus_v2(const std::string& directory) {
  double quota, period;  // "max 100000" has no number in front
  const std::string line = first_line(directory + "/cpu.max");
  return sscanf(line.c_str(), "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period
                                                                             : INFINITY;
}

double group_cpus_v1(const std::string& directory) {
  double quota, period;
  const std::string quota_line = first_line(directory + "/cpu.cfs_quota_us");  // −1: no bound
  const std::string period_line = first_line(directory + "/cpu.cfs_period_us");
  return sscanf(quota_line.c_str(), "%lf", &quota) == 1 && quota > 0 &&
                 sscanf(period_line.c_str(), "%lf", &period) == 1 && period > 0
             ? quota / period
             : INFINITY;
}

// The least that `path` and the groups above it grant. Inside a container the path may be that of
// the host, which is not mounted; the root of the mount is the container's group then.
double least_cpus(const std::string& root, std::string path,
                  double (*group_cpus)(const std::string&)) {
  double cpus = group_cpus(root);
  while (path.size() > 1) {
    cpus = std::min(cpus, group_cpus(root + path));
    path.resize(path.find_last_of('/'));
  }
  return cpus;
}

double quota_cpus() {
  double cpus = INFINITY;
  FILE* const file = fopen("/proc/self/cgroup", "re");
  if (!file) return cpus;
  char line[4096];
  while (fgets(line, sizeof line, file)) {  // "0::/path" or "4:cpu,cpuacct:/path"
    line[strcspn(line, "\n")] = 0;
    char* const controllers = strchr(line, ':');
    char* const path = controllers ? strchr(controllers + 1, ':') : nullptr;
    if (!path || path[1] != '/') continue;
    *path = 0;
    const std::string names = "," + std::string(controllers + 1) + ",";
    if (names == ",,") {
      cpus = std::min(cpus, least_cpus("/sys/fs/cgroup", path + 1, group_cpus_v2));
    } else if (names.find(",cpu,") != std::string::npos) {
      cpus = std::min(cpus, least_cpus("/sys/fs/cgroup/cpu", path + 1, group_cpus_v1));
    }
  }
  fclose(file);
  return cpus;
}

int count_threads() {
  int cpus = affinity_cpus();
  if (cpus == 0) cpus = static_cast<int>(std::thread::hardware_concurrency());
  const double quota = quota_cpus();
  if (quota < cpus) cpus = static_cast<int>(ceil(quota));
  return std::max(cpus, 1);
}

#else

int count_threads() { return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1); }

#endif

}  // namespace

int default_threads() {
  static const int threads = count_threads();
  return threads;
}

}  // namespace rbn::cpu

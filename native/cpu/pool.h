// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// Threads for one call: a Team runs numbered items, any thread any item, until all are done. The
// items of a run never depend on the number of threads, which is why results do not.
#ifndef RBN_CPU_POOL_H_
#define RBN_CPU_POOL_H_

#include <stdint.h>

namespace rbn::cpu {

class Pool;

// The order in which each thread takes its share of the items. A pass that reads again what the
// pass before it read goes backward: what was read last is still in the cache.
enum class Order { kForward, kBackward };

// The calling thread and up to threads − 1 helpers. If another caller has the helpers, or none can
// be started, the calling thread does everything. Never throws.
class Team {
 public:
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // item(i) for every i in [0, items), in no particular order; returns when all have returned.
  template <class Item>
  void run(int64_t items, Order order, const Item& item) {
    if (!pool_ || items <= 1) {
      for (int64_t i = 0; i < items; ++i) item(order == Order::kForward ? i : items - 1 - i);
      return;
    }
    share(
        items, order,
        [](const void* context, int64_t i) { (*static_cast<const Item*>(context))(i); }, &item);
  }

 private:
  using Function = void (*)(const void* context, int64_t item);
  void share(int64_t items, Order order, Function function, const void* context);

  Pool* pool_ = nullptr;  // null: the calling thread alone
  int threads_ = 1;
};

}  // namespace rbn::cpu

#endif  // RBN_CPU_POOL_H_

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// The helpers behind Team. They are started when first asked for and live as long as the process:
// the pool is never destroyed, so nothing can go wrong at exit, and the library that holds their
// code is never unmapped (Node closes the addons of a worker thread when that ends). Between runs a
// helper spins for a moment, because the next pass of the same call comes at once, and then sleeps.
#include "pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#include <signal.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rbn::cpu {
namespace {

constexpr int kMaxThreads = 256;  // memory bandwidth is spent long before

// How long a helper spins before it sleeps: more than lies between two passes of a call, and between
// the calls of layers in JavaScript, some 100 µs each. Waking a sleeping thread costs as much as the
// whole pass over a tensor that stays in the cache.
constexpr std::chrono::milliseconds kSpinBeforeSleep(1);
constexpr int kSpinsBetweenClocks = 64;
// Pauses before the caller, waiting for the last items, gives its CPU away: on a loaded machine a
// helper may wait for just this CPU.
constexpr int kSpinsBeforeYield = 300;

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The items of one thread. Others help once their own are done.
struct alignas(64) Share {
  std::atomic<int64_t> taken{0};
  int64_t begin = 0, end = 0;
};

struct alignas(64) Helper {
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<bool> sleeping{false};
};

}  // namespace

class Pool {
 public:
  // Null where there is no memory for it.
  static Pool* instance() {
    static Pool* const pool = new (std::nothrow) Pool;
    return pool;
  }

  // Takes the pool for one caller; how many threads there are with the caller, or 0 where another
  // has it.
  int acquire(int threads) {
    if (!owner_.try_lock()) return 0;
    if (threads > kMaxThreads) threads = kMaxThreads;
    while (helpers_started_ < threads - 1 && start_helper()) {
    }
    return helpers_started_ + 1 < threads ? helpers_started_ + 1 : threads;
  }

  void release() { owner_.unlock(); }

  void run(int threads, int64_t items, Order order, void (*function)(const void*, int64_t),
           const void* context) {
    // The run is closed and no helper is active: nobody else touches these.
    function_ = function;
    context_ = context;
    order_ = order;
    threads_ = items < threads ? static_cast<int>(items) : threads;
    for (int t = 0; t < threads_; ++t) {
      shares_[t].begin = items * t / threads_;
      shares_[t].end = items * (t + 1) / threads_;
      shares_[t].taken.store(0, std::memory_order_relaxed);
    }
    run_.fetch_add(1);  // odd: open
    for (int t = 1; t < threads_; ++t) {
      Helper& helper = helpers_[t - 1];
      if (helper.sleeping.load()) {
        {
          const std::lock_guard<std::mutex> lock(helper.mutex);
        }
        helper.wake.notify_one();
      }
    }
    work(0);
    // All items are taken. Those that come now find the run closed; those that are in finish
    // theirs.
    run_.fetch_add(1);
    for (int spins = 0; active_.load() != 0; ++spins) {
      if (spins < kSpinsBeforeYield) {
        pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

 private:
  void work(int thread) {
    for (int k = 0; k < threads_; ++k) {
      Share& share = shares_[(thread + k) % threads_];
      const int64_t count = share.end - share.begin;
      for (;;) {
        const int64_t i = share.taken.fetch_add(1, std::memory_order_relaxed);
        if (i >= count) break;
        function_(context_, order_ == Order::kForward ? share.begin + i : share.end - 1 - i);
      }
    }
  }

  void help(int thread) {
    uint64_t seen = 0;
    for (;;) {
      seen = wait_for_run(thread, seen);
      active_.fetch_add(1);
      // Either this sees that the run was closed, or the caller sees that this helper is active.
      if (run_.load() == seen && thread < threads_) work(thread);
      active_.fetch_sub(1);
    }
  }

  // The number of an open run other than `seen`.
  uint64_t wait_for_run(int thread, uint64_t seen) {
    const auto open = [&](uint64_t run) { return (run & 1) != 0 && run != seen; };
    const auto end = std::chrono::steady_clock::now() + kSpinBeforeSleep;
    do {
      for (int spins = 0; spins < kSpinsBetweenClocks; ++spins) {
        const uint64_t run = run_.load();
        if (open(run)) return run;
        pause();
      }
    } while (std::chrono::steady_clock::now() < end);
    Helper& helper = helpers_[thread - 1];
    std::unique_lock<std::mutex> lock(helper.mutex);
    helper.sleeping.store(true);
    uint64_t run = run_.load();
    while (!open(run)) {
      helper.wake.wait(lock);
      run = run_.load();
    }
    helper.sleeping.store(false);
    return run;
  }

  bool start_helper() {
#if defined(__unix__) || defined(__APPLE__)
    // Signals belong to the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
    bool started = true;
    try {
      std::thread(&Pool::help, this, helpers_started_ + 1).detach();
      ++helpers_started_;
    } catch (const std::exception&) {  // too many threads, or no memory for one: go on with fewer
      started = false;
    }
#if defined(__unix__) || defined(__APPLE__)
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
    return started;
  }

  Pool() {
#if defined(__unix__) || defined(__APPLE__)
    Dl_info library;
    static const char here = 0;
    if (dladdr(&here, &library) != 0)
      dlopen(library.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
#endif
  }

  std::mutex owner_;
  int helpers_started_ = 0;
  Helper helpers_[kMaxThreads - 1];

  // The run. Odd while it is open.
  alignas(64) std::atomic<uint64_t> run_{0};
  alignas(64) std::atomic<int> active_{0};
  alignas(64) void (*function_)(const void*, int64_t) = nullptr;
  const void* context_ = nullptr;
  Order order_ = Order::kForward;
  int threads_ = 1;
  Share shares_[kMaxThreads];
};

Team::Team(int threads) {
  if (threads <= 1) return;
  Pool* const pool = Pool::instance();
  if (!pool) return;
  threads_ = pool->acquire(threads);
  if (threads_ == 0) return;
  pool_ = pool;
}

Team::~Team() {
  if (pool_) pool_->release();
}

void Team::share(int64_t items, Order order, Function function, const void* context) {
  pool_->run(threads_, items, order, function, context);
}

}  // namespace rbn::cpu

// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 the tfjs-rbn authors
//
// rbn::launch on the simulator. native/cuda/runtime/launch.h has the same for nvcc.
#ifndef RBN_SIMULATOR_LAUNCH_H_
#define RBN_SIMULATOR_LAUNCH_H_

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../cuda_runtime.h"

namespace rbn {

struct LaunchConfig {
  dim3 grid, block;
  size_t shared_bytes = 0;  // dynamic shared memory a block
  cudaStream_t stream = nullptr;
  bool cooperative = false;  // all blocks run together and may grid.sync()
  unsigned cluster = 1;      // blocks a cluster, along x
};

namespace simulator {

// A kernel with its arguments; run() is called once by every CUDA thread.
class KernelCall {
 public:
  virtual ~KernelCall() = default;
  virtual void run() const = 0;
};

// One argument as the launch checks see it.
struct Argument {
  const void* data;
  size_t bytes;
  bool is_pointer;  // a struct's words are only looked at for addresses
};

cudaError_t enqueue_launch(const LaunchConfig& config, const void* kernel,
                           std::unique_ptr<KernelCall> call, const Argument* arguments, size_t count);

template <class... P>
class KernelCallOf final : public KernelCall {
 public:
  template <class... A>
  explicit KernelCallOf(void (*kernel)(P...), A&&... arguments)
      : kernel_(kernel), arguments_(static_cast<P>(std::forward<A>(arguments))...) {
    // What a struct's padding holds is left over from the stack, and beside an integer may look like an address.
    // An empty struct is nothing but padding, and lies within another element of the tuple.
#if __has_builtin(__builtin_clear_padding)
    const auto clear = [](auto& a) {
      if constexpr (!std::is_empty<std::decay_t<decltype(a)>>::value) __builtin_clear_padding(&a);
    };
    std::apply([&](auto&... a) { (clear(a), ...); }, arguments_);
#endif
  }

  // Parameters are passed by value: each thread has its own copy, as on a GPU.
  void run() const override { std::apply(kernel_, arguments_); }

  cudaError_t enqueue(const LaunchConfig& config, std::unique_ptr<KernelCall> self) const {
    return std::apply(
        [&](const auto&... a) {
          const Argument list[] = {{&a, sizeof(a), std::is_pointer<std::decay_t<decltype(a)>>::value}...,
                                   {nullptr, 0, false}};
          return enqueue_launch(config, reinterpret_cast<const void*>(kernel_), std::move(self), list,
                                sizeof...(a));
        },
        arguments_);
  }

 private:
  void (*kernel_)(P...);
  std::tuple<P...> arguments_;
};

}  // namespace simulator

template <class... P, class... A>
inline cudaError_t launch(const LaunchConfig& config, void (*kernel)(P...), A&&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "the kernel takes another number of arguments");
  static_assert((std::is_trivially_copyable<P>::value && ...), "kernel arguments are copied bitwise");
  static_assert((sizeof(P) + ... + 0) <= 4096, "kernel parameters are limited to 4 KiB");
  auto call = std::make_unique<simulator::KernelCallOf<P...>>(kernel, std::forward<A>(arguments)...);
  const auto* view = call.get();
  return view->enqueue(config, std::move(call));
}

}  // namespace rbn

#endif  // RBN_SIMULATOR_LAUNCH_H_

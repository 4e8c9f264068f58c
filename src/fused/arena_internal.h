// Memory that a thread keeps from call to call: fresh pages would cost more than the kernels.
#pragma once

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "strips_internal.h"

namespace turnpike {

class Arena {
 public:
  // Room for `bytes`, contents undefined. A size that is far above what calls need now is given back.
  void reserve(std::size_t bytes) {
    if (bytes > size_ || (size_ > large && bytes < size_ / 8)) {
      memory_.reset();
      memory_.reset(static_cast<std::byte*>(::operator new(bytes, alignment)));
      size_ = bytes;
#if defined(__linux__)
      // Large pages, where the system gives them on request: walking a panel would miss the small ones' translations.
      if (bytes > 2 * page) {
        const auto start = reinterpret_cast<std::uintptr_t>(memory_.get());
        const std::uintptr_t first = (start + page - 1) / page * page, last = (start + bytes) / page * page;
        madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
      }
#endif
    }
    used_ = 0;
  }
  template <class T>
  T* take(std::int64_t n) {
    T* start = reinterpret_cast<T*>(memory_.get() + used_);
    used_ += padded<T>(n);
    return start;
  }
  template <class T>
  static std::size_t padded(std::int64_t n) {
    return (static_cast<std::size_t>(n) * sizeof(T) + strip_alignment - 1) / strip_alignment * strip_alignment;
  }

 private:
  static constexpr std::align_val_t alignment{strip_alignment};
  static constexpr std::size_t large = std::size_t{64} << 20, page = std::size_t{2} << 20;
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0, used_ = 0;
};

}  // namespace turnpike

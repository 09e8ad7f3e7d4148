#pragma once
// Bytes that grow as they come. Memory that has not been written yet costs nothing, and growing moves pages
// rather than bytes.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>

namespace lvm::runtime {

class ByteBuffer {
 public:
  std::string_view bytes() const { return {memory_.get(), size_}; }
  char* end() { return memory_.get() + size_; }
  size_t room() const { return capacity_ - size_; }
  /// `count` bytes at `end()` have been written.
  void written(size_t count) { size_ += count; }
  /// Twice the room: it follows what has come, not a size that a file claims.
  void grow() {
    constexpr size_t first = size_t{1} << 16;
    const size_t capacity = std::max(first, capacity_ * 2);
    void* memory = std::realloc(memory_.get(), capacity);
    if (memory == nullptr) throw std::bad_alloc();
    (void)memory_.release();
    memory_.reset(static_cast<char*>(memory));
    capacity_ = capacity;
  }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory_;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace lvm::runtime

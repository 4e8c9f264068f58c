// Work on a hostile file in a process of its own. The child runs a format library, which was not written for hostile
// bytes, under limits of memory and time, and writes what it finds into a pipe; the parent checks every size it takes
// from there. A crash, a hang and a bomb all become one sentence.
//
//   in_isolation("u.mat", limits, [&](Outlet& out) { out.put(value); }, [&](Inlet& in) { value = in.take<int>(); });
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <turnpike/base/error.h>
#include <turnpike/io/variables.h>

namespace turnpike {

// The child's end of the pipe.
class Outlet {
 public:
  explicit Outlet(int fd) : fd_(fd) {}
  void put_bytes(const void* bytes, std::size_t n);
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    put_bytes(&value, sizeof value);
  }
  void put_text(std::string_view text);
  void flush();

 private:
  int fd_;
  std::string waiting_;
};

// The parent's end. Each function throws InputError when the child has died, is silent for too long, or sent a size
// that cannot be.
class Inlet {
 public:
  Inlet(int fd, std::string source, int silent_s) : fd_(fd), source_(std::move(source)), silent_s_(silent_s) {}
  void take_bytes(void* bytes, std::size_t n);
  template <class T>
  T take() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    take_bytes(&value, sizeof value);
    return value;
  }
  std::string take_text(std::size_t at_most);
  const std::string& source() const { return source_; }

 private:
  int fd_;
  std::string source_;
  int silent_s_;
};

// `work` runs in the child; an InputError it throws is thrown here, with its text. `receive` runs here.
void in_isolation(const std::string& source, const ReadLimits& limits, const std::function<void(Outlet&)>& work,
                  const std::function<void(Inlet&)>& receive);

// What readers send: lists of variables, and arrays as a head followed by the elements' bytes.
enum class ElementOrder : std::uint8_t { rows, columns };  // the last index runs fastest, or the first

void put_variables(Outlet& out, const std::vector<Variable>& variables);
std::vector<Variable> take_variables(Inlet& in);

struct ArrayHead {
  std::vector<std::int64_t> shape;
  DType dtype;
  ElementOrder order;
};
void put_head(Outlet& out, const ArrayHead& head);
// Takes the head and the elements; row-major whatever order they came in. `budget` bytes are left for values, and are
// reduced.
Array take_array(Inlet& in, std::uint64_t& budget);

}  // namespace turnpike

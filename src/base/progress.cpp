#include <turnpike/base/progress.h>

namespace turnpike {

Progress& no_progress() {
  static Progress silent;
  return silent;
}

std::atomic<bool>& stop_requested() {
  static std::atomic<bool> flag{false};
  return flag;
}

}  // namespace turnpike

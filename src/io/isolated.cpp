#include "isolated_internal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include <turnpike/base/progress.h>

namespace turnpike {
namespace {

constexpr std::size_t outlet_bytes = std::size_t{1} << 18;
constexpr std::size_t most_error_bytes = 4096;  // what a pipe takes at once, even when nobody reads
constexpr int exit_input_error = 3, exit_no_memory = 4, exit_broken_pipe = 5, exit_other = 6;

// The child is gone, or said something impossible: what it died of is the answer, found in in_isolation.
struct ChildFailed {};
struct ChildSilent {};

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void reset(int fd) {
    close();
    fd_ = fd;
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Pipe {
  Descriptor read_end, write_end;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

// Killed and buried whatever happens.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

std::uint64_t address_space_bytes() {
  unsigned long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return std::uint64_t{pages} * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void set_limit(int resource, std::uint64_t value, std::uint64_t beyond = 0) {
  const rlimit limit{value, value + beyond};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

void enter_child(const ReadLimits& limits, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(exit_other);
  for (int number : {SIGINT, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGXCPU, SIGALRM, SIGTERM})
    ::signal(number, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // What the libraries print of their troubles is not for users.
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, fd);
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_FSIZE, 0);
  // SIGXCPU at the soft limit, which says why; at the hard one it would be SIGKILL.
  set_limit(RLIMIT_CPU, static_cast<std::uint64_t>(limits.cpu_s), 2);
  set_limit(RLIMIT_AS, address_space_bytes() + limits.child_bytes);
}

[[noreturn]] void run_child(const std::function<void(Outlet&)>& work, int data, int errors) {
  int code = 0;
  try {
    Outlet out(data);
    work(out);
    out.flush();
  } catch (const InputError& error) {
    const std::string_view text = error.what();
    [[maybe_unused]] ssize_t n = ::write(errors, text.data(), std::min(text.size(), most_error_bytes));
    code = exit_input_error;
  } catch (const std::bad_alloc&) {
    code = exit_no_memory;
  } catch (const ChildFailed&) {
    code = exit_broken_pipe;
  } catch (...) {
    code = exit_other;
  }
  ::_exit(code);
}

std::string error_text(int fd) {
  char text[most_error_bytes];
  const ssize_t n = ::read(fd, text, sizeof text);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

[[noreturn]] void explain(const std::string& source, const ReadLimits& limits, int status, int errors) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == exit_input_error)
    if (std::string text = error_text(errors); !text.empty()) throw InputError(text);
  if (WIFEXITED(status) && WEXITSTATUS(status) == exit_no_memory)
    throw InputError(fmt::format("{} asks for more than {:.3g} GB of memory to be read: it is damaged, or too large",
                                 source, static_cast<double>(limits.child_bytes) * 1e-9));
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    throw InputError(fmt::format("{} takes more than {} s of processor time to read: it is damaged, or too large",
                                 source, limits.cpu_s));
  if (WIFSIGNALED(status))
    throw InputError(fmt::format("{} is damaged: the library that reads its format broke down over it ({})", source,
                                 ::strsignal(WTERMSIG(status))));
  throw InputError(fmt::format("{} is damaged: what it says about its contents does not hold", source));
}

// How the bytes of an array in the order of its columns are laid into rows.
template <std::size_t width>
class Scatter {
 public:
  explicit Scatter(Array& array) : array_(array), index_(array.shape.size(), 0), stride_(array.shape.size(), 1) {
    for (std::size_t k = index_.size(); k-- > 1;) stride_[k - 1] = stride_[k] * array.shape[k];
  }
  void lay(const std::byte* from, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      std::memcpy(array_.bytes.data() + at_ * width, from + i * width, width);
      for (std::size_t k = 0; k < index_.size(); ++k) {
        at_ += static_cast<std::size_t>(stride_[k]);
        if (++index_[k] < array_.shape[k]) break;
        at_ -= static_cast<std::size_t>(stride_[k] * array_.shape[k]);
        index_[k] = 0;
      }
    }
  }

 private:
  Array& array_;
  std::vector<std::int64_t> index_, stride_;
  std::size_t at_ = 0;
};

template <std::size_t width>
void take_columns(Inlet& in, Array& array) {
  Scatter<width> scatter(array);
  std::vector<std::byte> chunk(outlet_bytes);
  for (std::size_t left = array.bytes.size() / width; left > 0;) {
    const std::size_t n = std::min(left, chunk.size() / width);
    in.take_bytes(chunk.data(), n * width);
    scatter.lay(chunk.data(), n);
    left -= n;
  }
}

constexpr std::size_t most_dimensions = 32, most_variables = 1 << 16, most_name = 1 << 12;

void put_shape(Outlet& out, const std::vector<std::int64_t>& shape) {
  out.put(static_cast<std::uint64_t>(shape.size()));
  for (std::int64_t n : shape) out.put(n);
}

std::vector<std::int64_t> take_shape(Inlet& in) {
  const auto n_dims = in.take<std::uint64_t>();
  if (n_dims > most_dimensions) throw ChildFailed();
  std::vector<std::int64_t> shape;
  for (std::uint64_t k = 0; k < n_dims; ++k) {
    shape.push_back(in.take<std::int64_t>());
    if (shape.back() < 0) throw ChildFailed();
  }
  return shape;
}

DType take_dtype(Inlet& in) {
  const auto code = in.take<std::uint8_t>();
  if (code > static_cast<std::uint8_t>(DType::c128)) throw ChildFailed();
  return static_cast<DType>(code);
}

}  // namespace

void Outlet::put_bytes(const void* bytes, std::size_t n) {
  const char* from = static_cast<const char*>(bytes);
  if (waiting_.size() + n <= outlet_bytes) {
    waiting_.append(from, n);
    return;
  }
  flush();
  while (n > 0) {
    const ssize_t written = ::write(fd_, from, n);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw ChildFailed();
    from += written;
    n -= static_cast<std::size_t>(written);
  }
}

void Outlet::put_text(std::string_view text) {
  put(static_cast<std::uint64_t>(text.size()));
  put_bytes(text.data(), text.size());
}

void Outlet::flush() {
  std::string all;
  std::swap(all, waiting_);
  std::string_view rest = all;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw ChildFailed();
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Inlet::take_bytes(void* bytes, std::size_t n) {
  char* to = static_cast<char*>(bytes);
  while (n > 0) {
    pollfd poll{fd_, POLLIN, 0};
    const int ready = ::poll(&poll, 1, silent_s_ * 1000);
    if (stop_requested()) throw Interrupted("stopped while " + source_ + " was read");
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) throw ChildSilent();
    const ssize_t taken = ::read(fd_, to, n);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) throw ChildFailed();
    to += taken;
    n -= static_cast<std::size_t>(taken);
  }
}

std::string Inlet::take_text(std::size_t at_most) {
  const auto n = take<std::uint64_t>();
  if (n > at_most) throw ChildFailed();
  std::string text(n, '\0');
  take_bytes(text.data(), n);
  return text;
}

void in_isolation(const std::string& source, const ReadLimits& limits, const std::function<void(Outlet&)>& work,
                  const std::function<void(Inlet&)>& receive) {
  Pipe data, errors;
  ::fcntl(data.write_end.get(), F_SETPIPE_SZ, 1 << 20);  // fewer changes of process; the default serves too
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw Error(fmt::format("cannot start a process to read {}: {}", source, std::strerror(errno)));
  if (pid == 0) {
    enter_child(limits, parent);
    run_child(work, data.write_end.get(), errors.write_end.get());
  }
  Child child(pid);
  data.write_end.close();
  errors.write_end.close();
  try {
    Inlet in(data.read_end.get(), source, limits.silent_s);
    receive(in);
  } catch (const ChildSilent&) {
    throw InputError(fmt::format("{} gives nothing to read for {} s: it is damaged, or lies where reading hangs",
                                 source, limits.silent_s));
  } catch (const ChildFailed&) {
    data.read_end.close();  // a child that still writes ends now
    explain(source, limits, child.wait(), errors.read_end.get());
  }
}

void put_variables(Outlet& out, const std::vector<Variable>& variables) {
  out.put(static_cast<std::uint64_t>(variables.size()));
  for (const Variable& variable : variables) {
    out.put_text(variable.name);
    put_shape(out, variable.shape);
    out.put(static_cast<std::uint8_t>(variable.dtype.has_value()));
    out.put(static_cast<std::uint8_t>(variable.dtype.value_or(DType::f64)));
    out.put_text(variable.type);
    out.put(static_cast<std::uint64_t>(variable.axes.size()));
    for (const std::string& axis : variable.axes) out.put_text(axis);
  }
}

std::vector<Variable> take_variables(Inlet& in) {
  std::vector<Variable> variables;
  const auto n = in.take<std::uint64_t>();
  if (n > most_variables) throw InputError(in.source() + " claims to hold more than 65536 variables: it is damaged");
  for (std::uint64_t i = 0; i < n; ++i) {
    Variable variable;
    variable.name = in.take_text(most_name);
    variable.shape = take_shape(in);
    const bool is_number = in.take<std::uint8_t>() != 0;
    const DType dtype = take_dtype(in);
    if (is_number) variable.dtype = dtype;
    variable.type = in.take_text(most_name);
    const auto n_axes = in.take<std::uint64_t>();
    if (n_axes > most_dimensions) throw ChildFailed();
    for (std::uint64_t k = 0; k < n_axes; ++k) variable.axes.push_back(in.take_text(most_name));
    variables.push_back(std::move(variable));
  }
  return variables;
}

void put_head(Outlet& out, const ArrayHead& head) {
  put_shape(out, head.shape);
  out.put(static_cast<std::uint8_t>(head.dtype));
  out.put(static_cast<std::uint8_t>(head.order));
  out.flush();  // the parent judges the size before the values are read
}

Array take_array(Inlet& in, std::uint64_t& budget) {
  Array array;
  array.shape = take_shape(in);
  array.dtype = take_dtype(in);
  const bool by_columns = in.take<std::uint8_t>() != 0 && array.shape.size() > 1;
  const std::int64_t n_bytes = checked_bytes(array.shape, array.dtype);
  if (n_bytes < 0 || static_cast<std::uint64_t>(n_bytes) > budget)
    throw InputError(fmt::format("{} holds an array of shape {}, more than can be read: {:.3g} GB are left for values",
                                 in.source(), shape_text(array.shape), static_cast<double>(budget) * 1e-9));
  budget -= static_cast<std::uint64_t>(n_bytes);
  array.bytes.resize(static_cast<std::size_t>(n_bytes));
  if (!by_columns) {
    in.take_bytes(array.bytes.data(), array.bytes.size());
    return array;
  }
  switch (size_of(array.dtype)) {
    case 1: take_columns<1>(in, array); break;
    case 2: take_columns<2>(in, array); break;
    case 4: take_columns<4>(in, array); break;
    case 8: take_columns<8>(in, array); break;
    default: take_columns<16>(in, array); break;
  }
  return array;
}

}  // namespace turnpike

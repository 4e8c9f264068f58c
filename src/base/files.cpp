#include <turnpike/base/files.h>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include <turnpike/base/error.h>

#include "fnv_internal.h"

namespace turnpike {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, mode_t mode = 0) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  bool close() {
    int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

std::string reason(int error) {
  return std::strerror(error);
}

[[noreturn]] void fail_writing(const fs::path& path, int error) {
  fs::path parent = path.parent_path();
  std::error_code ignored;
  if (error == ENOENT && !parent.empty() && !fs::exists(parent, ignored))
    throw Error(fmt::format("cannot write '{}': the folder '{}' does not exist", path.string(), parent.string()));
  throw Error(fmt::format("cannot write '{}': {}", path.string(), reason(error)));
}

[[noreturn]] void fail_reading(const fs::path& path, int error) {
  throw InputError(fmt::format("cannot read '{}': {}", path.string(), reason(error)));
}

// 0, or the error number.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

// Hands the file's bytes, chunk by chunk, to `take`.
template <class Take>
void read_chunks(const fs::path& path, Take take) {
  Descriptor file(path, O_RDONLY);
  if (!file.is_open()) fail_reading(path, errno);
  std::string chunk(1 << 18, '\0');
  for (;;) {
    ssize_t n = ::read(file.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_reading(path, errno);
    if (n == 0) return;
    take(std::string_view(chunk.data(), static_cast<std::size_t>(n)));
  }
}

}  // namespace

void write_file(const fs::path& path, std::string_view bytes) {
  static std::atomic<unsigned> counter{0};

  // Through a link, to the file it names: the link stays.
  fs::path target = path;
  std::error_code missing, error;
  if (fs::is_symlink(path, missing)) target = fs::weakly_canonical(path, error);
  if (error) fail_writing(path, error.value());

  struct stat old {};
  const bool exists = ::stat(target.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) fail_writing(path, EISDIR);
  if (exists && !S_ISREG(old.st_mode)) {
    // A device or a pipe (/dev/stdout) cannot be replaced, only written to.
    Descriptor device(target, O_WRONLY);
    if (!device.is_open()) fail_writing(path, errno);
    if (int failed = write_all(device.get(), bytes)) fail_writing(path, failed);
    return;
  }

  const fs::path temporary = target.parent_path() / fmt::format(".turnpike-{}-{}.tmp", ::getpid(), counter++);
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (!file.is_open()) fail_writing(path, errno);
  int failed = write_all(file.get(), bytes);
  if (!failed && exists && ::fchmod(file.get(), old.st_mode & 07777) != 0) failed = errno;
  if (!failed && ::fsync(file.get()) != 0) failed = errno;
  if (!file.close() && !failed) failed = errno;
  if (!failed && ::rename(temporary.c_str(), target.c_str()) != 0) failed = errno;
  if (failed) {
    ::unlink(temporary.c_str());
    fail_writing(path, failed);
  }
  // The new name survives a power cut only once the folder is on disk; where a file system cannot do that, the file
  // still stands.
  Descriptor folder(target.has_parent_path() ? target.parent_path() : fs::path("."), O_RDONLY | O_DIRECTORY);
  if (folder.is_open()) ::fsync(folder.get());
}

std::string read_file(const fs::path& path) {
  std::string bytes;
  read_chunks(path, [&](std::string_view chunk) { bytes += chunk; });
  return bytes;
}

fs::path make_run_folder(const fs::path& parent, const std::string& name) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) throw Error(fmt::format("cannot make the folder '{}': {}", parent.string(), error.message()));

  std::string stem = fmt::format("{:%Y-%m-%d}-", fmt::localtime(std::time(nullptr)));
  for (unsigned char c : name)
    stem += std::isalnum(c) || c >= 0x80 || std::strchr("._-", c) ? static_cast<char>(c) : '-';
  for (int number = 1;; ++number) {
    fs::path folder = parent / (number == 1 ? stem : fmt::format("{}-{}", stem, number));
    // mkdir decides who owns the name, also between two runs that start at once.
    if (::mkdir(folder.c_str(), 0777) == 0) return folder;
    if (errno != EEXIST) throw Error(fmt::format("cannot make the folder '{}': {}", folder.string(), reason(errno)));
  }
}

std::string hash_file(const fs::path& path) {
  std::uint64_t hash = fnv_start;
  read_chunks(path, [&](std::string_view chunk) { hash = fnv(hash, chunk); });
  return fmt::format("{:016x}", hash);
}

std::string hash_bytes(std::string_view bytes) {
  return fmt::format("{:016x}", fnv(fnv_start, bytes));
}

}  // namespace turnpike

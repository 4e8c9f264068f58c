#include <turnpike/io/idx.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>

#include "archive_internal.h"

namespace turnpike {
namespace {

std::optional<DType> idx_type(unsigned char code) {
  switch (code) {
    case 0x08: return DType::u8;
    case 0x09: return DType::i8;
    case 0x0b: return DType::i16;
    case 0x0c: return DType::i32;
    case 0x0d: return DType::f32;
    case 0x0e: return DType::f64;
    default: return std::nullopt;
  }
}

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace

Array parse_idx(std::string_view bytes, const std::string& source, std::uint64_t max_bytes) {
  std::string unpacked;
  if (is_gzip(bytes)) {
    unpacked = gunzip(bytes, source, max_bytes);
    bytes = unpacked;
  }
  if (bytes.size() < 4) throw InputError(source + " is cut short: an IDX file has at least 4 bytes");
  const auto dtype = idx_type(static_cast<unsigned char>(bytes[2]));
  if (bytes[0] != 0 || bytes[1] != 0 || !dtype) {
    throw InputError(fmt::format("{} is no IDX file: it begins with {:02x} {:02x} {:02x} {:02x}", source,
                                 static_cast<unsigned char>(bytes[0]), static_cast<unsigned char>(bytes[1]),
                                 static_cast<unsigned char>(bytes[2]), static_cast<unsigned char>(bytes[3])));
  }
  const std::size_t n_dims = static_cast<unsigned char>(bytes[3]);
  if (n_dims == 0 || n_dims > 8) {
    throw InputError(fmt::format("{} says it has {} dimensions; an IDX file has 1 to 8", source, n_dims));
  }
  if (bytes.size() < 4 + 4 * n_dims) throw InputError(source + " is cut short within its IDX header");
  Array array{std::vector<std::int64_t>(n_dims), *dtype, {}};
  for (std::size_t k = 0; k < n_dims; ++k) array.shape[k] = big_endian(bytes, 4 + 4 * k);
  bytes.remove_prefix(4 + 4 * n_dims);
  const std::int64_t n_bytes = checked_bytes(array.shape, array.dtype);
  if (n_bytes < 0 || static_cast<std::uint64_t>(n_bytes) != bytes.size()) {
    throw InputError(
        fmt::format("{} is {}: its header says shape {} of {}, but {} bytes follow", source,
                    n_bytes < 0 || static_cast<std::uint64_t>(n_bytes) > bytes.size() ? "cut short" : "too long",
                    shape_text(array.shape), name_of(array.dtype), bytes.size()));
  }
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  array.bytes.assign(data, data + bytes.size());
  const std::size_t width = size_of(array.dtype);
  if (width > 1) {
    for (auto value = array.bytes.begin(); value != array.bytes.end(); value += static_cast<std::ptrdiff_t>(width)) {
      std::reverse(value, value + static_cast<std::ptrdiff_t>(width));
    }
  }
  return array;
}

Array read_idx(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return parse_idx(read_file(path), path.string(), max_bytes);
}

}  // namespace turnpike

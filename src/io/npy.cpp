#include <turnpike/io/npy.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>
#include <turnpike/io/text.h>

#include "archive_internal.h"

namespace turnpike {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct NpyType {
  DType dtype;
  const char* code;
};
constexpr NpyType npy_types[] = {
    {DType::boolean, "b1"}, {DType::u8, "u1"},  {DType::u16, "u2"}, {DType::u32, "u4"},   {DType::u64, "u8"},
    {DType::i8, "i1"},      {DType::i16, "i2"}, {DType::i32, "i4"}, {DType::i64, "i8"},   {DType::f16, "f2"},
    {DType::f32, "f4"},     {DType::f64, "f8"}, {DType::c64, "c8"}, {DType::c128, "c16"},
};

struct NpyHeader {
  DType dtype = DType::f32;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

// The header is a Python dictionary literal with exactly the keys descr, fortran_order and shape.
class NpyHeaderParser {
 public:
  NpyHeaderParser(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!take('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !has_descr) {
        has_descr = true;
        header.dtype = dtype();
      } else if (key == "fortran_order" && !has_order) {
        has_order = true;
        header.fortran_order = boolean();
      } else if (key == "shape" && !has_shape) {
        has_shape = true;
        header.shape = shape();
      } else {
        refuse(fmt::format("unexpected key {}", shown(key)));
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    if (!has_descr || !has_order || !has_shape) refuse("descr, fortran_order or shape is missing");
    if (!trimmed(text_).empty()) refuse("text after the dictionary");
    return header;
  }

 private:
  std::string_view text_;
  const std::string& source_;

  [[noreturn]] void refuse(const std::string& reason) const {
    throw InputError(fmt::format("{} has a broken NPY header: {}", source_, reason));
  }
  void skip_blanks() { text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size())); }
  bool take(char c) {
    skip_blanks();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse(fmt::format("'{}' is missing before {}", c, shown(text_)));
  }
  std::string_view string() {
    skip_blanks();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"'))
      refuse(fmt::format("a string is expected at {}", shown(text_)));
    const std::size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) refuse("a string does not end");
    const std::string_view value = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    skip_blanks();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (text_.starts_with(word)) {
        text_.remove_prefix(word.size());
        return value;
      }
    }
    refuse(fmt::format("True or False is expected at {}", shown(text_)));
  }
  DType dtype() {
    skip_blanks();
    if (text_.starts_with('[')) {
      throw InputError(source_ + " holds a structured array; save its columns as one plain array of numbers");
    }
    const std::string_view descr = string();
    if (descr == "|O" || descr == "O") {
      throw InputError(source_ +
                       " holds Python objects, which could run code when loaded; save an array of numbers instead");
    }
    if (descr.starts_with('>')) {
      throw InputError(fmt::format("{} is big endian ({}); save it as little endian, for instance with astype('<{}')",
                                   source_, shown(descr), descr.substr(1)));
    }
    const std::string_view code = descr.find_first_of("<|=") == 0 ? descr.substr(1) : descr;
    for (const NpyType& type : npy_types) {
      if (code == type.code) return type.dtype;
    }
    throw InputError(
        fmt::format("{} holds values of type {}; only booleans, integers, real and complex numbers can be read",
                    source_, shown(descr)));
  }
  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> shape;
    expect('(');
    while (!take(')')) {
      skip_blanks();
      std::int64_t n = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), n);
      if (error != std::errc() || n < 0) refuse(fmt::format("a dimension is expected at {}", shown(text_)));
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      shape.push_back(n);
      if (shape.size() > 32) refuse("more than 32 dimensions");
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }
};

// Column-major to row-major: walks the target in order and keeps the source's offset.
std::vector<std::byte> from_fortran(const std::byte* data, const std::vector<std::int64_t>& shape, std::size_t width,
                                    std::size_t n_bytes) {
  std::vector<std::byte> out(n_bytes);
  const std::size_t n_dims = shape.size();
  std::vector<std::int64_t> stride(n_dims), index(n_dims, 0);
  std::int64_t product = 1;
  for (std::size_t k = 0; k < n_dims; ++k) {
    stride[k] = product;
    product *= shape[k];
  }
  std::int64_t from = 0;
  for (std::size_t to = 0; to < n_bytes; to += width) {
    std::memcpy(out.data() + to, data + from * static_cast<std::int64_t>(width), width);
    for (std::size_t k = n_dims; k-- > 0;) {
      from += stride[k];
      if (++index[k] < shape[k]) break;
      from -= stride[k] * shape[k];
      index[k] = 0;
    }
  }
  return out;
}

// The header, and how many bytes it takes.
std::pair<NpyHeader, std::size_t> parse_header(std::string_view bytes, const std::string& source) {
  if (!bytes.starts_with(magic)) throw InputError(source + " is no NPY file: it does not begin with \\x93NUMPY");
  if (bytes.size() < 10) throw InputError(source + " is cut short within its NPY header");
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3)
    throw InputError(fmt::format("{} is of NPY version {}; 1 to 3 can be read", source, version));
  // Version 1: 2 bytes of length; versions 2 and 3: 4 bytes. Little endian.
  const std::size_t width = version == 1 ? 2 : 4;
  std::uint64_t length = 0;
  if (bytes.size() >= 8 + width) std::memcpy(&length, bytes.data() + 8, width);
  if (bytes.size() < 8 + width || bytes.size() - 8 - width < length) {
    throw InputError(source + " is cut short within its NPY header");
  }
  return {NpyHeaderParser(bytes.substr(8 + width, length), source).parse(), 8 + width + length};
}

// The name of an array in an NPZ file, from that of its entry.
std::string key_of(const std::string& entry, const std::string& source) {
  if (!entry.ends_with(".npy")) {
    throw InputError(fmt::format("{} holds {}, which is no .npy file", source, shown(entry)));
  }
  return entry.substr(0, entry.size() - 4);
}

std::string entry_source(const std::string& source, const std::string& key) {
  return fmt::format("{}, entry {}", source, shown(key));
}

constexpr std::uint64_t longest_header = 1 << 16;

}  // namespace

Array parse_npy(std::string_view bytes, const std::string& source) {
  const auto [header, header_bytes] = parse_header(bytes, source);
  bytes.remove_prefix(header_bytes);
  const std::int64_t n_bytes = checked_bytes(header.shape, header.dtype);
  if (n_bytes < 0 || static_cast<std::uint64_t>(n_bytes) != bytes.size()) {
    throw InputError(fmt::format("{}: the header says shape {} of {}, but {} bytes follow{}", source,
                                 shape_text(header.shape), name_of(header.dtype), bytes.size(),
                                 n_bytes < 0 ? "" : fmt::format(" instead of {}", n_bytes)));
  }
  Array array{header.shape, header.dtype, {}};
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  if (header.fortran_order && header.shape.size() > 1) {
    array.bytes = from_fortran(data, header.shape, size_of(header.dtype), bytes.size());
  } else {
    array.bytes.assign(data, data + bytes.size());
  }
  return array;
}

Array read_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path), path.string());
}

std::map<std::string, Array> parse_npz(std::string_view bytes, const std::string& source, std::uint64_t max_bytes) {
  if (!bytes.starts_with("PK")) throw InputError(source + " is no NPZ file: it is not a zip archive");
  std::map<std::string, Array> arrays;
  read_zip(bytes, source, max_bytes, [&](const std::string& name, const ZipContent& content) {
    const std::string key = key_of(name, source);
    if (!arrays.emplace(key, parse_npy(content(UINT64_MAX), entry_source(source, key))).second) {
      throw InputError(fmt::format("{} holds the entry {} twice", source, shown(key)));
    }
  });
  return arrays;
}

std::map<std::string, Array> read_npz(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return parse_npz(read_file(path), path.string(), max_bytes);
}

std::vector<Variable> list_npz(const std::filesystem::path& path, std::uint64_t max_bytes) {
  std::vector<Variable> variables;
  read_zip_file(path, max_bytes, [&](const std::string& name, const ZipContent& content) {
    const std::string key = key_of(name, path.string());
    const NpyHeader header = parse_header(content(longest_header), entry_source(path.string(), key)).first;
    variables.push_back({key, header.shape, header.dtype, name_of(header.dtype)});
  });
  return variables;
}

std::vector<Array> read_npz(const std::filesystem::path& path, const std::vector<std::string>& names,
                            std::uint64_t max_bytes) {
  std::vector<std::optional<Array>> found(names.size());
  read_zip_file(path, max_bytes, [&](const std::string& name, const ZipContent& content) {
    const std::string key = key_of(name, path.string());
    const auto wanted = std::find(names.begin(), names.end(), key);
    if (wanted == names.end()) return;
    found[static_cast<std::size_t>(wanted - names.begin())] =
        parse_npy(content(UINT64_MAX), entry_source(path.string(), key));
  });
  std::vector<Array> arrays;
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (!found[k]) throw InputError(fmt::format("{} has no array {}", path.string(), shown(names[k])));
    arrays.push_back(std::move(*found[k]));
  }
  return arrays;
}

std::string npy_bytes(const Array& array) {
  require(checked_bytes(array.shape, array.dtype) == static_cast<std::int64_t>(array.bytes.size()),
          fmt::format("an array of shape {} and type {} cannot hold {} bytes", shape_text(array.shape),
                      name_of(array.dtype), array.bytes.size()));
  const auto* type = std::find_if(std::begin(npy_types), std::end(npy_types),
                                  [&](const NpyType& t) { return t.dtype == array.dtype; });
  require(type != std::end(npy_types), fmt::format("NPY has no name for {}", name_of(array.dtype)));
  std::string shape = fmt::format("{}", fmt::join(array.shape, ", "));
  if (array.shape.size() == 1) shape += ',';
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                   size_of(array.dtype) == 1 ? '|' : '<', type->code, shape);
  // Padded with blanks and a line feed so that the data begin at a multiple of 64.
  const std::size_t before = magic.size() + 4;
  header.append(63 - (before + header.size()) % 64, ' ');
  header += '\n';
  require(header.size() < 65536, "the NPY header is too long");
  std::string out(magic);
  out += '\1';
  out += '\0';
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  out.append(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
  return out;
}

void write_npy(const std::filesystem::path& path, const Array& array) {
  write_file(path, npy_bytes(array));
}

std::string npz_bytes(const std::map<std::string, Array>& arrays) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [name, array] : arrays) entries.emplace_back(name + ".npy", npy_bytes(array));
  return zip_bytes(entries);
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, Array>& arrays) {
  write_file(path, npz_bytes(arrays));
}

}  // namespace turnpike

#include <turnpike/io/mat.h>

#include <fmt/format.h>
#include <matio.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>

#include <turnpike/io/text.h>

#include "hdf5_internal.h"
#include "isolated_internal.h"

namespace turnpike {
namespace {

constexpr int deepest_struct = 8;

struct CloseMat {
  void operator()(mat_t* mat) const { Mat_Close(mat); }
};
struct FreeVariable {
  void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};
using OpenMat = std::unique_ptr<mat_t, CloseMat>;
using MatVariable = std::unique_ptr<matvar_t, FreeVariable>;

// What a variable is: its type of numbers, or a word for what it is instead.
struct Kind {
  std::optional<DType> dtype;
  std::string type;
};

Kind kind_of(const matvar_t& variable) {
  const auto number = [&](DType real, std::optional<DType> complex = {}) -> Kind {
    if (variable.isComplex && !complex) return {std::nullopt, "complex integers"};
    const DType dtype = variable.isComplex ? *complex : real;
    return {dtype, name_of(dtype)};
  };
  if (variable.isLogical) return number(DType::boolean);
  switch (variable.class_type) {
    case MAT_C_DOUBLE: return number(DType::f64, DType::c128);
    case MAT_C_SINGLE: return number(DType::f32, DType::c64);
    case MAT_C_INT8: return number(DType::i8);
    case MAT_C_UINT8: return number(DType::u8);
    case MAT_C_INT16: return number(DType::i16);
    case MAT_C_UINT16: return number(DType::u16);
    case MAT_C_INT32: return number(DType::i32);
    case MAT_C_UINT32: return number(DType::u32);
    case MAT_C_INT64: return number(DType::i64);
    case MAT_C_UINT64: return number(DType::u64);
    case MAT_C_CHAR: return {std::nullopt, "text"};
    case MAT_C_STRUCT: return {std::nullopt, "struct"};
    case MAT_C_CELL: return {std::nullopt, "cell"};
    case MAT_C_SPARSE: return {std::nullopt, "sparse matrix"};
    default: return {std::nullopt, "no numbers"};
  }
}

std::vector<std::int64_t> shape_of(const matvar_t& variable) {
  std::vector<std::int64_t> shape;
  for (int k = 0; k < variable.rank; ++k) shape.push_back(static_cast<std::int64_t>(variable.dims[k]));
  return shape;
}

bool is_single_struct(const matvar_t& variable) {
  if (variable.class_type != MAT_C_STRUCT) return false;
  return std::all_of(variable.dims, variable.dims + variable.rank, [](std::size_t n) { return n == 1; });
}

void list_with_fields(matvar_t* variable, const std::string& name, int depth, std::vector<Variable>& out) {
  if (!is_single_struct(*variable) || depth == deepest_struct) {
    const Kind kind = kind_of(*variable);
    out.push_back({name, shape_of(*variable), kind.dtype, kind.type});
    return;
  }
  const unsigned n_fields = Mat_VarGetNumberOfFields(variable);
  char* const* names = Mat_VarGetStructFieldnames(variable);
  for (unsigned k = 0; k < n_fields; ++k)
    if (matvar_t* field = Mat_VarGetStructFieldByIndex(variable, k, 0))
      list_with_fields(field, fmt::format("{}.{}", name, names[k]), depth + 1, out);
}

// A file of version 5 is a row of elements {type, number of bytes, bytes} behind 128 bytes of head. Cut files end
// within one; matio would take the rest for the end. Compressed ones carry a checksum, which matio does not always
// reach.
class ElementWalk {
 public:
  ElementWalk(const std::filesystem::path& path, std::uint64_t max_bytes)
      : source_(path.string()), file_(path, std::ios::binary), left_(max_bytes) {
    size_ = static_cast<std::uint64_t>(file_.seekg(0, std::ios::end).tellg());
    char mark[2];
    if (size_ < 128 || !file_.seekg(126).read(mark, 2)) refuse_cut();
    swapped_ = mark[0] == 'M';
  }

  void check_lengths() {
    walk([](std::uint64_t, std::uint32_t) {});
  }

  void check_contents() {
    walk([&](std::uint64_t n, std::uint32_t type) {
      if (type == MAT_T_COMPRESSED) inflate_all(n);
    });
  }

 private:
  std::string source_;
  std::ifstream file_;
  std::uint64_t size_ = 0, left_;
  bool swapped_ = false;

  [[noreturn]] void refuse_cut() const {
    throw InputError(
        fmt::format("{} is cut short: its last variable does not end within the file's {} bytes", source_, size_));
  }

  template <class Visit>
  void walk(Visit visit) {
    for (std::uint64_t at = 128; at < size_;) {
      std::uint32_t tag[2];
      if (size_ - at < sizeof tag) refuse_cut();
      file_.seekg(static_cast<std::streamoff>(at)).read(reinterpret_cast<char*>(tag), sizeof tag);
      if (swapped_)
        for (std::uint32_t& word : tag) word = __builtin_bswap32(word);
      at += sizeof tag;
      if (tag[1] > size_ - at) refuse_cut();
      if (tag[0] != MAT_T_MATRIX && tag[0] != MAT_T_COMPRESSED)
        throw InputError(fmt::format("{} is damaged: no variable begins at byte {}", source_, at - sizeof tag));
      visit(tag[1], tag[0]);
      at += tag[1];
    }
  }

  void inflate_all(std::uint64_t n) {
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
    std::vector<unsigned char> packed(1 << 16), unpacked(1 << 18);
    int state = Z_OK;
    while (state == Z_OK && n > 0) {
      const std::uint64_t take = std::min<std::uint64_t>(n, packed.size());
      file_.read(reinterpret_cast<char*>(packed.data()), static_cast<std::streamsize>(take));
      n -= take;
      stream.next_in = packed.data();
      stream.avail_in = static_cast<uInt>(take);
      while (state == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0)) {
        stream.next_out = unpacked.data();
        stream.avail_out = static_cast<uInt>(unpacked.size());
        state = inflate(&stream, Z_NO_FLUSH);
        const std::uint64_t made = unpacked.size() - stream.avail_out;
        if (made > left_) throw InputError(fmt::format("{} unpacks to more than can be read", source_));
        left_ -= made;
      }
      if (state == Z_BUF_ERROR) state = Z_OK;  // all that was given is used up
    }
    inflateEnd(&stream);
    if (state != Z_STREAM_END)
      throw InputError(fmt::format("{} is damaged: the checksum of a compressed variable does not match", source_));
  }
};

class MatFile {
 public:
  explicit MatFile(const std::filesystem::path& path)
      : source_(path.string()), mat_(Mat_Open(path.c_str(), MAT_ACC_RDONLY)) {
    if (!mat_) throw InputError(fmt::format("{} is no MAT file that can be read, or it is damaged", source_));
  }

  bool has_elements() const { return Mat_GetVersion(mat_.get()) == MAT_FT_MAT5; }

  std::vector<Variable> list() {
    std::vector<Variable> variables;
    while (const MatVariable next{Mat_VarReadNextInfo(mat_.get())}) {
      if (next->name) list_with_fields(next.get(), next->name, 0, variables);
    }
    return variables;
  }

  void read(const std::string& name, Outlet& out) {
    const MatVariable root = read_root(name.substr(0, name.find('.')));
    const matvar_t* variable = root.get();
    for (std::size_t dot = name.find('.'); dot != std::string::npos;) {
      const std::size_t next = name.find('.', dot + 1);
      const std::string field = name.substr(dot + 1, next == std::string::npos ? next : next - dot - 1);
      variable = Mat_VarGetStructFieldByName(const_cast<matvar_t*>(variable), field.c_str(), 0);
      if (!variable) refuse_damage(name);
      dot = next;
    }
    put_values(*variable, name, out);
  }

 private:
  std::string source_;
  OpenMat mat_;

  [[noreturn]] void refuse_damage(const std::string& name) const {
    throw InputError(fmt::format("{} is damaged: {} cannot be read", source_, shown(name)));
  }

  MatVariable read_root(const std::string& name) {
    Mat_Rewind(mat_.get());
    MatVariable variable(Mat_VarReadInfo(mat_.get(), name.c_str()));
    if (!variable || Mat_VarReadDataAll(mat_.get(), variable.get()) != 0) refuse_damage(name);
    return variable;
  }

  void put_values(const matvar_t& variable, const std::string& name, Outlet& out) const {
    const Kind kind = kind_of(variable);
    if (!kind.dtype) throw InputError(fmt::format("{} in {} is {}, no numbers", shown(name), source_, kind.type));
    const std::vector<std::int64_t> shape = shape_of(variable);
    const std::int64_t n_bytes = checked_bytes(shape, *kind.dtype);
    // matio leaves what it could not read without data.
    if (n_bytes < 0 || (n_bytes > 0 && !variable.data)) refuse_damage(name);
    put_head(out, {shape, *kind.dtype, ElementOrder::columns});
    if (n_bytes == 0) return;
    if (!variable.isComplex) return out.put_bytes(variable.data, static_cast<std::size_t>(n_bytes));
    const auto* parts = static_cast<const mat_complex_split_t*>(variable.data);
    if (!parts->Re || !parts->Im) refuse_damage(name);
    const std::size_t width = size_of(*kind.dtype) / 2, n = static_cast<std::size_t>(n_bytes) / (2 * width);
    const char *re = static_cast<const char*>(parts->Re), *im = static_cast<const char*>(parts->Im);
    for (std::size_t i = 0; i < n; ++i) {
      out.put_bytes(re + i * width, width);
      out.put_bytes(im + i * width, width);
    }
  }
};

}  // namespace

std::vector<Variable> list_mat(const std::filesystem::path& path, const ReadLimits& limits) {
  if (format_of_file(path) == FileFormat::hdf5) return list_hdf5(path, Hdf5Dialect::matlab, limits);
  std::vector<Variable> variables;
  in_isolation(
      path.string(), limits,
      [&](Outlet& out) {
        MatFile file(path);
        if (file.has_elements()) ElementWalk(path, limits.max_bytes).check_lengths();
        put_variables(out, file.list());
      },
      [&](Inlet& in) { variables = take_variables(in); });
  return variables;
}

std::vector<Array> read_mat(const std::filesystem::path& path, const std::vector<std::string>& names,
                            const ReadLimits& limits) {
  if (format_of_file(path) == FileFormat::hdf5) return read_hdf5(path, names, Hdf5Dialect::matlab, limits);
  std::vector<Array> arrays;
  in_isolation(
      path.string(), limits,
      [&](Outlet& out) {
        MatFile file(path);
        if (file.has_elements()) ElementWalk(path, limits.max_bytes).check_contents();
        for (const std::string& name : names) file.read(name, out);
      },
      [&](Inlet& in) {
        std::uint64_t budget = limits.max_bytes;
        for (std::size_t k = 0; k < names.size(); ++k) arrays.push_back(take_array(in, budget));
      });
  return arrays;
}

}  // namespace turnpike

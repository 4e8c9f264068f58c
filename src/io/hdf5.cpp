#include <turnpike/io/hdf5.h>

#include <fmt/format.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <turnpike/io/text.h>

#include "hdf5_internal.h"
#include "isolated_internal.h"

namespace turnpike {
namespace {

constexpr std::size_t slab_bytes = std::size_t{8} << 20, most_listed = 1 << 16;

// An identifier of HDF5 and the function that closes it.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  explicit operator bool() const { return id_ >= 0; }
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// The elements of a dataset: what they are to us, and the type that HDF5 is asked to convert them to.
struct Element {
  std::optional<DType> dtype;
  std::string type;
  hid_t memory = -1;  // never closed: the process ends with its work
};

Element no_numbers(std::string type) {
  return {std::nullopt, std::move(type), -1};
}

Element number(DType dtype, hid_t memory) {
  return {dtype, name_of(dtype), memory};
}

Element integer_element(hid_t type) {
  const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
  switch (H5Tget_size(type)) {
    case 1: return is_signed ? number(DType::i8, H5T_NATIVE_INT8) : number(DType::u8, H5T_NATIVE_UINT8);
    case 2: return is_signed ? number(DType::i16, H5T_NATIVE_INT16) : number(DType::u16, H5T_NATIVE_UINT16);
    case 4: return is_signed ? number(DType::i32, H5T_NATIVE_INT32) : number(DType::u32, H5T_NATIVE_UINT32);
    case 8: return is_signed ? number(DType::i64, H5T_NATIVE_INT64) : number(DType::u64, H5T_NATIVE_UINT64);
    default: return no_numbers("integers of unusual size");
  }
}

// h5py stores booleans as an enumeration of FALSE and TRUE over 8 bits.
Element enum_element(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return no_numbers("enumeration");
  return number(DType::boolean, H5Tcopy(type));
}

// Two reals under the names that h5py, MATLAB and others give the parts of a complex number.
Element compound_element(hid_t type) {
  if (H5Tget_nmembers(type) != 2) return no_numbers("compound");
  std::string names[2];
  std::size_t size = 0;
  for (unsigned k = 0; k < 2; ++k) {
    char* name = H5Tget_member_name(type, k);
    if (name) names[k] = name;
    const Handle member(H5Tget_member_type(type, k), H5Tclose);
    if (!member || H5Tget_class(member) != H5T_FLOAT) return no_numbers("compound");
    size = std::max(size, H5Tget_size(member));
  }
  const bool is_complex = (names[0] == "r" || names[0] == "re" || names[0] == "real") &&
                          (names[1] == "i" || names[1] == "im" || names[1] == "imag" || names[1] == "imaginary");
  if (!is_complex) return no_numbers("compound");
  const hid_t part = size <= 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
  const std::size_t width = size <= 4 ? 4 : 8;
  const hid_t memory = H5Tcreate(H5T_COMPOUND, 2 * width);
  H5Tinsert(memory, names[0].c_str(), 0, part);
  H5Tinsert(memory, names[1].c_str(), width, part);
  return number(size <= 4 ? DType::c64 : DType::c128, memory);
}

Element element_of(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: return integer_element(type);
    case H5T_FLOAT:
      return H5Tget_size(type) <= 4 ? number(DType::f32, H5T_NATIVE_FLOAT) : number(DType::f64, H5T_NATIVE_DOUBLE);
    case H5T_ENUM: return enum_element(type);
    case H5T_COMPOUND: return compound_element(type);
    case H5T_STRING: return no_numbers("text");
    case H5T_REFERENCE: return no_numbers("references");
    default: return no_numbers("no numbers");
  }
}

std::string text_attribute(hid_t object, const char* name) {
  if (H5Aexists(object, name) <= 0) return {};
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
  const Handle type(attribute ? H5Aget_type(attribute) : -1, H5Tclose);
  if (!type || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0) return {};
  const std::size_t n = H5Tget_size(type);
  if (n == 0 || n > 64 || H5Aget_storage_size(attribute) != n) return {};
  std::string text(n, '\0');
  if (H5Aread(attribute, type, text.data()) < 0) return {};
  return text.c_str();
}

// A dataset, looked at: everything about it but its values.
struct Dataset {
  Handle id;
  std::vector<std::int64_t> stored;  // the shape in the file
  Element element;
  bool is_empty = false;  // MATLAB_empty: the values are the shape
};

class Hdf5File {
 public:
  Hdf5File(const std::filesystem::path& path, Hdf5Dialect dialect)
      : source_(path.string()), matlab_(dialect == Hdf5Dialect::matlab), file_(open(path)) {
    if (!file_)
      throw InputError(
          fmt::format("{} begins like HDF5, but it is damaged or cut short: the library cannot open it", source_));
  }

  std::vector<Variable> list() {
    struct Visit {
      std::vector<std::string> names;
    } visit;
    const auto remember = [](hid_t, const char* name, const H5O_info_t* info, void* data) -> herr_t {
      auto& names = static_cast<Visit*>(data)->names;
      if (info->type == H5O_TYPE_DATASET && names.size() < most_listed) names.emplace_back(name);
      return 0;
    };
    if (H5Ovisit(file_, H5_INDEX_NAME, H5_ITER_INC, remember, &visit) < 0) refuse_damage("its list of contents");
    std::vector<Variable> variables;
    for (const std::string& name : visit.names) {
      if (matlab_ && name.starts_with("#")) continue;
      const Dataset dataset = look_at(name);
      Variable variable{outside(name), shape_of(dataset), dataset.element.dtype, dataset.element.type};
      if (!matlab_) variable.axes = axes_of(dataset);
      variables.push_back(std::move(variable));
    }
    return variables;
  }

  void read(const std::string& name, Outlet& out) {
    const Dataset dataset = look_at(inside(name));
    if (!dataset.element.dtype)
      throw InputError(fmt::format("{} in {} is {}, no numbers", shown(name), source_, dataset.element.type));
    put_head(out, {shape_of(dataset), *dataset.element.dtype, matlab_ ? ElementOrder::columns : ElementOrder::rows});
    if (dataset.is_empty) return;
    refuse_foreign_storage(dataset, name);
    put_values(dataset, name, out);
  }

 private:
  std::string source_;
  bool matlab_;
  Handle file_;

  static Handle open(const std::filesystem::path& path) {
    ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);  // shared file systems without locks
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    H5PLset_loading_state(0);
    return Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  }

  [[noreturn]] void refuse_damage(const std::string& where) const {
    throw InputError(fmt::format("{} is damaged: {} cannot be read", source_, where));
  }

  static herr_t refuse_to_follow(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) {
    return -1;
  }

  // MATLAB's structs are groups: data.u outside, data/u inside.
  std::string outside(std::string name) const {
    if (matlab_) std::replace(name.begin(), name.end(), '/', '.');
    return name;
  }
  std::string inside(std::string name) const {
    if (matlab_) std::replace(name.begin(), name.end(), '.', '/');
    return name;
  }

  Dataset look_at(const std::string& name) const {
    const Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
    H5Pset_elink_cb(access, refuse_to_follow, nullptr);
    Dataset dataset{Handle(H5Dopen2(file_, name.c_str(), access), H5Dclose), {}, {}, false};
    if (!dataset.id) refuse_damage(shown(outside(name)));
    const Handle space(H5Dget_space(dataset.id), H5Sclose);
    const Handle type(H5Dget_type(dataset.id), H5Tclose);
    const int rank = space ? H5Sget_simple_extent_ndims(space) : -1;
    if (!type || rank < 0 || rank > H5S_MAX_RANK) refuse_damage(shown(outside(name)));
    hsize_t dims[H5S_MAX_RANK];
    if (rank > 0) H5Sget_simple_extent_dims(space, dims, nullptr);
    for (int k = 0; k < rank; ++k) dataset.stored.push_back(static_cast<std::int64_t>(dims[k]));
    if (H5Sget_simple_extent_type(space) == H5S_NULL) dataset.stored = {0};
    dataset.element = element_of(type);
    if (matlab_) heed_matlab(dataset);
    return dataset;
  }

  static void heed_matlab(Dataset& dataset) {
    const std::string kind = text_attribute(dataset.id, "MATLAB_class");
    if (kind == "logical" && dataset.element.dtype == DType::u8)
      dataset.element = number(DType::boolean, H5T_NATIVE_UINT8);
    else if (kind == "char")
      dataset.element = no_numbers("text");
    else if (kind == "cell" || kind == "struct" || kind == "function_handle")
      dataset.element = no_numbers(kind);
    dataset.is_empty = H5Aexists(dataset.id, "MATLAB_empty") > 0;
  }

  std::vector<std::int64_t> shape_of(const Dataset& dataset) const {
    if (!matlab_) return dataset.stored;
    if (dataset.is_empty) return {0, 0};
    return {dataset.stored.rbegin(), dataset.stored.rend()};
  }

  // The dimension scales that HDF5 and netCDF attach: the name of the first one of each dimension.
  static std::vector<std::string> axes_of(const Dataset& dataset) {
    std::vector<std::string> axes(dataset.stored.size());
    bool any = false;
    const auto first_name = [](hid_t, unsigned, hid_t scale, void* data) -> herr_t {
      char name[256];
      const ssize_t n = H5Iget_name(scale, name, sizeof name);
      if (n > 0 && n < static_cast<ssize_t>(sizeof name)) *static_cast<std::string*>(data) = name;
      return 1;
    };
    for (unsigned k = 0; k < axes.size(); ++k) {
      if (H5DSget_num_scales(dataset.id, k) <= 0) continue;
      H5DSiterate_scales(dataset.id, k, nullptr, first_name, &axes[k]);
      if (axes[k].starts_with('/')) axes[k].erase(0, 1);
      any = any || !axes[k].empty();
    }
    return any ? axes : std::vector<std::string>();
  }

  void refuse_foreign_storage(const Dataset& dataset, const std::string& name) const {
    const Handle how(H5Dget_create_plist(dataset.id), H5Pclose);
    if (!how) refuse_damage(shown(name));
    if (H5Pget_external_count(how) > 0 || H5Pget_layout(how) == H5D_VIRTUAL)
      throw InputError(
          fmt::format("{} in {} has its values in other files; copy them into one file first", shown(name), source_));
  }

  // Rows of the first dimension a time: as many as a chunk has, or as fit slab_bytes.
  static std::int64_t rows_at_a_time(const Dataset& dataset, std::size_t row_bytes) {
    std::int64_t rows = static_cast<std::int64_t>(slab_bytes / std::max<std::size_t>(row_bytes, 1));
    const Handle how(H5Dget_create_plist(dataset.id), H5Pclose);
    hsize_t chunk[H5S_MAX_RANK];
    if (how && H5Pget_layout(how) == H5D_CHUNKED && H5Pget_chunk(how, H5S_MAX_RANK, chunk) > 0) {
      const auto step = static_cast<std::int64_t>(std::max<hsize_t>(chunk[0], 1));
      rows = std::max<std::int64_t>(rows / step, 1) * step;
    }
    return std::clamp<std::int64_t>(rows, 1, dataset.stored[0]);
  }

  void put_values(const Dataset& dataset, const std::string& name, Outlet& out) const {
    const std::size_t width = size_of(*dataset.element.dtype);
    if (checked_bytes(dataset.stored, *dataset.element.dtype) == 0) return;
    if (dataset.stored.empty()) {
      char value[16];
      if (H5Dread(dataset.id, dataset.element.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) < 0)
        refuse_damage(shown(name));
      return out.put_bytes(value, width);
    }
    const std::size_t n_dims = dataset.stored.size();
    std::size_t row_bytes = width;
    std::vector<hsize_t> start(n_dims, 0), count(n_dims);
    for (std::size_t k = 0; k < n_dims; ++k) count[k] = static_cast<hsize_t>(dataset.stored[k]);
    for (std::size_t k = 1; k < n_dims; ++k) row_bytes *= count[k];
    const std::int64_t rows = rows_at_a_time(dataset, row_bytes);
    std::vector<char> slab(static_cast<std::size_t>(rows) * row_bytes);
    const Handle file_space(H5Dget_space(dataset.id), H5Sclose);
    for (std::int64_t row = 0; row < dataset.stored[0]; row += rows) {
      start[0] = static_cast<hsize_t>(row);
      count[0] = static_cast<hsize_t>(std::min(rows, dataset.stored[0] - row));
      const Handle memory_space(H5Screate_simple(static_cast<int>(n_dims), count.data(), nullptr), H5Sclose);
      H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
      if (H5Dread(dataset.id, dataset.element.memory, memory_space, file_space, H5P_DEFAULT, slab.data()) < 0)
        refuse_damage(fmt::format("{}, or it is packed with a filter that is not built in:", shown(name)));
      out.put_bytes(slab.data(), count[0] * row_bytes);
    }
  }
};

}  // namespace

std::vector<Variable> list_hdf5(const std::filesystem::path& path, Hdf5Dialect dialect, const ReadLimits& limits) {
  std::vector<Variable> variables;
  in_isolation(
      path.string(), limits, [&](Outlet& out) { put_variables(out, Hdf5File(path, dialect).list()); },
      [&](Inlet& in) { variables = take_variables(in); });
  return variables;
}

std::vector<Array> read_hdf5(const std::filesystem::path& path, const std::vector<std::string>& names,
                             Hdf5Dialect dialect, const ReadLimits& limits) {
  std::vector<Array> arrays;
  in_isolation(
      path.string(), limits,
      [&](Outlet& out) {
        Hdf5File file(path, dialect);
        for (const std::string& name : names) file.read(name, out);
      },
      [&](Inlet& in) {
        std::uint64_t budget = limits.max_bytes;
        for (std::size_t k = 0; k < names.size(); ++k) arrays.push_back(take_array(in, budget));
      });
  return arrays;
}

std::vector<Variable> list_hdf5(const std::filesystem::path& path, const ReadLimits& limits) {
  return list_hdf5(path, Hdf5Dialect::plain, limits);
}

std::vector<Array> read_hdf5(const std::filesystem::path& path, const std::vector<std::string>& names,
                             const ReadLimits& limits) {
  return read_hdf5(path, names, Hdf5Dialect::plain, limits);
}

}  // namespace turnpike

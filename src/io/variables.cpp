#include <turnpike/io/variables.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <turnpike/base/options.h>
#include <turnpike/io/hdf5.h>
#include <turnpike/io/mat.h>
#include <turnpike/io/npy.h>
#include <turnpike/io/text.h>

namespace turnpike {
namespace {

constexpr std::string_view hdf5_mark = "\x89HDF\r\n\x1a\n";

[[noreturn]] void refuse_text(const std::filesystem::path& path) {
  throw InputError(fmt::format("{} is none of MAT, HDF5, NPZ and NPY", path.string()));
}

}  // namespace

// HDF5 may have a block of the user's before it, of 512 bytes or twice, four times ... that; MAT 7.3 has 512.
FileFormat format_of_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw InputError(fmt::format("'{}' is a folder; name a file in it", path.string()));
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error))
    throw InputError(fmt::format("'{}' is no ordinary file", path.string()));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(fmt::format("cannot read '{}': {}", path.string(), std::strerror(errno)));
  char bytes[520] = {};
  file.read(bytes, sizeof bytes);
  const std::string_view head(bytes, static_cast<std::size_t>(file.gcount()));
  if (head.empty()) throw InputError(fmt::format("'{}' is empty", path.string()));
  if (head.starts_with(hdf5_mark) || head.substr(std::min<std::size_t>(head.size(), 512)).starts_with(hdf5_mark))
    return FileFormat::hdf5;
  if (head.starts_with("PK\3\4") || head.starts_with("PK\5\6")) return FileFormat::npz;
  if (head.starts_with("\x93NUMPY")) return FileFormat::npy;
  if (head.starts_with("MATLAB") || path.extension() == ".mat") return FileFormat::mat;
  return FileFormat::text;
}

std::vector<Variable> list_variables(const std::filesystem::path& path, const ReadLimits& limits) {
  switch (format_of_file(path)) {
    case FileFormat::mat: return list_mat(path, limits);
    case FileFormat::hdf5: return path.extension() == ".mat" ? list_mat(path, limits) : list_hdf5(path, limits);
    case FileFormat::npz: return list_npz(path, limits.max_bytes);
    case FileFormat::npy: {
      const Array array = read_npy(path);
      return {{path.stem().string(), array.shape, array.dtype, name_of(array.dtype)}};
    }
    case FileFormat::text: break;
  }
  refuse_text(path);
}

std::vector<Array> read_variables(const std::filesystem::path& path, const std::vector<std::string>& names,
                                  const ReadLimits& limits) {
  switch (format_of_file(path)) {
    case FileFormat::mat: return read_mat(path, names, limits);
    case FileFormat::hdf5:
      return path.extension() == ".mat" ? read_mat(path, names, limits) : read_hdf5(path, names, limits);
    case FileFormat::npz: return read_npz(path, names, limits.max_bytes);
    case FileFormat::npy: return {read_npy(path)};
    case FileFormat::text: break;
  }
  refuse_text(path);
}

const Variable& variable_named(const std::vector<Variable>& variables, const std::string& name,
                               const std::string& source) {
  std::vector<std::string> names;
  for (const Variable& variable : variables) {
    if (variable.name == name) {
      if (!variable.dtype)
        throw InputError(fmt::format("{} in {} is {}, no numbers", shown(name), source, variable.type));
      return variable;
    }
    names.push_back(variable.name);
  }
  const std::string nearest = did_you_mean(name, names);
  throw InputError(fmt::format("{} has no variable {}{}; it holds {}", source, shown(name),
                               nearest.empty() ? "" : fmt::format(": did you mean '{}'?", nearest),
                               names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

}  // namespace turnpike

#include <algorithm>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include <turnpike/base/error.h>
#include <turnpike/base/options.h>
#include <turnpike/io/idx.h>
#include <turnpike/io/npy.h>
#include <turnpike/io/text.h>

#include "source_internal.h"

namespace turnpike {
namespace {

enum class Format { text, npy, npz, idx };

Format format_of(const std::filesystem::path& path) {
  std::string head(4, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), 4);
  head.resize(static_cast<std::size_t>(file.gcount()));
  if (head.starts_with("\x93NUM")) return Format::npy;
  if (head.starts_with("PK")) return Format::npz;
  if (head.starts_with("\x1f\x8b") || (head.size() == 4 && head[0] == 0 && head[1] == 0)) return Format::idx;
  // By its name where the content says nothing: the reader then says what is wrong with it.
  if (path.extension() == ".npy") return Format::npy;
  if (path.extension() == ".npz") return Format::npz;
  return Format::text;  // also what cannot be read
}

void require_samples(const Array& x, const std::string& name) {
  if (x.shape.empty() || x.count() == 0) {
    throw InputError(fmt::format("{} holds no samples: its shape is {}", name, shape_text(x.shape)));
  }
}

// One column of text, or an array of one or two dimensions.
struct LabelFile {
  std::optional<TextTable> table;
  std::optional<Array> array;
};

Array concatenated(Array first, const Array& second, const std::string& name) {
  if (first.dtype != second.dtype || first.shape.size() != second.shape.size() ||
      !std::equal(first.shape.begin() + 1, first.shape.end(), second.shape.begin() + 1)) {
    throw InputError(fmt::format("{}: the training part is {} of {}, the test part {} of {}", name,
                                 shape_text(first.shape), name_of(first.dtype), shape_text(second.shape),
                                 name_of(second.dtype)));
  }
  first.shape[0] += second.shape[0];
  first.bytes.insert(first.bytes.end(), second.bytes.begin(), second.bytes.end());
  return first;
}

std::string keys_of(const std::map<std::string, Array>& arrays) {
  std::vector<std::string> keys;
  for (const auto& [key, array] : arrays) keys.push_back(key);
  return fmt::format("{}", fmt::join(keys, ", "));
}

// The first of `names` that is a key, or "".
std::string key_among(const std::map<std::string, Array>& arrays, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (arrays.contains(name)) return name;
  }
  return {};
}

void open_npz(const std::filesystem::path& path, const std::string& target, Source& source) {
  auto arrays = read_npz(path);
  if (arrays.contains("x_train") && arrays.contains("x_test")) {
    source.n_test = arrays["x_test"].shape.empty() ? 0 : arrays["x_test"].shape[0];
    require_samples(arrays["x_train"], source.name);
    require_samples(arrays["x_test"], source.name);
    source.x = concatenated(std::move(arrays["x_train"]), arrays["x_test"], source.name + ", x");
    if (arrays.contains("y_train") && arrays.contains("y_test") && !arrays["y_train"].shape.empty()) {
      source.y = concatenated(std::move(arrays["y_train"]), arrays["y_test"], source.name + ", y");
    }
    return;
  }
  if (!target.empty() && !arrays.contains(target)) {
    throw InputError(fmt::format("{} has no entry {}; it has {}", source.name, shown(target), keys_of(arrays)));
  }
  const std::string y = target.empty() ? key_among(arrays, {"y", "Y", "labels", "target"}) : target;
  std::string x = key_among(arrays, {"x", "X", "data", "features"});
  if (x.empty() && arrays.size() == (y.empty() ? 1u : 2u)) {
    for (const auto& [key, array] : arrays) {
      if (key != y) x = key;
    }
  }
  if (x.empty()) {
    throw InputError(fmt::format("{} needs the entries x and y (or x_train, y_train, x_test, y_test); it has {}",
                                 source.name, keys_of(arrays)));
  }
  source.x = std::move(arrays[x]);
  if (!y.empty()) source.y = std::move(arrays[y]);
}

// The file of the folder whose name begins so, or "".
std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& prefix) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());  // of a plain and a gzipped file the plain one
  return found.empty() ? std::filesystem::path() : found.front();
}

void open_idx_folder(const std::filesystem::path& folder, IdxFolder which, Source& source) {
  const auto file = [&](const char* prefix) { return file_of(folder, prefix); };
  const auto train_images = file("train-images"), train_labels = file("train-labels");
  const auto test_images = file("t10k-images"), test_labels = file("t10k-labels");
  if (train_images.empty() && (which == IdxFolder::training_and_test || test_images.empty())) {
    throw InputError(fmt::format("the folder {} holds no train-images* file: it is no IDX folder", source.name));
  }
  if (which == IdxFolder::newest) {
    const bool test = !test_images.empty();
    source.x = read_idx(test ? test_images : train_images);
    if (const auto labels = test ? test_labels : train_labels; !labels.empty()) source.y = read_idx(labels);
    source.notes.push_back(fmt::format("{} is read", (test ? test_images : train_images).filename().string()));
    return;
  }
  if (train_labels.empty()) throw InputError(fmt::format("the folder {} holds no train-labels* file", source.name));
  source.x = read_idx(train_images);
  source.y = read_idx(train_labels);
  require_samples(*source.x, train_images.string());
  require_samples(*source.y, train_labels.string());
  if (source.x->shape[0] != source.y->shape[0]) {
    throw InputError(fmt::format("{} has {} images but {} has {} labels", train_images.string(), source.x->shape[0],
                                 train_labels.string(), source.y->shape[0]));
  }
  if (test_images.empty() || test_labels.empty()) return;
  const Array images = read_idx(test_images);
  require_samples(images, test_images.string());
  source.n_test = images.shape[0];
  source.x = concatenated(std::move(*source.x), images, source.name);
  source.y = concatenated(std::move(*source.y), read_idx(test_labels), source.name);
}

LabelFile open_labels(const std::filesystem::path& path, std::int64_t n_samples) {
  switch (format_of(path)) {
    case Format::npy: return {std::nullopt, read_npy(path)};
    case Format::idx: return {std::nullopt, read_idx(path)};
    case Format::npz:
      throw InputError(fmt::format("{} is an NPZ; give the labels as NPY, IDX or one column of text", path.string()));
    case Format::text: break;
  }
  // One row more than samples is a header; otherwise every row is a label.
  TextTable table = read_csv(path, {.header = Header::absent});
  if (table.rows() == n_samples + 1) table = read_csv(path, {.header = Header::present});
  if (table.columns() != 1) {
    throw InputError(fmt::format("{} has {} columns; a file of labels has one", path.string(), table.columns()));
  }
  return {std::move(table), std::nullopt};
}

}  // namespace

Source open_source(const std::filesystem::path& path, const std::string& target, const std::filesystem::path& labels,
                   Header header, IdxFolder idx_folder) {
  Source source;
  source.name = path.string();
  if (std::filesystem::is_directory(path)) {
    open_idx_folder(path, idx_folder, source);
  } else {
    switch (format_of(path)) {
      case Format::npy: source.x = read_npy(path); break;
      case Format::idx: source.x = read_idx(path); break;
      case Format::npz: open_npz(path, target, source); break;
      case Format::text: source.table = read_csv(path, {.header = header}); break;
    }
  }
  if (source.x) require_samples(*source.x, source.name);
  source.n_rows = source.table ? source.table->rows() : source.x->shape[0];
  if (!labels.empty()) {
    LabelFile file = open_labels(labels, source.n_rows);
    source.labels = std::move(file.table);
    if (file.array) source.y = std::move(file.array);
  }
  for (const std::optional<Array>* part : {&source.x, &source.y})
    if (*part && is_complex((*part)->dtype))
      throw InputError(
          fmt::format("{} holds complex numbers; give their real and imaginary parts as features", source.name));
  const std::int64_t n_labels = source.labels ? source.labels->rows()
                                : source.y    ? (source.y->shape.empty() ? 0 : source.y->shape[0])
                                              : -1;
  if (n_labels >= 0 && n_labels != source.n_rows) {
    throw InputError(fmt::format("{} has {} samples but {} has {} labels", source.name, source.n_rows,
                                 labels.empty() ? "the same source" : labels.string(), n_labels));
  }
  return source;
}

}  // namespace turnpike

#include <turnpike/io/safetensors.h>

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <turnpike/base/error.h>
#include <turnpike/base/files.h>
#include <turnpike/io/text.h>

namespace turnpike {
namespace {

constexpr std::uint64_t max_header_bytes = 100'000'000;

struct SafetensorsType {
  DType dtype;
  const char* code;
};
constexpr SafetensorsType types[] = {
    {DType::boolean, "BOOL"}, {DType::u8, "U8"},   {DType::u16, "U16"}, {DType::u32, "U32"}, {DType::u64, "U64"},
    {DType::i8, "I8"},        {DType::i16, "I16"}, {DType::i32, "I32"}, {DType::i64, "I64"}, {DType::f16, "F16"},
    {DType::bf16, "BF16"},    {DType::f32, "F32"}, {DType::f64, "F64"},
};

struct TensorEntry {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint64_t> offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Reads the header as events, so that nothing is built that the format does not allow, and a name given twice is seen.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::map<std::string, std::string> metadata;
  std::vector<TensorEntry> entries;
  std::string problem;

  bool key(std::string& name) override {
    switch (place_) {
      case Place::root:
        if (name == "__metadata__") {
          if (has_metadata_) return fail("\"__metadata__\" stands twice");
          has_metadata_ = true;
          next_ = Place::metadata;
        } else {
          entries.push_back({});
          entries.back().name = name;
          next_ = Place::tensor;
        }
        return true;
      case Place::metadata:
        key_ = name;
        if (metadata.contains(key_)) return fail(fmt::format("the metadata key {} stands twice", shown(key_)));
        return true;
      case Place::tensor: {
        TensorEntry& entry = entries.back();
        bool* seen = name == "dtype"          ? &entry.has_dtype
                     : name == "shape"        ? &entry.has_shape
                     : name == "data_offsets" ? &entry.has_offsets
                                              : nullptr;
        if (!seen) return fail(fmt::format("tensor {} has the unknown key {}", shown(entry.name), shown(name)));
        if (*seen) return fail(fmt::format("tensor {} has {} twice", shown(entry.name), name));
        *seen = true;
        key_ = name;
        return true;
      }
      default: return unexpected();
    }
  }
  bool start_object(std::size_t) override {
    if (place_ == Place::before) {
      place_ = Place::root;
    } else if (place_ == Place::root) {
      place_ = next_;
    } else {
      return unexpected();
    }
    return true;
  }
  bool end_object() override {
    if (place_ == Place::tensor) {
      const TensorEntry& entry = entries.back();
      if (!entry.has_dtype || !entry.has_shape || !entry.has_offsets) {
        return fail(fmt::format("tensor {} lacks dtype, shape or data_offsets", shown(entry.name)));
      }
    }
    place_ = place_ == Place::root ? Place::after : Place::root;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || key_ == "dtype") return unexpected();
    place_ = Place::numbers;
    return true;
  }
  bool end_array() override {
    place_ = Place::tensor;
    return true;
  }
  bool string(std::string& value) override {
    if (place_ == Place::metadata) {
      metadata[key_] = value;
    } else if (place_ == Place::tensor && key_ == "dtype") {
      entries.back().dtype = value;
    } else {
      return unexpected();
    }
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::numbers) return unexpected();
    auto& numbers = key_ == "shape" ? entries.back().shape : entries.back().offsets;
    if (numbers.size() == 64)
      return fail(fmt::format("tensor {} has more than 64 numbers in {}", shown(entries.back().name), key_));
    numbers.push_back(value);
    return true;
  }
  bool number_integer(number_integer_t) override { return unexpected(); }  // the negative ones
  bool number_float(number_float_t, const std::string&) override { return unexpected(); }
  bool null() override { return unexpected(); }
  bool boolean(bool) override { return unexpected(); }
  bool binary(binary_t&) override { return unexpected(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return fail(fmt::format("broken JSON at byte {}", 8 + position));
  }

 private:
  enum class Place { before, root, metadata, tensor, numbers, after };
  Place place_ = Place::before, next_ = Place::tensor;
  std::string key_;
  bool has_metadata_ = false;

  bool fail(std::string reason) {
    problem = std::move(reason);
    return false;
  }
  bool unexpected() {
    if (place_ == Place::metadata) return fail(fmt::format("the metadata of key {} is no string", shown(key_)));
    if (place_ == Place::before) return fail("it is no JSON object");
    return fail(entries.empty() ? "a tensor must be an object"
                                : fmt::format("a wrong value in tensor {}", shown(entries.back().name)));
  }
};

}  // namespace

Safetensors parse_safetensors(std::string_view bytes, const std::string& source) {
  const auto refuse = [&](const std::string& reason) {
    throw InputError(fmt::format("{} is no sound safetensors file: {}", source, reason));
  };
  std::uint64_t header_length = 0;
  if (bytes.size() < 8) refuse("it is shorter than 8 bytes");
  std::memcpy(&header_length, bytes.data(), 8);
  if (header_length > max_header_bytes)
    refuse(fmt::format("it says its header has {} bytes (at most {})", header_length, max_header_bytes));
  if (bytes.size() - 8 < header_length) refuse(fmt::format("its header of {} bytes is cut short", header_length));
  const std::string_view header = bytes.substr(8, header_length);
  const std::string_view data = bytes.substr(8 + header_length);

  HeaderReader reader;
  if (!header.starts_with('{') || !nlohmann::json::sax_parse(header, &reader)) {
    refuse(reader.problem.empty() ? "its header does not begin with {" : reader.problem);
  }

  Safetensors content;
  content.metadata = std::move(reader.metadata);
  std::vector<TensorEntry>& entries = reader.entries;
  for (const TensorEntry& entry : entries) {
    if (entry.offsets.size() != 2 || entry.offsets[0] > entry.offsets[1] || entry.offsets[1] > data.size()) {
      refuse(fmt::format("the data_offsets [{}] of tensor {} do not lie in its {} bytes of data",
                         fmt::join(entry.offsets, ", "), shown(entry.name), data.size()));
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const TensorEntry& a, const TensorEntry& b) { return a.offsets < b.offsets; });
  std::uint64_t end = 0;
  for (const TensorEntry& entry : entries) {
    if (entry.offsets[0] != end) {
      refuse(fmt::format("tensor {} {}", shown(entry.name),
                         entry.offsets[0] < end ? "overlaps another" : "leaves a gap before it"));
    }
    end = entry.offsets[1];
    const auto* type =
        std::find_if(std::begin(types), std::end(types), [&](const auto& t) { return entry.dtype == t.code; });
    if (type == std::end(types))
      refuse(fmt::format("tensor {} is of the unknown type {}", shown(entry.name), shown(entry.dtype)));
    Array array{{}, type->dtype, {}};
    for (std::uint64_t n : entry.shape) {
      array.shape.push_back(
          n > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ? -1 : static_cast<std::int64_t>(n));
    }
    const std::uint64_t n_bytes = end - entry.offsets[0];
    if (checked_bytes(array.shape, array.dtype) != static_cast<std::int64_t>(n_bytes)) {
      refuse(fmt::format("tensor {} of shape [{}] and type {} cannot have {} bytes", shown(entry.name),
                         fmt::join(entry.shape, ", "), entry.dtype, n_bytes));
    }
    const auto* first = reinterpret_cast<const std::byte*>(data.data()) + entry.offsets[0];
    array.bytes.assign(first, first + n_bytes);
    if (!content.tensors.emplace(entry.name, std::move(array)).second)
      refuse(fmt::format("tensor {} stands twice", shown(entry.name)));
  }
  if (end != data.size()) refuse(fmt::format("{} bytes follow the last tensor", data.size() - end));
  return content;
}

Safetensors read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_file(path), path.string());
}

std::string safetensors_bytes(const Safetensors& content) {
  std::vector<std::pair<std::string_view, const Array*>> order;
  for (const auto& [name, array] : content.tensors) {
    require(name != "__metadata__", "a tensor cannot be named __metadata__");
    require(checked_bytes(array.shape, array.dtype) == static_cast<std::int64_t>(array.bytes.size()),
            fmt::format("tensor '{}' of shape {} and type {} cannot hold {} bytes", name, shape_text(array.shape),
                        name_of(array.dtype), array.bytes.size()));
    order.emplace_back(name, &array);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return size_of(a.second->dtype) > size_of(b.second->dtype); });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  std::size_t n_bytes = 0;
  for (const auto& [name, array] : order) {
    const auto* type =
        std::find_if(std::begin(types), std::end(types), [&](const auto& t) { return array->dtype == t.dtype; });
    header[std::string(name)] = {
        {"dtype", type->code}, {"shape", array->shape}, {"data_offsets", {n_bytes, n_bytes + array->bytes.size()}}};
    n_bytes += array->bytes.size();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw ContractError("names and metadata of a safetensors file must be UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  require(text.size() <= max_header_bytes, "the safetensors header exceeds 100 MB");

  const std::uint64_t length = text.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  out.reserve(8 + text.size() + n_bytes);
  out += text;
  for (const auto& [name, array] : order)
    out.append(reinterpret_cast<const char*>(array->bytes.data()), array->bytes.size());
  return out;
}

void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  write_file(path, safetensors_bytes(content));
}

}  // namespace turnpike

// Safetensors: the one format of Turnpike's models and checkpoints. Eight bytes of length, a JSON header {name: {dtype,
// shape, data_offsets}, "__metadata__": {string: string}}, then the tensors' bytes without gaps.
//
//   write_safetensors("model.safetensors", {{{"schema", "1"}}, {{"control", array}}});
//   Safetensors file = read_safetensors("model.safetensors");
//
// Guarantees: written atomically; the same content gives the same bytes (tensors by element size downward, then by
// name, so that each is aligned). InputError naming the file for a header over 100 MB, broken JSON, a name twice,
// offsets that overlap, leave a gap or leave the file, a shape that does not match its bytes. Source:
// https://github.com/huggingface/safetensors (format)
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <turnpike/io/array.h>

namespace turnpike {

struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Array> tensors;
};

Safetensors read_safetensors(const std::filesystem::path& path);
Safetensors parse_safetensors(std::string_view bytes, const std::string& source);
void write_safetensors(const std::filesystem::path& path, const Safetensors& content);
std::string safetensors_bytes(const Safetensors& content);

}  // namespace turnpike

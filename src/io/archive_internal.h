// libarchive behind three functions: gzip, and zip both ways. Memory to memory; errors are InputErrors naming the
// source.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace turnpike {

bool is_gzip(std::string_view bytes);

// The content of a gzip file of one member; its length and CRC-32 are verified. At most max_bytes.
std::string gunzip(std::string_view bytes, const std::string& source, std::uint64_t max_bytes);

// Calls `entry(name, content)` for each file of a zip archive, in order; at most max_bytes in all.
void read_zip(std::string_view bytes, const std::string& source, std::uint64_t max_bytes,
              const std::function<void(const std::string&, const std::string&)>& entry);

// A deflated zip without dates: the same content gives the same bytes.
std::string zip_bytes(const std::vector<std::pair<std::string, std::string>>& entries);

}  // namespace turnpike

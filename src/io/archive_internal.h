// libarchive behind three functions: gzip, and zip both ways. Memory to memory; errors are InputErrors naming the
// source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace turnpike {

bool is_gzip(std::string_view bytes);

// The content of a gzip file of one member; its length and CRC-32 are verified. At most max_bytes.
std::string gunzip(std::string_view bytes, const std::string& source, std::uint64_t max_bytes);

// Calls `entry(name, content)` for each file of a zip archive, in order; at most max_bytes in all. `content(n)` unpacks
// the first n bytes, or all there are; an entry that does not call it is passed over.
using ZipContent = std::function<std::string(std::uint64_t)>;
using ZipVisitor = std::function<void(const std::string& name, const ZipContent& content)>;
void read_zip(std::string_view bytes, const std::string& source, std::uint64_t max_bytes, const ZipVisitor& entry);
void read_zip_file(const std::filesystem::path& path, std::uint64_t max_bytes, const ZipVisitor& entry);

// A deflated zip without dates: the same content gives the same bytes.
std::string zip_bytes(const std::vector<std::pair<std::string, std::string>>& entries);

}  // namespace turnpike

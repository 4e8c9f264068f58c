// Files that are never half written: beside the target first, then renamed over it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace turnpike {

// Writes `bytes` to `path` atomically (temporary file in the same folder, fsync, rename). Throws Error that names the
// path and the system's reason (a full disk, a missing permission); the old file is then untouched and the temporary
// one removed.
void write_file(const std::filesystem::path& path, std::string_view bytes);

// The whole file. Throws InputError that names the path and the system's reason.
std::string read_file(const std::filesystem::path& path);

// Makes a new folder `parent/<date>-<name>` (a number is appended if it exists) and returns its path. Throws Error.
std::filesystem::path make_run_folder(const std::filesystem::path& parent, const std::string& name);

// 64-bit FNV-1a of a file's bytes, as 16 hex digits: recorded in manifests, not a defence against malice.
std::string hash_file(const std::filesystem::path& path);
std::string hash_bytes(std::string_view bytes);

}  // namespace turnpike

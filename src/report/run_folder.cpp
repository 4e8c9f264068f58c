#include <turnpike/report/run_folder.h>

#include <fmt/format.h>
#include <turnpike/base/error.h>
#include <turnpike/base/files.h>

namespace turnpike {

namespace fs = std::filesystem;

RunFolder::RunFolder(fs::path folder, Provenance provenance)
    : folder_(std::move(folder)), provenance_(std::move(provenance)) {
  std::error_code reason;
  fs::create_directories(folder_, reason);
  if (reason) throw Error(fmt::format("cannot make the folder {}: {}", folder_.string(), reason.message()));
}

fs::path RunFolder::inside(const std::string& name) const {
  fs::path path = fs::path(name).lexically_normal();
  bool leaves =
      path.empty() || path.is_absolute() || *path.begin() == ".." || *path.begin() == "." || !path.has_filename();
  if (leaves)
    throw InputError(fmt::format("\"{}\" is not the name of a file inside the run folder {}", name, folder_.string()));
  if (path == "manifest.json")
    throw InputError("manifest.json is written by the run folder itself; choose another name");
  return path;
}

void RunFolder::write(const std::string& name, std::string_view bytes) {
  fs::path path = inside(name);
  std::error_code reason;
  fs::create_directories((folder_ / path).parent_path(), reason);
  if (reason) throw Error(fmt::format("cannot make the folder of {}: {}", (folder_ / path).string(), reason.message()));
  write_file(folder_ / path, bytes);
  files_[path.generic_string()] = {bytes.size(), hash_bytes(bytes)};
}

void RunFolder::record(const std::string& name) {
  fs::path path = inside(name);
  std::error_code reason;
  auto size = fs::file_size(folder_ / path, reason);
  if (reason) throw Error(fmt::format("cannot record {}: {}", (folder_ / path).string(), reason.message()));
  files_[path.generic_string()] = {size, hash_file(folder_ / path)};
}

void RunFolder::write_config(const std::string& toml) {
  write("config.toml", toml);
}
void RunFolder::write_result(const nlohmann::ordered_json& result) {
  write("result.json", result.dump(2) + "\n");
}
void RunFolder::write_report(const Page& page) {
  write("report.html", page.html());
}
void RunFolder::write_figure(const std::string& name, const Figure& figure) {
  write("figures/" + name + ".svg", figure.svg());
  write("data/" + name + ".csv", figure.csv());
}

void RunFolder::finish(const nlohmann::ordered_json& more) {
  nlohmann::ordered_json manifest;
  manifest["schema"] = 1;
  manifest["provenance"] = to_json(provenance_);
  for (const auto& [key, value] : more.items()) manifest[key] = value;
  manifest["files"] = nlohmann::ordered_json::object();
  for (const auto& [name, entry] : files_) manifest["files"][name] = {{"bytes", entry.bytes}, {"hash", entry.hash}};
  write_file(folder_ / "manifest.json", manifest.dump(2) + "\n");
}

}  // namespace turnpike

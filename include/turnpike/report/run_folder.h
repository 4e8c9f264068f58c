// The folder that a run leaves behind:
//
//   result.json  report.html  config.toml  manifest.json  figures/<name>.svg  data/<name>.csv  and what else the run
//   adds
//
//   RunFolder folder(make_run_folder("runs", "train"), provenance(2));
//   folder.write_config(options.to_toml());
//   folder.write_figure("decay", figure);
//   folder.write_report(page);
//   folder.write_result(result);
//   folder.finish();
//
// Every file is written atomically; manifest.json comes last and lists each file with its size and hash, and the
// provenance: a folder without it was interrupted. Errors: InputError for a name that would leave the folder; Error if
// a write fails.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <turnpike/base/provenance.h>
#include <turnpike/report/figure.h>
#include <turnpike/report/page.h>

namespace turnpike {

class RunFolder {
 public:
  RunFolder(std::filesystem::path folder, Provenance provenance);

  void write_config(const std::string& toml);
  void write_result(const nlohmann::ordered_json& result);
  void write_report(const Page& page);
  void write_figure(const std::string& name, const Figure& figure);  // figures/<name>.svg and data/<name>.csv
  void write(const std::string& name, std::string_view bytes);       // any other file, "model.safetensors"
  void record(const std::string& name);                              // a file that someone else wrote into the folder

  // Writes manifest.json: {"schema": 1, "provenance": {...}, "files": {name: {"bytes", "hash"}}} and `more`'s members.
  void finish(const nlohmann::ordered_json& more = nlohmann::ordered_json::object());

  const std::filesystem::path& path() const { return folder_; }

 private:
  struct Entry {
    std::uintmax_t bytes;
    std::string hash;
  };
  std::filesystem::path folder_;
  Provenance provenance_;
  std::map<std::string, Entry> files_;  // sorted: the manifest does not depend on the order of writing
  std::filesystem::path inside(const std::string& name) const;
};

}  // namespace turnpike

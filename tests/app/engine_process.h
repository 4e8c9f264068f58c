// Runs turnpike-engine as users do, in a folder of its own.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

namespace turnpike::testing {

namespace fs = std::filesystem;

inline std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

struct Finished {
  int exit = -1;  // 128 + signal if one killed it
  std::string out, err;
  nlohmann::ordered_json last_json() const { return nlohmann::ordered_json::parse(lines_of(out).back()); }
  std::string last_line() const { return lines_of(out).empty() ? "" : lines_of(out).back(); }
};

struct Limits {
  rlim_t file_bytes = RLIM_INFINITY;
  // Ctrl-C as soon as this says so; asked every few milliseconds.
  std::function<bool()> interrupt_when{};
};

// A temporary folder in which the engine runs.
class Workplace {
 public:
  Workplace() {
    std::string pattern = (fs::temp_directory_path() / "turnpike-app-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~Workplace() { fs::remove_all(folder_); }
  const fs::path& path() const { return folder_; }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  Finished run(const std::vector<std::string>& words, const Limits& limits = {}) const {
    const fs::path out = folder_ / ".out", err = folder_ / ".err";
    const pid_t child = fork();
    if (child == 0) {
      if (chdir(folder_.c_str()) != 0) _exit(126);
      dup2(open(out.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600), 1);
      dup2(open(err.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600), 2);
      if (limits.file_bytes != RLIM_INFINITY) {
        const rlimit limit{limits.file_bytes, limits.file_bytes};
        setrlimit(RLIMIT_FSIZE, &limit);
      }
      std::vector<char*> argv = {const_cast<char*>(TURNPIKE_ENGINE)};
      for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      execv(TURNPIKE_ENGINE, argv.data());
      _exit(127);
    }
    int status = 0;
    bool interrupted = false;
    while (waitpid(child, &status, WNOHANG) == 0) {
      if (limits.interrupt_when && !interrupted && limits.interrupt_when()) {
        kill(child, SIGINT);
        interrupted = true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text_of(out), text_of(err)};
  }

  // The same, with --json and --quiet.
  Finished json(std::vector<std::string> words) const {
    for (const char* flag : {"--json", "--quiet"}) words.emplace_back(flag);
    return run(words);
  }

 private:
  fs::path folder_;
};

}  // namespace turnpike::testing

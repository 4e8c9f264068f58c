// Peers written in Python, each with an environment of its own.
//
// Environments stand in $TURNPIKE_PEERS, or else in turnpike/peers below $XDG_CACHE_HOME or ~/.cache;
// bench/peers/setup.sh makes what is missing there (from PyPI: once). The scripts stand beside the sources, or in
// ../share/turnpike/peers of an installed engine.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "peer.h"

namespace turnpike {

// A folder for what is handed over, gone with this object.
class Exchange {
 public:
  Exchange();
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  std::filesystem::path file(const char* name) const { return folder_ / name; }

 private:
  std::filesystem::path folder_;
};

std::filesystem::path peer_scripts();

// The environment's interpreter; made if it is not there. PeerMissing, in one sentence.
std::filesystem::path peer_python(const std::string& name, Progress& progress);

// Hands a script of peer_scripts() one request {"case": CASE, "file": an NPZ of these tensors} on Debian's PyTorch; its
// answer is a line of JSON. PeerMissing where there is no such Python, or the script fails.
std::string ask_script(const std::string& script, const std::string& case_json,
                       const std::map<std::string, Tensor>& tensors);

std::unique_ptr<Peer> make_python_peer(const std::string& name, int threads, Progress& progress);

}  // namespace turnpike

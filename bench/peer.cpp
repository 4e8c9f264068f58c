#include "peer.h"

#include "python_peer.h"

namespace turnpike {

std::vector<std::string> peer_names() {
  return {"libtorch", "torchdiffeq", "diffrax"};
}

std::unique_ptr<Peer> make_peer(const std::string& name, int threads, Progress& progress) {
  if (name == "libtorch") return make_eager_peer();
  return make_python_peer(name, threads, progress);
}

}  // namespace turnpike

// A program that does the same work as Turnpike, to be timed beside it.
//
//   std::unique_ptr<Peer> peer = make_peer("libtorch", /*threads=*/2, progress);
//   Tensor gradient = peer->prepare(problem);      // compiles what it compiles, warms up
//   double seconds = peer->run();                  // one more gradient
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <turnpike/base/progress.h>

#include "flow_problem.h"

namespace turnpike {

class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() const = 0;
  virtual std::string description() const = 0;             // with versions, and how it is written
  virtual Tensor prepare(const FlowProblem& problem) = 0;  // [K, P]
  virtual double run() = 0;                                // seconds
};

// Why a peer is not there, in one sentence.
struct PeerMissing : Error {
  using Error::Error;
};

std::vector<std::string> peer_names();
// Error PeerMissing where its programs cannot be found or made.
std::unique_ptr<Peer> make_peer(const std::string& name, int threads, Progress& progress);

std::unique_ptr<Peer> make_eager_peer();

}  // namespace turnpike

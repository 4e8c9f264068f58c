#include "python_peer.h"

#include <cstdlib>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <turnpike/core/device.h>
#include <turnpike/io/npy.h>

#include "process.h"

namespace turnpike {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr double setup_seconds = 1800, prepare_seconds = 600, run_seconds = 300;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

fs::path environments() {
  if (const std::string given = environment("TURNPIKE_PEERS"); !given.empty()) return given;
  const std::string cache = environment("XDG_CACHE_HOME");
  return (cache.empty() ? fs::path(environment("HOME")) / ".cache" : fs::path(cache)) / "turnpike" / "peers";
}

template <class T>
Array to_array(const Tensor& tensor) {
  const Tensor dense = tensor.detach().contiguous();
  return array_of_bytes(dense.sizes().vec(), dtype_of<T>(), dense.data_ptr(), dense.nbytes());
}

Array to_array(const Tensor& tensor) {
  if (tensor.scalar_type() == at::kLong) return to_array<std::int64_t>(tensor);
  return tensor.scalar_type() == at::kFloat ? to_array<float>(tensor) : to_array<double>(tensor);
}

Tensor from_array(const Array& array) {
  const std::vector<double> values = to_doubles(array);
  return at::tensor(values, at::kDouble).view(array.shape);
}

Json describe_case(const FlowProblem& problem, int threads) {
  const FlowCase& shape = problem.shape;
  Json tableau = nullptr;
  if (const Tableau* t = shape.tableau()) tableau = {{"a", t->a}, {"b", t->b}, {"c", t->c}};
  return {{"d", shape.dimension},       {"N", shape.samples}, {"K", shape.layers},
          {"scheme", shape.scheme},     {"tableau", tableau}, {"activation", facts_of(shape.activation).name},
          {"field", shape.field},       {"loss", shape.loss}, {"h", problem.step()},
          {"lambda", problem.lambda()}, {"threads", threads}};
}

class PythonPeer final : public Peer {
 public:
  PythonPeer(std::string name, const fs::path& python, int threads)
      : name_(std::move(name)),
        threads_(threads),
        process_({python.string(), "-Bu", (peer_scripts() / (name_ + "_peer.py")).string(), std::to_string(threads)}) {}

  std::string name() const override { return name_; }
  std::string description() const override { return description_; }

  Tensor prepare(const FlowProblem& problem) override {
    const fs::path in = exchange_.file("problem.npz"), out = exchange_.file("gradient.npz");
    write_npz(in, {{"x0", to_array(problem.x0)},
                   {"control", to_array(problem.control)},
                   {"weight", to_array(problem.readout.weight)},
                   {"y", to_array(problem.y)}});
    const Json answer = ask(
        {{"do", "prepare"}, {"case", describe_case(problem, threads_)}, {"file", in.string()}, {"out", out.string()}},
        prepare_seconds);
    description_ = answer.at("description").get<std::string>();
    return from_array(read_npz(out).at("gradient"));
  }

  double run() override { return ask({{"do", "run"}}, run_seconds).at("seconds").get<double>(); }

 private:
  Json ask(const Json& request, double seconds) {
    const std::string line = process_.ask(request.dump(), seconds);
    const Json answer = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!answer.is_object()) throw PeerMissing(fmt::format("{} answered '{}'", name_, line));
    if (answer.contains("error")) throw PeerMissing(fmt::format("{}: {}", name_, answer["error"].get<std::string>()));
    return answer;
  }

  std::string name_, description_;
  int threads_;
  Exchange exchange_;
  LineProcess process_;
};

}  // namespace

Exchange::Exchange() {
  std::string pattern = (fs::temp_directory_path() / "turnpike-bench-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw Error("cannot make a folder in " + fs::temp_directory_path().string());
  folder_ = pattern;
}

Exchange::~Exchange() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

fs::path peer_scripts() {
  std::error_code error;
  const fs::path engine = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = engine.parent_path() / "../share/turnpike/peers";
  return fs::exists(installed) ? installed : fs::path(TURNPIKE_PEER_SCRIPTS);
}

fs::path peer_python(const std::string& name, Progress& progress) {
  const fs::path place = environments() / name, python = place / "bin" / "python";
  if (fs::exists(place / "complete")) return python;
  const fs::path setup = peer_scripts() / "setup.sh";
  progress.note(fmt::format("making the Python environment of {} in '{}', once", name, place.string()));
  const Ran ran = run_program({setup.string(), environments().string(), name}, setup_seconds);
  if (ran.exit != 0) {
    const std::string why = ran.output.substr(0, ran.output.find('\n'));
    throw PeerMissing(fmt::format("{} is left out: {}", name, why.empty() ? setup.string() + " failed" : why));
  }
  return python;
}

std::string ask_script(const std::string& script, const std::string& case_json,
                       const std::map<std::string, Tensor>& tensors) {
  const std::string python = fs::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
  if (run_program({python, "-c", "import numpy, torch"}, run_seconds).exit != 0)
    throw PeerMissing(
        fmt::format("PyTorch is left out: {} cannot import torch; apt-get install python3-torch", python));
  const Exchange exchange;
  const fs::path file = exchange.file("given.npz");
  std::map<std::string, Array> arrays;
  for (const auto& [name, tensor] : tensors) arrays[name] = to_array(tensor);
  write_npz(file, arrays);
  LineProcess process({python, "-Bu", (peer_scripts() / script).string()});
  try {
    return process.ask(Json{{"case", Json::parse(case_json)}, {"file", file.string()}}.dump(), setup_seconds);
  } catch (const Interrupted&) {
    throw;
  } catch (const Error& error) {
    throw PeerMissing(fmt::format("PyTorch is left out: {} failed: {}", script, error.what()));
  }
}

std::unique_ptr<Peer> make_python_peer(const std::string& name, int threads, Progress& progress) {
  return std::make_unique<PythonPeer>(name, peer_python(name, progress), threads);
}

}  // namespace turnpike

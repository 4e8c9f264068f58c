// The gradient by libtorch's eager autograd, written as one who knows it well would: every layer's matrices and biases
// are leaves of their own kind, unbound once; stages that nothing reads are not computed; an addition takes its factor
// along. The cost at the nodes is evaluated node by node, or for all nodes in one call: whichever is faster here.
#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#include <turnpike/core/activation.h>

#include "pairs.h"
#include "peer.h"

namespace turnpike {
namespace {

// The layers' parameters as leaves, and the field that they make; slices of the control in its own order.
class EagerField {
 public:
  EagerField(const FlowCase& shape, const Tensor& control) : shape_(shape), K_(shape.layers) {
    const std::int64_t d = shape.dimension, half = d / 2;
    std::int64_t at = 0;
    const auto take = [&](std::int64_t rows, std::int64_t columns) {
      Tensor part = control.detach().narrow(1, at, rows * columns);
      at += rows * columns;
      leaves_.push_back((columns == 1 ? part : part.view({K_, rows, columns})).clone().requires_grad_());
    };
    if (shape.field == "hamiltonian") {
      take(half, half);
      take(half, 1);
      take(half, 1);
    } else if (shape.field == "bottleneck") {
      take(d, d);
      take(d, d);
      take(d, 1);
      take(d, 1);
    } else {
      take(d, d);
      take(d, 1);
    }
  }

  const std::vector<Tensor>& leaves() const { return leaves_; }

  void unbind() {
    slices_.clear();
    for (const Tensor& leaf : leaves_) {
      const bool matrix = leaf.dim() == 3;
      if (shape_.field == "antisymmetric" && matrix)
        slices_.push_back((leaf.transpose(1, 2) - leaf).unbind(0));
      else
        slices_.push_back((matrix ? leaf.transpose(1, 2) : leaf).unbind(0));
    }
  }

  Tensor operator()(std::int64_t k, const Tensor& x) const {
    if (shape_.field == "inner") return at::addmm(slices_[1][k], sigma(x), slices_[0][k]);
    if (shape_.field == "bottleneck")
      return at::addmm(slices_[3][k], sigma(at::addmm(slices_[2][k], x, slices_[0][k])), slices_[1][k]);
    if (shape_.field == "hamiltonian") {
      const std::int64_t half = shape_.dimension / 2;
      return at::cat({first(k, x.narrow(1, half, half)), second(k, x.narrow(1, 0, half))}, 1);
    }
    return sigma(at::addmm(slices_[1][k], x, slices_[0][k]));
  }
  Tensor first(std::int64_t k, const Tensor& p) const { return sigma(at::addmm(slices_[1][k], p, slices_[0][k])); }
  Tensor second(std::int64_t k, const Tensor& q) const {
    return sigma(at::addmm(slices_[2][k], q, slices_[0][k].t(), 1, -1));
  }

 private:
  Tensor sigma(const Tensor& x) const { return activate(shape_.activation, x); }
  FlowCase shape_;
  std::int64_t K_;
  std::vector<Tensor> leaves_;
  std::vector<std::vector<Tensor>> slices_;
};

class EagerPeer final : public Peer {
 public:
  std::string name() const override { return "libtorch"; }
  std::string description() const override {
    return fmt::format("libtorch {} eager, parameters unbound once, cost {}", TORCH_VERSION,
                       gathered_ ? "of all nodes in one call" : "node by node");
  }

  Tensor prepare(const FlowProblem& problem) override {
    problem_ = &problem;
    field_ = std::make_unique<EagerField>(problem.shape, problem.control);
    double seconds[2] = {1e300, 1e300};
    for (int round = 0; round < 3; ++round) {
      for (const bool gathered : {false, true}) {
        gathered_ = gathered;
        const double took = seconds_of([&] { gradient(); });
        if (round > 0) seconds[gathered] = std::min(seconds[gathered], took);
      }
    }
    gathered_ = seconds[1] < seconds[0];
    std::vector<Tensor> flat;
    for (const Tensor& part : gradient()) flat.push_back(part.reshape({problem.shape.layers, -1}));
    return at::cat(flat, 1);
  }

  double run() override {
    return seconds_of([this] { gradient(); });
  }

 private:
  std::vector<Tensor> gradient() {
    nodes_.clear();
    weights_.clear();
    running_ = Tensor();
    field_->unbind();
    const FlowCase& shape = problem_->shape;
    const double h = problem_->step();
    Tensor x = problem_->x0;
    for (std::int64_t k = 0; k < shape.layers; ++k)
      x = shape.tableau() ? runge_kutta(k, h, x, *shape.tableau()) : symplectic(k, h, x);
    Tensor loss;
    if (gathered_) {
      node(x, 1);
      loss = cost_of_all();
    } else {
      loss = running_ + cost(x, problem_->y).mean();
    }
    for (const Tensor& leaf : field_->leaves()) loss = loss + (problem_->lambda() * h) * leaf.square().sum();
    return torch::autograd::grad({loss}, field_->leaves());
  }

  // [n]: a cost a row.
  Tensor cost(const Tensor& x, const Tensor& y) const {
    const Tensor z = at::mm(x, problem_->readout.weight.t());
    if (problem_->shape.loss == "cross_entropy") return at::cross_entropy_loss(z, y, {}, at::Reduction::None);
    return at::mse_loss(z, y, at::Reduction::None).sum(1);
  }

  void node(const Tensor& x, double weight) {
    if (gathered_) {
      nodes_.push_back(x);
      weights_.push_back(weight);
      return;
    }
    const Tensor z = at::mm(x, problem_->readout.weight.t());
    Tensor value =
        problem_->shape.loss == "cross_entropy" ? at::cross_entropy_loss(z, problem_->y) : at::mse_loss(z, problem_->y);
    running_ = running_.defined() ? at::add(running_, value, weight) : value * weight;
  }

  // sum_j w_j / N sum_i g(P x_ij; y_i)
  Tensor cost_of_all() const {
    const std::int64_t n = problem_->shape.samples, count = static_cast<std::int64_t>(nodes_.size());
    const Tensor z = at::mm(at::cat(nodes_), problem_->readout.weight.t());
    const Tensor w = at::tensor(weights_, problem_->x0.options()).unsqueeze(1);
    if (problem_->shape.loss == "cross_entropy") {
      const Tensor each = at::cross_entropy_loss(z, problem_->y.repeat({count}), {}, at::Reduction::None);
      return (each.view({count, n}) * w).sum() / static_cast<double>(n);
    }
    return ((z.view({count, n, -1}) - problem_->y).square().sum({1, 2}, true).view({count, 1}) * w).sum() /
           static_cast<double>(n);
  }

  Tensor runge_kutta(std::int64_t k, double h, const Tensor& x, const Tableau& tableau) {
    const int stages = tableau.stages();
    std::vector<Tensor> rate(stages);
    Tensor x1 = x;
    for (int i = 0; i < stages; ++i) {
      bool read = tableau.b[i] != 0;
      for (int j = i + 1; j < stages; ++j) read = read || (tableau.a[j][i] != 0 && tableau.b[j] != 0);
      if (!read) continue;
      Tensor y = x;
      for (int j = 0; j < i; ++j)
        if (tableau.a[i][j] != 0) y = at::add(y, rate[j], h * tableau.a[i][j]);
      if (tableau.b[i] != 0) node(y, h * tableau.b[i]);
      rate[i] = (*field_)(k, y);
    }
    for (int i = 0; i < stages; ++i)
      if (tableau.b[i] != 0) x1 = at::add(x1, rate[i], h * tableau.b[i]);
    return x1;
  }

  // Symplectic Euler: the left end is its node. Verlet: both ends, half each.
  Tensor symplectic(std::int64_t k, double h, const Tensor& x) {
    const std::int64_t half = problem_->shape.dimension / 2;
    const Tensor q0 = x.narrow(1, 0, half), p0 = x.narrow(1, half, half);
    const bool verlet = problem_->shape.scheme == "verlet";
    node(x, verlet ? h / 2 : h);
    const Tensor p = at::add(p0, field_->second(k, q0), verlet ? h / 2 : h);
    const Tensor q1 = at::add(q0, field_->first(k, p), h);
    const Tensor p1 = verlet ? at::add(p, field_->second(k, q1), h / 2) : p;
    const Tensor x1 = at::cat({q1, p1}, 1);
    if (verlet) node(x1, h / 2);
    return x1;
  }

  const FlowProblem* problem_ = nullptr;
  std::unique_ptr<EagerField> field_;
  bool gathered_ = false;
  std::vector<Tensor> nodes_;
  std::vector<double> weights_;
  Tensor running_;
};

}  // namespace

std::unique_ptr<Peer> make_eager_peer() {
  return std::make_unique<EagerPeer>();
}

}  // namespace turnpike

#include <turnpike/fused/perceptron.h>

#include <algorithm>
#include <numeric>

#include <turnpike/base/error.h>

#include "arena_internal.h"
#include "blocks_internal.h"
#include "workers_internal.h"

namespace turnpike {
namespace {

void check(const FusedPerceptron& net, const void* x, const void* parameters, std::int64_t n_samples) {
  const auto positive = [](std::int64_t width) { return width > 0; };
  require(net.widths.size() >= 2 && std::all_of(net.widths.begin(), net.widths.end(), positive),
          "fused_perceptron: needs two or more widths, all positive");
  require(n_samples > 0 && net.threads > 0, "fused_perceptron: N and threads must be positive");
  require(x && parameters, "fused_perceptron: x and the parameters must be given");
}

double work_of(const FusedPerceptron& net, std::int64_t n_samples) {
  return 6.0 * static_cast<double>(n_samples) * static_cast<double>(net.n_parameters());
}

// Layout: Strips<T> or Panels<T>, as for a roll.
template <class T, template <class> class Layout>
class PerceptronCall {
 public:
  PerceptronCall(const FusedPerceptron& net, const T* x, const T* parameters, std::int64_t n_samples,
                 const Blocks& blocks)
      : net_(net),
        x_(x),
        n_samples_(n_samples),
        L_(static_cast<int>(net.widths.size()) - 1),
        activation_(strip_kernels<T>().pointwise[static_cast<int>(net.activation)]),
        blocks_(blocks),
        layout_(blocks),
        team_(blocks.threads),
        arenas_(&arenas()) {
    if (arenas_->size() < static_cast<std::size_t>(blocks.threads)) arenas_->resize(blocks.threads);
    for (int l = 0; l < L_; ++l) {
      matrices_.push_back({net.widths[l + 1], net.widths[l]});
      packed_.push_back(n_packed_);
      n_packed_ += whole_lanes(layout_.packed_entries(matrices_[l]), strip_alignment / sizeof(T));
      sum_.push_back(n_sum_);
      n_sum_ += layout_.sum_entries(matrices_[l]);
    }
    static thread_local Arena table;
    table.reserve(Arena::padded<T>(n_packed_));
    T* packed = table.take<T>(n_packed_);
    for (int l = 0; l < L_; ++l) {
      layout_.pack(matrices_[l], parameters, packed + packed_[l]);
      parameters += matrices_[l].entries();
    }
    table_ = packed;
  }

  void outputs(T* z) {
    team_.run([&](int thread) {
      Room room = make_room(thread, false);
      for_blocks(thread, [&](std::int64_t block) {
        forward(block, room, false);
        const std::int64_t m = net_.widths[L_];
        layout_.store(room.x[L_], m, {z + block * blocks_.width * m, m, own(block), nullptr});
      });
    });
  }

  double cost(const FusedTargets<T>& targets, double weight, T* gradient) {
    std::vector<Room> rooms(blocks_.threads);
    std::vector<double> values(blocks_.count);
    team_.run([&](int thread) {
      Room& room = rooms[thread] = make_room(thread, true);
      for_blocks(thread, [&](std::int64_t block) {
        forward(block, room, true);
        load_targets(targets, block, room);
        const auto& kernel = layout_.cost(targets.cost);
        const std::int64_t n = own(block), m = net_.widths[L_];
        std::fill_n(room.value, blocks_.width, T(0));
        std::fill(std::fill_n(room.scale, n, static_cast<T>(weight)), room.scale + blocks_.width, T(0));
        kernel.pull(room.x[L_], room.target, T(1), room.scale, m, blocks_.width, room.value, false, room.bar);
        values[block] = std::accumulate(room.value, room.value + n, 0.0);
        backward(room);
      });
    });
    collect(rooms, gradient);
    return std::accumulate(values.begin(), values.end(), 0.0);
  }

 private:
  struct Room {
    std::vector<T*> x, slope;  // of each layer; without gradients two states in turn, and no slopes
    T *target, *value, *scale, *bar, *next_bar, *sums;
  };

  static std::vector<Arena>& arenas() {
    static thread_local std::vector<Arena> memory;
    return memory;
  }
  std::int64_t own(std::int64_t block) const { return std::min(blocks_.width, n_samples_ - block * blocks_.width); }
  template <class Work>
  void for_blocks(int thread, Work work) const {
    const std::int64_t last = blocks_.count * (thread + 1) / blocks_.threads;
    for (std::int64_t block = blocks_.count * thread / blocks_.threads; block < last; ++block) work(block);
  }

  Room make_room(int share, bool gradients) const {
    const std::int64_t most = layout_.entries(*std::max_element(net_.widths.begin(), net_.widths.end()));
    Room room;
    room.x.resize(L_ + 1);
    room.slope.resize(L_ + 1);
    T* turn[2];
    std::vector<std::pair<T**, std::int64_t>> wanted;
    if (gradients) {
      for (int l = 0; l <= L_; ++l) {
        wanted.push_back({&room.x[l], layout_.entries(net_.widths[l])});
        if (l > 0 && l < L_) wanted.push_back({&room.slope[l], layout_.entries(net_.widths[l])});
      }
      wanted.insert(wanted.end(), {{&room.target, layout_.entries(net_.widths[L_])},
                                   {&room.value, blocks_.width},
                                   {&room.scale, blocks_.width},
                                   {&room.bar, most},
                                   {&room.next_bar, most},
                                   {&room.sums, n_sum_}});
    } else {
      wanted = {{&turn[0], most}, {&turn[1], most}};
    }
    std::size_t bytes = 0;
    for (const auto& [pointer, n] : wanted) bytes += Arena::padded<T>(n);
    Arena& arena = (*arenas_)[share];
    arena.reserve(bytes);
    for (const auto& [pointer, n] : wanted) *pointer = arena.take<T>(n);
    if (gradients) {
      std::fill_n(room.sums, n_sum_, T(0));
    } else {
      for (int l = 0; l <= L_; ++l) room.x[l] = turn[l % 2];
    }
    return room;
  }

  void load_targets(const FusedTargets<T>& targets, std::int64_t block, Room& room) const {
    const std::int64_t first = block * blocks_.width, n = own(block), m = net_.widths[L_];
    if (targets.cost == FusedCost::mean_square) {
      layout_.load({targets.values + first * m, m, n, nullptr}, m, room.target);
    } else {
      for (std::int64_t q = 0; q < blocks_.width; ++q)
        room.target[q] = q < n ? static_cast<T>(targets.classes[first + q]) : T(0);
    }
  }

  void forward(std::int64_t block, Room& room, bool keep) const {
    const std::int64_t d = net_.widths[0];
    layout_.load({x_ + block * blocks_.width * d, d, own(block), nullptr}, d, room.x[0]);
    for (int l = 1; l <= L_; ++l) {
      layout_.affine(matrices_[l - 1], table_ + packed_[l - 1], room.x[l - 1], room.x[l]);
      const std::int64_t n = layout_.entries(net_.widths[l]);
      if (l == L_) break;
      if (keep) {
        activation_.value_and_slope(room.x[l], room.x[l], room.slope[l], n);
      } else {
        activation_.value(room.x[l], room.x[l], n);
      }
    }
  }

  // From room.bar, the cotangent of z:  z_bar_l = sigma'(z_l) W_{l+1}' z_bar_{l+1},  W_l_bar += z_bar_l x_{l-1}'.
  void backward(Room& room) const {
    T *bar = room.bar, *next = room.next_bar;
    for (int l = L_; l > 0; --l) {
      layout_.accumulate(matrices_[l - 1], bar, room.x[l - 1], room.sums + sum_[l - 1]);
      if (l == 1) break;
      layout_.transpose(matrices_[l - 1], table_ + packed_[l - 1], bar, false, next);
      strip_kernels<T>().scaled_product(1, next, room.slope[l - 1], next, layout_.entries(net_.widths[l - 1]));
      std::swap(bar, next);
    }
  }

  void collect(const std::vector<Room>& rooms, T* gradient) const {
    std::vector<T*> sums(rooms.size());
    for (int l = 0; l < L_; ++l) {
      for (std::size_t thread = 0; thread < rooms.size(); ++thread) sums[thread] = rooms[thread].sums + sum_[l];
      layout_.reduce(matrices_[l], sums, nullptr, T(0), gradient);
      gradient += matrices_[l].entries();
    }
  }

  const FusedPerceptron& net_;
  const T *x_, *table_ = nullptr;
  const std::int64_t n_samples_;
  const int L_;
  const typename StripKernels<T>::Pointwise& activation_;
  const Blocks blocks_;
  const Layout<T> layout_;
  Team team_;
  std::vector<Arena>* arenas_;  // one a share
  std::vector<WeightShape> matrices_;
  std::vector<std::int64_t> packed_, sum_;  // offsets of their packed forms and of their sums
  std::int64_t n_packed_ = 0, n_sum_ = 0;
};

template <class T, class Work>
auto with_call(const FusedPerceptron& net, const T* x, const T* parameters, std::int64_t n_samples, Work work) {
  check(net, x, parameters, n_samples);
  const std::int64_t most = *std::max_element(net.widths.begin(), net.widths.end());
  const std::int64_t bytes =
      2 * static_cast<std::int64_t>(sizeof(T)) * std::accumulate(net.widths.begin(), net.widths.end(), std::int64_t{0});
  const int useful = useful_threads(work_of(net, n_samples), net.threads);
  if (Strips<T>::width_unit() > 1 && most >= 20) {
    bool large = false;  // one of the matrices
    for (std::size_t l = 1; l < net.widths.size(); ++l)
      large = large || blas_is_faster(std::min(net.widths[l - 1], net.widths[l]));
    const Blocks blocks =
        large ? blas_blocks(bytes, n_samples, useful) : panel_blocks<T>(most, bytes, n_samples, useful);
    const SingleBlas held(blocks.blas);
    PerceptronCall<T, Panels> call(net, x, parameters, n_samples, blocks);
    return work(call);
  }
  const std::int64_t lanes = Strips<T>::width_unit(), vectors = ceil_div(n_samples, lanes);
  const int threads = static_cast<int>(std::min<std::int64_t>(useful, vectors));
  const std::int64_t width = strip_vectors(vectors, 2, 8, threads) * lanes;
  PerceptronCall<T, Strips> call(net, x, parameters, n_samples, {width, ceil_div(n_samples, width), threads});
  return work(call);
}

}  // namespace

std::int64_t FusedPerceptron::n_parameters() const {
  std::int64_t n = 0;
  for (std::size_t l = 1; l < widths.size(); ++l) n += widths[l] * (widths[l - 1] + 1);
  return n;
}

template <class T>
void fused_perceptron(const FusedPerceptron& net, const T* x, const T* parameters, std::int64_t n_samples, T* z) {
  require(z != nullptr, "fused_perceptron: z must be given");
  with_call(net, x, parameters, n_samples, [&](auto& call) { call.outputs(z); });
}

template <class T>
double fused_perceptron_cost(const FusedPerceptron& net, const T* x, const T* parameters,
                             const FusedTargets<T>& targets, std::int64_t n_samples, double weight, T* gradient) {
  require(gradient != nullptr, "fused_perceptron_cost: the gradient must be given");
  require(targets.cost == FusedCost::mean_square     ? targets.values != nullptr
          : targets.cost == FusedCost::cross_entropy ? targets.classes != nullptr
                                                     : false,
          "fused_perceptron_cost: needs a cost and its targets or classes");
  return with_call(net, x, parameters, n_samples, [&](auto& call) { return call.cost(targets, weight, gradient); });
}

template void fused_perceptron(const FusedPerceptron&, const float*, const float*, std::int64_t, float*);
template void fused_perceptron(const FusedPerceptron&, const double*, const double*, std::int64_t, double*);
template double fused_perceptron_cost(const FusedPerceptron&, const float*, const float*, const FusedTargets<float>&,
                                      std::int64_t, double, float*);
template double fused_perceptron_cost(const FusedPerceptron&, const double*, const double*, const FusedTargets<double>&,
                                      std::int64_t, double, double*);

}  // namespace turnpike

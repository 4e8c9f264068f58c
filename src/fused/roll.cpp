#include <turnpike/fused/roll.h>

#include <algorithm>
#include <memory>
#include <new>
#include <numeric>
#include <string>

#include <turnpike/base/error.h>

#include "strips_internal.h"
#include "sweeps_internal.h"
#include "workers_internal.h"

namespace turnpike {

int FusedScheme::evaluations() const {
  switch (kind) {
    case Kind::runge_kutta: return tableau ? tableau->stages() : 0;
    case Kind::symplectic_euler: return 2;
    case Kind::verlet: return 3;
  }
  return 0;
}

namespace {

// Memory that a thread keeps from call to call: fresh pages would cost more than the kernels.
class Arena {
 public:
  // Room for `bytes`, contents undefined.
  void reserve(std::size_t bytes) {
    if (bytes > size_) {
      memory_.reset();
      memory_.reset(static_cast<std::byte*>(::operator new(bytes, alignment)));
      size_ = bytes;
    }
    used_ = 0;
  }
  template <class T>
  T* take(std::int64_t n) {
    T* start = reinterpret_cast<T*>(memory_.get() + used_);
    used_ += padded<T>(n);
    return start;
  }
  template <class T>
  static std::size_t padded(std::int64_t n) {
    return (static_cast<std::size_t>(n) * sizeof(T) + strip_alignment - 1) / strip_alignment * strip_alignment;
  }

 private:
  static constexpr std::align_val_t alignment{strip_alignment};
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0, used_ = 0;
};

// The part of a layer that is one matrix: rates of dimensions [out, out + n_out) from dimensions [in, in + n_in).
// W and b are offsets into a row of effective parameters.
struct Part {
  std::int64_t in, n_in, out, n_out, W, b;
};

// A layer as parts with plain matrices: sigma(W x + b) for each, or W sigma(x) + b for the inner one.
struct Layer {
  bool inner = false;
  std::vector<Part> parts;
  std::int64_t n_parameters = 0;  // of the effective row
  bool direct = true;             // the control's rows are the effective ones
};

Layer make_layer(const LayerSpec& spec) {
  const std::int64_t d = spec.dimension, half = d / 2;
  if (spec.kind == LayerKind::paired) {
    // q from p by K, p from q by -K'
    return {.inner = false,
            .parts = {{half, half, 0, half, 0, 2 * half * half},
                      {0, half, half, half, half * half, 2 * half * half + half}},
            .n_parameters = 2 * half * half + 2 * half,
            .direct = false};
  }
  return {.inner = spec.kind == LayerKind::inner,
          .parts = {{0, d, 0, d, 0, d * d}},
          .n_parameters = d * d + d,
          .direct = spec.kind != LayerKind::antisymmetric};
}

// The effective parameters of one control row u.
template <class T>
void expand_row(const LayerSpec& spec, const T* u, T* row) {
  const std::int64_t d = spec.dimension, half = d / 2;
  if (spec.kind == LayerKind::antisymmetric) {
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = 0; j < d; ++j)
        row[i * d + j] = i == j ? static_cast<T>(-spec.gamma) : u[i * d + j] - u[j * d + i];
    std::copy_n(u + d * d, d, row + d * d);
  } else {
    std::copy_n(u, half * half, row);
    for (std::int64_t i = 0; i < half; ++i)
      for (std::int64_t j = 0; j < half; ++j) row[half * half + i * half + j] = -u[j * half + i];
    std::copy_n(u + half * half, 2 * half, row + 2 * half * half);
  }
}

// Its transpose: the gradient of a control row from that of the effective row.
template <class T>
void contract_row(const LayerSpec& spec, const double* row, T* u_bar) {
  const std::int64_t d = spec.dimension, half = d / 2;
  if (spec.kind == LayerKind::antisymmetric) {
    for (std::int64_t i = 0; i < d; ++i)
      for (std::int64_t j = 0; j < d; ++j) u_bar[i * d + j] = static_cast<T>(row[i * d + j] - row[j * d + i]);
    for (std::int64_t i = 0; i < d; ++i) u_bar[d * d + i] = static_cast<T>(row[d * d + i]);
  } else if (spec.kind == LayerKind::paired) {
    for (std::int64_t i = 0; i < half; ++i)
      for (std::int64_t j = 0; j < half; ++j)
        u_bar[i * half + j] = static_cast<T>(row[i * half + j] - row[half * half + j * half + i]);
    for (std::int64_t i = 0; i < 2 * half; ++i) u_bar[half * half + i] = static_cast<T>(row[2 * half * half + i]);
  } else {
    for (std::int64_t i = 0; i < d * d + d; ++i) u_bar[i] = static_cast<T>(row[i]);
  }
}

// Samples go in blocks of `width`, padded with copies of the last one, whose cotangents are zero.
struct Blocks {
  std::int64_t width, count;
  int threads;
};

Blocks make_blocks(std::int64_t n_samples, std::int64_t lanes, std::int64_t work_per_sample,
                   std::int64_t bytes_per_lane, int threads) {
  const std::int64_t vectors = (n_samples + lanes - 1) / lanes;
  // A thread is worth waking for some 10 us of work.
  const std::int64_t useful = std::max<std::int64_t>(1, n_samples * work_per_sample / 100000);
  const int used = static_cast<int>(std::max<std::int64_t>(1, std::min<std::int64_t>({threads, vectors, useful})));
  // The trajectory of a block should stay in the second-level cache.
  const std::int64_t fitting = std::max<std::int64_t>(1, (1 << 20) / (bytes_per_lane * lanes));
  const std::int64_t most = std::clamp<std::int64_t>(fitting, 4, 8);
  const std::int64_t each = (vectors + used - 1) / used, per_thread = (each + most - 1) / most;
  const std::int64_t in_block = (each + per_thread - 1) / per_thread;
  return {in_block * lanes, (vectors + in_block - 1) / in_block, used};
}

template <class T>
class Roller {
 public:
  Roller(const FusedProblem& problem, const FusedInputs<T>& inputs)
      : p_(problem),
        in_(inputs),
        k_(strip_kernels<T>()),
        layer_(make_layer(problem.layer)),
        d_(problem.layer.dimension),
        m_(problem.n_outputs),
        K_(static_cast<std::int64_t>(problem.steps.size())),
        E_(problem.scheme.evaluations()),
        chain_(problem.scheme.kind != FusedScheme::Kind::runge_kutta || E_ == 1) {
    check();
    const std::int64_t evaluations = K_ * E_;
    const std::int64_t bytes = (evaluations + 1) * 2 * d_ * static_cast<std::int64_t>(sizeof(T));
    const std::int64_t work = evaluations * d_ * (d_ + 8);
    blocks_ = make_blocks(p_.n_samples, k_.lanes, work, bytes, p_.threads);
    width_ = blocks_.width;
    n_ = d_ * width_;
    for (std::int64_t e = 0; e < evaluations; ++e) {
      if (e % E_ == 0 || p_.control_row[e] != p_.control_row[e - 1]) sum_row_.push_back(p_.control_row[e]);
      sum_of_.push_back(static_cast<std::int64_t>(sum_row_.size()) - 1);
    }
    if (!layer_.direct) {
      table_.resize(p_.n_rows * layer_.n_parameters);
      for (std::int64_t r = 0; r < p_.n_rows; ++r)
        expand_row(p_.layer, in_.control + r * p_.layer.n_parameters(), table_.data() + r * layer_.n_parameters);
    }
    // A bias alone is a readout by the identity.
    identity_ = !in_.weight && !in_.bias;
    if (!in_.weight && p_.cost != FusedCost::none) {
      readout_.assign(d_ * d_, T(0));
      for (std::int64_t i = 0; i < d_; ++i) readout_[i * d_ + i] = 1;
    }
    zero_bias_.assign(std::max<std::int64_t>(m_, 1), T(0));
    if (chain_) plan_chain();
    if (E_ == 1 && layer_.parts.size() == 1 && d_ <= max_sweep_dimension && p_.cost != FusedCost::cross_entropy) {
      sweep_ = sweep_kernels<T>(layer_.inner, p_.layer.activation);
      h_.assign(p_.steps.begin(), p_.steps.end());
      weight_.assign(cost_weight_.begin(), cost_weight_.end());
    }
  }

  void roll(const FusedOutputs<T>& out) {
    Team(blocks_.threads).run([&](int thread) {
      Room room = make_room(false);
      for_blocks(thread, [&](std::int64_t block) {
        forward(block, room, false, out.states);
        if (out.end) store_rows(room.end, block, d_, out.end);
        if (out.integral) store_rows(room.integral, block, 1, out.integral);
      });
    });
  }

  void pull_back(const FusedCotangents<T>& bar, const FusedGradients<T>& out) {
    wanted_control_ = out.control != nullptr;
    wanted_readout_ = p_.cost != FusedCost::none && (out.weight || out.bias);
    Team team(blocks_.threads);
    std::vector<Room> rooms(blocks_.threads);
    team.run([&](int thread) {
      Room& room = rooms[thread] = make_room(true);
      if (wanted_control_) std::fill_n(room.sums, n_sums() * k_.lanes, T(0));
      room.readout_total.assign(m_ * (d_ + 1), 0.0);
      for_blocks(thread, [&](std::int64_t block) {
        forward(block, room, true, nullptr);
        backward(block, room, bar);
        if (out.x0) store_rows(room.a, block, d_, out.x0);
      });
    });
    if (wanted_control_) collect_control(team, rooms, out.control);
    if (wanted_readout_) {
      for (std::int64_t i = 0; i < m_ * (d_ + 1); ++i) {
        double total = 0;
        for (const Room& room : rooms) total += room.readout_total[i];
        if (i < m_ * d_ && out.weight) out.weight[i] = static_cast<T>(total);
        if (i >= m_ * d_ && out.bias) out.bias[i - m_ * d_] = static_cast<T>(total);
      }
    } else {
      if (out.weight) std::fill_n(out.weight, m_ * d_, T(0));
      if (out.bias) std::fill_n(out.bias, m_, T(0));
    }
  }

 private:
  // One thread's strips. `x`, `y`, `aux`: the trajectory of a block, or of a step when nothing is kept.
  struct Room {
    T *x, *y, *aux, *rates, *g, *v, *a, *y_bar, *zero, *integral, *integral_bar, *target, *z, *z_bar, *pack;
    T *sums, *readout_sums;
    const T* end = nullptr;
    std::vector<double> readout_total;
  };

  std::int64_t n_sums() const { return static_cast<std::int64_t>(sum_row_.size()) * layer_.n_parameters; }

  Room make_room(bool keep) const {
    static thread_local Arena arena;
    Room room;
    const std::int64_t states = keep ? (chain_ ? K_ * E_ : K_) + 1 : 2;
    const std::int64_t inner_stages = chain_ ? 0 : (keep ? K_ : 1) * (E_ - 1);
    const std::int64_t auxiliaries = keep ? K_ * E_ : E_;
    const std::int64_t outputs = std::max<std::int64_t>(m_, 1);
    const std::pair<T**, std::int64_t> wanted[] = {
        {&room.x, states * n_},
        {&room.y, inner_stages * n_},
        {&room.aux, auxiliaries * n_},
        {&room.rates, E_ * n_},
        {&room.g, n_},
        {&room.v, n_},
        {&room.a, n_},
        {&room.y_bar, E_ * n_},
        {&room.zero, n_},
        {&room.integral, width_},
        {&room.integral_bar, width_},
        {&room.target, outputs * width_},
        {&room.z, outputs * width_},
        {&room.z_bar, outputs * width_},
        {&room.pack, n_},
        {&room.sums, keep && wanted_control_ ? n_sums() * k_.lanes : 0},
        {&room.readout_sums, m_ * (d_ + 1) * k_.lanes},
    };
    std::size_t bytes = 0;
    for (const auto& [pointer, n] : wanted) bytes += Arena::padded<T>(n);
    arena.reserve(bytes);
    for (const auto& [pointer, n] : wanted) *pointer = arena.take<T>(n);
    std::fill_n(room.zero, n_, T(0));
    return room;
  }

  template <class Work>
  void for_blocks(int thread, Work work) const {
    const std::int64_t first = blocks_.count * thread / blocks_.threads;
    const std::int64_t last = blocks_.count * (thread + 1) / blocks_.threads;
    for (std::int64_t block = first; block < last; ++block) work(block);
  }

  void load_rows(const T* rows, std::int64_t block, std::int64_t columns, bool pad, T* strip) const {
    const std::int64_t start = block * width_, own = std::min(width_, p_.n_samples - start);
    for (std::int64_t i = 0; i < columns; ++i) {
      for (std::int64_t q = 0; q < own; ++q) strip[i * width_ + q] = rows[(start + q) * columns + i];
      const T last = pad ? rows[(p_.n_samples - 1) * columns + i] : T(0);
      std::fill(strip + i * width_ + own, strip + (i + 1) * width_, last);
    }
  }
  void store_rows(const T* strip, std::int64_t block, std::int64_t columns, T* rows) const {
    const std::int64_t start = block * width_, own = std::min(width_, p_.n_samples - start);
    for (std::int64_t q = 0; q < own; ++q)
      for (std::int64_t i = 0; i < columns; ++i) rows[(start + q) * columns + i] = strip[i * width_ + q];
  }
  void load_targets(std::int64_t block, T* strip) const {
    if (p_.cost == FusedCost::mean_square) return load_rows(in_.targets, block, m_, true, strip);
    for (std::int64_t q = 0; q < width_; ++q)
      strip[q] = static_cast<T>(in_.classes[std::min(block * width_ + q, p_.n_samples - 1)]);
  }

  const auto& product(std::int64_t columns) const {
    return k_.product[columns <= max_unrolled_dimension ? columns : 0];
  }
  const auto& activation() const { return k_.pointwise[static_cast<int>(p_.layer.activation)]; }
  const T* parameters(std::int64_t evaluation) const {
    const std::int64_t row = p_.control_row[evaluation];
    return (layer_.direct ? in_.control : table_.data()) + row * layer_.n_parameters;
  }

  // out = base + h f(x) on the rows of one part; aux keeps what the pull-back needs: sigma(x), or sigma'(W x + b).
  void part_forward(const Part& part, const T* u, const T* x, const T* base, T h, T* aux, T* out) const {
    const std::int64_t from = part.in * width_, to = part.out * width_;
    const auto& multiply = product(part.n_in);
    if (layer_.inner) {
      activation().value(x + from, aux + from, part.n_in * width_);
      multiply.affine_advance(aux + from, u + part.W, u + part.b, base + to, h, part.n_out, part.n_in, width_,
                              out + to);
    } else {
      multiply.affine(x + from, u + part.W, u + part.b, part.n_out, part.n_in, width_, aux + to);
      activation().advance(aux + to, base + to, h, out + to, part.n_out * width_);
    }
  }

  // x_bar += J' (h rate_bar) for one part, and the parameters' sums.
  void part_backward(const Part& part, const T* u, const T* x, const T* aux, T h, const T* rate_bar, T* sums,
                     Room& room, T* x_bar) const {
    const std::int64_t from = part.in * width_, to = part.out * width_;
    const auto& multiply = product(part.n_in);
    T* g = room.g + to;
    if (layer_.inner) {
      k_.scale(h, rate_bar + to, g, part.n_out * width_);
      if (sums)
        multiply.accumulate(g, aux + from, part.n_out, part.n_in, width_, sums + part.W * k_.lanes,
                            sums + part.b * k_.lanes);
      multiply.transpose(u + part.W, g, part.n_out, part.n_in, width_, room.v + from);
      activation().add_slope_times(room.v + from, x + from, aux + from, x_bar + from, part.n_in * width_);
    } else {
      k_.scaled_product(h, rate_bar + to, aux + to, g, part.n_out * width_);
      if (sums)
        multiply.accumulate(g, x + from, part.n_out, part.n_in, width_, sums + part.W * k_.lanes,
                            sums + part.b * k_.lanes);
      multiply.transpose_add(u + part.W, g, part.n_out, part.n_in, width_, x_bar + from);
    }
  }

  T* sums_of(const Room& room, std::int64_t evaluation) const {
    return wanted_control_ ? room.sums + sum_of_[evaluation] * layer_.n_parameters * k_.lanes : nullptr;
  }

  // z = P x + c
  const T* readout(const T* x, const Room& room) const {
    if (identity_) return x;
    product(d_).affine(x, in_.weight ? in_.weight : readout_.data(), in_.bias ? in_.bias : zero_bias_.data(), m_, d_,
                       width_, room.z);
    return room.z;
  }
  const auto& cost() const { return p_.cost == FusedCost::mean_square ? k_.mean_square : k_.cross_entropy; }
  void add_cost(const T* x, double weight, const Room& room) const {
    if (p_.cost == FusedCost::none || weight == 0) return;
    cost().value(readout(x, room), room.target, static_cast<T>(weight), m_, width_, room.integral);
  }
  // x_bar += weight integral_bar P' g'(P x + c)
  void pull_cost(const T* x, double weight, const Room& room, T* x_bar) const {
    if (p_.cost == FusedCost::none || weight == 0) return;
    cost().gradient(readout(x, room), room.target, static_cast<T>(weight), room.integral_bar, m_, width_, room.z_bar);
    if (identity_) {
      const T one = 1;
      k_.combine(x_bar, 1, &one, &room.z_bar, x_bar, n_);
      return;
    }
    product(d_).transpose_add(in_.weight ? in_.weight : readout_.data(), room.z_bar, m_, d_, width_, x_bar);
    if (wanted_readout_) {
      product(d_).accumulate(room.z_bar, x, m_, d_, width_, room.readout_sums, room.readout_sums + m_ * d_ * k_.lanes);
    }
  }

  // A composition: sub-step j moves the dimensions of parts [first_part, last_part) by h f. Euler is one such step.
  struct SubStep {
    double h;
    int first_part, last_part;
  };
  void plan_chain() {
    using Kind = FusedScheme::Kind;
    cost_weight_.assign(K_ * E_ + 1, 0.0);
    const int all = static_cast<int>(layer_.parts.size());
    for (std::int64_t k = 0; k < K_; ++k) {
      const double h = p_.steps[k];
      if (p_.scheme.kind == Kind::verlet) {  // kick, drift, kick: part 1 moves p, part 0 moves q
        chain_steps_.insert(chain_steps_.end(), {{h / 2, 1, 2}, {h, 0, 1}, {h / 2, 1, 2}});
        cost_weight_[k * E_] += h / 2;
        cost_weight_[(k + 1) * E_] += h / 2;
      } else {
        if (p_.scheme.kind == Kind::symplectic_euler) {
          chain_steps_.insert(chain_steps_.end(), {{h, 1, 2}, {h, 0, 1}});
        } else {
          chain_steps_.push_back({h, 0, all});
        }
        cost_weight_[k * E_] += h;
      }
    }
  }

  SweepTask<T> sweep_task(const Room& room) const {
    SweepTask<T> task{.width = width_,
                      .table = layer_.direct ? in_.control : table_.data(),
                      .row = p_.control_row.data(),
                      .h = h_.data(),
                      .x = room.x,
                      .aux = room.aux,
                      .a = room.a,
                      .integral_bar = room.integral_bar,
                      .sums = wanted_control_ ? room.sums : nullptr,
                      .sum_of = sum_of_.data(),
                      .readout_sums = wanted_readout_ ? room.readout_sums : nullptr};
    if (p_.cost != FusedCost::none) {
      task.m = m_;
      task.P = in_.weight ? in_.weight : readout_.data();
      task.c = in_.bias ? in_.bias : zero_bias_.data();
      task.y = room.target;
      task.weight = weight_.data();
      task.integral = room.integral;
    }
    return task;
  }

  void forward(std::int64_t block, Room& room, bool keep, T* states) const {
    load_rows(in_.x0, block, d_, true, room.x);
    if (p_.cost != FusedCost::none) load_targets(block, room.target);
    std::fill_n(room.integral, width_, T(0));
    std::size_t next = 0;
    const auto arrive = [&](std::int64_t k, const T* x) {
      if (!states || next == p_.saved.size() || p_.saved[next] != k) return;
      store_rows(x, block, d_, states + static_cast<std::int64_t>(next++) * p_.n_samples * d_);
    };
    if (sweep_) {
      const SweepTask<T> task = sweep_task(room);
      const auto kernel = (keep ? sweep_->forward_kept : sweep_->forward)[d_];
      std::int64_t at = 0;
      arrive(0, room.x);
      while (at < K_) {
        const std::int64_t stop = states && next < p_.saved.size() ? p_.saved[next] : K_;
        kernel(task, at, stop);
        at = stop;
        room.end = keep ? room.x + at * n_ : room.x;
        arrive(at, room.end);
      }
      return;
    }
    const T* x = room.x;
    const std::int64_t total = chain_ ? K_ * E_ : K_;
    for (std::int64_t j = 0; j < total; ++j) {
      T* after = room.x + (keep ? j + 1 : (j + 1) % 2) * n_;
      if (chain_) {
        if (j % E_ == 0) arrive(j / E_, x);
        if (!keep) add_cost(x, cost_weight_[j], room);
        const SubStep& step = chain_steps_[j];
        T* aux = room.aux + (keep ? j : 0) * n_;
        if (step.last_part - step.first_part < static_cast<int>(layer_.parts.size())) std::copy_n(x, n_, after);
        for (int part = step.first_part; part < step.last_part; ++part)
          part_forward(layer_.parts[part], parameters(j), x, x, static_cast<T>(step.h), aux, after);
      } else {
        arrive(j, x);
        runge_kutta_step(j, x, room, keep, after);
      }
      x = after;
    }
    arrive(K_, x);
    if (chain_ && !keep) add_cost(x, cost_weight_[total], room);
    room.end = x;
  }

  const T* stage_point(std::int64_t k, int i, const T* x, const Room& room, bool keep) const {
    return i == 0 ? x : room.y + ((keep ? k * (E_ - 1) : 0) + i - 1) * n_;
  }
  const T* stage_aux(std::int64_t k, int i, const Room& room, bool keep) const {
    return room.aux + ((keep ? k * E_ : 0) + i) * n_;
  }

  // Sums c_j v_j over the stages j in [first, last) with c_j not zero, on top of base.
  template <class Coefficient>
  void combine_stages(const T* base, int first, int last, Coefficient coefficient, const T* vectors, T* out) const {
    T c[max_stages];
    const T* v[max_stages];
    int terms = 0;
    for (int j = first; j < last; ++j) {
      const double value = coefficient(j);
      if (value == 0) continue;
      c[terms] = static_cast<T>(value);
      v[terms++] = vectors + j * n_;
    }
    k_.combine(base, terms, c, v, out, n_);
  }

  void runge_kutta_step(std::int64_t k, const T* x, Room& room, bool keep, T* after) const {
    const Tableau& tableau = *p_.scheme.tableau;
    const double h = p_.steps[k];
    for (int i = 0; i < E_; ++i) {
      T* y = const_cast<T*>(stage_point(k, i, x, room, keep));
      if (i > 0)
        combine_stages(
            x, 0, i, [&](int j) { return h * tableau.a[i][j]; }, room.rates, y);
      if (!keep) add_cost(y, h * tableau.b[i], room);
      T* aux = const_cast<T*>(stage_aux(k, i, room, keep));
      for (const Part& part : layer_.parts)
        part_forward(part, parameters(k * E_ + i), y, room.zero, T(1), aux, room.rates + i * n_);
    }
    combine_stages(
        x, 0, E_, [&](int j) { return h * tableau.b[j]; }, room.rates, after);
  }

  // rate_bar_i = h b_i x_bar + sum_{j>i} h a_ji y_bar_j,  y_bar_i = f'(y_i)' rate_bar_i + cost,  x_bar += sum_i y_bar_i
  void runge_kutta_pull(std::int64_t k, const T* x, Room& room) const {
    const Tableau& tableau = *p_.scheme.tableau;
    const double h = p_.steps[k];
    for (int i = E_ - 1; i >= 0; --i) {
      T* rate_bar = room.rates;
      k_.scale(static_cast<T>(h * tableau.b[i]), room.a, rate_bar, n_);
      combine_stages(
          rate_bar, i + 1, E_, [&](int j) { return h * tableau.a[j][i]; }, room.y_bar, rate_bar);
      const T* y = stage_point(k, i, x, room, true);
      T* y_bar = room.y_bar + i * n_;
      std::fill_n(y_bar, n_, T(0));
      for (const Part& part : layer_.parts)
        part_backward(part, parameters(k * E_ + i), y, stage_aux(k, i, room, true), T(1), rate_bar,
                      sums_of(room, k * E_ + i), room, y_bar);
      pull_cost(y, h * tableau.b[i], room, y_bar);
    }
    combine_stages(
        room.a, 0, E_, [](int) { return 1.0; }, room.y_bar, room.a);
  }

  void backward(std::int64_t block, Room& room, const FusedCotangents<T>& bar) const {
    if (wanted_readout_) std::fill_n(room.readout_sums, m_ * (d_ + 1) * k_.lanes, T(0));
    if (bar.end) {
      load_rows(bar.end, block, d_, false, room.a);
    } else {
      std::fill_n(room.a, n_, T(0));
    }
    if (bar.integral) {
      load_rows(bar.integral, block, 1, false, room.integral_bar);
    } else {
      std::fill_n(room.integral_bar, width_, T(0));
    }
    std::int64_t last = bar.states ? static_cast<std::int64_t>(p_.saved.size()) - 1 : -1;
    const auto arrive = [&](std::int64_t k) {
      if (last < 0 || p_.saved[last] != k) return;
      load_rows(bar.states + last-- * p_.n_samples * d_, block, d_, false, room.pack);
      const T one = 1;
      k_.combine(room.a, 1, &one, &room.pack, room.a, n_);
    };
    const std::int64_t total = chain_ ? K_ * E_ : K_;
    arrive(K_);
    if (sweep_) {
      const SweepTask<T> task = sweep_task(room);
      for (std::int64_t at = K_; at > 0;) {
        const std::int64_t stop = last >= 0 ? p_.saved[last] : 0;
        sweep_->backward[d_](task, stop, at);
        at = stop;
        arrive(at);
      }
      collect_readout(room);
      return;
    }
    if (chain_) pull_cost(room.x + total * n_, cost_weight_[total], room, room.a);
    for (std::int64_t j = total - 1; j >= 0; --j) {
      const T* x = room.x + j * n_;
      if (chain_) {
        const SubStep& step = chain_steps_[j];
        // The rates of all parts read x_bar as it is after the step: copied where the parts feed each other.
        const T* rate_bar = room.a;
        if (step.last_part - step.first_part > 1) {
          std::copy_n(room.a, n_, room.rates);
          rate_bar = room.rates;
        }
        for (int part = step.first_part; part < step.last_part; ++part)
          part_backward(layer_.parts[part], parameters(j), x, room.aux + j * n_, static_cast<T>(step.h), rate_bar,
                        sums_of(room, j), room, room.a);
        pull_cost(x, cost_weight_[j], room, room.a);
        if (j % E_ == 0) arrive(j / E_);
      } else {
        runge_kutta_pull(j, x, room);
        arrive(j);
      }
    }
    collect_readout(room);
  }

  void collect_readout(Room& room) const {
    if (!wanted_readout_) return;
    const std::int64_t n = m_ * (d_ + 1);
    std::vector<T> sums(n);
    k_.sum_lanes(room.readout_sums, n, sums.data());
    for (std::int64_t i = 0; i < n; ++i) room.readout_total[i] += sums[i];
  }

  void collect_control(Team& team, const std::vector<Room>& rooms, T* control_bar) const {
    const std::int64_t P = layer_.n_parameters, n_pieces = static_cast<std::int64_t>(sum_row_.size());
    std::vector<T> pieces(n_pieces * P);
    team.run([&](int thread) {
      const std::int64_t first = n_pieces * thread / blocks_.threads, last = n_pieces * (thread + 1) / blocks_.threads;
      T* sums = rooms[0].sums + first * P * k_.lanes;
      for (std::size_t other = 1; other < rooms.size(); ++other) {
        const T one = 1;
        const T* theirs = rooms[other].sums + first * P * k_.lanes;
        k_.combine(sums, 1, &one, &theirs, sums, (last - first) * P * k_.lanes);
      }
      k_.sum_lanes(sums, (last - first) * P, pieces.data() + first * P);
    });
    // Rows that many steps share are summed in double.
    std::vector<double> rows(p_.n_rows * P, 0.0);
    for (std::int64_t piece = 0; piece < n_pieces; ++piece)
      for (std::int64_t i = 0; i < P; ++i) rows[sum_row_[piece] * P + i] += pieces[piece * P + i];
    const std::int64_t own = p_.layer.n_parameters();
    for (std::int64_t r = 0; r < p_.n_rows; ++r) contract_row(p_.layer, rows.data() + r * P, control_bar + r * own);
  }

  void check() const {
    using Kind = FusedScheme::Kind;
    require(d_ > 0 && p_.n_samples > 0 && K_ > 0 && p_.threads > 0, "fused_roll: d, N, K and threads must be positive");
    require(p_.layer.kind != LayerKind::paired || d_ % 2 == 0, "fused_roll: a paired layer needs an even dimension");
    require(p_.scheme.kind == Kind::runge_kutta ? E_ > 0 && E_ <= max_stages : p_.layer.kind == LayerKind::paired,
            "fused_roll: needs a tableau of at most 16 stages, or a paired layer for a partitioned scheme");
    require(static_cast<std::int64_t>(p_.control_row.size()) == K_ * E_,
            "fused_roll: control_row must hold one row for each evaluation of each step");
    for (const std::int64_t row : p_.control_row)
      require(row >= 0 && row < p_.n_rows, "fused_roll: a control row is out of range");
    require(in_.x0 && in_.control, "fused_roll: x0 and control must be given");
    if (p_.cost == FusedCost::none) return;
    require(m_ > 0 && (in_.weight || m_ == d_), "fused_roll: without a readout weight m must be d");
    require(p_.cost == FusedCost::mean_square ? in_.targets != nullptr : in_.classes != nullptr,
            "fused_roll: the cost needs its targets or classes");
  }

  static constexpr int max_stages = 16;

  const FusedProblem& p_;
  const FusedInputs<T>& in_;
  const StripKernels<T>& k_;
  const Layer layer_;
  const std::int64_t d_, m_, K_;
  const int E_;
  const bool chain_;
  bool identity_ = false, wanted_control_ = false, wanted_readout_ = false;
  Blocks blocks_;
  std::int64_t width_ = 0, n_ = 0;  // n_: entries of a strip of the state
  // Gradient sums are kept by piece: a run of evaluations within one step that read one row of the control.
  std::vector<std::int64_t> sum_row_, sum_of_;
  std::vector<T> table_, readout_, zero_bias_;
  std::vector<SubStep> chain_steps_;
  std::vector<double> cost_weight_;         // of the states of a chain
  const SweepKernels<T>* sweep_ = nullptr;  // null: by kernels on strips
  std::vector<T> h_, weight_;               // of a sweep
};

}  // namespace

template <class T>
void fused_roll(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedOutputs<T>& outputs) {
  Roller<T>(problem, inputs).roll(outputs);
}

template <class T>
void fused_pull_back(const FusedProblem& problem, const FusedInputs<T>& inputs, const FusedCotangents<T>& cotangents,
                     const FusedGradients<T>& gradients) {
  Roller<T>(problem, inputs).pull_back(cotangents, gradients);
}

template void fused_roll(const FusedProblem&, const FusedInputs<float>&, const FusedOutputs<float>&);
template void fused_roll(const FusedProblem&, const FusedInputs<double>&, const FusedOutputs<double>&);
template void fused_pull_back(const FusedProblem&, const FusedInputs<float>&, const FusedCotangents<float>&,
                              const FusedGradients<float>&);
template void fused_pull_back(const FusedProblem&, const FusedInputs<double>&, const FusedCotangents<double>&,
                              const FusedGradients<double>&);

}  // namespace turnpike

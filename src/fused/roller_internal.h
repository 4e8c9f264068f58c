// One call of the fused kernels: the plan of its blocks and memory, the sweep forward and the sweep back over a block.
// Layout: Strips<T> or Panels<T>. The same steps for both; only the products and the costs know how samples lie.
#pragma once

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <turnpike/base/error.h>

#include "arena_internal.h"
#include "layouts_internal.h"
#include "sweeps_internal.h"
#include "workers_internal.h"

namespace turnpike {

inline constexpr int max_fused_stages = 16;

// The kernels of a whole sweep, where there are any for the problem.
template <class T>
const SweepKernels<T>* find_sweep(const FusedProblem& p) {
  const LayerKind kind = p.layer.kind;
  if (p.scheme.kind != FusedScheme::Kind::runge_kutta || p.layer.dimension > max_sweep_dimension ||
      kind == LayerKind::paired || kind == LayerKind::bottleneck ||
      (p.cost != FusedCost::none && p.n_outputs > max_sweep_outputs)) {
    return nullptr;
  }
  const auto find = p.scheme.evaluations() == 1 ? euler_sweeps<T> : runge_kutta_sweeps<T>;
  return find(kind == LayerKind::inner, p.layer.activation);
}

template <class T, template <class> class Layout>
class Roller {
 public:
  Roller(const FusedProblem& problem, const FusedInputs<T>& inputs, const Blocks& blocks)
      : p_(problem),
        in_(inputs),
        k_(strip_kernels<T>()),
        layer_(make_layer(problem.layer)),
        blocks_(blocks),
        layout_(blocks),
        d_(problem.layer.dimension),
        m_(problem.n_outputs),
        K_(static_cast<std::int64_t>(problem.steps.size())),
        E_(problem.scheme.evaluations()),
        chain_(problem.scheme.kind != FusedScheme::Kind::runge_kutta || E_ == 1),
        team_(blocks.threads),
        arenas_(&arenas()) {
    if (arenas_->size() < static_cast<std::size_t>(blocks.threads)) arenas_->resize(blocks.threads);
    place();
    static thread_local Arena table;
    table_ = pack_controls(p_.layer, in_.control, table);
    pack_readout();
    if constexpr (Layout<T>::lanes_are_samples) choose_sweep();
    if (chain_ && !sweep_) plan_chain();
  }

  void roll(const FusedOutputs<T>& out) {
    team_.run([&](int thread) {
      Room room = make_room(thread, false, false);
      for_blocks(thread, [&](std::int64_t block) {
        start(block, room);
        forward(block, room, false, out.states);
        if (out.end) store_state(room.end, block, out.end);
        if (out.integral) std::copy_n(room.integral, own(block), out.integral + block * blocks_.width);
      });
    });
  }

  void pull_back(const FusedCotangents<T>& bar, const FusedGradients<T>& out) {
    wanted_control_ = out.control != nullptr;
    wanted_readout_ = has_cost() && (out.weight || out.bias);
    std::vector<Room> rooms(blocks_.threads);
    team_.run([&](int thread) {
      Room& room = rooms[thread] = make_room(thread, true, true);
      for_blocks(thread, [&](std::int64_t block) {
        start(block, room);
        forward(block, room, true, nullptr);
        load_cotangents(bar, block, room);
        backward(block, room, bar.states, false);
        collect_readout(room);
        if (out.x0) store_state(room.a, block, out.x0);
      });
    });
    collect(rooms, out);
  }

  // The cotangents of a mean cost are known before the roll: forward and back while a block is in the cache.
  FusedCostSums cost(const FusedCostWeights& weights, T* end, const FusedGradients<T>& out) {
    wanted_control_ = out.control != nullptr;
    wanted_readout_ = out.weight || out.bias;
    std::vector<Room> rooms(blocks_.threads);
    std::vector<FusedCostSums> sums(blocks_.count);
    team_.run([&](int thread) {
      Room& room = rooms[thread] = make_room(thread, true, true);
      for_blocks(thread, [&](std::int64_t block) {
        const std::int64_t n = own(block);
        start(block, room);
        forward(block, room, true, nullptr);
        if (end) store_state(room.end, block, end);
        std::fill_n(room.a, n_, T(0));
        std::fill_n(room.integral_bar, blocks_.width, T(0));
        if (weights.terminal != 0) {
          std::fill_n(room.integral_bar, n, static_cast<T>(weights.terminal));
          pull_cost(room.end, 1, room, true, room.a);
          sums[block].terminal = sum(room.integral, n);
          std::fill_n(room.integral, blocks_.width, T(0));
        }
        std::fill_n(room.integral_bar, n, static_cast<T>(weights.running));
        backward(block, room, nullptr, true);
        collect_readout(room);
        sums[block].running = sum(room.integral, n);
        if (out.x0) store_state(room.a, block, out.x0);
      });
    });
    row_weights_ = weights.control.empty() ? nullptr : weights.control.data();
    row_squares_.assign(row_weights_ ? p_.n_rows : 0, 0.0);
    collect(rooms, out);
    FusedCostSums total;
    total.control = std::accumulate(row_squares_.begin(), row_squares_.end(), 0.0);
    for (const FusedCostSums& part : sums) {
      total.running += part.running;
      total.terminal += part.terminal;
    }
    return total;
  }

  void push_forward(const FusedTangents<T>& tangents, T* end, T* end_tangent) {
    static thread_local Arena table;
    if (tangents.control) {
      LayerSpec linear = p_.layer;
      linear.gamma = 0;
      tangent_table_ = pack_controls(linear, tangents.control, table);
    }
    team_.run([&](int thread) {
      Room room = make_room(thread, false, false);
      Arena memory;
      memory.reserve((E_ + 3) * Arena::padded<T>(n_) + Arena::padded<T>(largest_entries()));
      const Tangent dot{memory.take<T>(2 * n_), memory.take<T>(E_ * n_), memory.take<T>(n_),
                        memory.take<T>(largest_entries())};
      for_blocks(thread, [&](std::int64_t block) {
        start(block, room);
        std::fill_n(dot.x, n_, T(0));
        if (tangents.x0) load_state(tangents.x0, block, true, dot.x);
        const T* x_dot = push_block(room, dot);
        if (end) store_state(room.end, block, end);
        store_state(x_dot, block, end_tangent);
      });
    });
  }

  void sample_gradients(const FusedCotangents<T>& bar, T* control_bar) {
    wanted_control_ = true;
    const std::int64_t P = p_.layer.n_parameters(), n_pieces = static_cast<std::int64_t>(sum_row_.size());
    std::fill_n(control_bar, p_.n_samples * p_.n_rows * P, T(0));
    team_.run([&](int thread) {
      Room room = make_room(thread, true, true);
      std::vector<T> row(layer_.entries()), gradient(P);
      for_blocks(thread, [&](std::int64_t block) {
        std::fill_n(room.sums, n_pieces * n_sum_, T(0));
        start(block, room);
        forward(block, room, true, nullptr);
        load_cotangents(bar, block, room);
        backward(block, room, bar.states, false);
        for (std::int64_t q = 0; q < own(block); ++q) {
          T* rows = control_bar + (block * blocks_.width + q) * p_.n_rows * P;
          for (std::int64_t i = 0; i < n_pieces; ++i) {
            T* part = row.data();
            for (std::size_t j = 0; j < layer_.matrices.size(); ++j) {
              layout_.sums_of_sample(layer_.matrices[j], room.sums + i * n_sum_ + sum_[j], q, part);
              part += layer_.matrices[j].entries();
            }
            contract_row(p_.layer, row.data(), gradient.data());
            T* sum = rows + sum_row_[i] * P;
            for (std::int64_t j = 0; j < P; ++j) sum[j] += gradient[j];
          }
        }
      });
    });
  }

 private:
  // One thread's memory. `x`, `y`, `aux`: the trajectory of a block, or of a step when nothing is kept.
  struct Room {
    T *x, *y, *aux, *rates, *g, *v, *a, *y_bar, *integral, *integral_bar, *target, *z, *z_bar, *pack;
    T *sums, *readout_sums;
    std::vector<char> begun;  // pieces whose sums are zeroed: each as it is first added to, and so in the cache
    const T* end = nullptr;
    std::vector<double> readout_total;  // gradient of the readout, [m, d] and then [m]
  };

  static std::vector<Arena>& arenas() {
    static thread_local std::vector<Arena> memory;
    return memory;
  }
  bool has_cost() const { return p_.cost != FusedCost::none; }
  std::int64_t own(std::int64_t block) const { return std::min(blocks_.width, p_.n_samples - block * blocks_.width); }
  static double sum(const T* values, std::int64_t n) {
    double total = 0;
    for (std::int64_t i = 0; i < n; ++i) total += values[i];
    return total;
  }

  // ---- the plan of a call ----

  // Where segments, auxiliaries and matrices lie.
  void place() {
    for (const std::int64_t n : layer_.segments) {
      segment_.push_back(n_);
      n_ += layout_.entries(n);
    }
    for (const Part& part : layer_.parts) {
      aux_.push_back(n_aux_);
      n_aux_ += aux_entries(part);
    }
    for (const WeightShape& matrix : layer_.matrices) {
      packed_.push_back(n_packed_);
      n_packed_ += layout_.packed_entries(matrix);
      sum_.push_back(n_sum_);
      n_sum_ += layout_.sum_entries(matrix);
    }
    readout_ = {m_, d_};
    readout_.rows = in_.weight ? m_ : d_;
    sum_row_.reserve(K_ * E_);
    sum_of_.reserve(K_ * E_);
    for (std::int64_t e = 0; e < K_ * E_; ++e) {
      if (e % E_ == 0 || p_.control_row[e] != p_.control_row[e - 1]) sum_row_.push_back(p_.control_row[e]);
      sum_of_.push_back(static_cast<std::int64_t>(sum_row_.size()) - 1);
    }
  }

  // What the pull-back of a part needs: sigma(x) of an inner layer, sigma'(W x + b) of an outer one, sigma and sigma'
  // of a bottleneck's W x + b.
  std::int64_t aux_entries(const Part& part) const {
    const WeightShape& matrix = layer_.matrices[part.matrix];
    switch (part.form) {
      case Part::Form::inner: return layout_.entries(matrix.cols);
      case Part::Form::outer: return layout_.entries(matrix.rows);
      case Part::Form::bottleneck: return 2 * layout_.entries(matrix.rows);
    }
    return 0;
  }
  std::int64_t largest_entries() const {
    std::int64_t n = std::max(n_, layout_.entries(d_));
    for (const WeightShape& matrix : layer_.matrices)
      n = std::max(n, layout_.entries(std::max(matrix.rows, matrix.cols)));
    return n;
  }

  // The packed effective rows of a table of control rows.
  const T* pack_controls(const LayerSpec& spec, const T* control, Arena& arena) {
    const std::int64_t P = spec.n_parameters();
    if (layout_.packs_nothing(layer_.matrices[0]) && is_plain(spec)) return control;
    arena.reserve(Arena::padded<T>(p_.n_rows * n_packed_));
    T* table = arena.take<T>(p_.n_rows * n_packed_);
    team_.run([&](int thread) {
      std::vector<T> effective(is_plain(spec) ? 0 : layer_.entries());
      const std::int64_t first = p_.n_rows * thread / blocks_.threads;
      const std::int64_t last = p_.n_rows * (thread + 1) / blocks_.threads;
      for (std::int64_t r = first; r < last; ++r) {
        if (!effective.empty()) expand_row(spec, control + r * P, effective.data());
        const T* row = effective.empty() ? control + r * P : effective.data();
        for (std::size_t i = 0; i < layer_.matrices.size(); ++i) {
          layout_.pack(layer_.matrices[i], row, table + r * n_packed_ + packed_[i]);
          row += layer_.matrices[i].entries();
        }
      }
    });
    return table;
  }

  void pack_readout() {
    identity_ = !in_.weight && !in_.bias;
    if (!has_cost()) return;
    std::vector<T> row(readout_.entries(), T(0));  // a bias alone is a readout by the identity
    if (in_.weight) {
      std::copy_n(in_.weight, m_ * d_, row.data());
    } else {
      for (std::int64_t i = 0; i < d_; ++i) row[i * d_ + i] = 1;
    }
    if (in_.bias) std::copy_n(in_.bias, m_, row.data() + m_ * d_);
    static thread_local Arena arena;
    arena.reserve(Arena::padded<T>(layout_.packed_entries(readout_)));
    T* packed = arena.take<T>(layout_.packed_entries(readout_));
    layout_.pack(readout_, row.data(), packed);
    packed_readout_ = packed;
  }

  // A composition: sub-step j moves the segments of parts [first_part, last_part) by h f. Euler is one such step.
  struct SubStep {
    double h;
    int first_part, last_part;
  };
  void plan_chain() {
    using Kind = FusedScheme::Kind;
    cost_weight_.assign(K_ * E_ + 1, 0.0);
    chain_steps_.reserve(K_ * E_);
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

  void choose_sweep() {
    if (blocks_.width == sweep_vectors(d_) * k_.lanes) sweep_ = find_sweep<T>(p_);
    if (!sweep_) return;
    h_.assign(p_.steps.begin(), p_.steps.end());
    const Tableau& tableau = *p_.scheme.tableau;
    tableau_b_.assign(tableau.b.begin(), tableau.b.end());
    tableau_A_.assign(E_ * E_, T(0));
    for (int i = 0; i < E_; ++i)
      for (int j = 0; j < i; ++j) tableau_A_[i * E_ + j] = static_cast<T>(tableau.a[i][j]);
  }

  Room make_room(int share, bool keep, bool gradients) const {
    Arena& arena = (*arenas_)[share];
    Room room;
    const std::int64_t states = keep ? (chain_ ? K_ * E_ : K_) + 1 : 2;
    const std::int64_t inner_stages = chain_ ? 0 : (keep ? K_ : 1) * (E_ - 1);
    const std::int64_t auxiliaries = keep ? K_ * E_ : E_;
    const std::int64_t outputs = layout_.entries(std::max<std::int64_t>(readout_.rows, 1)), width = blocks_.width;
    const bool sums = gradients && (wanted_control_ || sweep_);
    const std::int64_t n_sums = sums ? static_cast<std::int64_t>(sum_row_.size()) * n_sum_ : 0;
    const std::int64_t n_readout_sums = gradients && wanted_readout_ ? layout_.sum_entries(readout_) : 0;
    const std::pair<T**, std::int64_t> wanted[] = {
        {&room.x, states * n_},
        {&room.y, inner_stages * n_},
        {&room.aux, auxiliaries * n_aux_},
        {&room.rates, E_ * n_},
        {&room.g, largest_entries()},
        {&room.v, largest_entries()},
        {&room.a, n_},
        {&room.y_bar, E_ * n_},
        {&room.integral, width},
        {&room.integral_bar, width},
        {&room.target, outputs},
        {&room.z, outputs},
        {&room.z_bar, outputs},
        {&room.pack, largest_entries()},
        {&room.sums, n_sums},
        {&room.readout_sums, n_readout_sums},
    };
    std::size_t bytes = 0;
    for (const auto& [pointer, n] : wanted) bytes += Arena::padded<T>(n);
    arena.reserve(bytes);
    for (const auto& [pointer, n] : wanted) *pointer = arena.take<T>(n);
    if (sweep_) std::fill_n(room.sums, n_sums, T(0));
    room.begun.assign(sum_row_.size(), 0);
    std::fill_n(room.readout_sums, n_readout_sums, T(0));
    return room;
  }

  template <class Work>
  void for_blocks(int thread, Work work) const {
    const std::int64_t first = blocks_.count * thread / blocks_.threads;
    const std::int64_t last = blocks_.count * (thread + 1) / blocks_.threads;
    for (std::int64_t block = first; block < last; ++block) work(block);
  }

  // ---- rows in and out ----

  void load_state(const T* rows, std::int64_t block, bool pad, T* x) const {
    std::int64_t column = 0;
    for (std::size_t i = 0; i < layer_.segments.size(); ++i) {
      const T* last = rows + (p_.n_samples - 1) * d_ + column;
      layout_.load({rows + block * blocks_.width * d_ + column, d_, own(block), pad ? last : nullptr},
                   layer_.segments[i], x + segment_[i]);
      column += layer_.segments[i];
    }
  }
  void store_state(const T* x, std::int64_t block, T* rows) const {
    std::int64_t column = 0;
    for (std::size_t i = 0; i < layer_.segments.size(); ++i) {
      layout_.store(x + segment_[i], layer_.segments[i],
                    {rows + block * blocks_.width * d_ + column, d_, own(block), nullptr});
      column += layer_.segments[i];
    }
  }

  // The block's start state and targets; its integral is zero.
  void start(std::int64_t block, Room& room) const {
    load_state(in_.x0, block, true, room.x);
    std::fill_n(room.integral, blocks_.width, T(0));
    if (p_.cost == FusedCost::mean_square) {
      layout_.load({in_.targets + block * blocks_.width * m_, m_, own(block), in_.targets + (p_.n_samples - 1) * m_},
                   m_, room.target);
    } else if (p_.cost == FusedCost::cross_entropy) {
      for (std::int64_t q = 0; q < blocks_.width; ++q)
        room.target[q] = static_cast<T>(in_.classes[std::min(block * blocks_.width + q, p_.n_samples - 1)]);
    }
  }

  void load_cotangents(const FusedCotangents<T>& bar, std::int64_t block, Room& room) const {
    std::fill_n(room.a, n_, T(0));
    if (bar.end) load_state(bar.end, block, false, room.a);
    for (std::int64_t q = 0; q < blocks_.width; ++q)
      room.integral_bar[q] = bar.integral && q < own(block) ? bar.integral[block * blocks_.width + q] : T(0);
  }

  // ---- one part of the layer ----

  const auto& activation() const { return k_.pointwise[static_cast<int>(p_.layer.activation)]; }
  const T* parameters(std::int64_t evaluation) const { return table_ + p_.control_row[evaluation] * n_packed_; }
  T* sums_of(Room& room, std::int64_t evaluation) const {
    if (!wanted_control_) return nullptr;
    const std::int64_t piece = sum_of_[evaluation];
    T* sums = room.sums + piece * n_sum_;
    if (!std::exchange(room.begun[piece], 1)) std::fill_n(sums, n_sum_, T(0));
    return sums;
  }

  // out = base + h f(x) on the segment of part `i`; base null: out = f(x).
  void part_forward(int i, const T* u, const T* x, const T* base, T h, T* aux, Room& room, T* out) const {
    const Part& part = layer_.parts[i];
    const WeightShape& matrix = layer_.matrices[part.matrix];
    const T* W = u + packed_[part.matrix];
    const std::int64_t n_in = layout_.entries(matrix.cols), n_out = layout_.entries(matrix.rows);
    x += segment_[part.in];
    out += segment_[part.out];
    aux += aux_[i];
    if (base) base += segment_[part.out];
    const auto last = [&](const WeightShape& by, const T* packed, const T* in) {
      if (base) {
        layout_.affine_advance(by, packed, in, base, h, out);
      } else {
        layout_.affine(by, packed, in, out);
      }
    };
    switch (part.form) {
      case Part::Form::inner:
        activation().value(x, aux, n_in);
        last(matrix, W, aux);
        break;
      case Part::Form::outer:
        layout_.affine(matrix, W, x, aux);
        if (base) {
          activation().advance(aux, base, h, out, n_out);
        } else {
          activation().value_and_slope(aux, out, aux, n_out);
        }
        break;
      case Part::Form::bottleneck:
        layout_.affine(matrix, W, x, room.v);
        activation().value_and_slope(room.v, aux, aux + n_out, n_out);
        last(layer_.matrices[part.matrix + 1], u + packed_[part.matrix + 1], aux);
        break;
    }
  }

  // x_bar += J' (h rate_bar) for part `i`, and its parameters' sums.
  void part_backward(int i, const T* u, const T* x, const T* aux, T h, const T* rate_bar, T* sums, Room& room,
                     T* x_bar) const {
    const Part& part = layer_.parts[i];
    const WeightShape& matrix = layer_.matrices[part.matrix];
    const T* W = u + packed_[part.matrix];
    const std::int64_t n_in = layout_.entries(matrix.cols), n_out = layout_.entries(matrix.rows);
    x += segment_[part.in];
    x_bar += segment_[part.in];
    rate_bar += segment_[part.out];
    aux += aux_[i];
    T* matrix_sums = sums ? sums + sum_[part.matrix] : nullptr;
    switch (part.form) {
      case Part::Form::inner:
        k_.scale(h, rate_bar, room.g, n_out);
        if (sums) layout_.accumulate(matrix, room.g, aux, matrix_sums);
        layout_.transpose(matrix, W, room.g, false, room.v);
        activation().add_slope_times(room.v, x, aux, x_bar, n_in);
        break;
      case Part::Form::outer:
        k_.scaled_product(h, rate_bar, aux, room.g, n_out);
        if (sums) layout_.accumulate(matrix, room.g, x, matrix_sums);
        layout_.transpose(matrix, W, room.g, true, x_bar);
        break;
      case Part::Form::bottleneck: {
        const WeightShape& second = layer_.matrices[part.matrix + 1];
        k_.scale(h, rate_bar, room.g, layout_.entries(second.rows));
        if (sums) layout_.accumulate(second, room.g, aux, sums + sum_[part.matrix + 1]);
        layout_.transpose(second, u + packed_[part.matrix + 1], room.g, false, room.v);
        k_.scaled_product(1, room.v, aux + n_out, room.v, n_out);
        if (sums) layout_.accumulate(matrix, room.v, x, matrix_sums);
        layout_.transpose(matrix, W, room.v, true, x_bar);
        break;
      }
    }
  }

  // ---- the direction that a push-forward carries ----

  struct Tangent {
    T *x, *rates, *y, *hidden;  // x: two states, taken in turn
  };

  // out = W in_dot + dW in + db
  void push_matrix(int i, std::int64_t evaluation, const T* in_dot, const T* in, T* scratch, T* out) const {
    const WeightShape& matrix = layer_.matrices[i];
    layout_.linear(matrix, parameters(evaluation) + packed_[i], in_dot, out);
    if (!tangent_table_) return;
    const T one = 1;
    layout_.affine(matrix, tangent_table_ + p_.control_row[evaluation] * n_packed_ + packed_[i], in, scratch);
    k_.combine(out, 1, &one, &scratch, out, layout_.entries(matrix.rows));
  }

  // rate_dot = f'(x) x_dot + df(x) on the segment of part `i`, from what part_forward left in aux.
  void part_push(int i, std::int64_t evaluation, const T* x, const T* x_dot, const T* aux, Room& room, T* hidden,
                 T* rate_dot) const {
    const Part& part = layer_.parts[i];
    const WeightShape& matrix = layer_.matrices[part.matrix];
    const std::int64_t n_in = layout_.entries(matrix.cols), n_out = layout_.entries(matrix.rows);
    x += segment_[part.in];
    x_dot += segment_[part.in];
    rate_dot += segment_[part.out];
    aux += aux_[i];
    switch (part.form) {
      case Part::Form::inner:
        std::fill_n(hidden, n_in, T(0));
        activation().add_slope_times(x_dot, x, aux, hidden, n_in);
        push_matrix(part.matrix, evaluation, hidden, aux, room.g, rate_dot);
        break;
      case Part::Form::outer:
        push_matrix(part.matrix, evaluation, x_dot, x, room.g, rate_dot);
        k_.scaled_product(1, rate_dot, aux, rate_dot, n_out);
        break;
      case Part::Form::bottleneck:
        push_matrix(part.matrix, evaluation, x_dot, x, room.g, hidden);
        k_.scaled_product(1, hidden, aux + n_out, hidden, n_out);
        push_matrix(part.matrix + 1, evaluation, hidden, aux, room.g, rate_dot);
        break;
    }
  }

  // Rolls the block's state and the direction dot.x; returns the direction at the end.
  const T* push_block(Room& room, const Tangent& dot) const {
    const T *x = room.x, *x_dot = dot.x;
    const int all = static_cast<int>(layer_.parts.size());
    for (std::int64_t j = 0; j < (chain_ ? K_ * E_ : K_); ++j) {
      T *after = room.x + (j + 1) % 2 * n_, *after_dot = dot.x + (j + 1) % 2 * n_;
      if (chain_) {
        const SubStep& step = chain_steps_[j];
        std::copy_n(x, n_, after);
        std::copy_n(x_dot, n_, after_dot);
        for (int i = step.first_part; i < step.last_part; ++i) {
          const std::int64_t at = segment_[layer_.parts[i].out];
          const std::int64_t n = layout_.entries(layer_.segments[layer_.parts[i].out]);
          const T h = static_cast<T>(step.h);
          const T* rate_dot = dot.rates + at;
          part_forward(i, parameters(j), x, x, h, room.aux, room, after);
          part_push(i, j, x, x_dot, room.aux, room, dot.hidden, dot.rates);
          k_.combine(after_dot + at, 1, &h, &rate_dot, after_dot + at, n);
        }
      } else {
        const Tableau& tableau = *p_.scheme.tableau;
        const double h = p_.steps[j];
        for (int i = 0; i < E_; ++i) {
          const auto weight = [&](int before) { return h * tableau.a[i][before]; };
          T* y = room.pack;
          combine_stages(x, 0, i, weight, room.rates, y);
          combine_stages(x_dot, 0, i, weight, dot.rates, dot.y);
          for (int part = 0; part < all; ++part) {
            part_forward(part, parameters(j * E_ + i), y, nullptr, T(1), room.aux, room, room.rates + i * n_);
            part_push(part, j * E_ + i, y, dot.y, room.aux, room, dot.hidden, dot.rates + i * n_);
          }
        }
        const auto weight = [&](int stage) { return h * tableau.b[stage]; };
        combine_stages(x, 0, E_, weight, room.rates, after);
        combine_stages(x_dot, 0, E_, weight, dot.rates, after_dot);
      }
      x = after;
      x_dot = after_dot;
    }
    room.end = x;
    return x_dot;
  }

  // ---- the cost ----

  // The state as one block of d dimensions: a copy where the layout pads its segments.
  bool is_whole() const { return Layout<T>::lanes_are_samples || layer_.segments.size() == 1; }
  const T* whole(const T* x, const Room& room) const {
    if constexpr (!Layout<T>::lanes_are_samples) {
      if (!is_whole()) {
        layout_.join(layer_.segments, segment_, x, room.pack);
        return room.pack;
      }
    }
    return x;
  }
  void add_whole(const T* from, T* x) const {
    if constexpr (!Layout<T>::lanes_are_samples) {
      if (!is_whole()) return layout_.split_add(layer_.segments, segment_, from, x);
    }
    const T one = 1;
    k_.combine(x, 1, &one, &from, x, n_);
  }
  // z = P x + c
  const T* readout(const T* x, const Room& room) const {
    if (identity_) return x;
    layout_.affine(readout_, packed_readout_, x, room.z);
    return room.z;
  }
  void add_cost(const T* x, double weight, const Room& room) const {
    if (!has_cost() || weight == 0) return;
    layout_.cost(p_.cost).value(readout(whole(x, room), room), room.target, static_cast<T>(weight), readout_.rows,
                                blocks_.width, room.integral);
  }
  // x_bar += weight integral_bar P' g'(P x + c); `value`: the integral too.
  void pull_cost(const T* x, double weight, const Room& room, bool value, T* x_bar) const {
    if (!has_cost() || weight == 0) return;
    x = whole(x, room);
    const T* z = readout(x, room);
    const auto& kernel = layout_.cost(p_.cost);
    const bool straight = identity_ && is_whole();
    kernel.pull(z, room.target, static_cast<T>(weight), room.integral_bar, readout_.rows, blocks_.width,
                value ? room.integral : nullptr, straight, straight ? x_bar : room.z_bar);
    if (straight) return;
    if (identity_) return add_whole(room.z_bar, x_bar);
    if (wanted_readout_) layout_.accumulate(readout_, room.z_bar, x, room.readout_sums);
    if (is_whole()) return layout_.transpose(readout_, packed_readout_, room.z_bar, true, x_bar);
    layout_.transpose(readout_, packed_readout_, room.z_bar, false, room.v);
    add_whole(room.v, x_bar);
  }

  // ---- the sweeps ----

  SweepTask<T> sweep_task(const Room& room, bool value) const {
    SweepTask<T> task{.table = table_,
                      .row = p_.control_row.data(),
                      .h = h_.data(),
                      .stages = E_,
                      .A = tableau_A_.data(),
                      .b = tableau_b_.data(),
                      .x = room.x,
                      .y = room.y,
                      .aux = room.aux,
                      .rates = room.y_bar,
                      .a = room.a,
                      .integral_bar = room.integral_bar,
                      .sums = room.sums,
                      .sum_of = sum_of_.data(),
                      .readout_sums = wanted_readout_ ? room.readout_sums : nullptr};
    if (has_cost()) {
      task.entropy = p_.cost == FusedCost::cross_entropy;
      task.m = readout_.rows;
      task.P = packed_readout_;
      task.c = packed_readout_ + readout_.rows * d_;
      task.target = room.target;
      task.integral = value ? room.integral : nullptr;
    }
    return task;
  }
  const typename SweepKernels<T>::Dimension& sweep() const { return sweep_->by_dimension[d_]; }

  void forward(std::int64_t block, Room& room, bool keep, T* states) const {
    std::size_t next = 0;
    const auto arrive = [&](std::int64_t k, const T* x) {
      if (!states || next == p_.saved.size() || p_.saved[next] != k) return;
      store_state(x, block, states + static_cast<std::int64_t>(next++) * p_.n_samples * d_);
    };
    if (sweep_) {
      const SweepTask<T> task = sweep_task(room, !keep);
      const auto kernel = keep ? sweep().forward_kept : sweep().forward;
      std::int64_t at = 0;
      arrive(0, room.x);
      room.end = room.x;
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
        T* aux = room.aux + (keep ? j : 0) * n_aux_;
        if (step.last_part - step.first_part < static_cast<int>(layer_.parts.size())) std::copy_n(x, n_, after);
        for (int part = step.first_part; part < step.last_part; ++part)
          part_forward(part, parameters(j), x, x, static_cast<T>(step.h), aux, room, after);
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
    return room.aux + ((keep ? k * E_ : 0) + i) * n_aux_;
  }

  // out = base + sum of c_j v_j over the stages j in [first, last) with c_j not zero.
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
      for (int part = 0; part < static_cast<int>(layer_.parts.size()); ++part)
        part_forward(part, parameters(k * E_ + i), y, nullptr, T(1), aux, room, room.rates + i * n_);
    }
    combine_stages(
        x, 0, E_, [&](int j) { return h * tableau.b[j]; }, room.rates, after);
  }

  // rate_bar_i = h b_i x_bar + sum_{j>i} h a_ji y_bar_j,  y_bar_i = f'(y_i)' rate_bar_i + cost,  x_bar += sum_i y_bar_i
  void runge_kutta_pull(std::int64_t k, const T* x, Room& room, bool value) const {
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
      for (int part = 0; part < static_cast<int>(layer_.parts.size()); ++part)
        part_backward(part, parameters(k * E_ + i), y, stage_aux(k, i, room, true), T(1), rate_bar,
                      sums_of(room, k * E_ + i), room, y_bar);
      pull_cost(y, h * tableau.b[i], room, value, y_bar);
    }
    combine_stages(
        room.a, 0, E_, [](int) { return 1.0; }, room.y_bar, room.a);
  }

  // From room.a, the cotangent of the end, and room.integral_bar; `states` those of the saved ones. `value`: adds the
  // running cost to room.integral.
  void backward(std::int64_t block, Room& room, const T* states, bool value) const {
    std::int64_t last = states ? static_cast<std::int64_t>(p_.saved.size()) - 1 : -1;
    const auto arrive = [&](std::int64_t k) {
      if (last < 0 || p_.saved[last] != k) return;
      load_state(states + last-- * p_.n_samples * d_, block, false, room.pack);
      const T one = 1;
      k_.combine(room.a, 1, &one, &room.pack, room.a, n_);
    };
    const std::int64_t total = chain_ ? K_ * E_ : K_;
    arrive(K_);
    if (sweep_) {
      const SweepTask<T> task = sweep_task(room, value);
      for (std::int64_t at = K_; at > 0;) {
        const std::int64_t stop = last >= 0 ? p_.saved[last] : 0;
        sweep().backward(task, stop, at);
        at = stop;
        arrive(at);
      }
      return;
    }
    if (chain_) pull_cost(room.x + total * n_, cost_weight_[total], room, value, room.a);
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
          part_backward(part, parameters(j), x, room.aux + j * n_aux_, static_cast<T>(step.h), rate_bar,
                        sums_of(room, j), room, room.a);
        pull_cost(x, cost_weight_[j], room, value, room.a);
        if (j % E_ == 0) arrive(j / E_);
      } else {
        runge_kutta_pull(j, x, room, value);
        arrive(j);
      }
    }
  }

  // ---- gradients of what all samples share ----

  // After every block: many blocks are summed in double.
  void collect_readout(Room& room) const {
    if (!wanted_readout_) return;
    std::vector<T> row(readout_.entries());
    layout_.reduce(readout_, room.readout_sums, row.data());
    std::fill_n(room.readout_sums, layout_.sum_entries(readout_), T(0));
    room.readout_total.resize(row.size(), 0.0);
    for (std::size_t i = 0; i < row.size(); ++i) room.readout_total[i] += row[i];
  }

  void collect(const std::vector<Room>& rooms, const FusedGradients<T>& out) {
    if (wanted_control_) {
      collect_control(rooms, out.control);
    } else if (row_weights_) {
      for (std::int64_t r = 0; r < p_.n_rows; ++r) add_square(r, nullptr);
    }
    for (std::int64_t i = 0; i < m_ * (d_ + 1); ++i) {
      double total = 0;
      if (wanted_readout_)
        for (const Room& room : rooms)
          if (!room.readout_total.empty()) total += room.readout_total[i];
      if (i < m_ * d_ && out.weight) out.weight[i] = static_cast<T>(total);
      if (i >= m_ * d_ && out.bias) out.bias[i - m_ * d_] = static_cast<T>(total);
    }
  }

  T twice_weight(std::int64_t r) const { return row_weights_ ? static_cast<T>(2 * row_weights_[r]) : T(0); }
  const T* weighted_row(std::int64_t r) const {
    return row_weights_ ? in_.control + r * p_.layer.n_parameters() : nullptr;
  }
  // weight_r |u_r|^2; 2 weight_r u_r is added to the row's gradient, unless null.
  void add_square(std::int64_t r, T* row_bar) {
    if (!row_weights_) return;
    row_squares_[r] = row_weights_[r] * k_.collect(row_bar ? 1 : 0, &row_bar, weighted_row(r), twice_weight(r), row_bar,
                                                   p_.layer.n_parameters());
  }

  // The effective row of a piece, summed over threads, + twice u; returns |u|^2. `sums`: room for a pointer a thread.
  double reduce_piece(const std::vector<Room>& rooms, std::int64_t piece, const T* u, T twice, T* row,
                      std::vector<T*>& sums) const {
    double squares = 0;
    for (std::size_t j = 0; j < layer_.matrices.size(); ++j) {
      for (std::size_t thread = 0; thread < rooms.size(); ++thread)
        sums[thread] = rooms[thread].sums + piece * n_sum_ + sum_[j];
      squares += layout_.reduce(layer_.matrices[j], sums, u, twice, row);
      row += layer_.matrices[j].entries();
      if (u) u += layer_.matrices[j].entries();
    }
    return squares;
  }

  void collect_control(const std::vector<Room>& rooms, T* control_bar) {
    const std::int64_t n_pieces = static_cast<std::int64_t>(sum_row_.size()), P = p_.layer.n_parameters();
    const std::int64_t n_row = layer_.entries();
    const auto share = [&](int thread) { return n_pieces * thread / blocks_.threads; };
    bool one_each = n_pieces == p_.n_rows;
    for (std::int64_t i = 0; one_each && i < n_pieces; ++i) one_each = sum_row_[i] == i;
    if (one_each) {
      team_.run([&](int thread) {
        const std::int64_t first = share(thread), last = share(thread + 1);
        std::vector<T*> sums(rooms.size());
        if (is_plain(p_.layer)) {
          for (std::int64_t i = first; i < last; ++i) {
            const double squares = reduce_piece(rooms, i, weighted_row(i), twice_weight(i), control_bar + i * P, sums);
            if (row_weights_) row_squares_[i] = row_weights_[i] * squares;
          }
        } else {
          std::vector<T> row(n_row);
          for (std::int64_t i = first; i < last; ++i) {
            reduce_piece(rooms, i, nullptr, T(0), row.data(), sums);
            contract_row(p_.layer, row.data(), control_bar + i * P);
            add_square(i, control_bar + i * P);
          }
        }
      });
      return;
    }
    // Rows that many steps share are summed in double.
    std::vector<T> pieces(n_pieces * n_row);
    team_.run([&](int thread) {
      std::vector<T*> sums(rooms.size());
      for (std::int64_t i = share(thread); i < share(thread + 1); ++i)
        reduce_piece(rooms, i, nullptr, T(0), pieces.data() + i * n_row, sums);
    });
    std::vector<double> rows(p_.n_rows * n_row, 0.0);
    for (std::int64_t piece = 0; piece < n_pieces; ++piece)
      for (std::int64_t i = 0; i < n_row; ++i) rows[sum_row_[piece] * n_row + i] += pieces[piece * n_row + i];
    for (std::int64_t r = 0; r < p_.n_rows; ++r) {
      contract_row(p_.layer, &rows[r * n_row], control_bar + r * P);
      add_square(r, control_bar + r * P);
    }
  }

  static constexpr int max_stages = max_fused_stages;
  const FusedProblem& p_;
  const FusedInputs<T>& in_;
  const StripKernels<T>& k_;
  const LayerPlan layer_;
  const Blocks blocks_;
  const Layout<T> layout_;
  const std::int64_t d_, m_, K_;
  const int E_;
  const bool chain_;
  Team team_;
  std::vector<Arena>* arenas_;  // one a share: whoever does it, its sums stay until all are collected
  bool identity_ = false, wanted_control_ = false, wanted_readout_ = false;
  // Offsets of segments in a state, of auxiliaries by part, of packed matrices and of their sums; the sizes of each.
  std::vector<std::int64_t> segment_, aux_, packed_, sum_;
  std::int64_t n_ = 0, n_aux_ = 0, n_packed_ = 0, n_sum_ = 0;
  // Gradient sums are kept by piece: a run of evaluations within one step that read one row of the control.
  std::vector<std::int64_t> sum_row_, sum_of_;
  const T *table_ = nullptr, *tangent_table_ = nullptr, *packed_readout_ = nullptr;
  WeightShape readout_;
  std::vector<SubStep> chain_steps_;
  std::vector<double> cost_weight_;      // of the states of a chain
  const double* row_weights_ = nullptr;  // of |u_r|^2 in the cost; null: none
  std::vector<double> row_squares_;
  const SweepKernels<T>* sweep_ = nullptr;    // null: step by step
  std::vector<T> h_, tableau_A_, tableau_b_;  // of a sweep
};

}  // namespace turnpike

#include <turnpike/math/tableau.h>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace turnpike {
namespace {

// Order conditions by rooted trees (Butcher; Hairer, Norsett, Wanner, Solving ODEs I, II.2): a scheme has order p
// exactly when
//   sum_i b_i Phi_i(tree) = 1 / gamma(tree)   for every tree of up to p nodes,
//   Phi_i([t1 .. tm]) = prod_k sum_j a_ij Phi_j(t_k),   gamma([t1 .. tm]) = nodes * prod_k gamma(t_k).
struct Tree {
  int nodes = 1;
  double gamma = 1;
  std::vector<Tree> children;
};

Tree join(std::vector<Tree> children) {
  Tree tree;
  for (const Tree& child : children) tree.nodes += child.nodes;
  tree.gamma = tree.nodes;
  for (const Tree& child : children) tree.gamma *= child.gamma;
  tree.children = std::move(children);
  return tree;
}

// All trees of `nodes` nodes: a root over every multiset of smaller trees with nodes - 1 nodes in all.
std::vector<Tree> trees_of(int nodes) {
  std::vector<Tree> smaller;
  for (int n = 1; n < nodes; ++n)
    for (const Tree& tree : trees_of(n)) smaller.push_back(tree);
  std::vector<Tree> found;
  std::vector<Tree> chosen;
  std::function<void(int, std::size_t)> choose = [&](int left, std::size_t from) {
    if (left == 0) found.push_back(join(chosen));
    for (std::size_t i = from; i < smaller.size(); ++i) {
      if (smaller[i].nodes > left) continue;
      chosen.push_back(smaller[i]);
      choose(left - smaller[i].nodes, i);
      chosen.pop_back();
    }
  };
  choose(nodes - 1, 0);
  return found;
}

std::vector<double> weights_of(const Tree& tree, const Tableau& tableau) {
  std::vector<double> phi(tableau.b.size(), 1);
  for (const Tree& child : tree.children) {
    std::vector<double> inner = weights_of(child, tableau);
    for (std::size_t i = 0; i < phi.size(); ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < tableau.a[i].size(); ++j) sum += tableau.a[i][j] * inner[j];
      phi[i] *= sum;
    }
  }
  return phi;
}

// The largest violation over the trees of exactly `nodes` nodes, for weights b at the point theta of the step (1: its
// end).
double violation(const Tableau& tableau, const std::vector<double>& b, int nodes, double theta = 1) {
  double largest = 0;
  for (const Tree& tree : trees_of(nodes)) {
    std::vector<double> phi = weights_of(tree, tableau);
    double sum = 0;
    for (std::size_t i = 0; i < b.size(); ++i) sum += b[i] * phi[i];
    largest = std::max(largest, std::abs(sum - std::pow(theta, nodes) / tree.gamma));
  }
  return largest;
}

std::vector<double> dense_weights(const Tableau& tableau, double theta) {
  std::vector<double> b;
  for (const std::vector<double>& row : tableau.dense) {
    double sum = 0;
    for (std::size_t m = row.size(); m-- > 0;) sum = (sum + row[m]) * theta;
    b.push_back(sum);
  }
  return b;
}

class EachTableau : public testing::TestWithParam<const Tableau*> {
 protected:
  const Tableau& tableau = *GetParam();
};

TEST_P(EachTableau, ShapesFit) {
  const std::size_t stages = tableau.b.size();
  EXPECT_EQ(static_cast<std::size_t>(tableau.stages()), stages);
  ASSERT_EQ(tableau.a.size(), stages);
  ASSERT_EQ(tableau.c.size(), stages);
  for (std::size_t i = 0; i < stages; ++i) EXPECT_EQ(tableau.a[i].size(), i);
  EXPECT_TRUE(tableau.b_error.empty() || tableau.b_error.size() == stages);
  EXPECT_TRUE(tableau.dense.empty() || tableau.dense.size() == stages);
}

TEST_P(EachTableau, NodesAreRowSums) {
  for (std::size_t i = 0; i < tableau.a.size(); ++i) {
    double sum = 0;
    for (double entry : tableau.a[i]) sum += entry;
    EXPECT_NEAR(sum, tableau.c[i], 1e-14) << tableau.name << " row " << i;
  }
}

TEST_P(EachTableau, OrderIsExactlyTheDeclaredOne) {
  for (int nodes = 1; nodes <= tableau.order; ++nodes)
    EXPECT_LT(violation(tableau, tableau.b, nodes), 1e-14) << tableau.name << " at order " << nodes;
  EXPECT_GT(violation(tableau, tableau.b, tableau.order + 1), 1e-4) << tableau.name;
}

INSTANTIATE_TEST_SUITE_P(All, EachTableau,
                         testing::Values(&euler_tableau(), &midpoint_tableau(), &heun_tableau(), &rk4_tableau(),
                                         &bogacki_shampine_tableau(), &dormand_prince_tableau()),
                         [](const auto& info) { return info.param->name; });

TEST(Tableau, TheTreesAreAllThere) {
  // OEIS A000081: rooted trees with n nodes.
  const std::vector<std::size_t> counts = {1, 1, 2, 4, 9, 20};
  for (int n = 1; n <= 6; ++n) EXPECT_EQ(trees_of(n).size(), counts[static_cast<std::size_t>(n - 1)]);
}

TEST(DormandPrince, TheEmbeddedSchemeHasOrderFour) {
  const Tableau& tableau = dormand_prince_tableau();
  std::vector<double> embedded = tableau.b;
  for (std::size_t i = 0; i < embedded.size(); ++i) embedded[i] -= tableau.b_error[i];
  for (int nodes = 1; nodes <= 4; ++nodes) EXPECT_LT(violation(tableau, embedded, nodes), 1e-14) << nodes;
  EXPECT_GT(violation(tableau, embedded, 5), 1e-5);
  EXPECT_NEAR(embedded[0], 5179.0 / 57600, 1e-16);
  EXPECT_NEAR(embedded[6], 1.0 / 40, 1e-16);
}

TEST(BogackiShampine, TheEmbeddedSchemeHasOrderTwo) {
  const Tableau& tableau = bogacki_shampine_tableau();
  std::vector<double> embedded = tableau.b;
  for (std::size_t i = 0; i < embedded.size(); ++i) embedded[i] -= tableau.b_error[i];
  for (int nodes = 1; nodes <= 2; ++nodes) EXPECT_LT(violation(tableau, embedded, nodes), 1e-15) << nodes;
  EXPECT_GT(violation(tableau, embedded, 3), 1e-3);
  EXPECT_NEAR(embedded[0], 7.0 / 24, 1e-16);
  EXPECT_NEAR(embedded[3], 1.0 / 8, 1e-16);
}

TEST(EmbeddedPairs, FirstSameAsLast) {
  for (const Tableau* tableau : {&dormand_prince_tableau(), &bogacki_shampine_tableau()}) {
    EXPECT_EQ(tableau->c.back(), 1);
    EXPECT_EQ(tableau->b.back(), 0);
    for (std::size_t j = 0; j + 1 < tableau->b.size(); ++j) EXPECT_EQ(tableau->a.back()[j], tableau->b[j]);
  }
}

TEST(DormandPrince, DenseOutputHasOrderFourEverywhere) {
  const Tableau& tableau = dormand_prince_tableau();
  for (double theta : {0.1, 0.25, 0.5, 0.7, 0.9, 1.0})
    for (int nodes = 1; nodes <= 4; ++nodes)
      EXPECT_LT(violation(tableau, dense_weights(tableau, theta), nodes, theta), 1e-14) << theta << " " << nodes;
  EXPECT_GT(violation(tableau, dense_weights(tableau, 0.5), 5, 0.5), 1e-6);
}

TEST(DormandPrince, DenseOutputMeetsTheStepWithItsSlopes) {
  // At theta = 1 it is b; d/dtheta is e1 at 0 and e7 at 1: continuous with its first derivative over steps.
  const Tableau& tableau = dormand_prince_tableau();
  for (std::size_t i = 0; i < 7; ++i) {
    const std::vector<double>& row = tableau.dense[i];
    EXPECT_NEAR(row[0] + row[1] + row[2] + row[3], tableau.b[i], 1e-14);
    EXPECT_EQ(row[0], i == 0 ? 1 : 0);
    EXPECT_NEAR(row[0] + 2 * row[1] + 3 * row[2] + 4 * row[3], i == 6 ? 1 : 0, 1e-14);
  }
  // One coefficient as Shampine gives it (1986, doi:10.1090/S0025-5718-1986-0815836-3).
  EXPECT_NEAR(tableau.dense[0][1], -8048581381.0 / 2820520608, 1e-14);
}

}  // namespace
}  // namespace turnpike

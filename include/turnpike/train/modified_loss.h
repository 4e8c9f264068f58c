// The loss whose gradient flow the steps of training follow one order closer than that of their own (backward error
// analysis, first order):
//
//   gradient descent, step eps                         C + eps/4 |grad C|^2
//   SGD, m batches in shuffled order, C = mean C_k     C + eps/(4 m) sum_k |grad C_k|^2
//
//   const Loss C1 = modified_loss(C, eps);             // of gradient descent
//   const Loss C2 = modified_loss(batches, eps);       // of SGD
//   gradient_flow(C1, w, eps);                         // w - eps grad C(w) + O(eps^3)
//   gradient_flow(C2, w, eps * m);                     // the mean over all orders of one epoch + O(eps^3)
//
// Assumes losses that are three times differentiable; eps small against the inverse curvature: m eps |C''| << 1. Exact
// for no loss: on lambda w^2 / 2 one step of descent differs from its modified flow by -1/3 eps^3 lambda^3 w +
// O(eps^4), an epoch by -1/3 eps^3 w sum_k lambda_k^3 where all batches share their minimum. The result can be
// differentiated (gradients by a second backward pass, about three times the cost of one). Errors: ContractError for a
// negative or non-finite step, no batches, a loss that gives no scalar. Source: Barrett & Dherin (2021),
// arXiv:2009.11162; Smith, Dherin, Barrett & De (2021), arXiv:2101.12176.
#pragma once

#include <vector>

#include <turnpike/train/gradient_flow.h>

namespace turnpike {

Loss with_gradient_penalty(Loss loss, double weight);  // C + weight |grad C|^2
Loss mean_loss(std::vector<Loss> batches);             // (1/m) sum_k C_k

Loss modified_loss(Loss loss, double step);
Loss modified_loss(std::vector<Loss> batches, double step);

}  // namespace turnpike

// Elementary functions on one Highway vector: exp, expm1, tanh, erf, sin, cos, log, and every activation of the engine.
// Compiled once for each target (AVX-512, AVX2, SSE4, ...); the contracts stand in turnpike/fused/vector_math.h.
//
// The polynomials interpolate at Chebyshev nodes in 60 digits; beside each stands the largest error of the function.

// Included once for each target, so `#pragma once` would be wrong here.
#if defined(TURNPIKE_FUSED_SIMD_MATH) == defined(HWY_TARGET_TOGGLE)
#ifdef TURNPIKE_FUSED_SIMD_MATH
#undef TURNPIKE_FUSED_SIMD_MATH
#else
#define TURNPIKE_FUSED_SIMD_MATH
#endif

#include <hwy/highway.h>

#include <cmath>
#include <type_traits>

#include <turnpike/math/activation.h>

HWY_BEFORE_NAMESPACE();
namespace turnpike {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
inline constexpr bool single = sizeof(hn::TFromD<D>) == 4;

// Adding 1.5 2^m (m mantissa bits) rounds to an integer, whose bits then stand at the end of the sum.
template <class D>
inline constexpr double round_magic = single<D> ? 0x1.8p23 : 0x1.8p52;
template <class D>
inline constexpr int mantissa_bits = single<D> ? 23 : 52;
template <class D>
inline constexpr int exponent_bias = single<D> ? 127 : 1023;

template <class D>
HWY_INLINE hn::Vec<D> constant(D d, double value) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(value));
}

// Horner's rule; the coefficients ascend.
template <class D, class V = hn::Vec<D>, std::size_t n>
HWY_INLINE V polynomial(D d, V x, const double (&c)[n]) {
  V sum = constant(d, c[n - 1]);
  for (std::size_t i = n - 1; i-- > 0;) sum = hn::MulAdd(sum, x, constant(d, c[i]));
  return sum;
}

// min(x, bound) and max(x, bound) that keep NaN: in one instruction of x86, which gives its second operand where one is
// NaN. Highway's scalar targets give the other.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V at_most(D d, V x, double bound) {
  const V limit = constant(d, bound);
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::Gt(x, limit), limit, x);
#else
  return hn::Min(limit, x);
#endif
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V at_least(D d, V x, double bound) {
  const V limit = constant(d, bound);
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::Lt(x, limit), limit, x);
#else
  return hn::Max(limit, x);
#endif
}

// a / b for b of moderate size. Where y near 1/b is good to 14 bits (in float64 a step of Newton makes it 28), q = a y
// and its remainder a - q b give the quotient to rounding, in half the time of a division and less.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V ratio(D d, V a, V b) {
#if HWY_TARGET == HWY_AVX3
  V y;
  if constexpr (single<D>) {
    y = hn::ApproximateReciprocal(b);
  } else {
    y = V{_mm512_rcp14_pd(b.raw)};
    y = hn::MulAdd(y, hn::NegMulAdd(b, y, constant(d, 1)), y);
  }
  const V q = hn::Mul(a, y);
  return hn::MulAdd(hn::NegMulAdd(q, b, a), y, q);
#else
  return hn::Div(a, b);
#endif
}

// e^r - 1 for |r| <= ln 2 / 2 + a little.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V expm1_reduced(D d, V r) {
  V q;
  if constexpr (single<D>) {
    static constexpr double c[] = {0.5, 0.166665765831580019, 0.04166655410934671658, 0.008363246669753728259,
                                   0.001392626805257057346};  // 2.3e-8
    q = polynomial(d, r, c);
  } else {
    static constexpr double c[] = {0.5,
                                   0.1666666666666667104,
                                   0.04166666666666666979,
                                   0.008333333333326069756,
                                   0.001388888888888370162,
                                   0.0001984126987504890523,
                                   0.00002480158732571075832,
                                   2.755725511097888931e-6,
                                   2.755727343657048581e-7,
                                   2.510533724466521021e-8,
                                   2.091477283224808965e-9};  // 4.9e-19
    q = polynomial(d, r, c);
  }
  return hn::MulAdd(hn::Mul(r, r), q, r);
}

// x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that n times the first is exact.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V minus_n_ln2(D d, V x, V n) {
  constexpr double high = single<D> ? 0x1.62ep-1 : 0x1.62e42fefa2p-1;
  constexpr double low = single<D> ? 0x1.0bfbe8p-15 : 0x1.9ef35793c7673p-41;
  return hn::NegMulAdd(n, constant(d, low), hn::NegMulAdd(n, constant(d, high), x));
}

// 2^n (as a value) and expm1(r) of e^x = 2^n e^r, where n + bias is an exponent: |x| <= 87 (f32), 708 (f64).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_parts(D d, V x, V& power) {
  const hn::RebindToSigned<D> di;
  const V magic = constant(d, round_magic<D> + exponent_bias<D>);
  const V z = hn::MulAdd(x, constant(d, 1.4426950408889634074), magic);
  power = hn::BitCast(d, hn::ShiftLeft<mantissa_bits<D>>(hn::BitCast(di, z)));
  return expm1_reduced(d, minus_n_ln2(d, x, hn::Sub(z, magic)));
}

// e^x over the whole range, denormal results included.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_of(D d, V x) {
  const hn::RebindToSigned<D> di;
  x = at_least(d, at_most(d, x, single<D> ? 89 : 710), single<D> ? -105 : -746);
  const V magic = constant(d, round_magic<D>);
  const V z = hn::MulAdd(x, constant(d, 1.4426950408889634074), magic);
  const V p = expm1_reduced(d, minus_n_ln2(d, x, hn::Sub(z, magic)));
  // 2^n = 2^(n/2) 2^(n - n/2): each factor is a normal number.
  const auto n = hn::Sub(hn::BitCast(di, z), hn::BitCast(di, magic));
  const auto half = hn::ShiftRight<1>(n);
  const auto bias = hn::Set(di, exponent_bias<D>);
  const V first = hn::BitCast(d, hn::ShiftLeft<mantissa_bits<D>>(hn::Add(half, bias)));
  const V second = hn::BitCast(d, hn::ShiftLeft<mantissa_bits<D>>(hn::Add(hn::Sub(n, half), bias)));
  return hn::Mul(hn::MulAdd(first, p, first), second);
}

// e^x - 1 for x <= 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V expm1_negative(D d, V x) {
  V power;
  const V p = exp_parts(d, at_least(d, x, single<D> ? -80 : -700), power);
  return hn::MulAdd(power, p, hn::Sub(power, constant(d, 1)));
}

// The chains of operations of one value are long and those of several independent: written side by side, so that a
// processor's scheduler, which sees about a hundred operations ahead, finds work.
//
// float32: tanh x = x P(x^2) / Q(x^2) for |x| <= 9.02, beyond it +-1.
// float64: |x| = n ln 2 / 2 + r and tanh r = s / Q, s = r P(r^2), Q = Q(r^2), give with w = 2^n
//          tanh |x| = A / (A + 2 (Q - s)),  A = (w - 1) Q + (w + 1) s.
template <int M, class D, class V = hn::Vec<D>>
HWY_INLINE void tanh_of(D d, V (&x)[M]) {
  const V one = constant(d, 1);
  if constexpr (single<D>) {
    static constexpr double p[] = {0.9999999793273729486, 0.1337967611925974365, 0.003493982685803801968,
                                   0.00002058255960902848461, 1.331770350183118341e-8};  // 2.1e-8
    static constexpr double q[] = {1.0, 0.4671299149026231716, 0.02587088131718596138, 0.00032830048134608673,
                                   7.761476872899825317e-7};
    V z[M], above[M], below[M];
    for (int m = 0; m < M; ++m) z[m] = at_most(d, hn::Mul(x[m], x[m]), 9.02 * 9.02);
    for (int m = 0; m < M; ++m) above[m] = constant(d, p[4]);
    for (int m = 0; m < M; ++m) below[m] = constant(d, q[4]);
    for (int i = 3; i >= 0; --i) {
      for (int m = 0; m < M; ++m) above[m] = hn::MulAdd(above[m], z[m], constant(d, p[i]));
      for (int m = 0; m < M; ++m) below[m] = hn::MulAdd(below[m], z[m], constant(d, q[i]));
    }
    for (int m = 0; m < M; ++m) x[m] = hn::Mul(x[m], ratio(d, above[m], below[m]));
    // Rounding must not leave [-1, 1].
    for (int m = 0; m < M; ++m) x[m] = at_least(d, at_most(d, x[m], 1), -1);
  } else {
    static constexpr double p[] = {0.1110990690175137210, 0.001057398854425723813};  // P = 1 + ..., 4.8e-18
    static constexpr double q[] = {0.4444324023508389917, 0.01586819964019216007};   // Q = 1 + ...
    const hn::RebindToSigned<D> di;
    const V magic = constant(d, round_magic<D> + exponent_bias<D>), two = constant(d, 2);
    V r[M], n[M], w[M], z[M], s[M], Q[M], A[M];
    for (int m = 0; m < M; ++m) r[m] = at_most(d, hn::Abs(x[m]), 19.1);
    for (int m = 0; m < M; ++m) n[m] = hn::MulAdd(r[m], constant(d, 2 * 1.4426950408889634074), magic);
    for (int m = 0; m < M; ++m) w[m] = hn::BitCast(d, hn::ShiftLeft<mantissa_bits<D>>(hn::BitCast(di, n[m])));
    for (int m = 0; m < M; ++m) n[m] = hn::Sub(n[m], magic);
    // ln 2 / 2 rounded is enough: what n of its errors do to r, the slope of tanh takes away.
    for (int m = 0; m < M; ++m) r[m] = hn::NegMulAdd(n[m], constant(d, 0.34657359027997265471), r[m]);
    for (int m = 0; m < M; ++m) z[m] = hn::Mul(r[m], r[m]);
    for (int m = 0; m < M; ++m) s[m] = hn::MulAdd(z[m], constant(d, p[1]), constant(d, p[0]));
    for (int m = 0; m < M; ++m) Q[m] = hn::MulAdd(z[m], constant(d, q[1]), constant(d, q[0]));
    for (int m = 0; m < M; ++m) s[m] = hn::Mul(r[m], hn::MulAdd(z[m], s[m], one));
    for (int m = 0; m < M; ++m) Q[m] = hn::MulAdd(z[m], Q[m], one);
    for (int m = 0; m < M; ++m) A[m] = hn::Mul(hn::Sub(w[m], one), Q[m]);
    for (int m = 0; m < M; ++m) A[m] = hn::MulAdd(hn::Add(w[m], one), s[m], A[m]);
    for (int m = 0; m < M; ++m) Q[m] = hn::MulAdd(two, hn::Sub(Q[m], s[m]), A[m]);
    for (int m = 0; m < M; ++m) x[m] = hn::CopySignToAbs(ratio(d, A[m], Q[m]), x[m]);
  }
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh_of(D d, V x) {
  V y[1] = {x};
  tanh_of(d, y);
  return y[0];
}

// erf x = x (2/sqrt(pi) + x^2 P(x^2)) for |x| < 1; else 1 - e^(-x^2) Q((x - c)/(x + c)).
// `gauss`, if asked for, receives e^(-x^2).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V erf_of(D d, V x, std::type_identity_t<V>* gauss = nullptr) {
  const V ax = hn::Abs(x), z = hn::Mul(x, x);
  const V a = at_most(d, ax, single<D> ? 4 : 6);
  V power, small, q;
  if constexpr (single<D>) {
    static constexpr double c[] = {-0.3761263837610997595,    0.1128375366163040982,
                                   -0.02686169995494737509,   0.005204578778761908543,
                                   -0.0008161986540033510777, 0.00008379755581768223743};  // 6e-9
    small = polynomial(d, z, c);
    static constexpr double k[] = {0.2553956762519033542,     -0.4271858476143430209,   0.241658211090724453,
                                   -0.0789785232725334919,    0.003732141351303009742,  0.006994855413599957561,
                                   -0.0008365899736486057832, -0.0009441596340872735733};  // 3e-12
    q = polynomial(d, hn::Div(hn::Sub(a, constant(d, 2)), hn::Add(a, constant(d, 2))), k);
  } else {
    static constexpr double c[] = {
        -0.3761263890318375241,     0.1128379167095511021,     -0.02686617064512383949,
        0.005223977625303517895,    -0.0008548327010033327995, 0.0001205533221471627573,
        -0.00001492562250448984131, 1.646144665692856114e-6,   -1.635511861087770569e-7,
        1.469248485913326316e-8,    -1.150035715978529482e-9,  6.1740972213052543e-11};  // 6e-19
    small = polynomial(d, z, c);
    static constexpr double k[] = {
        0.2108063640611435839,    -0.3717367339489729603,    0.2517131932174487659,      -0.1250330523789178115,
        0.03992253907546523192,   -0.003993701160123029215,  -0.002642365951813454858,   0.0008759152875774327465,
        0.0002283799633257643002, -0.0001288748313483784184, -0.00003417571889685629259, 0.00001859674773114452863,
        7.49973505076329867e-6,   -2.232851651755521436e-6,  -1.587633893127344024e-6};  // 2e-18
    q = polynomial(d, hn::Div(hn::Sub(a, constant(d, 2.5)), hn::Add(a, constant(d, 2.5))), k);
  }
  if (gauss) *gauss = exp_of(d, hn::Neg(z));
  const V p = exp_parts(d, hn::Neg(hn::Mul(a, a)), power);
  const V large = hn::NegMulAdd(hn::MulAdd(power, p, power), q, constant(d, 1));
  const V near = hn::MulAdd(hn::Mul(ax, z), small, hn::Mul(ax, constant(d, 1.1283791670955125739)));
  return hn::CopySignToAbs(hn::IfThenElse(hn::Lt(ax, constant(d, 1)), near, large), x);
}

// sin(r) for |r| <= pi/2
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sin_reduced(D d, V r) {
  const V z = hn::Mul(r, r);
  V q;
  if constexpr (single<D>) {
    static constexpr double c[] = {-0.1666666666387985139, 0.008333332768529358206, -0.0001984108650700056933,
                                   2.753645944364609181e-6, -2.408009508712207702e-8};  // 1e-10
    q = polynomial(d, z, c);
  } else {
    static constexpr double c[] = {
        -0.1666666666666666667,    0.008333333333333333301,  -0.000198412698412698061,
        2.75573192239712543e-6,    -2.505210838238988787e-8, 1.605904347927675206e-10,
        -7.647139114646649649e-13, 2.810468581681567658e-15, -8.006048703469620738e-18};  // 2e-21
    q = polynomial(d, z, c);
  }
  return hn::MulAdd(hn::Mul(r, z), q, r);
}

// x - n pi; pi in parts whose products with n are exact without fused multiply-add too.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V minus_n_pi(D d, V x, V n) {
  if constexpr (single<D>) {
    x = hn::NegMulAdd(n, constant(d, 0x1.92p+1), x);
    x = hn::NegMulAdd(n, constant(d, 0x1.fbp-11), x);
    x = hn::NegMulAdd(n, constant(d, 0x1.51p-21), x);
    return hn::NegMulAdd(n, constant(d, 0x1.0b4612p-33), x);
  } else {
    x = hn::NegMulAdd(n, constant(d, 0x1.921fb544p+1), x);
    x = hn::NegMulAdd(n, constant(d, 0x1.0b4611a4p-33), x);
    return hn::NegMulAdd(n, constant(d, 0x1.13198a2e03707p-64), x);
  }
}

// Beyond this |x| the reduction would lose digits: such lanes, rare in any network, go through the C library.
template <class D>
inline constexpr double sine_range = single<D> ? 25000 : 3e6;

template <double (*function)(double), class D, class V = hn::Vec<D>>
HWY_NOINLINE V by_library(D d, V x, V small) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T in[hn::MaxLanes(d)], out[hn::MaxLanes(d)];
  hn::Store(x, d, in);
  hn::Store(small, d, out);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) {
    if (!(std::abs(in[i]) <= static_cast<T>(sine_range<D>))) out[i] = static_cast<T>(function(in[i]));
  }
  return hn::Load(d, out);
}

// sin x = (-1)^n sin(x - n pi)
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sin_of(D d, V x) {
  const V magic = constant(d, round_magic<D>);
  const V z = hn::MulAdd(x, constant(d, 0.31830988618379067154), magic);
  const hn::RebindToUnsigned<D> du;
  const V sign = hn::BitCast(d, hn::ShiftLeft<sizeof(hn::TFromD<D>) * 8 - 1>(hn::BitCast(du, z)));
  V sine = hn::Xor(sin_reduced(d, minus_n_pi(d, x, hn::Sub(z, magic))), sign);
  // The reduction turns -0 into +0.
  sine = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, sine);
  if (HWY_LIKELY(hn::AllTrue(d, hn::Le(hn::Abs(x), constant(d, sine_range<D>))))) return sine;
  return by_library<&std::sin>(d, x, sine);
}

// cos x = -(-1)^k sin(x - (k + 1/2) pi)
template <class D, class V = hn::Vec<D>>
HWY_INLINE V cos_of(D d, V x) {
  const V magic = constant(d, round_magic<D>);
  const V z = hn::Add(hn::MulAdd(x, constant(d, 0.31830988618379067154), constant(d, -0.5)), magic);
  const V n = hn::Add(hn::Sub(z, magic), constant(d, 0.5));
  const hn::RebindToUnsigned<D> du;
  const V sign = hn::BitCast(d, hn::ShiftLeft<sizeof(hn::TFromD<D>) * 8 - 1>(hn::BitCast(du, z)));
  const V cosine = hn::Neg(hn::Xor(sin_reduced(d, minus_n_pi(d, x, n)), sign));
  if (HWY_LIKELY(hn::AllTrue(d, hn::Le(hn::Abs(x), constant(d, sine_range<D>))))) return cosine;
  return by_library<&std::cos>(d, x, cosine);
}

// log x for normal positive x: x = 2^e f, f in [sqrt(1/2), sqrt 2), log f = 2 atanh w, w = (f - 1)/(f + 1)
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_of(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  const auto e = hn::ShiftRight<mantissa_bits<D>>(hn::Sub(bits, hn::BitCast(di, constant(d, 0.70710678118654752440))));
  const V f = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<mantissa_bits<D>>(e)));
  const V n = hn::ConvertTo(d, e), one = constant(d, 1);
  const V w = hn::Div(hn::Sub(f, one), hn::Add(f, one)), z = hn::Mul(w, w);
  V q;
  if constexpr (single<D>) {
    static constexpr double c[] = {0.6666668509542906875, 0.39988757716604847, 0.2958098592997442262};  // 3e-9
    q = polynomial(d, z, c);
  } else {
    static constexpr double c[] = {0.6666666666666666646, 0.4000000000000088324, 0.2857142857079978503,
                                   0.222222223925810451,  0.1818179554752113623, 0.1538624473762166661,
                                   0.1326863836926682388, 0.1308803485092755383};  // 3e-20
    q = polynomial(d, z, c);
  }
  constexpr double high = single<D> ? 0x1.62ep-1 : 0x1.62e42fefa2p-1;
  constexpr double low = single<D> ? 0x1.0bfbe8p-15 : 0x1.9ef35793c7673p-41;
  const V rest = hn::MulAdd(n, constant(d, low), hn::Mul(hn::Mul(w, z), q));
  const V sum = hn::MulAdd(n, constant(d, high), hn::Add(hn::Add(w, w), rest));
  return hn::IfThenElse(hn::Ge(x, hn::Zero(d)), sum, x);  // keeps NaN
}

// log(1 + u) for 0 <= u <= 1: the rounding of 1 + u is put right to first order.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log1p_unit(D d, V u) {
  const V one = constant(d, 1), y = hn::Add(one, u);
  return hn::Add(log_of(d, y), hn::Div(hn::Sub(u, hn::Sub(y, one)), y));
}

// sigma(x), and sigma'(x) where `slope` is asked for.
template <Activation kind, class D, class V = hn::Vec<D>>
HWY_INLINE V activate_lane(D d, V x, std::type_identity_t<V>* slope) {
  const V zero = hn::Zero(d), one = constant(d, 1);
  if constexpr (kind == Activation::tanh) {
    const V s = tanh_of(d, x);
    if (slope) *slope = hn::NegMulAdd(s, s, one);
    return s;
  } else if constexpr (kind == Activation::relu) {
    const auto off = hn::Le(x, zero);
    if (slope) *slope = hn::IfThenElse(off, zero, one);
    return hn::IfThenElse(off, zero, x);
  } else if constexpr (kind == Activation::leaky_relu) {
    const V small = constant(d, leaky_relu_slope);
    const auto on = hn::Gt(x, zero);
    if (slope) *slope = hn::IfThenElse(on, one, small);
    return hn::IfThenElse(on, x, hn::Mul(small, x));
  } else if constexpr (kind == Activation::elu) {
    const auto on = hn::Gt(x, zero);
    const V e = expm1_negative(d, hn::IfThenElse(on, zero, x));
    if (slope) *slope = hn::IfThenElse(on, one, hn::Add(e, one));
    return hn::IfThenElse(on, x, e);
  } else if constexpr (kind == Activation::sigmoid || kind == Activation::softplus) {
    const V e = exp_of(d, hn::Neg(hn::Abs(x)));
    const V s = hn::Div(hn::IfThenElse(hn::Lt(x, zero), e, one), hn::Add(one, e));
    if constexpr (kind == Activation::sigmoid) {
      if (slope) *slope = hn::Mul(s, hn::Sub(one, s));
      return s;
    }
    if (slope) *slope = s;
    return hn::Add(hn::IfThenElse(hn::Lt(x, zero), zero, x), log1p_unit(d, e));
  } else if constexpr (kind == Activation::gelu) {
    V gauss;
    const V erf = erf_of(d, hn::Mul(x, constant(d, 0.70710678118654752440)), slope ? &gauss : nullptr);
    const V half = constant(d, 0.5), cdf = hn::MulAdd(half, erf, half);
    if (slope) *slope = hn::MulAdd(hn::Mul(x, constant(d, 0.39894228040143267794)), gauss, cdf);
    return hn::Mul(x, cdf);
  } else if constexpr (kind == Activation::sine) {
    if (slope) *slope = cos_of(d, x);
    return sin_of(d, x);
  } else {
    if (slope) *slope = one;
    return x;
  }
}

// sigma of M vectors, and the slopes where they are asked for.
template <Activation kind, int M, class D, class V = hn::Vec<D>>
HWY_INLINE void activate(D d, V (&x)[M], std::type_identity_t<V>* slope) {
  if constexpr (kind == Activation::tanh) {
    tanh_of(d, x);
    if (!slope) return;
    for (int m = 0; m < M; ++m) slope[m] = hn::NegMulAdd(x[m], x[m], constant(d, 1));
  } else {
    for (int m = 0; m < M; ++m) x[m] = activate_lane<kind>(d, x[m], slope ? slope + m : nullptr);
  }
}

// sigma'(x) where s = sigma(x) is at hand.
template <Activation kind, class D, class V = hn::Vec<D>>
HWY_INLINE V slope_lane(D d, V x, V s) {
  const V one = constant(d, 1);
  if constexpr (kind == Activation::tanh) {
    return hn::NegMulAdd(s, s, one);
  } else if constexpr (kind == Activation::sigmoid) {
    return hn::Mul(s, hn::Sub(one, s));
  } else if constexpr (kind == Activation::elu) {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), one, hn::Add(s, one));
  } else if constexpr (kind == Activation::sine) {
    return cos_of(d, x);
  } else {
    V slope;
    activate_lane<kind>(d, x, &slope);
    return slope;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace turnpike
HWY_AFTER_NAMESPACE();

#endif  // TURNPIKE_FUSED_SIMD_MATH

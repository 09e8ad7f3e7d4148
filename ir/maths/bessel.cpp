// The modified Bessel functions I0 and I1 as log I0 - |x|, I1 / I0 and its derivative: what a von Mises
// distribution needs.

#include "ir/maths/parts.h"

namespace lvm::maths {

namespace {

// Polynomials here interpolate in the Chebyshev nodes of the interval that is stated, with errors below
// 1e-16.

// (I0(x) - 1) / x^2, I1(x) / x and I0(x)^2 - I0(x) I1(x) / x - I1(x)^2 in x^2, |x| <= 12.
constexpr double i0_near[] = {0.25,
                              0.015625,
                              0.00043402777777777775,
                              6.781684027777787e-06,
                              6.7816840277776e-08,
                              4.709502797070002e-10,
                              2.402807549507895e-12,
                              9.385966991246607e-15,
                              2.8969033883646424e-17,
                              7.242258592981431e-20,
                              1.496334135001516e-22,
                              2.5978074647230934e-25,
                              3.8428381215892444e-28,
                              4.902371133371159e-31,
                              5.440353368908617e-34,
                              5.3566761050055365e-37,
                              4.4189162775423336e-40,
                              4.176052199973549e-43,
                              1.0159063467019315e-46,
                              3.4527688106183325e-49};
constexpr double i1_near[] = {0.5,
                              0.0625,
                              0.0026041666666666657,
                              5.425347222222262e-05,
                              6.781684027777006e-07,
                              5.6514033564906124e-09,
                              3.363930569262316e-11,
                              1.5017547188511401e-13,
                              5.214426089609114e-16,
                              1.4484517450339061e-18,
                              3.291934536086973e-21,
                              6.234747028248678e-24,
                              9.991265304811081e-27,
                              1.3727729398225895e-29,
                              1.631312345273247e-32,
                              1.7184468646113067e-35,
                              1.485523551599464e-38,
                              1.5486118175076327e-41,
                              3.1221368778368296e-45,
                              1.4365629544980067e-47};
constexpr double slope_near[] = {0.5,
                                 0.0625,
                                 0.005208333333333333,
                                 0.0002712673611111111,
                                 9.494357638888884e-06,
                                 2.3735894097222372e-07,
                                 4.440388351520889e-09,
                                 6.442527742166019e-11,
                                 7.456629331170954e-13,
                                 7.042372146408405e-15,
                                 5.5291351544545733e-17,
                                 3.665146417961956e-19,
                                 2.078362086230725e-21,
                                 1.0196047455034923e-23,
                                 4.36973162788376e-26,
                                 1.6500356124256498e-28,
                                 5.530917392787064e-31,
                                 1.657068860698137e-33,
                                 4.459967063008631e-36,
                                 1.0887764581352074e-38,
                                 2.3771301656996334e-41,
                                 5.036837302077462e-44,
                                 7.670941232143379e-47,
                                 2.2154889048611377e-49,
                                 -7.001648239336729e-53,
                                 1.4313759745963773e-54,
                                 -2.491300992273106e-57,
                                 6.487455211801618e-60,
                                 -7.243356738780841e-63,
                                 6.53881892751949e-66};

// I0(x) exp(-x) sqrt(2 pi x), x (1 - I1(x) / I0(x)) and x^2 (I1 / I0)'(x) in 24 / x - 1, x >= 12.
constexpr double i0_far[] = {1.0053360718329294,     0.005469884440228176,   0.00014033314613159448,
                             7.0128115172652155e-06, 5.443406577158599e-07,  5.937810631328865e-08,
                             8.631396232631931e-09,  1.6244441380448764e-09, 3.916609155226788e-10,
                             1.2015351982718678e-10, 4.682054885704151e-11,  2.8994731804226938e-11,
                             2.188656952994219e-11,  2.909234985621002e-12,  -1.1972445207286401e-11,
                             -6.626631138534621e-12, 1.6327912667031988e-12, 1.4166563828599385e-12};
constexpr double ratio_far[] = {
    0.5054408516649119,      0.005690425384019567,   0.00026838311413925894, 2.0800070882348514e-05,
    2.2678472486553235e-06,  3.263119612978644e-07,  6.00581234395603e-08,   1.3947673513437086e-08,
    4.095491857265144e-09,   1.5459886394173688e-09, 7.535168196648873e-10,  4.773060395321468e-10,
    3.3094388557837237e-10,  4.3211922523284456e-11, -2.995543530658839e-10, -2.6597424464651636e-10,
    6.422712741797094e-11,   1.5217847399586102e-10, 1.7166492341987817e-12, -4.463527348157442e-11,
    -2.2186680596854464e-12, 5.934288710139265e-12};
constexpr double slope_far[] = {
    0.5111312770489315,      0.011917616996318802,    0.0008675495550639008,  9.227167243098596e-05,
    1.2970796070232525e-05,  2.3182227444875797e-06,  5.180404921325919e-07,  1.4432041502272733e-07,
    5.0772288483862104e-08,  2.31496509252634e-08,    1.3551483860241619e-08, 9.111616891782703e-09,
    4.806802836495264e-09,   -2.1537952325407566e-09, -8.338233521127372e-09, -5.5273441596266446e-09,
    3.461385022427158e-09,   5.1724511074603475e-09,  -6.215928766383968e-10, -2.5123363925107838e-09,
    -1.6673240458923266e-11, 7.187823324331282e-10,   1.9548507945611907e-11, -9.53679671239509e-11};

constexpr double bound = 12, root_two_pi = 2.50662827463100050242;

struct Parts {
  Value size;    // |x|
  Value square;  // of min(|x|, bound)
  Value large;   // max(|x|, bound)
  Value t;
  Value near;  // |x| < bound
};

Parts split(Builder& b, Value x) {
  Value size = b.abs(x), end = b.real_like(bound, x);
  Value small = b.minimum(end, size), large = b.maximum(end, size);
  Value t = b.sub(b.div(b.real_like(2 * bound, x), large), b.real_like(1, x));
  return {size, b.mul(small, small), large, t, b.less(size, end)};
}

Value i0_of_square(Builder& b, Value square) {
  return b.fma(square, b.polynomial(square, i0_near), b.real_like(1, square));
}

}  // namespace

Value log_bessel(Builder& b, Value x) {
  auto [size, square, large, t, near] = split(b, x);
  Value small = b.sub(log1p(b, b.mul(square, b.polynomial(square, i0_near))), size);
  Value fraction = b.div(b.polynomial(t, i0_far), b.mul(b.real_like(root_two_pi, x), b.sqrt(large)));
  Value result = b.select(near, small, log(b, fraction));
  return b.select(b.equal(x, x), result, x);
}

Value bessel_ratio(Builder& b, Value x) {
  auto [size, square, large, t, near] = split(b, x);
  Value small = b.div(b.mul(size, b.polynomial(square, i1_near)), i0_of_square(b, square));
  Value far = b.sub(b.real_like(1, x), b.div(b.polynomial(t, ratio_far), large));
  Value result = b.select(near, small, far);
  result = b.select(b.less(x, b.real_like(0, x)), b.neg(result), result);
  return b.select(b.equal(x, x), result, x);
}

Value bessel_slope(Builder& b, Value x) {
  auto [size, square, large, t, near] = split(b, x);
  Value below = i0_of_square(b, square);
  Value small = b.div(b.div(b.polynomial(square, slope_near), below), below);
  Value far = b.div(b.div(b.polynomial(t, slope_far), large), large);
  Value result = b.select(near, small, far);
  return b.select(b.equal(x, x), result, x);
}

}  // namespace lvm::maths

// Settings that the studies of steering share: few points, one coordinate appended, an L2 penalty.
#pragma once

#include <turnpike/base/study_record.h>

namespace turnpike::studies {

inline constexpr StudySetting steering_samples = {.key = "samples",
                                                  .kind = OptionKind::integer,
                                                  .full = "3",
                                                  .quick = "3",
                                                  .help = "points to steer, at most features + 1",
                                                  .lower = 2};
inline constexpr StudySetting steering_features = {.key = "features",
                                                   .kind = OptionKind::integer,
                                                   .full = "3",
                                                   .quick = "3",
                                                   .help = "coordinates of a point; one more is appended",
                                                   .lower = 1};
inline constexpr StudySetting steering_lambda = {.key = "lambda",
                                                 .kind = OptionKind::real,
                                                 .full = "0.1",
                                                 .quick = "0.1",
                                                 .help = "weight of the penalty",
                                                 .lower = 1e-4};
inline constexpr StudySetting steering_h = {.key = "h",
                                            .kind = OptionKind::real,
                                            .full = "0.1",
                                            .quick = "0.1",
                                            .help = "step of a layer",
                                            .lower = 1e-3,
                                            .upper = 1};
inline constexpr StudySetting steering_starts = {
    .key = "starts", .kind = OptionKind::integer, .full = "5", .quick = "3", .help = "random starts", .lower = 1};

}  // namespace turnpike::studies

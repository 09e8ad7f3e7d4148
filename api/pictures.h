#pragma once
// Pictures of what a fitted model has learnt, as bytes of PNG and text of SVG.

#include "api/fitted.h"

namespace lvm {

/// Grey, 0 black to 255 white, row by row.
struct Image {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> grey;
};
std::string to_png(const Image& image);

/// Numbers as grey images of `rows` x `columns`, `across` beside each other, with gaps: `low` becomes black
/// and `high` white.
Image image_grid(const std::vector<double>& values, int64_t rows, int64_t columns, int64_t across, double low,
                 double high);

/// Points, each in the colour of its label; without labels in one colour.
std::string scatter_svg(const std::vector<double>& x, const std::vector<double>& y,
                        const std::vector<std::string>& labels, const std::string& x_name,
                        const std::string& y_name);

enum class PictureKind : uint8_t { reconstructions, samples, manifold, walk, scatter };
inline constexpr std::string_view picture_names[] = {"reconstructions", "samples", "manifold", "walk",
                                                     "scatter"};

struct PictureOptions {
  PictureKind kind = PictureKind::samples;
  int64_t count = 0;              // images, or images along a side of the manifold; 0: as many as look well
  int64_t rows = 0, columns = 0;  // of an image; 0: the two axes of the data, or a square
  int64_t from = 1, to = 2;       // rows that a walk joins, from 1
  std::string label = {};         // a column of the table, of a scatter
  uint64_t seed = 1;
  int threads = 0;
};
struct Picture {
  bool ok() const { return !report.has_errors(); }
  Report report;
  std::string bytes;
  bool svg = false;  // else PNG
};
/// `bound` is needed by reconstructions, walk and scatter, and `data` where they have labels.
Picture draw(const FittedModel& fitted, const BoundModel* bound, const Data* data,
             const PictureOptions& options);

/// The means of P(data | latents) at given latents: rows x elements, the latents in the order of the model.
Results decode(const FittedModel& fitted, const std::vector<double>& latents,
               const SampleOptions& options = {});

}  // namespace lvm

// Images and their file: PNG (ISO/IEC 15948), whose compression is zlib's, and scatters as SVG.

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "api/pictures.h"

namespace lvm {
namespace {

constexpr int64_t gap = 2;          // pixels between images
constexpr int64_t least_side = 40;  // of an image: smaller ones are enlarged by a whole factor
constexpr uint8_t background = 255;

void put_word(std::string& to, uint32_t word) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(word >> shift & 0xFF);
}

/// Length, name and data, and the check over name and data.
void put_chunk(std::string& to, const char* name, const std::string& data) {
  const std::string checked = name + data;
  put_word(to, static_cast<uint32_t>(data.size()));
  to += checked;
  put_word(to, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
                                           static_cast<uInt>(checked.size()))));
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string to(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(to.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                static_cast<uLong>(bytes.size()), Z_BEST_COMPRESSION) != Z_OK)
    throw Fault("an image could not be compressed");
  to.resize(size);
  return to;
}

/// Colours that people with colour-blindness tell apart (Okabe and Ito 2008), then two more.
constexpr std::string_view colours[] = {"#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7",
                                        "#56b4e9", "#f0e442", "#000000", "#882255", "#999999"};

std::string escaped(const std::string& text) {
  std::string to;
  for (const char c : text) {
    switch (c) {
      case '<': to += "&lt;"; break;
      case '>': to += "&gt;"; break;
      case '&': to += "&amp;"; break;
      case '"': to += "&quot;"; break;
      default: to += c;
    }
  }
  return to;
}

/// An axis over some numbers, and where it lies on the page.
struct Scale {
  double low, high, from, to;
  double operator()(double value) const { return from + (value - low) / (high - low) * (to - from); }

  /// 1, 2 or 5 times a power of ten, about five of them.
  std::vector<double> ticks() const {
    const double rough = (high - low) / 5, power = std::pow(10, std::floor(std::log10(rough)));
    const double step = rough / power < 2 ? 2 * power : rough / power < 5 ? 5 * power : 10 * power;
    std::vector<double> list;
    for (double k = std::ceil(low / step); k * step <= high; ++k) list.push_back(k * step + 0.0);
    return list;
  }
};

Scale scale_of(const std::vector<double>& values, double from, double to) {
  const auto [least, most] = std::ranges::minmax_element(values);
  const double margin = *most > *least ? 0.04 * (*most - *least) : 1;
  return {*least - margin, *most + margin, from, to};
}

/// Numbers by their value, other labels by the alphabet.
std::vector<std::string> sorted_labels(const std::vector<std::string>& labels) {
  std::map<std::pair<double, std::string>, bool> seen;
  for (const std::string& label : labels) {
    char* end = nullptr;
    const double number = std::strtod(label.c_str(), &end);
    const bool whole = !label.empty() && *end == '\0';
    seen[{whole ? number : std::numeric_limits<double>::infinity(), label}] = true;
  }
  std::vector<std::string> list;
  for (const auto& [key, unused] : seen) list.push_back(key.second);
  return list;
}

}  // namespace

std::string to_png(const Image& image) {
  std::string header;
  put_word(header, static_cast<uint32_t>(image.width));
  put_word(header, static_cast<uint32_t>(image.height));
  header +=
      std::string("\x08\x00\x00\x00\x00", 5);  // 8 bits, grey, deflate, one set of filters, not interlaced
  std::string lines;
  for (int64_t y = 0; y < image.height; ++y) {
    lines += '\0';  // no filter
    lines.append(reinterpret_cast<const char*>(image.grey.data() + y * image.width),
                 static_cast<size_t>(image.width));
  }
  std::string to = "\x89PNG\r\n\x1A\n";
  put_chunk(to, "IHDR", header);
  put_chunk(to, "IDAT", deflated(lines));
  put_chunk(to, "IEND", "");
  return to;
}

Image image_grid(const std::vector<double>& values, int64_t rows, int64_t columns, int64_t across, double low,
                 double high) {
  const int64_t count = static_cast<int64_t>(values.size()) / (rows * columns);
  const int64_t down = (count + across - 1) / across;
  const int64_t zoom =
      std::max<int64_t>(1, (least_side + std::max(rows, columns) - 1) / std::max(rows, columns));
  Image to;
  to.width = across * (columns * zoom + gap) + gap;
  to.height = down * (rows * zoom + gap) + gap;
  to.grey.assign(static_cast<size_t>(to.width * to.height), background);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t left = gap + i % across * (columns * zoom + gap),
                  top = gap + i / across * (rows * zoom + gap);
    for (int64_t y = 0; y < rows * zoom; ++y) {
      for (int64_t x = 0; x < columns * zoom; ++x) {
        const double value = values[static_cast<size_t>((i * rows + y / zoom) * columns + x / zoom)];
        const double part = std::clamp((value - low) / (high - low), 0.0, 1.0);
        to.grey[static_cast<size_t>((top + y) * to.width + left + x)] =
            static_cast<uint8_t>(std::lround(255 * (std::isnan(part) ? 0 : part)));
      }
    }
  }
  return to;
}

std::string scatter_svg(const std::vector<double>& x, const std::vector<double>& y,
                        const std::vector<std::string>& labels, const std::string& x_name,
                        const std::string& y_name) {
  constexpr double left = 60, top = 15, side = 480, bottom = top + side;
  const Scale across = scale_of(x, left, left + side), up = scale_of(y, bottom, top);
  const std::vector<std::string> names = sorted_labels(labels);
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" font-family="sans-serif" font-size="13">)",
      left + side + (names.empty() ? 20 : 120), bottom + 50);
  svg += "\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#888\"/>\n",
                     left, top, side, side);
  for (const double tick : across.ticks())
    svg += fmt::format(
        "<path d=\"M{0:.1f} {1}v5\" stroke=\"#888\"/><text x=\"{0:.1f}\" y=\"{2}\" "
        "text-anchor=\"middle\">{3:g}</text>\n",
        across(tick), bottom, bottom + 19, tick);
  for (const double tick : up.ticks())
    svg += fmt::format(
        "<path d=\"M{0} {1:.1f}h-5\" stroke=\"#888\"/><text x=\"{2}\" y=\"{3:.1f}\" "
        "text-anchor=\"end\">{4:g}</text>\n",
        left, up(tick), left - 8, up(tick) + 4, tick);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", left + side / 2,
                     bottom + 40, escaped(x_name));
  svg += fmt::format("<text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                     top + side / 2, escaped(y_name));
  const auto colour_of = [&](size_t group) { return colours[group % std::size(colours)]; };
  const auto points = [&](size_t group, const auto& belongs) {
    svg += fmt::format("<g fill=\"{}\" fill-opacity=\"0.7\">\n", colour_of(group));
    for (size_t i = 0; i < x.size(); ++i) {
      if (belongs(i))
        svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>\n", across(x[i]), up(y[i]));
    }
    svg += "</g>\n";
  };
  if (names.empty()) points(0, [](size_t) { return true; });
  for (size_t k = 0; k < names.size(); ++k) {
    points(k, [&](size_t i) { return labels[i] == names[k]; });
    const double at = top + 12 + 20 * static_cast<double>(k);
    svg += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>\n",
                       left + side + 18, at, colour_of(k), left + side + 30, at + 4, escaped(names[k]));
  }
  return svg + "</svg>\n";
}

}  // namespace lvm

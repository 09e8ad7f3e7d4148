#include "api/checkpoint.h"

#include <fmt/format.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

#include "api/whole_file.h"
#include "ir/model/model.h"

namespace lvm::checkpoint {
namespace {

constexpr std::string_view magic = "lvmstate";
constexpr uint64_t version = 1;
constexpr size_t most_bytes = size_t{1} << 32;

class Writer {
 public:
  template <class Number>
  void put(Number number) {
    const auto word = std::bit_cast<uint64_t>(number);
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(word >> shift & 0xFF);
  }
  void put(const std::vector<double>& numbers) {
    put(static_cast<int64_t>(numbers.size()));
    for (const double number : numbers) put(number);
  }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_{magic};
};

/// Reads zeros behind the end; `ended` says so.
class Reader {
 public:
  explicit Reader(std::string_view words) : bytes_(words) {}
  template <class Number>
  Number get() {
    uint64_t word = 0;
    if (bytes_.size() < 8) {
      ended_ = true;
      return Number{};
    }
    for (size_t i = 0; i < 8; ++i)
      word |= static_cast<uint64_t>(static_cast<unsigned char>(bytes_[i])) << (8 * i);
    bytes_.remove_prefix(8);
    return std::bit_cast<Number>(word);
  }
  /// How many entries of `size` bytes follow; 0 where there is no room for them.
  int64_t count(size_t size) {
    const auto n = get<int64_t>();
    if (n >= 0 && static_cast<uint64_t>(n) <= bytes_.size() / size) return n;
    ended_ = true;
    return 0;
  }
  std::vector<double> numbers() {
    std::vector<double> to(static_cast<size_t>(count(8)));
    for (double& number : to) number = get<double>();
    return to;
  }
  bool ended() const { return ended_; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ended_ = false;
};

uint64_t checksum(std::string_view bytes) {
  Digest hash;
  hash.add(bytes);
  return hash.value;
}

struct Close {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }
};

}  // namespace

uint64_t identity(const driver::Lowered& lowered, uint64_t seed) {
  Digest hash;
  ir::Model model = *lowered.model;
  model.fit.others.erase("epochs");  // a finished run may go on
  hash.add(ir::print(model));
  for (const auto& [name, value] : model.fit.others) {
    hash.add(name);
    hash.add(value);
  }
  hash.add(seed);
  hash.add(lowered.program->single ? 1 : 0);
  const runtime::BoundData& data = *lowered.data;
  hash.add(static_cast<uint64_t>(data.rows));
  for (const runtime::BoundVariable& variable : data.variables) {
    for (int64_t e = 0; e < variable.size; ++e) {
      const runtime::CellColumn column = data.packed.column(variable.first + e);
      for (int64_t row = 0; row < data.rows; ++row) hash.add(std::bit_cast<uint64_t>(column[row]));
    }
  }
  return hash.value;
}

std::string write(const std::string& path, uint64_t identity, const runtime::TrainState& state) {
  Writer writer;
  writer.put(version);
  writer.put(identity);
  writer.put(state.epoch);
  writer.put(state.best_epoch);
  writer.put(state.best_bound);
  writer.put(state.parameters);
  writer.put(state.best);
  writer.put(static_cast<int64_t>(state.trace.size()));
  for (const runtime::TraceEntry& entry : state.trace) {
    writer.put(entry.iteration);
    for (const double number :
         {entry.seconds, entry.objective, entry.reconstruction, entry.divergence, entry.held_out})
      writer.put(number);
  }
  writer.put(checksum(writer.bytes()));
  return write_whole_file(path, writer.bytes());
}

std::optional<runtime::TrainState> read(const std::string& path, uint64_t identity, size_t numbers,
                                        std::string& fault) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  std::string bytes;
  char part[1 << 16];
  for (size_t got = 1; file && got > 0 && bytes.size() < most_bytes; bytes.append(part, got))
    got = std::fread(part, 1, sizeof part, file.get());
  if (!file || std::ferror(file.get()) != 0) {
    fault = fmt::format("cannot read `{}`: {}", path, std::strerror(errno));
    return {};
  }
  const auto refuse = [&](const char* why) {
    fault = fmt::format("`{}` {}", path, why);
    return std::nullopt;
  };
  if (!std::string_view(bytes).starts_with(magic)) return refuse("is no state of a run");
  if (bytes.size() < 16 + magic.size()) return refuse("is damaged: it ends too early");
  const auto body = std::string_view(bytes).substr(0, bytes.size() - 8);
  Reader end(std::string_view(bytes).substr(body.size()));
  if (end.get<uint64_t>() != checksum(body)) return refuse("is damaged: its checksum is another");
  Reader reader(body.substr(magic.size()));
  if (reader.get<uint64_t>() != version) return refuse("was written by another version of lvm");
  if (reader.get<uint64_t>() != identity)
    return refuse("is the state of another model, table, seed or setting");
  runtime::TrainState state;
  state.epoch = reader.get<int64_t>();
  state.best_epoch = reader.get<int64_t>();
  state.best_bound = reader.get<double>();
  state.parameters = reader.numbers();
  state.best = reader.numbers();
  state.trace.resize(static_cast<size_t>(reader.count(48)));
  for (runtime::TraceEntry& entry : state.trace) {
    entry.iteration = reader.get<int64_t>();
    for (double* number :
         {&entry.seconds, &entry.objective, &entry.reconstruction, &entry.divergence, &entry.held_out})
      *number = reader.get<double>();
  }
  const bool fits = state.parameters.size() == numbers &&
                    (state.best.empty() || state.best.size() == numbers) && state.epoch >= 0;
  if (reader.ended() || !reader.empty() || !fits) return refuse("is damaged: its sizes are others");
  return state;
}

}  // namespace lvm::checkpoint

#include <algorithm>

#include "frontend/analysis/context.h"

namespace lvm::analysis {
namespace {

enum class Visit : uint8_t { unseen, open, done };

}  // namespace

// Depth first with a stack of its own: the graphs are as large as the file.
std::vector<int> find_circle(const Edges& edges) {
  std::vector<Visit> visits(edges.size(), Visit::unseen);
  struct Step {
    int node;
    size_t next = 0;
  };
  for (size_t start = 0; start < edges.size(); ++start) {
    if (visits[start] != Visit::unseen) continue;
    std::vector<Step> path = {{static_cast<int>(start)}};
    visits[start] = Visit::open;
    while (!path.empty()) {
      const int node = path.back().node;
      const std::vector<int>& targets = edges[static_cast<size_t>(node)];
      if (path.back().next == targets.size()) {
        visits[static_cast<size_t>(node)] = Visit::done;
        path.pop_back();
        continue;
      }
      const int target = targets[path.back().next++];
      if (visits[static_cast<size_t>(target)] == Visit::open) {
        const auto first =
            std::find_if(path.begin(), path.end(), [&](const Step& step) { return step.node == target; });
        std::vector<int> circle;
        for (auto step = first; step != path.end(); ++step) circle.push_back(step->node);
        return circle;
      }
      if (visits[static_cast<size_t>(target)] == Visit::done) continue;
      visits[static_cast<size_t>(target)] = Visit::open;
      path.push_back({target});
    }
  }
  return {};
}

std::vector<int> depths(const Edges& edges) {
  std::vector<int> depth(edges.size(), -1);
  std::vector<size_t> waiting(edges.size());
  std::vector<std::vector<int>> users(edges.size());
  std::vector<int> ready;
  for (size_t i = 0; i < edges.size(); ++i) {
    waiting[i] = edges[i].size();
    for (const int target : edges[i]) users[static_cast<size_t>(target)].push_back(static_cast<int>(i));
    if (edges[i].empty()) ready.push_back(static_cast<int>(i));
  }
  while (!ready.empty()) {
    const int node = ready.back();
    ready.pop_back();
    int deepest = 0;
    for (const int target : edges[static_cast<size_t>(node)])
      deepest = std::max(deepest, depth[static_cast<size_t>(target)] + 1);
    depth[static_cast<size_t>(node)] = deepest;
    for (const int user : users[static_cast<size_t>(node)])
      if (--waiting[static_cast<size_t>(user)] == 0) ready.push_back(user);
  }
  return depth;
}

}  // namespace lvm::analysis

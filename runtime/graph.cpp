#include "runtime/graph.h"

#include <fmt/format.h>

#include "runtime/stream_state.h"

namespace atelier {

namespace {

detail::GraphState& live(const std::shared_ptr<detail::GraphState>& state) {
  if (!state) throw InvalidArgument("the graph is empty or was moved from");
  return *state;
}

}  // namespace

Graph::Graph(std::shared_ptr<detail::GraphState> state) : state_(std::move(state)) {}
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;

Device Graph::device() const {
  return live(state_).device();
}

std::size_t Graph::size() const {
  return live(state_).size();
}

void Graph::launch(Stream& stream) const {
  if (stream.device() != live(state_).device())
    throw InvalidArgument(fmt::format("launch: the graph was captured on {}, the stream is on {}",
                                      state_->device().name(), stream.device().name()));
  stream.state()->require_not_capturing("launch");
  stream.state()->launch(state_);
}

}  // namespace atelier

#include "kernels/matrix_product_cpu.h"

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "runtime/instruction_set.h"
#include "runtime/parallel.h"

namespace atelier::cpu {
namespace {

const MatrixProductKernels& kernels() {
  switch (instruction_set()) {
#if defined(ATELIER_X86)
    case InstructionSet::avx512:
      return avx512::matrix_product_kernels;
    case InstructionSet::avx2:
      return avx2::matrix_product_kernels;
#endif
    default:
      return portable::matrix_product_kernels;
  }
}

// Rows of a task: a multiple of the heights of most tiles.
constexpr std::int64_t kTaskRows = 192;
// Up to so many rows a panel is packed where it is used.
constexpr std::int64_t kPanelRows = 256;
// One tile, or hardly more: packing would cost as much as it saves.
constexpr std::int64_t kFewRows = 12;
// Rows of b that lie as close as this are as good as packed.
constexpr std::int64_t kDenseDepth = 32;
// Up to so many vectors of columns, fewer and wider panels pay: every one reads all of a.
constexpr std::int64_t kFewVectors = 16;
// Floats that are packed at a time for all threads, and the depth of such a pack.
constexpr std::int64_t kPackedSize = 4 << 20;
constexpr std::int64_t kPackedDepth = 1024;

std::int64_t divide_up(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

// The cut of columns into panels, as even as possible: the first `wider` have one vector more.
struct PanelCut {
  PanelCut(const MatrixProduct& product, const MatrixProductKernels& set)
      : lanes(set.lanes), all(divide_up(product.columns, set.lanes)) {
    const bool wide = all <= kFewVectors && all % set.wide_panel_vectors == 0;
    panels = divide_up(all, wide ? set.wide_panel_vectors : set.panel_vectors);
    narrow = all / panels;
    wider = all % panels;
  }
  [[nodiscard]] std::int64_t vectors(std::int64_t panel) const { return narrow + (panel < wider ? 1 : 0); }
  // Vectors, then columns, in front of a panel.
  [[nodiscard]] std::int64_t vectors_before(std::int64_t panel) const {
    return panel * narrow + std::min(panel, wider);
  }
  [[nodiscard]] std::int64_t column(std::int64_t panel) const { return vectors_before(panel) * lanes; }

  std::int64_t lanes;
  std::int64_t all;
  std::int64_t panels;
  std::int64_t narrow;
  std::int64_t wider;
};

// Every panel is packed by the task that uses it.
void multiply_by_panels(const MatrixProduct& product, const MatrixProductKernels& set, const PanelCut& cut,
                        const FinishRectangle& finish) {
  const bool in_place = product.b_column == 1 && (product.rows <= kFewRows || product.b_depth <= kDenseDepth);
  const std::int64_t work = (product.rows + 4) * product.depth * set.panel_vectors * set.lanes;
  parallel_for(cut.panels, worthwhile_grain(work), [&](std::int64_t begin, std::int64_t end) {
    float* const room = thread_room(Room::packed, set.block_size);
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t column = cut.column(panel);
      const std::int64_t column_end = std::min(cut.column(panel + 1), product.columns);
      if (in_place && cut.column(panel + 1) <= product.columns)
        set.multiply(product, column, cut.vectors(panel), nullptr, 0, product.rows);
      else
        set.pack_and_multiply(product, column, cut.vectors(panel), room);
      if (finish) finish(0, product.rows, column, column_end);
    }
  });
}

// The panels of [panel_begin, panel_end) are packed first, then shared by tasks of kTaskRows rows.
void multiply_shared(const MatrixProduct& product, const MatrixProductKernels& set, const PanelCut& cut,
                     std::int64_t panel_begin, std::int64_t panel_end, const FinishRectangle& finish) {
  const std::int64_t panels = panel_end - panel_begin;
  const std::int64_t width = set.panel_vectors * set.lanes;
  const std::int64_t first = cut.vectors_before(panel_begin);
  float* const packed = thread_room(Room::packed, (cut.vectors_before(panel_end) - first) * set.lanes *
                                                      std::max<std::int64_t>(product.depth, 1));
  const auto place = [&](std::int64_t panel) {
    return packed + (cut.vectors_before(panel) - first) * set.lanes * product.depth;
  };
  parallel_for(panels, worthwhile_grain(4 * product.depth * width),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t panel = panel_begin + begin; panel < panel_begin + end; ++panel)
                   set.pack(product, cut.column(panel), cut.vectors(panel), place(panel));
               });
  const std::int64_t parts = divide_up(product.rows, kTaskRows);
  parallel_for(panels * parts, worthwhile_grain(product.depth * width * kTaskRows),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t task = begin; task < end; ++task) {
                   const std::int64_t panel = panel_begin + task % panels;  // a part's rows stay in the cache
                   const std::int64_t row = task / panels * kTaskRows;
                   const std::int64_t row_end = std::min(row + kTaskRows, product.rows);
                   set.multiply(product, cut.column(panel), cut.vectors(panel), place(panel), row, row_end);
                   if (finish)
                     finish(row, row_end, cut.column(panel),
                            std::min(cut.column(panel + 1), product.columns));
                 }
               });
}

}  // namespace

std::int64_t worthwhile_grain(std::int64_t work) {
  constexpr std::int64_t kWorthwhile = 1'000'000;
  return std::max<std::int64_t>(1, kWorthwhile / std::max<std::int64_t>(1, work));
}

float* thread_room(Room room, std::int64_t count) {
  struct Release {
    void operator()(float* data) const { ::operator delete (data, std::align_val_t{64}); }
  };
  struct Kept {
    std::unique_ptr<float, Release> data;
    std::int64_t size = 0;
  };
  thread_local std::array<Kept, kRooms> rooms;
  Kept& kept = rooms[static_cast<std::size_t>(room)];
  if (count > kept.size) {
    kept.data.reset();
    kept.size = 0;
    kept.data.reset(static_cast<float*>(
        ::operator new (static_cast<std::size_t>(count) * sizeof(float), std::align_val_t{64})));
    kept.size = count;
  }
  return kept.data.get();
}

void matrix_product(const MatrixProduct& product, const FinishRectangle& finish) {
  if (product.rows == 0 || product.columns == 0) return;
  const MatrixProductKernels& set = kernels();
  const PanelCut cut(product, set);
  if (product.rows <= kPanelRows) return multiply_by_panels(product, set, cut, finish);
  const std::int64_t deepest = std::clamp<std::int64_t>(product.depth, 1, kPackedDepth);
  const std::int64_t together =
      std::max<std::int64_t>(1, kPackedSize / (deepest * set.panel_vectors * set.lanes));
  for (std::int64_t panel = 0; panel < cut.panels; panel += together) {
    const std::int64_t panel_end = std::min(panel + together, cut.panels);
    std::int64_t k = 0;
    do {
      MatrixProduct part = product;
      part.a += k * product.a_depth;
      part.b += k * product.b_depth;
      part.depth = std::min(kPackedDepth, product.depth - k);
      part.accumulate = product.accumulate || k > 0;
      k += kPackedDepth;
      multiply_shared(part, set, cut, panel, panel_end, k < product.depth ? FinishRectangle() : finish);
    } while (k < product.depth);
  }
}

}  // namespace atelier::cpu

#include "kernels/cpu/matrix_product_vector.h"

#include "kernels/cpu/simd.h"
#include "kernels/cpu/vector_part.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

// A tile of sums is held in registers, beside one row of the panel and a broadcast: 24 of 32 registers, or 12
// of 16.
constexpr int kSums = kVectorBytes == 64 ? 24 : 12;
constexpr int kPanelVectors = 3;
// Of products with few columns, where they come out even.
constexpr int kWidePanelVectors = kVectorBytes == 64 ? 4 : 3;
// Chains that keep two units busy for four cycles and more; a taller tile gains nothing.
constexpr int kMostRows = 12;
template <int kVectors>
inline constexpr int kTileRows = kSums / kVectors < kMostRows ? kSums / kVectors : kMostRows;
// A block of the panel, which comes from the second-level cache: the tiles' sums are fetched and put back
// once a block, and that costs more than a panel that does not stay in the first-level cache.
constexpr std::int64_t kBlockBytes = 96 << 10;
// Rows that are packed are asked for so many ahead: each may be on a page of its own.
constexpr std::int64_t kAhead = 12;

struct Tile {
  const float* a;
  std::int64_t a_row;
  std::int64_t a_depth;
  const float* b;
  std::int64_t b_depth;
  std::int64_t depth;
  float* c;
  std::int64_t c_row;
  std::int64_t columns;  // that exist
  const float* start;    // null: 0
  bool accumulate;
  float* packed;  // where b's rows are kept as they pass
};

template <int kRows, int kVectors>
using Sums = FloatVector[kRows][kVectors];

// body(r, v) for every vector of a tile, unrolled: the sums must stay in registers.
template <int kRows, int kVectors, class Body>
ATELIER_INLINE void for_each_sum(const Body& body) {
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) body(r, v);
}

template <int kRows, int kVectors>
ATELIER_INLINE void start_sums(const Tile& tile, bool whole, Sums<kRows, kVectors>& sum) {
  float* const c = tile.c;
  if (tile.accumulate && whole) {
    for_each_sum<kRows, kVectors>([&](int r, int v) { sum[r][v] = load(c + r * tile.c_row + v * kLanes); });
  } else if (tile.accumulate) {
    for_each_sum<kRows, kVectors>([&](int r, int v) {
      sum[r][v] = load_part(c + r * tile.c_row + v * kLanes, tile.columns - v * kLanes);
    });
  } else if (tile.start != nullptr) {
    for_each_sum<kRows, kVectors>([&](int r, int v) {
      sum[r][v] = r > 0 ? sum[0][v] : load_part(tile.start + v * kLanes, tile.columns - v * kLanes);
    });
  } else {
    for_each_sum<kRows, kVectors>([&](int r, int v) { sum[r][v] = FloatVector{}; });
  }
}

// kRowsAdjoin: a_row is 1; else a_depth is. kPack: the rows of b are packed on the way, which costs next to
// nothing beside the multiply-adds.
template <int kRows, int kVectors, bool kRowsAdjoin, bool kPack>
void multiply_tile(const Tile& tile) {
  const bool whole = tile.columns >= kVectors * kLanes;
  Sums<kRows, kVectors> sum;
  start_sums<kRows, kVectors>(tile, whole, sum);
  const float* a = tile.a;
  const float* b = tile.b;
  const std::int64_t a_row = kRowsAdjoin ? 1 : tile.a_row;
  const std::int64_t a_depth = kRowsAdjoin ? tile.a_depth : 1;
  const std::int64_t b_depth = tile.b_depth;
  float* packed = tile.packed;
  for (std::int64_t k = tile.depth; k > 0; --k) {
    FloatVector row[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) row[v] = load(b + v * kLanes);
    if constexpr (kPack) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        __builtin_prefetch(b + kAhead * b_depth + v * kLanes);
        store(packed + v * kLanes, row[v]);
      }
      packed += kVectors * kLanes;
    }
    b += b_depth;
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const FloatVector value = broadcast(a[r * a_row]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(value, row[v], sum[r][v]);
    }
    a += a_depth;
  }
  float* const c = tile.c;
  if (whole)
    for_each_sum<kRows, kVectors>([&](int r, int v) { store(c + r * tile.c_row + v * kLanes, sum[r][v]); });
  else
    for_each_sum<kRows, kVectors>([&](int r, int v) {
      store_part(c + r * tile.c_row + v * kLanes, sum[r][v], tile.columns - v * kLanes);
    });
}

using TileFunction = void (*)(const Tile&);

// Entry [rows - 1].
template <int kVectors, bool kRowsAdjoin, bool kPack>
struct Tiles {
  template <int kCount, int... kRows>
  struct Make : Make<kCount - 1, kCount, kRows...> {};
  template <int... kRows>
  struct Make<0, kRows...> {
    static constexpr TileFunction table[sizeof...(kRows)] = {
        multiply_tile<kRows, kVectors, kRowsAdjoin, kPack>...};
  };
  static constexpr const TileFunction* table = Make<kTileRows<kVectors>>::table;
};

// One block of depth: `b` are the rows of the panel from depth `k` on, `b_depth` apart. The first tile packs
// them to `packed` unless it is null, and the others read them there.
template <int kVectors>
void multiply_block(const MatrixProduct& product, std::int64_t column, const float* b, std::int64_t b_depth,
                    float* packed, std::int64_t k, std::int64_t depth, std::int64_t row_begin,
                    std::int64_t row_end) {
  const bool adjoin = product.a_row == 1 && product.a_depth != 1;
  const TileFunction* const table =
      adjoin ? Tiles<kVectors, true, false>::table : Tiles<kVectors, false, false>::table;
  const std::int64_t rows = row_end - row_begin;
  // As few tiles as can be, of heights as even as can be.
  const std::int64_t tiles = (rows + kTileRows<kVectors> - 1) / kTileRows<kVectors>;
  const std::int64_t height = (rows + tiles - 1) / tiles;
  Tile tile{nullptr,
            product.a_row,
            product.a_depth,
            b,
            b_depth,
            depth,
            nullptr,
            product.c_row,
            product.columns - column,
            product.column_start != nullptr ? product.column_start + column : nullptr,
            product.accumulate || k > 0,
            packed};
  const auto place = [&](std::int64_t row) {
    tile.a = product.a + row * product.a_row + k * product.a_depth;
    tile.c = product.c + row * product.c_row + column;
  };
  std::int64_t row = row_begin;
  if (packed != nullptr) {
    place(row);
    (adjoin ? Tiles<kVectors, true, true>::table : Tiles<kVectors, false, true>::table)[height - 1](tile);
    row += height;
    tile.b = packed;
    tile.b_depth = kVectors * kLanes;
  }
  for (; row < row_end; row += height) {
    place(row);
    table[least(height, row_end - row) - 1](tile);
  }
}

void pack_block(const MatrixProduct& product, std::int64_t column, std::int64_t vectors, std::int64_t k,
                std::int64_t depth, float* packed);

// Depth is cut into as few blocks as can be, as even as can be.
template <int kVectors>
std::int64_t block_depth(std::int64_t depth) {
  constexpr std::int64_t kMost = kBlockBytes / (kVectors * kVectorBytes);
  const std::int64_t blocks = depth > kMost ? (depth + kMost - 1) / kMost : 1;
  return (depth + blocks - 1) / blocks;
}

template <int kVectors>
void multiply_panel(const MatrixProduct& product, std::int64_t column, const float* packed,
                    std::int64_t row_begin, std::int64_t row_end) {
  const std::int64_t block = block_depth<kVectors>(product.depth);
  const float* const b = packed != nullptr ? packed : product.b + column;
  const std::int64_t b_depth = packed != nullptr ? kVectors * kLanes : product.b_depth;
  std::int64_t k = 0;
  do {
    multiply_block<kVectors>(product, column, b + k * b_depth, b_depth, nullptr, k,
                             least(block, product.depth - k), row_begin, row_end);
    k += block;
  } while (k < product.depth);
}

template <int kVectors>
void pack_and_multiply_panel(const MatrixProduct& product, std::int64_t column, float* room) {
  const std::int64_t block = block_depth<kVectors>(product.depth);
  const bool pack_on_the_way = product.b_column == 1 && product.columns - column >= kVectors * kLanes;
  std::int64_t k = 0;
  do {
    const std::int64_t depth = least(block, product.depth - k);
    if (pack_on_the_way) {
      multiply_block<kVectors>(product, column, product.b + k * product.b_depth + column, product.b_depth,
                               room, k, depth, 0, product.rows);
    } else {
      pack_block(product, column, kVectors, k, depth, room);
      multiply_block<kVectors>(product, column, room, kVectors * kLanes, nullptr, k, depth, 0, product.rows);
    }
    k += block;
  } while (k < product.depth);
}

void multiply(const MatrixProduct& product, std::int64_t column, std::int64_t vectors, const float* packed,
              std::int64_t row_begin, std::int64_t row_end) {
  switch (vectors) {
    case 1:
      return multiply_panel<1>(product, column, packed, row_begin, row_end);
    case 2:
      return multiply_panel<2>(product, column, packed, row_begin, row_end);
    case 3:
      return multiply_panel<3>(product, column, packed, row_begin, row_end);
    default:
      if constexpr (kWidePanelVectors >= 4)
        return multiply_panel<4>(product, column, packed, row_begin, row_end);
  }
}

void pack_and_multiply(const MatrixProduct& product, std::int64_t column, std::int64_t vectors, float* room) {
  switch (vectors) {
    case 1:
      return pack_and_multiply_panel<1>(product, column, room);
    case 2:
      return pack_and_multiply_panel<2>(product, column, room);
    case 3:
      return pack_and_multiply_panel<3>(product, column, room);
    default:
      if constexpr (kWidePanelVectors >= 4) return pack_and_multiply_panel<4>(product, column, room);
  }
}

// Rows of b as they lie.
void pack_rows(const MatrixProduct& product, std::int64_t column, std::int64_t vectors, std::int64_t k,
               std::int64_t depth, float* packed) {
  const std::int64_t columns = product.columns - column;
  const float* from = product.b + column + k * product.b_depth;
  for (std::int64_t i = 0; i < depth; ++i) {
    if (i + kAhead < depth)
      for (std::int64_t v = 0; v < vectors; ++v)
        __builtin_prefetch(from + kAhead * product.b_depth + v * kLanes);
    if (columns >= vectors * kLanes) {
      for (std::int64_t v = 0; v < vectors; ++v) store(packed + v * kLanes, load(from + v * kLanes));
    } else {
      for (std::int64_t v = 0; v < vectors; ++v)
        store(packed + v * kLanes, load_part(from + v * kLanes, columns - v * kLanes));
    }
    from += product.b_depth;
    packed += vectors * kLanes;
  }
}

void pack_columns(const MatrixProduct& product, std::int64_t column, std::int64_t vectors, std::int64_t begin,
                  std::int64_t all_depth, float* packed) {
  const std::int64_t width = vectors * kLanes;
  for (std::int64_t v = 0; v < vectors; ++v) {
    const std::int64_t columns = least(kLanes, product.columns - column - v * kLanes);
    const float* from = product.b + (column + v * kLanes) * product.b_column + begin;
    float* to = packed + v * kLanes;
    for (std::int64_t k = 0; k < all_depth; k += kLanes) {
      const std::int64_t depth = least(kLanes, all_depth - k);
      FloatVector row[kLanes];
      if (columns == kLanes && depth == kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) row[i] = load(from + i * product.b_column + k);
      } else {
        for (int i = 0; i < kLanes; ++i)
          row[i] = i < columns ? load_part(from + i * product.b_column + k, depth) : broadcast(0.0F);
      }
      transpose<kLanes / 2>(row);
      if (depth == kLanes) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) store(to + (k + i) * width, row[i]);
      } else {
        for (std::int64_t i = 0; i < depth; ++i) store(to + (k + i) * width, row[i]);
      }
    }
  }
}

void pack_block(const MatrixProduct& product, std::int64_t column, std::int64_t vectors, std::int64_t k,
                std::int64_t depth, float* packed) {
  if (product.b_column == 1)
    pack_rows(product, column, vectors, k, depth, packed);
  else
    pack_columns(product, column, vectors, k, depth, packed);
}

void pack(const MatrixProduct& product, std::int64_t column, std::int64_t vectors, float* packed) {
  pack_block(product, column, vectors, 0, product.depth, packed);
}

}  // namespace

extern const MatrixProductKernels matrix_product_kernels;
const MatrixProductKernels matrix_product_kernels{
    kLanes, kPanelVectors, kWidePanelVectors, kBlockBytes / std::int64_t{sizeof(float)},
    pack,   multiply,      pack_and_multiply};

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET

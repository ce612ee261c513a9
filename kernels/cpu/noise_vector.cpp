// Compiled once for every instruction set. The compiler vectorises the loops over `kLanes` blocks; a square
// root becomes an instruction only where errno is out of the way.
#include "kernels/cpu/noise_vector.h"

#include "kernels/noise_function.h"

namespace atelier::cpu::ATELIER_INSTRUCTION_SET {
namespace {

constexpr int kLanes = 64;

struct Words {
  std::uint32_t word[4][kLanes];
};

void draw(Words& words, std::uint64_t first_block, PhiloxStream random) {
  constexpr std::uint64_t kLastBlock = ~std::uint64_t{0} / 4;
  for (int lane = 0; lane < kLanes; ++lane) {
    const PhiloxBlock block =
        philox_block(random, (first_block + static_cast<std::uint64_t>(lane)) & kLastBlock);
    words.word[0][lane] = block.word[0];
    words.word[1][lane] = block.word[1];
    words.word[2][lane] = block.word[2];
    words.word[3][lane] = block.word[3];
  }
}

// Four rows of lanes to blocks of four; `blocks` <= kLanes of them.
void store(float* destination, const float (&value)[4][kLanes], int blocks) {
  for (int lane = 0; lane < blocks; ++lane)
    for (int i = 0; i < 4; ++i) destination[4 * lane + i] = value[i][lane];
}

int blocks_left(std::int64_t blocks, std::int64_t done) {
  const std::int64_t left = blocks - done;
  return left < kLanes ? static_cast<int>(left) : kLanes;
}

}  // namespace

void uniform_blocks(float* destination, std::uint64_t first_block, std::int64_t blocks, PhiloxStream random,
                    float low, float span) {
  Words words;
  float value[4][kLanes];
  for (std::int64_t done = 0; done < blocks; done += kLanes) {
    draw(words, first_block + static_cast<std::uint64_t>(done), random);
    for (int i = 0; i < 4; ++i)
      for (int lane = 0; lane < kLanes; ++lane)
        value[i][lane] = uniform_from_word(words.word[i][lane], low, span);
    store(destination + 4 * done, value, blocks_left(blocks, done));
  }
}

void normal_blocks(float* destination, std::uint64_t first_block, std::int64_t blocks, PhiloxStream random,
                   float mean, float deviation) {
  Words words;
  float value[4][kLanes];
  for (std::int64_t done = 0; done < blocks; done += kLanes) {
    draw(words, first_block + static_cast<std::uint64_t>(done), random);
    for (int pair = 0; pair < 4; pair += 2)
      for (int lane = 0; lane < kLanes; ++lane) {
        const NormalPair normal = normal_from_words(words.word[pair][lane], words.word[pair + 1][lane]);
        value[pair][lane] = fused_product_sum(deviation, normal.first, mean);
        value[pair + 1][lane] = fused_product_sum(deviation, normal.second, mean);
      }
    store(destination + 4 * done, value, blocks_left(blocks, done));
  }
}

void sort_keys(std::uint64_t* destination, std::uint64_t first_block, std::int64_t blocks,
               PhiloxStream random) {
  Words words;
  for (std::int64_t done = 0; done < blocks; done += kLanes) {
    const std::uint64_t block = first_block + static_cast<std::uint64_t>(done);
    draw(words, block, random);
    std::uint64_t* const key = destination + 2 * done;
    const auto left = static_cast<unsigned>(blocks_left(blocks, done));
    for (unsigned lane = 0; lane < left; ++lane) {
      const std::uint64_t index = 2 * (block + lane);
      key[2 * lane] = std::uint64_t{words.word[0][lane]} << 32 | index;
      key[2 * lane + 1] = std::uint64_t{words.word[2][lane]} << 32 | (index + 1);
    }
  }
}

}  // namespace atelier::cpu::ATELIER_INSTRUCTION_SET

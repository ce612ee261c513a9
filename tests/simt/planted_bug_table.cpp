#include "tests/simt/planted_bug_table.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/simt/options.h"
#include "runtime/stream.h"

namespace atelier::simt_test {

const std::vector<Check>& checks() {
  static const std::vector<Check> list{
      {"depth_first", "schedule depth_first, memory zeroed, detectors off", false, false},
      {"reverse", "schedule reverse, the same", false, false},
      {"round_robin", "schedule round_robin, the same", false, false},
      {"priority", "schedule priority, eight seeds, the same", false, false},
      {"poison", "memory poisoned and fenced (round_robin, detectors off)", false, false},
      {"detect", "divergence detectors (round_robin, memory zeroed)", false, false},
      {"checker", "the checking build", true, false},
      {"sanitizers", "AddressSanitizer and UndefinedBehaviorSanitizer (round_robin, memory zeroed)", false,
       true},
  };
  return list;
}

const std::vector<PlantedBug>& planted_bugs() {
  using namespace atelier::simt;
  static const std::vector<PlantedBug> list{
#define ATELIER_BUG(name, run, caught, words) {Bug::name, #name, words, &run, caught}
      // clang-format off
      ATELIER_BUG(gemm_no_barrier_after_store, gemm_case, "vvvvvvxv", "matrix product: no barrier after the tile is stored"),
      ATELIER_BUG(gemm_no_barrier_after_compute, gemm_case, "vvvvvvxv", "matrix product: no barrier before the tile is stored again"),
      ATELIER_BUG(gemm_tail_reads_past_end, odd_gemm_case, "vvvvvvxx", "matrix product: the tail test lets one more through (reads)"),
      ATELIER_BUG(gemm_writes_row_past_end, odd_gemm_case, "----x-xx", "matrix product: writes one row too many"),
      ATELIER_BUG(gemm_skips_last_column, odd_gemm_case, "vvvvvvvv", "matrix product: the last column is never written"),
      ATELIER_BUG(gemm_tile_tail_uninitialised, gemm_case, "vvvvvvxv", "matrix product: the tile's tail is not zeroed"),
      ATELIER_BUG(gemm_return_before_barrier, gemm_case, "vvvvvxxv", "matrix product: threads without rows return before a barrier"),
      ATELIER_BUG(gemm_barrier_in_branch, gemm_case, "vvvvvxxv", "matrix product: a barrier in a divergent branch"),
      ATELIER_BUG(gemm_misaligned_vector_load, gemm_case, "xxxxxxxx", "matrix product: a misaligned vector load"),
      ATELIER_BUG(async_waits_for_too_few, async_gemm_case, "vvvvvvxv", "cp.async: waits for one group too few"),
      ATELIER_BUG(async_stage_overwritten, async_gemm_case, "vvvvvvxv", "cp.async: a stage is overwritten while it is read"),
      ATELIER_BUG(async_shared_memory_too_small, async_gemm_case, "xxxxxxxx", "cp.async: 16 bytes of dynamic shared memory too few"),
      ATELIER_BUG(tf32_fragment_swapped, tf32_gemm_case, "vvvvvvvv", "tensor cores: two registers of a fragment swapped"),
      ATELIER_BUG(f16_no_syncwarp_before_load, f16_gemm_case, "------x-", "tensor cores: no __syncwarp before ldmatrix"),
      ATELIER_BUG(f16_no_syncwarp_after_load, f16_gemm_case, "------x-", "tensor cores: no __syncwarp before the tile is stored again"),
      ATELIER_BUG(f16_misaligned_rows, f16_gemm_case, "xxxxxxxx", "tensor cores: rows for ldmatrix not aligned to 16 bytes"),
      ATELIER_BUG(norm_scratch_reused, layer_norm_case, "vv-v--x-", "layer norm: scratch written while the former sum is read"),
      ATELIER_BUG(norm_scratch_read_early, layer_norm_case, "vvvvvvxv", "layer norm: scratch read before all have written"),
      ATELIER_BUG(norm_tail_reads_past_end, layer_norm_case, "vvvvvvxx", "layer norm: reads one element too many"),
      ATELIER_BUG(norm_uninitialised_scratch, layer_norm_case, "----v-x-", "layer norm: sums scratch that nobody wrote"),
      ATELIER_BUG(norm_half_warp_mask, layer_norm_case, "xxxxxxxx", "layer norm: shuffle mask names half of the callers"),
      ATELIER_BUG(norm_shuffle_starts_late, layer_norm_case, "vvvvvvvv", "layer norm: shuffle reduction starts at 8, not 16"),
      ATELIER_BUG(norm_shuffle_in_branch, layer_norm_input_gradient_case, "vvvvvvvv", "layer norm: full-mask shuffle in a divergent branch"),
      ATELIER_BUG(norm_tree_without_barriers, layer_norm_weight_gradient_case, "v-vvvvxv", "layer norm: tree reduction without barriers"),
      ATELIER_BUG(norm_partial_past_column, layer_norm_weight_gradient_case, "vvvvxvxx", "layer norm: partial sums written one column too far"),
      ATELIER_BUG(cppn_last_bias_not_loaded, cppn_case, "vvvvvvxv", "CPPN: the last bias never reaches shared memory"),
      ATELIER_BUG(cppn_return_before_barrier, cppn_case, "-----x--", "CPPN: threads outside return before the barrier"),
      ATELIER_BUG(cppn_no_barrier, cppn_case, "vvvvvvxv", "CPPN: no barrier after the weights are loaded"),
      ATELIER_BUG(bce_shared_counter_not_atomic, bce_case, "------x-", "BCE: += on a shared counter"),
      ATELIER_BUG(bce_global_loss_not_atomic, bce_case, "------x-", "BCE: += on a global sum"),
      ATELIER_BUG(columns_no_grid_sync, column_sum_case, "vvvvvvxv", "column sums: no grid barrier"),
      ATELIER_BUG(columns_block_skips_grid_sync, column_sum_case, "xxxxxxxx", "column sums: one block returns before the grid barrier"),
      ATELIER_BUG(columns_wait_on_a_flag, column_sum_case, "xxxxxxxx", "column sums: blocks spin on another block's flag"),
  // clang-format on
#undef ATELIER_BUG
  };
  return list;
}

const std::vector<CorrectCase>& correct_cases() {
  using namespace atelier::simt;
  static const std::vector<CorrectCase> list{
      {"gemm", &gemm_case},
      {"odd_gemm", &odd_gemm_case},
      {"async_gemm", &async_gemm_case},
      {"tf32_gemm", &tf32_gemm_case},
      {"f16_gemm", &f16_gemm_case},
      {"layer_norm", &layer_norm_case},
      {"layer_norm_input_gradient", &layer_norm_input_gradient_case},
      {"layer_norm_weight_gradient", &layer_norm_weight_gradient_case},
      {"cppn", &cppn_case},
      {"bce", &bce_case},
      {"column_sum", &column_sum_case},
  };
  return list;
}

namespace {

/// '-', 'v' or 'x' of one run with the options in force.
char run_once(const PlantedBug& bug, std::string& diagnosis) {
  try {
    Stream stream{Device(DeviceKind::simt)};
    return bug.run(stream, bug.bug).correct() ? '-' : 'v';
  } catch (const Error& error) {
    diagnosis = error.what();
    return 'x';
  }
}

}  // namespace

char run_planted(const PlantedBug& bug, const std::string& check, std::string& diagnosis) {
  simt::Options options = simt::options();
  options.schedule = simt::Schedule::round_robin;
  options.poison = check == "poison";
  options.detect = check == "detect";
  options.watchdog_seconds = 0.25;
  options.workers = 1;  // what two workers do to unsynchronised data depends on the moment
  if (check == "depth_first" || check == "reverse" || check == "priority")
    simt::parse_schedule(check, options);
  const std::uint64_t seeds = check == "priority" ? 8 : 1;
  char found = '-';
  for (std::uint64_t seed = 1; seed <= seeds && found != 'x'; ++seed) {
    options.seed = seed;
    const simt::OptionsOverride override(options);
    const char now = run_once(bug, diagnosis);
    if (now != '-') found = now;
  }
  return found;
}

std::string table_in_markdown() {
  std::string text = "| planted bug |";
  std::string rule = "| --- |";
  for (const Check& check : checks()) {
    text += fmt::format(" {} |", check.name);
    rule += " --- |";
  }
  text += fmt::format("\n{}\n", rule);
  for (const PlantedBug& bug : planted_bugs()) {
    text += fmt::format("| {} |", bug.words);
    for (const char* letter = bug.caught; *letter != '\0'; ++letter) text += fmt::format(" {} |", *letter);
    text += "\n";
  }
  return text;
}

}  // namespace atelier::simt_test

# The linear layers' kernels in the checking build, and with planted bugs.
atelier_product_test(product_linear_backward)
atelier_product_check(simt_product_linear_backward product_linear_backward "" kernels/linear.cu
                      kernels/linear_backward.cu kernels/linear_step.cu)

set(_tile product_linear_backward kernels/linear_backward.cu kernels/matrix_tile.cuh)
atelier_mutant(matrix_tile_unawaited ${_tile} "cp_async_wait<0>();\n" "")
atelier_mutant(matrix_tile_without_barrier ${_tile} "__syncthreads();  // the slice" "//")
atelier_mutant(matrix_tile_result_over_slice ${_tile} "__syncthreads();  // nobody reads" "//")
atelier_mutant(matrix_tile_result_incomplete ${_tile} "__syncthreads();  // the piece" "//")
atelier_mutant(matrix_tile_tail_rows ${_tile} "rows > below ? columns" "rows >= below ? columns")
atelier_mutant(matrix_tile_parts_overlap ${_tile}
               "if (depth_left > product.part_depth) depth_left = product.part_depth;" "")
atelier_mutant(matrix_tile_lost_group ${_tile} "other < T::kGroups" "other < T::kGroups - 1")
atelier_mutant(matrix_tile_lost_part ${_tile} "part < count" "part + 1 < count")
# With the kernels of the other tests: cp.async from memory that an unchecked kernel wrote is an alarm too.
atelier_mutant(linear_forward_lost_part product_linear_backward "kernels/linear.cu;kernels/linear_backward.cu"
               kernels/matrix_tile.cuh "part < count" "part + 1 < count")

set(_backward product_linear_backward kernels/linear_backward.cu kernels/linear_backward.cu)
atelier_mutant(linear_backward_overwrites ${_backward} "accumulate ? element + sum : sum" "sum")
atelier_mutant(linear_backward_bias_without_barrier ${_backward} "__syncthreads();  // the sums" "//")
atelier_mutant(linear_backward_delta_tail ${_backward}
               "first + call.bias_rows < rows ? first + call.bias_rows : rows" "first + call.bias_rows")
atelier_mutant(linear_backward_few_rows_early ${_backward} "__syncthreads();  // the rows before" "//")
atelier_mutant(linear_backward_few_rows_incomplete ${_backward} "__syncthreads();  // these rows" "//")
atelier_mutant(linear_backward_short_reduction ${_backward} "distance = kWarp / 2" "distance = kWarp / 4")
atelier_mutant(linear_backward_wrong_lane ${_backward} "own, 2 * b + r)" "own, 2 * b)")
atelier_mutant(linear_backward_columns_tail product_linear_backward kernels/linear_backward.cu
               kernels/lane_columns.cuh "first + j * step < end" "first + j * step <= end")
atelier_mutant(linear_backward_wrong_argument product_linear_backward kernels/linear_backward.cu
               kernels/linear_delta.cuh "pre_activation.data != nullptr ? __ldg(&pre_activation(row, column)) : y" "y")

set(_step_sources "kernels/linear_step.cu;kernels/linear_backward.cu")
atelier_mutant(linear_step_without_barrier product_linear_backward "${_step_sources}" kernels/linear_step.cu
               "__syncthreads();  // all shares" "//")
atelier_mutant(linear_step_gradient_of_new_weights product_linear_backward "${_step_sources}" kernels/linear_step.cu
               "sum[j] += delta * weight[j];\n      optimizer.update(rounded_product(delta, input[j]), weight[j], first[j], second[j]);"
               "optimizer.update(rounded_product(delta, input[j]), weight[j], first[j], second[j]);\n      sum[j] += delta * weight[j];")
atelier_mutant(linear_step_without_second_moment product_linear_backward "${_step_sources}" kernels/linear_step.cu
               "columns.store(row_of(call.moments.weight_second, row), second);" "")

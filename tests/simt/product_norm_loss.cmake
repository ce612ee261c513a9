# LayerNorm and the losses in the checking build, and again with a bug planted in one of them.
atelier_product_test(product_norm_loss)
atelier_product_check(simt_product_norm_loss product_norm_loss "" kernels/layer_norm.cu kernels/loss.cu)

set(_norm product_norm_loss kernels/layer_norm.cu)
atelier_mutant(norm_short_reduction ${_norm} kernels/layer_norm_row.cuh "distance = kWarp / 2" "distance = kWarp / 4")
atelier_mutant(norm_sum_without_barrier ${_norm} kernels/layer_norm_row.cuh
               "__syncthreads();  // after the sum" "// after the sum")
atelier_mutant(norm_sum_in_one_half ${_norm} kernels/layer_norm_row.cuh "turn_ ^= 1;" "")
atelier_mutant(norm_tail ${_norm} kernels/layer_norm_row.cuh "return column(i) < columns;" "return column(i) <= columns;")
atelier_mutant(norm_biased_by_padding ${_norm} kernels/layer_norm.cu
               "value[i] = part.inside(i) ? value[i] - mean : 0.0F;" "value[i] = value[i] - mean;")
atelier_mutant(norm_without_epsilon ${_norm} kernels/layer_norm_row.cuh " + static_cast<T>(epsilon)" "")
atelier_mutant(norm_warps_together ${_norm} kernels/layer_norm_backward.cuh
               "      __syncthreads();\n    }\n    for (int column" "    }\n    __syncthreads();\n    for (int column")
atelier_mutant(norm_last_row_unread ${_norm} kernels/layer_norm_backward.cuh
               "row < call.input.rows;" "row < call.input.rows - 1;")
atelier_mutant(norm_wide_tail ${_norm} kernels/layer_norm_backward.cuh
               "if (column >= call.input.columns) return;" "if (column > call.input.columns) return;")
atelier_mutant(norm_parts_without_barrier ${_norm} kernels/layer_norm_backward.cuh
               "slice_sum[slice][across] = sum;\n  __syncthreads();" "slice_sum[slice][across] = sum;")
atelier_mutant(norm_parts_lose_a_slice ${_norm} kernels/layer_norm_backward.cuh
               "part = slice; part < parts;" "part = slice; part < parts - 1;")

set(_loss product_norm_loss kernels/loss.cu)
atelier_mutant(loss_without_barrier ${_loss} kernels/loss.cu
               "value;\n  __syncthreads();\n  double total" "value;\n  double total")
atelier_mutant(loss_tail ${_loss} kernels/loss.cu "index < end; index" "index <= end; index")
atelier_mutant(loss_forgets_parts ${_loss} kernels/loss.cu "block < blocks;" "block < blocks - 1;")
atelier_mutant(loss_unclamped ${_loss} kernels/loss_function.h
               "return value < kLeastLog || p == 0.0F ? kLeastLog : value;" "return value;")
atelier_mutant(loss_gradient_beyond_saturation ${_loss} kernels/loss_function.h
               "return variance < 1e-12F ?" "return variance < 0.0F ?")

# The resident GAN trainer in the checking build, as it is and with bugs planted. Packets order nothing but
# themselves there, as on a GPU: a barrier of the block that only a packet seems to replace is missed.
atelier_product_test(product_batch_one_gan)
atelier_product_check(simt_product_batch_one_gan product_batch_one_gan "" kernels/batch_one_gan.cu)

set(_gan product_batch_one_gan kernels/batch_one_gan.cu kernels/batch_one_gan.cu)
atelier_mutant(batch_one_gan_activations_overwritten ${_gan} "if (!normalized_) __syncthreads();" "")
atelier_mutant(batch_one_gan_features_unawaited ${_gan} "receive_features();\n    __syncthreads();" "receive_features();")
atelier_mutant(batch_one_gan_fakes_unawaited ${_gan} "});\n    __syncthreads();\n    multiply_rows<kPixelSegments, 1>"
               "});\n    multiply_rows<kPixelSegments, 1>")
atelier_mutant(batch_one_gan_sums_unawaited ${_gan} "__syncthreads();\n    send_hidden(kHiddenOfFake"
               "send_hidden(kHiddenOfFake")
atelier_mutant(batch_one_gan_hidden_unawaited ${_gan} "    });\n    __syncthreads();\n  }\n\n  // The gradient at all"
               "    });\n  }\n\n  // The gradient at all")
atelier_mutant(batch_one_gan_gradient_unawaited ${_gan} "receive_output_gradient();\n    __syncthreads();"
               "receive_output_gradient();")
atelier_mutant(batch_one_gan_own_gradient_unawaited ${_gan} "}\n    __syncthreads();\n    step_matrix<g_adam>"
               "}\n    step_matrix<g_adam>")
atelier_mutant(batch_one_gan_first_sums_overwritten ${_gan} "__syncthreads();  // the sums are" "//")
atelier_mutant(batch_one_gan_delta_unawaited ${_gan} "step_features(factors);\n    __syncthreads();"
               "step_features(factors);")
atelier_mutant(batch_one_gan_not_all_units_sent ${_gan} "k < unit_.count; k += kThreads) {\n      const float bias"
               "k < unit_.count - 1; k += kThreads) {\n      const float bias")
atelier_mutant(batch_one_gan_packets_short ${_gan} "index < count ? slot + index : nullptr"
               "index < count - 1 ? slot + index : nullptr")
atelier_mutant(batch_one_gan_first_step_twice ${_gan} "inputs_.factors(local_)[1];" "inputs_.factors(local_)[0];")
atelier_mutant(batch_one_gan_columns_left ${_gan} "step_d_columns(kFake, fake, factors);" "")
atelier_mutant(batch_one_gan_g_columns_left ${_gan}
               "step_matrix<g_adam>(at(plan_.g_columns.at), plan_.g_columns.size, feature_.count,"
               "step_matrix<g_adam>(at(plan_.g_columns.at), plan_.g_columns.size, 0 * feature_.count,")
atelier_mutant(batch_one_gan_head_left ${_gan} "head_.template step<d_adam>(at(plan_.hidden_active[kFake])"
               "if (false) head_.template step<d_adam>(at(plan_.hidden_active[kFake])")
atelier_mutant(batch_one_gan_fake_called_real ${_gan} "judge(kFake, 0.0F)" "judge(kFake, 1.0F)")
atelier_mutant(batch_one_gan_old_picture ${_gan} "plan_.picture[(local_ + 1) & 1]" "plan_.picture[local_ & 1]")
atelier_mutant(batch_one_gan_last_chunk ${_gan} "(plan_.pixels + kWarp - 1) / kWarp;" "plan_.pixels / kWarp;")
atelier_mutant(batch_one_gan_losses_of_all ${_gan} "blockIdx.x != 0 || thread_ >= 3" "thread_ >= 3")
atelier_mutant(batch_one_gan_shared_memory_short ${_gan} "static_cast<std::size_t>(call.plan.floats)"
               "static_cast<std::size_t>(call.plan.floats - 8)")

set(_gan_step product_batch_one_gan kernels/batch_one_gan.cu kernels/batch_one_gan_step.cuh)
atelier_mutant(batch_one_gan_row_carry ${_gan_step} "if (column >= length) {" "if (column > length) {")
atelier_mutant(batch_one_gan_second_moment ${_gan_step} "values[2 * size + index] = second;" "")
atelier_mutant(batch_one_gan_segment_tail ${_gan_step} "column < length; column += segments" "column < length - 1; column += segments")
atelier_mutant(batch_one_gan_segments ${_gan_step} "segment = 1; segment < segments" "segment = 1; segment < segments - 1")

set(_gan_head product_batch_one_gan kernels/batch_one_gan.cu kernels/batch_one_gan_head.cuh)
atelier_mutant(batch_one_gan_mean_product ${_gan_head} "fused_product_sum(normal, verdict.product, verdict.sum)" "verdict.sum")
atelier_mutant(batch_one_gan_short_moments ${_gan_head} "i < size; i += kWarp) sum" "i < size - 1; i += kWarp) sum")
atelier_mutant(batch_one_gan_sigmoid_slope ${_gan_head} "return y * (1.0F - y);" "return 1.0F - y;")

set(_gan_inputs product_batch_one_gan kernels/batch_one_gan.cu kernels/batch_one_gan_inputs.cuh)
atelier_mutant(batch_one_gan_same_noise_twice ${_gan_inputs} "draw_noise(training.generator_noise" "draw_noise(training.fake_noise")
atelier_mutant(batch_one_gan_noise_from_a_block ${_gan_inputs} "const int skipped = static_cast<int>(first % 4);" "const int skipped = 0;")
atelier_mutant(batch_one_gan_step_number ${_gan_inputs} "2 * iteration + 1 + static_cast<std::uint64_t>(step)" "2 * iteration + 1")
atelier_mutant(batch_one_gan_restarts ${_gan_inputs} "call_.training.first_iteration +\n" "0 * call_.training.first_iteration +\n")
atelier_mutant(batch_one_gan_moments_not_stored ${_gan_inputs}
               "if (network.first_moment.data == nullptr) continue;" "if (network.first_moment.data == nullptr || !load) continue;")
atelier_mutant(batch_one_gan_share_of_the_last ${_gan_inputs} "return {first, min(share, units - first)};" "return {first, share};")

set(_gan_plan product_batch_one_gan kernels/batch_one_gan.cu kernels/batch_one_gan_plan.cuh)
atelier_mutant(batch_one_gan_part_too_small ${_gan_plan} "2} * kPixelSegments * plan.hidden_share" "1} * kPixelSegments * plan.hidden_share / 4")

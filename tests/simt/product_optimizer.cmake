# The optimisers, counters, gathers, counted noise and activations in the checking build, and bugs planted in them.
atelier_product_test(product_optimizer)
atelier_product_check(simt_product_optimizer product_optimizer "" kernels/optimizer.cu kernels/counter.cu
                      kernels/gather.cu kernels/noise.cu kernels/elementwise.cu)
set(_optimizer product_optimizer kernels/optimizer.cu kernels/optimizer.cu)
atelier_mutant(optimizer_reads_past_the_end ${_optimizer}
               "start + i < size) four.element[i] =" "start + i <= size) four.element[i] =")
atelier_mutant(optimizer_writes_past_the_end ${_optimizer}
               "start + i < size) data[start + i]" "start + i <= size) data[start + i]")
atelier_mutant(optimizer_writes_before_the_start ${_optimizer}
               "start + i >= 0 && start + i < size) data" "start + i < size) data")
atelier_mutant(optimizer_whole_four_too_many ${_optimizer} "start + 4 <= size;" "start + 3 <= size;")
atelier_mutant(optimizer_short_grid ${_optimizer} "(cut.lead + size + 3) / 4" "(size + 3) / 4")
atelier_mutant(optimizer_factors_unawaited ${_optimizer} "__syncthreads();" "")
atelier_mutant(optimizer_second_moment_lost ${_optimizer}
               "store_four(call.second_moment.data, start, size, whole, second);" "")
set(_update product_optimizer kernels/optimizer.cu kernels/optimizer_function.h)
atelier_mutant(optimizer_step_too_late ${_update} "read_counter(settings.step))" "read_counter(settings.step) + 1)")
atelier_mutant(optimizer_old_moment ${_update} "A::product(A::all(factors.beta2), second_moment)" "second_moment")
set(_counter product_optimizer kernels/counter.cu kernels/counter.cu)
atelier_mutant(counter_read_while_written ${_counter} "__syncthreads();" "")
atelier_mutant(counter_stays ${_counter} "iteration + 1" "iteration")
atelier_mutant(counter_history_row_late ${_counter} "(iteration % " "((iteration + 1) % ")
set(_gather product_optimizer kernels/gather.cu kernels/gather.cu)
atelier_mutant(gather_writes_past_the_row ${_gather} "if (c + i < output.columns)" "if (c + i <= output.columns)")
atelier_mutant(gather_whole_four_too_many ${_gather} "c + 4 <= output.columns" "c + 3 <= output.columns")
atelier_mutant(gather_row_beyond_the_batch ${_gather} "if (b >= output.rows) return;" "if (b > output.rows) return;")
atelier_mutant(gather_label_beyond_the_batch ${_gather} "if (b < output.size)" "if (b <= output.size)")
atelier_mutant(gather_does_not_wrap product_optimizer kernels/gather.cu kernels/gather_launch.h
               "static_cast<std::uint64_t>(b)) % count)" "static_cast<std::uint64_t>(b)))")
set(_noise product_optimizer kernels/noise.cu kernels/noise.cu)
atelier_mutant(noise_short_grid ${_noise} "(3 + destination.size + 3) / 4" "(destination.size + 3) / 4")
atelier_mutant(noise_does_not_wrap ${_noise} "& kLastBlock" "& ~std::uint64_t{0}")
atelier_mutant(noise_ignores_the_counter product_optimizer kernels/noise.cu kernels/counter.h
               "*counter.value * counter.scale" "*counter.value")
set(_elementwise product_optimizer kernels/elementwise.cu kernels/elementwise.cu)
atelier_mutant(elementwise_writes_past_the_row ${_elementwise} "index < columns ? 0 : 1" "index <= columns ? 0 : 1")
atelier_mutant(elementwise_writes_past_the_matrix ${_elementwise}
               "at.row < input.rows) output" "at.row <= input.rows) output")
atelier_mutant(elementwise_slope_at_the_value ${_elementwise}
               "activation, input(at.row, at.column), output" "activation, output(at.row, at.column), output")

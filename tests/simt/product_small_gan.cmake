# The little GANs' kernels in the checking build, as they are and with bugs planted.
atelier_product_test(product_small_gan)
atelier_product_check(simt_product_small_gan product_small_gan "" kernels/small_gan.cu)

set(_small_gan product_small_gan kernels/small_gan.cu kernels/small_gan.cu)
atelier_mutant(small_gan_tail ${_small_gan}
               "gan >= call.weights.columns" "gan > call.weights.columns")
atelier_mutant(small_gan_output_tail ${_small_gan} "gan >= weights.columns) return;\n  const Networks"
               "gan > weights.columns) return;\n  const Networks")
atelier_mutant(small_gan_pattern_tail ${_small_gan} "row >= destination.rows" "row > destination.rows")
atelier_mutant(small_gan_last_weight_kept ${_small_gan}
               "for (int i = 0; i < kSmallGanWeights; ++i) weights(i, gan) ="
               "for (int i = 0; i < kSmallGanWeights - 1; ++i) weights(i, gan) =")
atelier_mutant(small_gan_weight_not_loaded ${_small_gan}
               "for (int i = 0; i < kSmallGanWeights; ++i) small_gan_weight"
               "for (int i = 1; i < kSmallGanWeights; ++i) small_gan_weight")
atelier_mutant(small_gan_restarts ${_small_gan} "call.first_iteration + static_cast" "static_cast")
atelier_mutant(small_gan_same_noise_twice ${_small_gan}
               "draw_noise({seed, kSmallGanGeneratorNoiseStream}" "draw_noise({seed, kSmallGanFakeNoiseStream}")
atelier_mutant(small_gan_record_twice ${_small_gan} "until_next_ = records_.stride - 1;" "until_next_ = 0;")
atelier_mutant(small_gan_record_row ${_small_gan} "    ++row_;\n" "")
atelier_mutant(small_gan_record_columns ${_small_gan}
               "kind * records_.gans + column_" "kind * records_.gans + column_ / 2")

set(_small_gan_function product_small_gan kernels/small_gan.cu kernels/small_gan_function.h)
atelier_mutant(small_gan_fake_called_real ${_small_gan_function} "fake.output, 0.0F, rate" "fake.output, 1.0F, rate")
atelier_mutant(small_gan_judged_too_early ${_small_gan_function}
               "gan.d.first, hidden, gradient" "gan.d.first, judged.hidden, gradient")
atelier_mutant(small_gan_updated_before_use ${_small_gan_function}
               "  Number hidden[Shape::hidden];\n  small_transposed<Arithmetic>(network.second, gradient, hidden);"
               "  Number hidden[Shape::hidden];\n  small_update<Arithmetic>(network.second, gradient, pass.hidden);\n  small_transposed<Arithmetic>(network.second, gradient, hidden);")
atelier_mutant(small_gan_short_sum ${_small_gan_function}
               "for (int column = 1; column < columns; ++column)" "for (int column = 1; column < columns - 1; ++column)")
atelier_mutant(small_gan_wrong_slope ${_small_gan_function}
               "(Arithmetic::broadcast(1.0F) - y[i])" "Arithmetic::broadcast(1.0F)")

# Points to pixels in the checking build, and bugs planted in the kernel.
atelier_product_test(product_resolve)
atelier_product_check(simt_product_resolve product_resolve "" kernels/resolve.cu)
set(_resolve product_resolve kernels/resolve.cu kernels/resolve.cu)
atelier_mutant(resolve_reads_beyond_the_row ${_resolve} "if (column >= frame.region.width ||" "if (column > frame.region.width ||")
atelier_mutant(resolve_row_of_pixels ${_resolve} "row * plan.samples * line" "row * line")
atelier_mutant(resolve_leaves_out_a_point ${_resolve} "across < plan.samples; ++across" "across < plan.samples - 1; ++across")
atelier_mutant(resolve_palette_end ${_resolve} "static_cast<float>(kPaletteEntries - 2)" "static_cast<float>(kPaletteEntries + 2)")
atelier_mutant(resolve_averages_values ${_resolve} "if (!plan.light) return {rgb[0]" "if (true) return {rgb[0]")
atelier_mutant(resolve_noise_of_the_region ${_resolve} "dither_noise(frame.region.column + column," "dither_noise(column,")
set(_color product_resolve kernels/resolve.cu kernels/color_function.h)
atelier_mutant(resolve_short_bisection ${_color} "count < kGamutBisections; count += 2" "count < kGamutBisections - 8; count += 2")
atelier_mutant(resolve_blue_beyond_the_display ${_color}
               "A::larger(A::larger(A::absolute(red), A::absolute(green)), A::absolute(blue))"
               "A::larger(A::absolute(red), A::absolute(green))")

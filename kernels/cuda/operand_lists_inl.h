// Operands of inline assembly that are sums in registers, float[n][4]: PARLEY_SUMS_n(mode, c) lists all 4 n of them in their order,
// each by `mode`. Included by .cu files only.
// Thread:   none.
// Memory:   none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#define PARLEY_ADDED(v) "+f"(v)
#define PARLEY_MADE(v) "=f"(v)

#define PARLEY_FOUR_SUMS(mode, v) mode((v)[0]), mode((v)[1]), mode((v)[2]), mode((v)[3])
#define PARLEY_SUMS_1(mode, c) PARLEY_FOUR_SUMS(mode, (c)[0])
#define PARLEY_SUMS_2(mode, c) PARLEY_FOUR_SUMS(mode, (c)[0]), PARLEY_FOUR_SUMS(mode, (c)[1])
#define PARLEY_SUMS_4(mode, c) PARLEY_SUMS_2(mode, c), PARLEY_SUMS_2(mode, (c) + 2)
#define PARLEY_SUMS_8(mode, c) PARLEY_SUMS_4(mode, c), PARLEY_SUMS_4(mode, (c) + 4)
#define PARLEY_SUMS_16(mode, c) PARLEY_SUMS_8(mode, c), PARLEY_SUMS_8(mode, (c) + 8)

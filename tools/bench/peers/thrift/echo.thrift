# SPDX-License-Identifier: MIT
namespace cpp bench

struct Pair {
  1: i64 number,
  2: string text
}

service Bench {
  Pair echo(1: i64 number, 2: string text),
  binary large(1: binary data)
}

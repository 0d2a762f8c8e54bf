# SPDX-License-Identifier: MIT
@0xdbe5c03a51f0a6b2;

interface Item {
  poke @0 (x :Int64) -> (x :Int64);
}

interface Sink {
  event @0 (number :Int64, text :Text) -> ();
}

interface Bench {
  echo @0 (number :Int64, text :Text) -> (number :Int64, text :Text);
  large @1 (data :Data) -> (data :Data);
  make @2 () -> (item :Item);
  push @3 (sink :Sink, count :UInt32) -> ();
}

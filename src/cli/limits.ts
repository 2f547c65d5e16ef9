/** How many entries of a list a command shows. */

import { Option } from "commander";
import { wholeNumberFrom } from "./options.ts";

/** `usual`: the limit without the option; undefined shows all. */
export function limitOption(usual?: number): Option {
  const option = new Option("-n, --limit <count>", "show at most this many").argParser(wholeNumberFrom(1, 1e9));
  return usual === undefined ? option : option.default(usual);
}

/** The first `count` things. The rest is not requested. */
export async function* take<T>(things: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): AsyncGenerator<T> {
  let left = count;
  for await (const thing of things) {
    yield thing;
    if (--left <= 0) return;
  }
}

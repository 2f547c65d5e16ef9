/** What this ran on, in a sentence: a number without its machine says nothing. */

import { arch, cpus, platform, totalmem } from "node:os";

const GIB = 2 ** 30;

export function machine(): string {
  const cores = cpus();
  const model = cores[0]?.model.trim() ?? "unknown processor";
  const memory = Math.round(totalmem() / GIB);
  return `${cores.length} cores of ${model}, ${memory} GiB, ${platform()} ${arch()}, Node ${process.version}`;
}

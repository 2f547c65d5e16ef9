/** The bench's side of the receiver's process. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Heard } from "./receiver.ts";

const RECEIVER = fileURLToPath(new URL("./receiver.ts", import.meta.url));

/** Starts a receiver, and passes its origin. Ends it, even if the work fails. */
export async function withReceiver<T>(work: (receiver: string) => Promise<T>): Promise<T> {
  const child = fork(RECEIVER, { execArgv: ["--no-warnings"] });
  try {
    const [origin] = (await once(child, "message")) as [string];
    return await work(origin);
  } finally {
    child.disconnect();
  }
}

/** What the receiver has heard since the last call. */
export async function heardBy(receiver: string): Promise<readonly Heard[]> {
  return (await (await fetch(receiver)).json()) as Heard[];
}

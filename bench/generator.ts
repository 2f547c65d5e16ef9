/** The bench's side of the load process: sends one job at a time, and gets back what the job measured. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Job, Measured, ToLoad } from "./load.ts";
import { withReceiver } from "./receiving.ts";
import type { Seeds } from "./requests.ts";
import { makeSeeds, type SeedCounts } from "./seeds.ts";
import { open, type Site, type SiteOptions } from "./site.ts";

const LOAD = fileURLToPath(new URL("./load.ts", import.meta.url));

export type Generator = { run(job: Job): Promise<Measured> };

/**
 * Opens a site with runs to read, and starts a receiver and a load process for it. Closes all, even if the work fails.
 */
export async function withLoad<T>(
  { seeds, ...options }: SiteOptions & { readonly seeds?: SeedCounts },
  work: (site: Site, generator: Generator) => Promise<T>,
): Promise<T> {
  const site = await open(options);
  try {
    return await withReceiver(async (receiver) =>
      withGenerator(site, await makeSeeds(site, receiver, seeds), (generator) => work(site, generator)),
    );
  } finally {
    await site.stop();
  }
}

/** Starts a load process for a site. Ends it, even if the work fails. */
export async function withGenerator<T>(
  { origins }: Site,
  seeds: Seeds,
  work: (generator: Generator) => Promise<T>,
): Promise<T> {
  const child = fork(LOAD, { serialization: "advanced", execArgv: ["--no-warnings"] });
  const tell = (message: ToLoad) => child.send(message);
  const run = async (job: Job) => {
    const answered = once(child, "message");
    const gone = once(child, "exit").then(() => {
      throw new Error("the load process ended");
    });
    tell({ job });
    const [measured] = (await Promise.race([answered, gone])) as [Measured];
    return measured;
  };
  try {
    tell({ setup: { origins, seeds } });
    return await work({ run });
  } finally {
    child.disconnect();
  }
}

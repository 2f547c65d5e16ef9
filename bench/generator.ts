/** The bench's side of the load process: sends one job at a time, and gets back what the job measured. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Job, Measured, ToLoad } from "./job.ts";
import type { Seeds } from "./requests.ts";
import type { Server } from "./server.ts";

const LOAD = fileURLToPath(new URL("./load.ts", import.meta.url));

export interface Generator {
  run(job: Job): Promise<Measured>;
  /** From now on, requests go to where the server is since its restart. The runs that it had are forgotten. */
  renew(server: Server): void;
}

/** Starts a load process for these servers. Ends it, even if the work fails. */
export async function withGenerator<T>(
  servers: readonly Server[],
  seeds: Seeds,
  work: (generator: Generator) => Promise<T>,
): Promise<T> {
  const child = fork(LOAD, { serialization: "advanced", execArgv: ["--no-warnings"] });
  const send = (message: ToLoad) => child.send(message);
  const renew = ({ name: server, origin }: Server) => send({ reached: { server, origin } });
  const gone = once(child, "exit").then(() => {
    throw new Error("the load process ended");
  });
  // Nobody may wait for a job when it ends.
  gone.catch(() => {});
  const run = async (job: Job) => {
    const answered = once(child, "message");
    send({ job });
    const [measured] = (await Promise.race([answered, gone])) as [Measured];
    return measured;
  };
  try {
    send({ seeds });
    servers.forEach(renew);
    return await work({ run, renew });
  } finally {
    child.disconnect();
  }
}

/** The load process, seen from the bench: one job at a time, each answered by what was measured. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Job, Measured, Setup, ToLoad } from "./load.ts";

const LOAD = fileURLToPath(new URL("./load.ts", import.meta.url));

export interface Generator {
  setUp(setup: Setup): void;
  run(job: Job): Promise<Measured>;
  stop(): void;
}

export function startGenerator(): Generator {
  const child = fork(LOAD, { serialization: "advanced", execArgv: ["--no-warnings"] });
  const tell = (message: ToLoad) => child.send(message);
  return {
    setUp: (setup) => tell({ setup }),
    run: async (job) => {
      const answered = once(child, "message");
      const gone = once(child, "exit").then(() => {
        throw new Error("the load process ended");
      });
      tell({ job });
      const [measured] = (await Promise.race([answered, gone])) as [Measured];
      return measured;
    },
    stop: () => child.disconnect(),
  };
}

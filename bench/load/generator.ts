/** The load process as the bench sees it: it gets one job at a time, and sends back what the job measured. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Meanwhile } from "../rates/comparisons.ts";
import type { Server, ServerName } from "../servers/server.ts";
import type { OperationName } from "./operations.ts";
import type { Notified } from "./receiving.ts";
import type { Seeds, State } from "./requests.ts";

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

export interface Job {
  readonly operation: OperationName | "mixed";
  readonly callers: number;
  /** No request starts after this. */
  readonly forMs: number;
  /** The most requests to send. Without it, only the time ends the job. */
  readonly most?: number;
  /** Other load, from before the job until its end. Wrong responses to it count as the job's. */
  readonly meanwhile?: Meanwhile | undefined;
}

export interface Measured {
  readonly answers: number;
  readonly failures: number;
  /** The first wrong response, for the error message. */
  readonly firstFailure: string | null;
  readonly elapsedMs: number;
  /** One for each response. */
  readonly latenciesMs: readonly number[];
  /** Responses a second to the other load; null without other load. */
  readonly meanwhilePerSecond: number | null;
  /** What a webhook endpoint heard of the job; null if none hears of it. The job is over when it has heard all. */
  readonly notified: Notified | null;
  /** Whether a connection was refused, which ends the job at once: the server has ended. */
  readonly isRefused: boolean;
}

/** The seeds and where each server is, before the first job. A server is somewhere else after a restart. */
export type ToLoad =
  | Pick<State, "seeds">
  | { readonly reached: { readonly server: ServerName; readonly origin: string } }
  | { readonly job: Job };

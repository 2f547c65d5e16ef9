/** The clerks, seen from the bench: a few processes that take jobs in their order. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Answer, CLERK_FLAGS, type Job } from "./clerk.ts";
import type { Facts, Reportable } from "./facts.ts";
import type { Place } from "./place.ts";
import type { Statement } from "./statements.ts";

const CLERK = fileURLToPath(new URL("./clerk.ts", import.meta.url));
/** One for each core of a small machine. */
const CLERKS = 2;

export interface Clerks {
  fill(places: readonly Place[]): Promise<void>;
  facts(place: Place): Promise<Facts>;
  /** Open runs of each coordinator, and what opens them. */
  reportable(place: Place, count: number): Promise<Reportable[][]>;
  /** Every statement of the service, tried on the files of this place. */
  statements(place: Place): Promise<Statement[]>;
  stop(): void;
}

export function startClerks(): Clerks {
  const idle = Array.from({ length: CLERKS }, () =>
    // What the service logs there is nobody's business.
    fork(CLERK, {
      serialization: "advanced",
      execArgv: CLERK_FLAGS,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    }),
  );
  const all = [...idle];
  const waiting: (() => void)[] = [];

  async function have(job: Job): Promise<unknown> {
    while (idle.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    const clerk = idle.pop();
    if (clerk === undefined) throw new Error("no clerk");
    const told = new AbortController();
    try {
      if (!clerk.connected) throw new Error("a clerk has ended");
      const answered = once(clerk, "message", { signal: told.signal });
      const gone = once(clerk, "exit", { signal: told.signal }).then(([code, signal]) => {
        throw new Error(`a clerk ended, by ${signal ?? `code ${code}`}`);
      });
      clerk.send(job);
      const [answer] = (await Promise.race([answered, gone])) as [Answer];
      if ("error" in answer) throw new Error(`${job.kind}: ${answer.error}`);
      return answer.value;
    } finally {
      told.abort();
      idle.push(clerk);
      waiting.shift()?.();
    }
  }
  return {
    fill: async (places) => {
      await Promise.all(jobsOf(places).map(have));
    },
    facts: async (place) => (await have({ kind: "facts", place })) as Facts,
    reportable: async (place, count) => (await have({ kind: "reportable", place, count })) as Reportable[][],
    statements: async (place) => (await have({ kind: "statements", place })) as Statement[],
    stop: () => {
      // One that has ended is told of by the job it had.
      for (const clerk of all) if (clerk.connected) clerk.disconnect();
    },
  };
}

/** The longest first, so that all clerks are done at about the same time. */
function jobsOf(places: readonly Place[]): Job[] {
  const largestFirst = places.toSorted((a, b) => b.runs - a.runs);
  const numbers = [0, 1, 2, 3];
  return [
    ...largestFirst.map((place): Job => ({ kind: "fill D1", place })),
    ...largestFirst.flatMap((place) => numbers.map((n): Job => ({ kind: "fill journal", place, n }))),
  ];
}

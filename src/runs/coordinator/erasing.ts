/** An object whose environment is erased only ends its runs, so that their jobs are asked to stop. */
import { ERASING, type ErasingCalls } from "../protocol.ts";
import type { CancelRequest } from "../transition.ts";
import type { DueWork } from "./alarm.ts";
import { type Context, Part, PartWith } from "./context.ts";
import { cancelRun } from "./run-ends.ts";

/** Small enough that the calls of jobs never wait long for a batch. */
const BATCH_RUNS = 200;
const END: CancelRequest = {
  type: "cancel_requested",
  by: "root",
  reason: "The operator erases the environment.",
  graceMs: 0,
};

export class Ending extends Part implements DueWork {
  nextAt(now: number): number {
    return this.journal.due.nextDueAt() === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : now;
  }

  takeBatch(now: number): number {
    const open = this.journal.due.due(Number.MAX_SAFE_INTEGER, BATCH_RUNS);
    let failed: unknown = null;
    for (const { id } of open) {
      try {
        cancelRun(this.context, id, END, { key: `m:${id}`, fingerprint: "" }, now);
      } catch (error) {
        this.logFailure("erase_failed", error, { run: id });
        failed = error;
      }
    }
    // The others have ended. The alarm waits before it tries this one again.
    if (failed !== null) throw failed;
    return open.length;
  }
}

/** `begun`: makes the object do nothing but to end. */
interface ErasedObject {
  readonly object: DurableObjectState;
  readonly begun: () => void;
}

export class ErasingHandler extends PartWith<ErasedObject> {
  constructor(context: Context, parts: ErasedObject) {
    super(context, parts);
    if (isErasing(context)) parts.begun();
  }

  readonly calls: ErasingCalls = {
    begin: async (askedAt, isAgain) => {
      const { journal, replicas } = this.context;
      if (journal.metadata.number("erasing") !== askedAt) {
        if (isAgain) return false;
        journal.metadata.set("erasing", askedAt);
        replicas.stop();
        this.parts.begun();
      }
      this.context.arm(Date.now());
      return true;
    },

    wipe: async (askedAt) => {
      if (this.journal.metadata.number("erasing") !== askedAt) return true;
      const { object } = this.parts;
      await object.storage.deleteAll();
      await object.storage.sync();
      // This instance refuses all calls until then. In a timer, because workerd logs an end during a call as a failure.
      setTimeout(() => object.abort("the environment is erased"));
      return false;
    },
  };
}

/** Undefined for the calls that go on. */
export function answerWhileErasing(context: Context, subject: string, name: string): unknown {
  if (!isErasing(context) || subject === "erasing" || (subject === "upkeep" && name === "poke")) return undefined;
  // A job must hear that it has to stop.
  const isOfJob = subject === "runs" && (name === "applyEvent" || name === "heartbeat");
  return isOfJob ? { ok: false, reason: "run_cancelled" } : ERASING;
}

function isErasing({ journal }: Context): boolean {
  return journal.metadata.get("erasing") !== null;
}

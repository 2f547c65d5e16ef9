/**
 * The service as the soak runs it: the real one, with a D1 that can be made to fail (test/support/worker.ts), and a few
 * endpoints that make faults. Each isolate has its own faults, so the soak tells every isolate.
 */

import { breakD1, faults, holdWrites, resetFaults } from "../../support/faults.ts";
import { set } from "../../support/settings.ts";
import service, { RunCoordinator as Coordinator } from "../../support/worker.ts";
import { type FaultsTold, isRefused } from "../disturbances/fault-names.ts";

export {
  AutomaticRetries,
  BulkOperations,
  DeliverySender,
  ScheduledStarts,
  WebhookEndpoints,
  WebhookSender,
} from "../../support/worker.ts";

type Env = Parameters<typeof service.fetch>[1];

// As the tests that have four databases.
set("databases");

/** The longest that a statement takes while D1 is slow. */
const SLOW_MAX_MS = 2000;
/** How long a batch takes that fails late. A list waits somewhat longer for it. */
const LATE_MS = 1500;

export class RunCoordinator extends Coordinator {
  /** Ends this instance. What it had in memory is gone, and the calls that are under way fail. */
  async evict(): Promise<void> {
    this.ctx.abort("the soak evicts this coordinator");
  }
}

/** Per isolate: whether D1 is slow, and how to let go of the statements that are held back. */
const state = { isSlow: false, open: () => {} };

/** The versions that D1 has refused, so that it takes each of them the next time. */
const refused = new Set<string>();

/** Refuses a batch with such a row. Only when the row is alone, the service knows which one it is. */
function refusesRow(bound: string, sql: string): boolean {
  if (!sql.startsWith("INSERT INTO runs")) return false;
  const rows = [...bound.matchAll(/\["([0-9a-f-]{36})",(\d+),/g)];
  const bad = rows.filter(([row, id = ""]) => isRefused(id) && !refused.has(row));
  const [culprit] = bad;
  if (rows.length === 1 && culprit !== undefined) refused.add(culprit[0]);
  return bad.length > 0;
}

function makeFault({ fault: name, only, refusesRows }: FaultsTold): void {
  state.open();
  resetFaults();
  faults.only = only;
  state.open = () => {};
  state.isSlow = name === "slow";
  if (refusesRows) faults.writes = { refuse: refusesRow };
  if (name === "hanging") state.open = breakD1("hang").open;
  else if (name === "refusing") breakD1("down");
  else if (name === "refusing writes") faults.writes = "down";
  else if (name === "refusing reads") faults.reads = "down";
  else if (name === "holding writes back") state.open = holdWrites().open;
  else if (name === "committing, then failing") faults.writes = "committed_then_error";
  else if (name === "full") faults.writes = "full";
  else if (name === "refusing batches late") {
    faults.writeDelayMs = LATE_MS;
    const lose = (_bound: string, sql: string) => {
      if (sql.startsWith("INSERT INTO runs")) throw new Error("D1_ERROR: Network connection lost.");
      return false;
    };
    faults.writes = { refuse: lose };
  }
}

/** Drawn again at each request, so that statements overtake each other. */
function drawDelays(): void {
  if (!state.isSlow) return;
  faults.readDelayMs = Math.random() * SLOW_MAX_MS;
  faults.writeDelayMs = Math.random() * SLOW_MAX_MS;
}

async function control(request: Request, env: Env, controller: ScheduledController): Promise<void> {
  const url = new URL(request.url);
  if (url.pathname === "/soak/cron") return service.scheduled(controller, env);
  if (url.pathname === "/soak/evict") {
    const stub: unknown = env.COORDINATORS.getByName(await request.text());
    // The call fails because the instance that should answer is gone.
    return (stub as RunCoordinator).evict().catch(() => {});
  }
  makeFault(JSON.parse(await request.text()) as FaultsTold);
}

export default {
  ...service,
  async fetch(request, env, ctx) {
    if (!new URL(request.url).pathname.startsWith("/soak/")) {
      drawDelays();
      return service.fetch(request, env, ctx);
    }
    await control(request, env, {
      cron: "* * * * *",
      scheduledTime: Date.now(),
      noRetry: () => {},
    } as ScheduledController);
    return new Response("done\n");
  },
} satisfies ExportedHandler<Env>;

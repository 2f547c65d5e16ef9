/**
 * The Durable Object that owns an environment's runs. The platform is the lock: there is no `await` from reading a run
 * to writing its change and setting the alarm (see docs/architecture.md). One part answers the calls of each subject.
 */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../settings/env.ts";
import { nameInJournal } from "../journal/metadata.ts";
import { type Coordinator, type CoordinatorObject, coordinatorsIn } from "../protocol.ts";
import { isScope } from "../run-id.ts";
import { BulkHandler } from "./bulk/bulk-handler.ts";
import { Context } from "./context.ts";
import { EndpointHandler } from "./endpoints/endpoint-handler.ts";
import { FanOut } from "./endpoints/fan-out.ts";
import { answerWhileErasing, Ending, ErasingHandler } from "./erasing.ts";
import { ApproverCheck } from "./gates/approver-check.ts";
import { GateHandler } from "./gates/gate-handler.ts";
import { GatedRuns } from "./gates/gated-runs.ts";
import { Scheduler } from "./gates/scheduler.ts";
import { Cleaning, MoveHandler } from "./moves.ts";
import { Archive, Purge, Shortening } from "./retention.ts";
import { RunHandler, WatchHandler } from "./run-handler.ts";
import { Dispatches, StopRequests } from "./sending/dispatches.ts";
import { Retries } from "./starts/retries.ts";
import { Schedules } from "./starts/schedules.ts";
import { UpkeepHandler } from "./upkeep-handler.ts";

const NO_NAME = "a coordinator has no name because it was woken by id: call it by name";

export class RunCoordinator extends DurableObject<Env> implements CoordinatorObject {
  readonly #context: Context;
  readonly #subjects: Coordinator;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const scope = scopeOfObject(ctx, env);
    if (scope === null) {
      // This instance would have no name for any later caller. The next call starts another instance.
      ctx.abort(NO_NAME);
      throw new Error(NO_NAME);
    }
    const context = new Context(ctx, env, scope);
    const { alarms, ledger } = context;
    const stopRequests = new StopRequests(context);
    const dispatches = new Dispatches(context, stopRequests);
    const approvers = new ApproverCheck(context);
    const scheduler = new Scheduler(context, { dispatches, approvers });
    const gatedRuns = new GatedRuns(context, { dispatches, scheduler, approvers });
    const retries = new Retries(context, { gatedRuns });
    const fanOut = new FanOut(context, { retries });
    const { reads, deliveries, outcomes } = fanOut;
    const bulk = new BulkHandler(context, { scheduler });
    const schedules = new Schedules(context);
    const cleaning = new Cleaning(context);
    const archive = new Archive(context);
    const shortening = new Shortening(context, { archive });

    ledger.consequences = { fanOut, outcomes, stopRequests, gatedRuns, retries, scheduler };
    approvers.scheduler = scheduler;
    const works = [bulk.driver, retries, schedules, cleaning, fanOut, reads];
    alarms.serve(
      [stopRequests.outbox, dispatches.outbox, deliveries.outbox, scheduler, ...works],
      [shortening, new Purge(context, { archive }), archive],
    );
    this.#context = context;
    this.#subjects = {
      runs: new RunHandler(context, { dispatches, gatedRuns, scheduler, retries, schedules }).calls,
      gates: new GateHandler(context, { gatedRuns, scheduler, approvers }).calls,
      watches: new WatchHandler(context).calls,
      definitions: reads.calls,
      endpoints: new EndpointHandler(context, { fanOut }).calls,
      schedules: schedules.calls,
      upkeep: new UpkeepHandler(context, { reads }).calls,
      bulk: bulk.calls,
      archive: archive.calls,
      moves: new MoveHandler(context).calls,
      purges: shortening.calls,
      erasing: new ErasingHandler(context, {
        object: ctx,
        begun: () => {
          ledger.consequences = { stopRequests };
          alarms.serve([stopRequests.outbox, new Ending(context)], []);
        },
      }).calls,
    };
    const now = Date.now();
    fanOut.takeBatch(now);
    // Runs can wait in a queue that got room before the last object died. And it has perhaps waited for an answer.
    if ([scheduler, ...works].some((work) => work.nextAt(now) <= now)) alarms.arm(now);
  }

  async call(subject: keyof Coordinator, name: string, args: readonly unknown[]): Promise<unknown> {
    const calls: object = Object.hasOwn(this.#subjects, subject) ? this.#subjects[subject] : {};
    const call: unknown = Object.getOwnPropertyDescriptor(calls, name)?.value;
    // During a deploy, the Worker can be newer than this object.
    if (typeof call !== "function") throw new TypeError(`the coordinator has no call ${subject}.${name}`);
    return answerWhileErasing(this.#context, subject, name) ?? call(...args);
  }

  override async alarm(): Promise<void> {
    const { alarms, replication } = this.#context;
    alarms.ring(Date.now(), replication);
  }
}

/**
 * Null if the object can't know. One that was woken by id never learns its name from the platform, so the journal keeps
 * it. An object believes a name only if that hashes to its own id, or it would replicate to another environment.
 */
function scopeOfObject(ctx: DurableObjectState, env: Env): string | null {
  const name = ctx.id.name ?? nameInJournal(ctx.storage.sql);
  return name !== null && isScope(name) && coordinatorsIn(env).idFromName(name).equals(ctx.id) ? name : null;
}

/**
 * The Durable Object that owns a quarter of an environment's runs. It orders their changes, journals each before any
 * caller gets an answer, enforces their deadlines, sends their webhooks, and lands them in D1. The platform is the
 * lock: there is no `await` from reading a run to writing its change and setting the alarm (see docs/architecture.md).
 */

import { DurableObject } from "cloudflare:workers";
import { msSince } from "../../base/time.ts";
import { retentionDays } from "../../settings/config.ts";
import type { Env } from "../../settings/env.ts";
import type { NewDelivery } from "../../webhooks/delivery.ts";
import type { Actor } from "../actor.ts";
import { LOOK_AGAIN_MS } from "../d1/registration.ts";
import { D1RowStore } from "../d1/store.ts";
import { type Slot, slotOf } from "../gates.ts";
import { Journal, mustStop } from "../journal/journal.ts";
import type { JournaledRun } from "../journal/run-rows.ts";
import type { MessageFilter } from "../message.ts";
import { Projection } from "../projection/projection.ts";
import type {
  ApprovalReply,
  AskedChanges,
  ChangeKey,
  ChangesReply,
  ClaimReply,
  ConcurrencyGroup,
  Coordinator,
  Decision,
  EndpointReport,
  EventOptions,
  GatedCreation,
  Heartbeat,
  Inclusion,
  InputsReply,
  MessagesReply,
  Pause,
  ResendReply,
  RunEventToTell,
  RunReply,
  Settled,
  TimelinePage,
  TimelineReply,
  Wait,
  Watcher,
} from "../protocol.ts";
import { begin, isOpen, type NewRun } from "../run.ts";
import type { RunCounts } from "../run-counts.ts";
import type { EndpointKey, Endpoints, EventType, Recovery, RecoveryOrder } from "../telling.ts";
import { heartbeatNews, isLast, toWireEvent } from "../timeline.ts";
import { type CancelRequest, externalUrlRefusal, type RunEvent, transition } from "../transition.ts";
import { AlarmClock } from "./alarm/alarm-clock.ts";
import { DueQueue } from "./alarm/due-queue.ts";
import { ring } from "./alarm/ring.ts";
import { Changes } from "./changes.ts";
import { Deliveries } from "./deliveries.ts";
import { EndpointDesk } from "./endpoint-desk.ts";
import { GateDesk } from "./gate-desk.ts";
import { GateKeeper } from "./gate-keeper.ts";
import { Ledger } from "./ledger.ts";
import type { MessageSender } from "./messages.ts";
import { ownerOf } from "./owner.ts";
import { Purge } from "./purge.ts";
import {
  cancelOrderOf,
  fingerprintRefusal,
  isSame,
  KEY_REUSED,
  NOT_FOUND,
  Replies,
  TOO_MANY_WATCHERS,
} from "./replies.ts";
import type { Sender } from "./run-requests.ts";
import { StopRequests } from "./stop-requests.ts";
import { StorageLimit } from "./storage-limit.ts";
import { Watchers } from "./watchers.ts";

const NO_NAME = "a coordinator has no name because it was woken by id: call it by name";

/** The Worker's entrypoints that a coordinator calls, each call in a Worker invocation of its own. */
interface Entrypoints {
  readonly WebhookSender: Sender;
  readonly WebhookEndpoints: Endpoints;
  readonly MessageSender: MessageSender;
}

export class RunCoordinator extends DurableObject<Env> implements Coordinator {
  readonly #journal: Journal;
  readonly #storageLimit: StorageLimit;
  readonly #purge: Purge;
  readonly #alarms: AlarmClock;
  readonly #projection: Projection;
  readonly #watchers = new Watchers();
  readonly #changes: Changes;
  readonly #ledger: Ledger;
  readonly #stopRequests: StopRequests;
  readonly #deliveries: Deliveries;
  readonly #endpoints: EndpointDesk;
  readonly #replies: Replies;
  readonly #gateKeeper: GateKeeper;
  readonly #gates: GateDesk;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const owner = ownerOf(ctx, env);
    if (owner === null) {
      // This instance would have no name for any later caller. The next call starts another instance.
      ctx.abort(NO_NAME);
      throw new Error(NO_NAME);
    }
    this.#journal = new Journal(ctx.storage, owner);
    this.#storageLimit = new StorageLimit(ctx.storage.sql);
    this.#journal.marks.set("name", owner.name);
    const openRuns = new DueQueue(this.#journal.due);
    const stopRequests = new DueQueue(this.#journal.stopRequests);
    const messages = new DueQueue(this.#journal.messages);
    const telling = { nextAt: (now: number) => this.#endpoints.nextAt(now) };
    const gates = { nextAt: (now: number) => this.#gateKeeper.nextAt(now) };
    const work = [openRuns, stopRequests, messages, telling, gates];
    this.#alarms = new AlarmClock(ctx.storage, this.#journal, work);
    const store = new D1RowStore(env.DB, owner, (now) => this.#alarms.nextOpenAt(now));
    this.#projection = new Projection(this.#journal, this.#alarms, store);
    this.#replies = new Replies(this.#journal, this.#projection);
    this.#purge = new Purge(this.#journal, this.#alarms, this.#projection, store);
    this.#changes = new Changes(ctx.storage.sql, this.#journal, this.#watchers);
    const days = retentionDays(env);
    this.#ledger = new Ledger(this.#journal, this.#projection, this.#watchers, this.#changes, days, {
      ended: (run, now) => this.#ended(run, now),
      approvalRequested: () => this.#endpoints.eventHappened(),
      timeHasCome: (run, now) => this.#gateKeeper.change(run, { type: "time_opened" }, now),
    });
    const { WebhookSender, WebhookEndpoints, MessageSender } = ctx.exports as unknown as Entrypoints;
    const arming = { owner, arm: (now: number) => this.#projection.arm(now) };
    const sending = { sender: WebhookSender, ...arming };
    this.#stopRequests = new StopRequests(this.#journal, stopRequests, this.#ledger, sending);
    const slotFreed = (run: JournaledRun, now: number) => this.#gateKeeper.slotFreed(run, now);
    const requests = this.#stopRequests;
    this.#deliveries = new Deliveries(this.#journal, openRuns, this.#ledger, requests, sending, slotFreed);
    const { arm } = arming;
    this.#gateKeeper = new GateKeeper(this.#journal, this.#ledger, this.#deliveries, requests, arm);
    this.#gates = new GateDesk(this.#journal, this.#ledger, this.#gateKeeper, this.#replies, days);
    this.#endpoints = new EndpointDesk(this.#journal, messages, this.#replies, {
      ...{ sender: MessageSender, endpoints: WebhookEndpoints, ...arming },
    });
    this.#endpoints.tellSoon();
    // Runs can wait for a slot that came free when the object died.
    if (this.#gateKeeper.nextAt(Date.now()) <= Date.now()) this.#projection.arm(Date.now());
  }

  async create(
    input: NewRun,
    changeKey: ChangeKey,
    newDelivery: NewDelivery | null,
    inclusion: Inclusion = {},
  ): Promise<RunReply> {
    const now = Date.now();
    const reason = this.#createRefusal(now);
    // A repeated create still gets its answer.
    if (reason !== null) return this.#existing(input, changeKey, now, inclusion) ?? { ok: false, reason };
    const claimed = this.#gates.claimed(changeKey, null, now);
    if (claimed !== null) return claimed;
    const run = begin(input, now, { isDelivering: newDelivery !== null });
    const { delivery, events } =
      newDelivery === null ? { delivery: null, events: [] } : this.#deliveries.begin(run, newDelivery, now);
    // A key is looked for only if the insert is refused, because nearly every create is new.
    const created = this.#ledger.create(run, changeKey, { delivery, events }, now);
    if (created === null) {
      return this.#existing(input, changeKey, now, inclusion) ?? { ok: false, reason: "id_taken" };
    }
    if (delivery !== null) this.#deliveries.launch(run.id, delivery);
    return this.#replies.run(created, inclusion);
  }

  async createGated(
    input: NewRun,
    changeKey: ChangeKey,
    newDelivery: NewDelivery,
    { preview, ...inclusion }: GatedCreation,
  ): Promise<RunReply> {
    const now = Date.now();
    const reason = this.#createRefusal(now);
    if (reason !== null) return this.#existing(input, changeKey, now, inclusion) ?? { ok: false, reason };
    const claimed = this.#gates.claimed(changeKey, input.gates && slotOf(input.gates), now);
    if (claimed !== null) return claimed;
    // Before anything waits or starts for it. `ledger.create` looks again, with the insert.
    const existing = this.#existing(input, changeKey, now, inclusion);
    if (existing !== null) return existing;
    const begun = begin(input, now, { isDelivering: true });
    const created = this.#gates.create(begun, changeKey, newDelivery, preview, now);
    if (created === "taken") return { ok: false, reason: "id_taken" };
    if (typeof created === "string") return { ok: false, reason: created };
    return this.#replies.run(created, inclusion);
  }

  async claim(changeKey: ChangeKey, slot: Slot, inclusion: Inclusion = {}): Promise<ClaimReply> {
    const now = Date.now();
    return this.#gates.claim(changeKey, slot, inclusion, { now, isFull: this.#storageLimit.isReached(now) });
  }

  async approve(
    id: string,
    decision: Decision,
    changeKey: ChangeKey,
    inclusion: Inclusion = {},
  ): Promise<RunReply> {
    return this.#gates.approve(id, decision, changeKey, inclusion, Date.now());
  }

  async reject(
    id: string,
    decision: Decision,
    changeKey: ChangeKey,
    inclusion: Inclusion = {},
  ): Promise<RunReply> {
    return this.#gates.reject(id, decision, changeKey, inclusion, Date.now());
  }

  async release(id: string, by: Actor, changeKey: ChangeKey, inclusion: Inclusion = {}): Promise<RunReply> {
    return this.#gates.release(id, by, changeKey, inclusion, Date.now());
  }

  async approval(id: string, asker: Actor): Promise<ApprovalReply> {
    return this.#gates.approval(id, asker, Date.now());
  }

  async hasGates(id: string): Promise<boolean> {
    const run = this.#journal.runs.byId(id);
    return run !== null && run.gates !== null;
  }

  async pause(pause: Pause): Promise<boolean> {
    const now = Date.now();
    const isPaused = this.#gates.pause(pause, now);
    this.#projection.arm(now);
    return isPaused;
  }

  async resume(group: string): Promise<boolean> {
    return this.#gates.resume(group, Date.now());
  }

  async pauses(): Promise<readonly Pause[]> {
    return this.#gates.pauses(Date.now());
  }

  async concurrencyGroups(
    only: string | null,
    after: Slot | null,
    limit: number,
  ): Promise<readonly ConcurrencyGroup[]> {
    return this.#gates.groups(only, after, limit, Date.now());
  }

  async setLimit(group: string, actionName: string, version: number, limit: number): Promise<void> {
    this.#gates.setLimit(group, actionName, version, limit, Date.now());
  }

  async recall(changeKey: ChangeKey, inclusion: Inclusion = {}): Promise<RunReply> {
    const existing = this.#journal.runs.byCreateKey(changeKey.key);
    if (existing !== null) return this.#recalled(existing, changeKey, Date.now(), inclusion);
    return this.#gates.claimed(changeKey, null, Date.now()) ?? NOT_FOUND;
  }

  async inputs(id: string): Promise<InputsReply> {
    const run = this.#ledger.current(id, Date.now());
    return run === null ? NOT_FOUND : this.#replies.inputs(run);
  }

  async applyEvent(
    id: string,
    event: RunEvent,
    changeKey: ChangeKey,
    { replayOnly = false, mayWrite = false }: EventOptions = {},
  ): Promise<RunReply> {
    const now = Date.now();
    const stored = this.#journal.runs.byId(id);
    if (stored === null) return NOT_FOUND;
    // Apply the deadline before comparing keys, so that the answer to a repeated request shows an end that has just
    // been noticed.
    const run = replayOnly ? stored : this.#ledger.expired(stored, now);
    if (isSame(changeKey, run.changeKey, run.changeFingerprint)) {
      // The first call may have failed here.
      if (event.type === "cancelled") this.#stopRequests.request(run, now);
      return this.#replies.run(run, { replayed: true });
    }
    if (replayOnly) return NOT_FOUND;
    // Another request with a caller's key, for example of another person. A job that reports again sends another report.
    if (changeKey.key.startsWith("t:")) {
      if (changeKey.key === run.changeKey || this.#journal.accepted.of(id, changeKey.key) !== null) {
        return KEY_REUSED;
      }
    }
    // Without this, a token that can only read could empty a queue.
    if (event.type === "cancelled" && run.gates !== null && !mayWrite) {
      return { ok: false, reason: "write_required" };
    }

    const next = transition(run, event, now);
    if (!next.ok) return this.#replies.refusal(run, next.error);
    const changed = this.#ledger.update(run, next.value, event, now, { changeKey });
    if (event.type === "cancelled") this.#stopRequests.request(changed, now);
    return this.#replies.run(changed);
  }

  async cancel(
    id: string,
    request: CancelRequest,
    changeKey: ChangeKey,
    { include }: Inclusion = {},
  ): Promise<RunReply> {
    const now = Date.now();
    const run = this.#ledger.current(id, now);
    if (run === null) return NOT_FOUND;
    const accepted = this.#journal.accepted.of(id, changeKey.key);
    if (accepted?.fingerprint === changeKey.fingerprint) {
      // The first call may have failed here.
      this.#stopRequests.request(run, now);
      return { ...this.#replies.run(run, { replayed: true, include }), hasGrace: accepted.hasGrace };
    }
    // The key of another cancel, or of a DELETE.
    if (accepted !== null || run.changeKey === changeKey.key) return KEY_REUSED;

    const next = transition(run, request, now);
    if (!next.ok) return this.#replies.refusal(run, next.error);
    const hasGrace = isOpen(next.value);
    if (next.value.version === run.version) {
      // An earlier request ends the run sooner. Only a caller's own key can be sent again.
      if (changeKey.key.startsWith("t:")) {
        this.#journal.accepted.insert(id, { ...changeKey, hasGrace, at: now });
      }
      return { ...this.#replies.run(run, { include }), hasGrace };
    }
    const changed = this.#ledger.update(run, next.value, request, now, { changeKey });
    this.#stopRequests.request(changed, now);
    return { ...this.#replies.run(changed, { include }), hasGrace };
  }

  async heartbeat(id: string, heartbeat: Heartbeat): Promise<RunReply> {
    const now = Date.now();
    const run = this.#ledger.current(id, now);
    if (run === null) return NOT_FOUND;
    const { externalUrl } = heartbeat;
    const event: RunEvent = { type: "heartbeat", externalUrl };
    const next = transition(run, event, now);
    if (!next.ok) return this.#replies.refusal(run, next.error);
    const refusal = externalUrl === undefined ? null : externalUrlRefusal(run, externalUrl);
    const externalUrlRefused = refusal ?? undefined;
    const said = { cancel: cancelOrderOf(run, now), externalUrlRefused };
    const judged = { ...heartbeat, externalUrlRefused };
    const news = heartbeatNews(this.#journal.timeline.lastHeartbeat(id), judged, now);
    if (next.value.version > run.version) {
      const changed = this.#ledger.update(run, next.value, event, now, { last: news });
      return { ...this.#replies.run(changed), ...said };
    }
    this.#ledger.noteHeartbeat({ ...run, ...next.value }, news);
    return { ...this.#replies.run(run), ...said };
  }

  async read(id: string, inclusion: Inclusion = {}): Promise<RunReply> {
    const run = this.#ledger.current(id, Date.now());
    return run === null ? NOT_FOUND : this.#replies.run(run, inclusion);
  }

  async settle(): Promise<Settled> {
    return this.#projection.commit.settle();
  }

  async events(id: string, page: TimelinePage): Promise<TimelineReply> {
    return this.#timeline(id, page);
  }

  async watch(id: string, page: TimelinePage, watcher: Watcher, maxMs: number): Promise<TimelineReply> {
    const first = this.#timeline(id, page);
    if (!first.ok || first.isOver) return first;
    if (!this.#watchers.admit(id, watcher, Date.now(), maxMs)) return TOO_MANY_WATCHERS;
    if (first.events.length > 0) return first;
    await this.#watchers.news(watcher, maxMs);
    return this.#timeline(id, page);
  }

  async waitForEnd(id: string, watcher: Watcher, wait: Wait): Promise<RunReply> {
    const { maxMs, isLast, include } = wait;
    const startedAt = Date.now();
    // Each round waits for news, so this loop never runs without a pause.
    for (;;) {
      const now = Date.now();
      const leftMs = maxMs - msSince(startedAt, now);
      const run = this.#ledger.current(id, now);
      if (run === null) return NOT_FOUND;
      if (!isOpen(run) || leftMs <= 0) {
        if (isLast || !isOpen(run)) this.#watchers.leave(watcher.key);
        return this.#replies.run(run, { include });
      }
      if (!this.#watchers.admit(id, watcher, now, maxMs)) return TOO_MANY_WATCHERS;
      // If the watcher has left or made a newer call, stop here. Otherwise both calls would take the seat in turn and
      // wake each other for ever.
      if (!(await this.#watchers.news(watcher, leftMs))) return this.#replies.run(run);
    }
  }

  async changes(asked: AskedChanges): Promise<ChangesReply> {
    return this.#changes.page(asked);
  }

  async watchChanges(asked: AskedChanges, watcher: Watcher, maxMs: number): Promise<ChangesReply> {
    return this.#changes.watch(asked, watcher, maxMs);
  }

  async unwatch(watcherKey: string): Promise<void> {
    this.#watchers.leave(watcherKey);
  }

  async poke(): Promise<number | null> {
    const now = Date.now();
    this.#alarms.forgetArmed();
    this.#projection.arm(now);
    const dueAt = this.#alarms.nextDueAt(now);
    // The sweep changes what is registered, so the next flight registers again.
    this.#projection.unregister();
    if (this.#projection.isBehind) return Math.min(dueAt, now + LOOK_AGAIN_MS);
    // Without its row in D1, nobody would ask for the counts, and the environment's sum would fall.
    const keepsNothing = this.#journal.runs.isEmpty() && !this.#journal.endedCounts.hasBegun;
    return keepsNothing ? null : dueAt;
  }

  async counts(): Promise<RunCounts> {
    const { landing, endedCounts, runs } = this.#journal;
    const upTo = landing.lastSeq;
    while (endedCounts.countedSeq < upTo) {
      endedCounts.takeTurn(upTo);
      // Between two turns, others get theirs.
      if (endedCounts.countedSeq < upTo) await scheduler.wait(0);
    }
    return { open: runs.openCounts(), ended: endedCounts.counts };
  }

  async resync(): Promise<number> {
    return this.#projection.resync();
  }

  async notify(): Promise<void> {
    this.#endpoints.notify(Date.now());
  }

  async endpoint(key: EndpointKey): Promise<EndpointReport> {
    return this.#endpoints.report(key);
  }

  async forgetHealth(key: EndpointKey): Promise<void> {
    this.#endpoints.forgetHealth(key, Date.now());
  }

  async messages(key: EndpointKey, filter: MessageFilter): Promise<MessagesReply> {
    return this.#endpoints.page(key, filter);
  }

  async resend(key: EndpointKey, runId: string, type: EventType | null): Promise<ResendReply> {
    const now = Date.now();
    return this.#endpoints.resend(key, this.#ledger.current(runId, now), type, now);
  }

  async recover(key: EndpointKey, order: RecoveryOrder): Promise<Recovery | null> {
    return this.#endpoints.recover(key, order, Date.now());
  }

  async lastEvent(runId: string): Promise<RunEventToTell | Exclude<ResendReply, "accepted">> {
    const run = this.#ledger.current(runId, Date.now());
    return run === null ? "run_not_found" : (this.#replies.event(run) ?? "no_such_event");
  }

  async admitTest(): Promise<number> {
    return this.#endpoints.admitTest(Date.now());
  }

  override async alarm(): Promise<void> {
    ring(this.#alarms, this.#journal.owner.name, Date.now(), {
      stopRequests: (now) => this.#stopRequests.takeBatch(now),
      deliveries: (now) => this.#deliveries.takeBatch(now),
      messages: (now) => this.#endpoints.takeBatch(now),
      gates: (now) => this.#gateKeeper.takeTurn(now),
      purge: (now) => this.#purge.start(now),
      repair: (now) => this.#projection.repair(now),
      tell: () => this.#endpoints.tell(),
      arm: (now) => this.#projection.arm(now),
    });
  }

  #ended(run: JournaledRun, now: number): void {
    this.#endpoints.eventHappened();
    if (run.status === "failed" && mustStop(run)) this.#stopRequests.request(run, now);
    this.#gateKeeper.ended(run, now);
  }

  /** Why no run can be created now; null if nothing prevents it. */
  #createRefusal(now: number): "storage_full" | "overloaded" | null {
    if (this.#storageLimit.isReached(now)) return "storage_full";
    return this.#projection.isOverloaded ? "overloaded" : null;
  }

  /** The answer to a create whose key or id is taken; null if neither is. */
  #existing({ id }: NewRun, changeKey: ChangeKey, now: number, inclusion: Inclusion): RunReply | null {
    const existing = this.#journal.runs.standingInTheWay(changeKey.key, id);
    if (existing === null) return null;
    return existing.createKey === changeKey.key
      ? this.#recalled(existing, changeKey, now, inclusion)
      : { ok: false, reason: "id_taken" };
  }

  #recalled(existing: JournaledRun, changeKey: ChangeKey, now: number, { include }: Inclusion): RunReply {
    const refusal = fingerprintRefusal(changeKey, existing);
    return refusal ?? this.#replies.run(this.#ledger.expired(existing, now), { replayed: true, include });
  }

  #timeline(id: string, { after, limit, withExcerpts = false }: TimelinePage): TimelineReply {
    const run = this.#ledger.current(id, Date.now());
    if (run === null) return NOT_FOUND;
    const page = this.#journal.timeline.after(run, after, limit);
    const newest = this.#journal.timeline.last(run);
    const lastSeq = page.at(-1)?.seq ?? after;
    const isOver = isLast(newest) && lastSeq >= newest.seq;
    const events = page.map((event) => toWireEvent(event, { withExcerpt: withExcerpts }));
    return { ok: true, events, lastSeq, newestSeq: newest.seq, isOver };
  }
}

/**
 * The environment of the soak's bulk operations, and what an actor does there in one round: which runs it makes, and what
 * may become of them. It also receives the jobs of the runs that share a concurrency queue.
 */
import { json } from "node:stream/consumers";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { type Insisted, insist } from "../line.ts";
import { type Answer, type Random, urlOf } from "../requests.ts";
import type { Stage } from "../stage.ts";
import type { Order } from "./bulk-operation.ts";

export const BULK_ENVIRONMENT = "acme/soak/bulk";
const GROUP = "bulk-queue";
const HOUR_MS = 3_600_000;

/**
 * How a run is when an operation begins. `queued`: it waits in its queue, or runs. `timed`: it waits for its time.
 * `triggered`: it was cancelled, and its create had a trigger.
 */
export type Kind = "pending" | "running" | "queued" | "timed" | "failed" | "succeeded" | "cancelled" | "triggered";

export interface MadeRun {
  readonly id: string;
  readonly kind: Kind;
  /** Of its callback; null if only the receiver has it. */
  readonly token: string | null;
  readonly story: string[];
}

export class BulkEnvironment {
  /** The runs whose jobs the receiver heard of. A job lasts until somebody cancels it. */
  readonly heard = new Set<string>();
  readonly #stage: Stage;
  readonly #random: Random;
  #server: NodeServer | null = null;
  /** A token that acts for others. */
  #portal = "";
  /** Of the receiver. */
  #url = "";
  #made = 0;

  constructor(stage: Stage, random: Random) {
    this.#stage = stage;
    this.#random = random;
  }

  get portal(): string {
    return this.#portal;
  }

  async store(): Promise<void> {
    this.#server = await serve(async (request, response) => {
      this.heard.add(((await json(request)) as { readonly run: string }).run);
      response.writeHead(202).end();
    });
    this.#url = `${this.#server.url}/jobs`;
    const trigger = { type: "webhook", url: this.#url, payload: { run: "{{ run.id }}" } };
    const concurrency = { group: GROUP, key: "{{ parameters.queue }}" };
    await this.ask([200, 201], [], "PUT", `actions/${GROUP}`, { body: { trigger, concurrency } });
    this.#portal = (await this.createToken({ name: "bulk-portal", mayActForOthers: true })).token;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  /** Of the environment's project. */
  async createToken(body: object): Promise<{ readonly id: string; readonly token: string }> {
    const url = `${this.#origin}/acme/soak/tokens`;
    const asked = { method: "POST", url, body: { role: "member", ...body } } as const;
    return (await insist(this.#stage, [201], [], asked)).body as { id: string; token: string };
  }

  async revoke(tokenId: string): Promise<void> {
    const url = `${this.#origin}/acme/soak/tokens/${tokenId}`;
    await insist(this.#stage, [200, 404], [], { method: "DELETE", url });
  }

  /** `path`: below the environment, or a URL. */
  ask(
    expected: readonly number[],
    story: string[],
    method: Insisted["method"],
    path: string,
    more: Partial<Insisted> = {},
    environment = BULK_ENVIRONMENT,
  ): Promise<Answer> {
    const url = path.startsWith("http") ? path : urlOf(this.#origin, environment, path);
    return insist(this.#stage, expected, story, { method, url, ...more });
  }

  /** All pages of a list. `path`: of its first page. */
  async all<T>(path: string, story: string[] = [], environment = BULK_ENVIRONMENT): Promise<T[]> {
    const found: T[] = [];
    for (let next: string | null = path; next !== null; ) {
      const page: Answer = await this.ask([200], story, "GET", next, {}, environment);
      found.push(...(page.body as T[]));
      next = page.next;
    }
    return found;
  }

  /** A run of this kind with this label. Its queue has the label's name. */
  async make(kind: Kind, label: string): Promise<MadeRun> {
    const story: string[] = [];
    const create = `bulk-${this.#made++}`;
    const body = { parameters: { create, queue: label }, labels: [label], ...this.#bodyOf(kind) };
    const path = kind === "queued" ? `actions/${GROUP}/runs` : "action-runs";
    const made = await this.ask([201], story, "POST", path, { body, key: create });
    const { id, callback } = made.body as { id: string; callback?: { token: string } };
    const run = { id, kind, token: callback?.token ?? null, story };
    if (kind === "running") await this.#change(run, "heartbeat", {});
    else if (kind === "succeeded") await this.report(run);
    else if (kind === "failed") await this.#change(run, "callback", { status: "failed", error: "on purpose" });
    else if (kind === "cancelled" || kind === "triggered")
      await this.ask([200], story, "DELETE", `action-runs/${id}`, { key: create });
    return run;
  }

  #bodyOf(kind: Kind): object {
    if (kind === "queued") return {};
    if (kind !== "timed" && kind !== "triggered") return { actionName: "bulk" };
    const notBefore = new Date(Date.now() + HOUR_MS).toISOString();
    return { actionName: "bulk", notBefore, trigger: { type: "webhook", url: this.#url } };
  }

  /** Reports that it succeeded, if nobody has ended it. */
  async report(run: MadeRun): Promise<void> {
    await this.#change(run, "callback", { status: "succeeded" });
  }

  async #change({ id, token, story }: MadeRun, path: string, body: object): Promise<void> {
    const more = { body, key: `${path}-${id}`, ...(token !== null && { token }) };
    await this.ask([200, 409], story, "POST", `action-runs/${id}/${path}`, more);
  }

  get #origin(): string {
    const { origins } = this.#stage.site;
    return origins[Math.floor(this.#random() * origins.length)] ?? "";
  }
}

/** A run that no coordinator knows, but its id could be one's. */
const STRANGER = "01a00000-0000-8001-8000-000000000000";
const GRACES_S = [0, 1, 20];

/** How an actor begins and disturbs the orders of a round. */
export interface Plan {
  readonly name: string;
  readonly kinds: Readonly<Partial<Record<Kind, number>>>;
  /** At the same time. */
  readonly orders: (round: Round) => readonly Order[];
  /** Whether a person stops them when they have decided a run. */
  readonly isStopped?: boolean;
  /** Whether their token is revoked when they have decided a run. */
  readonly isRevoked?: boolean;
  /** Whether runs are created, reported and retried meanwhile. A second filter could find the new ones. */
  readonly isBusy?: boolean;
  /** Whether all its runs share one concurrency queue. */
  readonly isOneQueue?: boolean;
}

export interface Round {
  /** All its runs have this label. */
  readonly label: string;
  readonly runs: readonly MadeRun[];
  /** Runs that were retried one by one before. */
  readonly retried: ReadonlySet<string>;
  /** A token that acts for others, and one that may be revoked. */
  readonly portal: string;
  readonly token: string;
  readonly random: Random;
}

const ENDED = { failed: 3, succeeded: 3, cancelled: 3, triggered: 2 };
const MIXED = { pending: 12, running: 8, queued: 3, timed: 2, ...ENDED };

export const PLANS: readonly Plan[] = [
  {
    name: "a cancel by ids",
    kinds: MIXED,
    orders: (round) => {
      const may = mayOf(round, cancelled);
      may.set(STRANGER, ["run_not_found"]);
      return [cancel(round, { runIds: twice([...may.keys()]) }, may)];
    },
  },
  {
    name: "a cancel by filter",
    kinds: MIXED,
    isBusy: true,
    orders: (round) => [cancel(round, open(round), mayOf(round, cancelledIfOpen))],
  },
  {
    name: "two cancels of the same runs",
    kinds: { pending: 25, running: 15 },
    orders: (round) => [
      cancel(round, { runIds: round.runs.map(({ id }) => id) }, mayOf(round, cancelledByAny)),
      cancel(
        round,
        open(round),
        mayOf(round, () => ["accepted", "run_cancelled", "absent"]),
      ),
    ],
  },
  {
    name: "a cancel of running and queued runs",
    kinds: { queued: 12 },
    isOneQueue: true,
    orders: (round) => [
      cancel(round, { filter: { labels: [round.label], group: "bulk-queue" }, maxRuns: 500 }, mayOf(round, accepted)),
    ],
  },
  {
    name: "a retry by ids",
    kinds: { pending: 3, running: 3, timed: 2, ...ENDED, failed: 14 },
    orders: (round) => {
      const includeRetried = round.random() < 0.3;
      const may = mayOf(round, ({ id, kind }) => {
        if (!isEnded(kind)) return ["run_open"];
        if (kind === "triggered") return ["trigger_not_kept"];
        return [round.retried.has(id) && !includeRetried ? "already_retried" : "accepted"];
      });
      may.set(STRANGER, ["run_not_found"]);
      return [retry(round, { runIds: twice([...may.keys()]), includeRetried }, may, null)];
    },
  },
  {
    name: "two retries by two persons",
    kinds: { failed: 30 },
    isBusy: true,
    orders: (round) => {
      const may = mayOf(round, () => ["accepted", "already_retried"]);
      const failed = { filter: { labels: [round.label], status: ["failed"] }, maxRuns: 500 };
      return [
        retry(round, failed, may, "ada@example.com"),
        retry(round, { runIds: round.runs.map(({ id }) => id) }, may, "bob@example.com"),
      ];
    },
  },
  {
    name: "a stopped cancel",
    kinds: { pending: 50, running: 20 },
    isStopped: true,
    orders: (round) => [stopped(cancel(round, open(round), mayOf(round, reachedOrNot)), "asked")],
  },
  {
    name: "a stopped retry",
    kinds: { failed: 60 },
    isStopped: true,
    orders: (round) => {
      const failed = { filter: { labels: [round.label], status: ["failed"] }, maxRuns: 500 };
      return [stopped(retry(round, failed, mayOf(round, reachedOrNot), null), "asked")];
    },
  },
  {
    name: "a cancel whose token is revoked",
    kinds: { pending: 70 },
    isRevoked: true,
    orders: (round) => {
      const order = cancel(round, open(round), mayOf(round, reachedOrNot));
      return [{ ...stopped(order, "token_revoked"), token: round.token }];
    },
  },
  {
    name: "too many runs",
    kinds: { pending: 6, running: 3 },
    orders: (round) => {
      const order = cancel(
        round,
        { ...open(round), maxRuns: 8 },
        mayOf(round, () => ["undecided", "absent"]),
      );
      return [{ ...order, mayEndAs: ["aborted too_many_runs"] }];
    },
  },
];

/** As in `isBusy`: a run may end meanwhile. */
const REPORTED = ["accepted", "run_succeeded", "absent"];

function mayOf({ runs }: Round, outcomes: (run: MadeRun) => readonly string[]): Map<string, readonly string[]> {
  return new Map(runs.map((run) => [run.id, outcomes(run)]));
}

function isEnded(kind: Kind): boolean {
  return kind in ENDED;
}

const accepted = () => ["accepted"];
const reachedOrNot = () => ["accepted", "undecided", "absent"];
const cancelled = ({ kind }: MadeRun) => {
  if (!isEnded(kind)) return ["accepted"];
  return [kind === "triggered" ? "run_cancelled" : `run_${kind}`];
};
const cancelledIfOpen = ({ kind }: MadeRun) => [isEnded(kind) ? "absent" : "accepted"];
const cancelledByAny = () => ["accepted", "run_cancelled"];

/** A run that somebody reports meanwhile. */
export function reportedMeanwhile(order: Order, id: string): void {
  order.may.set(id, [...(order.may.get(id) ?? []), ...REPORTED]);
}

function open({ label }: Round) {
  return { filter: { labels: [label], status: ["pending", "running"] }, maxRuns: 500 };
}

/** Repetitions count once. */
function twice(ids: readonly string[]): readonly string[] {
  return [...ids, ...ids.slice(0, 5)];
}

function cancel({ label, random }: Round, set: object, may: Order["may"]): Order {
  const mark = `${label}-${Math.floor(random() * 1e9)}`;
  const graceSeconds = GRACES_S[Math.floor(random() * GRACES_S.length)] ?? 0;
  return {
    environment: BULK_ENVIRONMENT,
    mark,
    may,
    token: null,
    person: null,
    mayEndAs: ["completed"],
    body: { operation: "cancel", reason: mark, graceSeconds, ...set },
  };
}

function retry({ label, portal, random }: Round, set: object, may: Order["may"], person: string | null): Order {
  return {
    environment: BULK_ENVIRONMENT,
    may,
    person,
    token: person === null ? null : portal,
    mark: `${label}-${Math.floor(random() * 1e9)}`,
    mayEndAs: ["completed"],
    body: { operation: "retry", ...set },
  };
}

function stopped(order: Order, abortReason: string): Order {
  return { ...order, mayEndAs: [`aborted ${abortReason}`, "completed"] };
}

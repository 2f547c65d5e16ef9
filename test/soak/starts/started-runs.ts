/**
 * Runs that nobody creates by hand, in an environment of their own: events of another product, a schedule, automatic
 * retries, and an agent whose runs people approve. A job in the soak's own process reports each of them, and some are
 * erased. At the end, each event and each call has made one run, each time of the schedule at most one, and each failure
 * one retry. Nothing that the service keeps has the output of an erased run.
 */

import { createHash } from "node:crypto";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { textsIn } from "../d1-files.ts";
import { type Insisted, insist } from "../line.ts";
import { type Answer, type Random, urlOf } from "../requests.ts";
import type { Stage } from "../stage.ts";
import type { People } from "./people.ts";

export const STARTED_ENVIRONMENT = "acme/soak/started";
const PROJECT = "acme/soak";
const SECRET = "an-event-secret-of-the-soak-with-43-letters";
const REVISION = "2026-07-28";

const SENDERS = 4;
const PAUSE_MAX_MS = 800;
const JOB_MAX_MS = 300;
const FAILED = 0.4;
/** How many events and calls are sent a second time. */
const REPEATED = 0.3;
const ERASED = 0.15;
const ERASED_AFTER_MAX_MS = 3000;
const RETRY_MS = 300;
const MINUTE_MS = 60_000;
/** An attempt whose answer was lost is repeated after 30 s, and a retry may follow. */
const ENDED_WITHIN_MS = 240_000;
/** Other isolates may show a run so long after it was erased. */
const REMEMBERED_MS = 62_000;

interface Job {
  readonly run: string;
  readonly url: string;
  readonly token: string;
}

/** As much of a run as the checks read. */
interface Started {
  readonly id: string;
  readonly status: string;
  readonly createdAt: string;
  readonly details: {
    readonly via: string | null;
    readonly agent: string | null;
    readonly schedule: string | null;
    readonly retryOf: string | null;
    readonly retry: { readonly runId: string; readonly dropped: string | null } | null;
    readonly erasedAt?: string;
  };
}

/** What a run's job prints. An erasure takes it away. */
const printed = (run: string) => `printed-${createHash("sha256").update(run).digest("hex").slice(0, 24)}`;

export class StartedRuns {
  readonly #stage: Stage;
  readonly #people: People;
  readonly #random: Random;
  /** What the job decided, by run. */
  readonly #reported = new Map<string, "succeeded" | "failed">();
  /** The runs that events and calls of the agent have made, with what made them. */
  readonly #ofEvents = new Map<string, string>();
  readonly #ofAgent = new Map<string, string>();
  readonly #erased = new Set<string>();
  readonly #work = new Set<Promise<unknown>>();
  #server: NodeServer | null = null;
  #tokens = { agent: "", eraser: "" };
  #inbound = "";
  #made = 0;

  constructor(stage: Stage, people: People, random: Random) {
    this.#stage = stage;
    this.#people = people;
    this.#random = random;
  }

  async store(): Promise<void> {
    this.#server = await serve(async (request, response) => {
      this.#take((await json(request)) as Job);
      response.writeHead(202).end();
    });
    const payload = { run: "{{ run.id }}", url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" };
    const trigger = { type: "webhook", url: `${this.#server.url}/jobs`, payload };
    const schema = { type: "object", properties: { call: { type: "string" } }, required: ["call"] };
    await this.#put("actions/built", {
      trigger,
      subject: "{{ parameters.event }}",
      retry: { attempts: 1, delaySeconds: 1, on: ["failed", "delivery"] },
      inbound: { verify: "token", secret: SECRET, parameters: { event: "{{ body.event }}" } },
    });
    await this.#put("actions/proposed", { trigger, approval: {}, agents: {}, parametersSchema: schema });
    await this.#put("schedules/minutely", {
      action: "built",
      cron: "* * * * *",
      timezone: "UTC",
      parameters: { event: "a minute" },
    });
    const { body } = await this.#until([200], { method: "GET", url: this.#path("actions/built/inbound") });
    this.#inbound = new URL((body as { url: string }).url).pathname;
    const agent = { name: "agent", role: "member", envName: "started", person: "ada@example.com" };
    this.#tokens = {
      agent: await this.#createToken(agent),
      eraser: await this.#createToken({ name: "eraser", role: "owner", person: "eve@example.com" }),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const again = async (act: () => Promise<void>) => {
      while (!signal.aborted) {
        await this.#stage.disturbances.goOn;
        await act();
        await delay(this.#random() * PAUSE_MAX_MS);
      }
    };
    const senders = Array.from({ length: SENDERS }, () => again(() => this.#sendEvent()));
    // The service knows only the last call of an agent, so there is one agent that makes one call after the other.
    await Promise.all([...senders, again(() => this.#propose())]);
  }

  /** Call this when nobody starts anything any more, and while people still approve. */
  async check(): Promise<void> {
    await this.#put("schedules/minutely", { action: "built", cron: "* * * * *", timezone: "UTC", disabled: true });
    const since = Date.now();
    let runs = await this.#list();
    for (; runs.some(isOpen); runs = await this.#list()) {
      if (Date.now() - since > ENDED_WITHIN_MS) break;
      await delay(RETRY_MS);
    }
    await Promise.all(this.#work);
    runs = await this.#list();
    this.#checkRuns(runs);
    await this.#server?.close();
  }

  /** In no answer, no row of D1 and no journal. Call this when no move is left: until then a database may have texts. */
  async checkErased(): Promise<void> {
    const { record, site } = this.#stage;
    const since = Date.now();
    const open = new Set(this.#erased);
    while (open.size > 0 && Date.now() - since < ENDED_WITHIN_MS) {
      for (const id of open) {
        const asked = { method: "GET", url: this.#path(`action-runs/${id}/erase`) } as const;
        const { body } = await this.#until([200], asked);
        if ((body as { complete: boolean }).complete) open.delete(id);
      }
      await delay(RETRY_MS);
    }
    for (const id of open) this.#violation(`NOT ERASED: the erasure of ${id} is not complete`);
    await delay(Math.max(0, since + REMEMBERED_MS - Date.now()));
    const erased = new Map([...this.#erased].map((id) => [printed(id), id]));
    const keeps = (where: string, text: string) => {
      for (const [mark] of text.matchAll(/printed-[0-9a-f]{24}/g))
        if (erased.has(mark)) this.#violation(`NOT ERASED: ${where} has the output of ${erased.get(mark)}`);
    };
    for (const [n] of site.origins.entries()) keeps(`a list of isolate ${n}`, JSON.stringify(await this.#list(n)));
    for (const id of this.#erased) {
      const asked = { method: "GET", url: this.#path(`action-runs/${id}?include=details`) } as const;
      keeps("a get", JSON.stringify((await this.#until([200], asked)).body));
    }
    for (const { file, text } of textsIn(site.state)) keeps(file, text);
    record.count("erased runs that left nothing", this.#erased.size);
  }

  #checkRuns(runs: readonly Started[]): void {
    for (const run of runs.filter(isOpen)) this.#violation(`STANDS STILL: ${run.id} has not ended`);
    this.#checkMade(
      "an event",
      this.#ofEvents,
      runs.filter(({ details }) => details.via === "inbound"),
    );
    this.#checkMade(
      "a call of the agent",
      this.#ofAgent,
      runs.filter(({ details }) => details.agent !== null),
    );
    const minutes = new Map<number, string>();
    for (const { id, createdAt, details } of runs) {
      if (details.schedule === null || details.via !== "schedule") continue;
      const minute = Math.floor(Date.parse(createdAt) / MINUTE_MS);
      const other = minutes.get(minute);
      if (other !== undefined) this.#violation(`TWO RUNS: one minute of the schedule made ${other} and ${id}`);
      minutes.set(minute, id);
    }
    this.#stage.record.count("runs of the schedule", minutes.size);
    const retries = Map.groupBy(
      runs.filter(({ details }) => details.via === "retry"),
      ({ details }) => details.retryOf ?? "",
    );
    for (const run of runs) this.#checkEnd(run, retries.get(run.id) ?? []);
    this.#stage.record.count("automatic retries", retries.size);
  }

  /** `made`: what made each acknowledged run. There must be exactly these runs. */
  #checkMade(what: string, made: ReadonlyMap<string, string>, runs: readonly Started[]): void {
    const found = new Set(runs.map(({ id }) => id));
    for (const [id, cause] of made) if (!found.has(id)) this.#violation(`LOST: ${id} of ${what}, ${cause}`);
    for (const id of found)
      if (!made.has(id)) this.#violation(`TWO RUNS: ${what} made ${id}, which nobody was told of`);
  }

  #checkEnd({ id, status, details }: Started, retries: readonly Started[]): void {
    const reported = this.#reported.get(id);
    if (details.erasedAt !== undefined) return;
    const isExpected = details.retryOf !== null && status === "cancelled" ? true : status === reported;
    if (!isExpected) this.#violation(`ANOTHER END: ${id} is ${status}, and its job reported ${reported}`);
    const isRetried = status === "failed" && details.via !== "retry" && details.agent === null;
    const isDropped = details.retry?.dropped != null;
    if (isRetried ? retries.length !== 1 && !isDropped : retries.length > 0)
      this.#violation(`RETRIES: ${id} is ${status} and has ${retries.length}: ${JSON.stringify(details.retry)}`);
  }

  async #sendEvent(): Promise<void> {
    const event = `event-${this.#made++}`;
    const { origins } = this.#stage.site;
    const send = async () => {
      const url = `${origins[Math.floor(this.#random() * origins.length)]}${this.#inbound}`;
      const { body } = await this.#until([200, 201], { method: "POST", url, token: SECRET, body: { event } });
      const { id } = body as { readonly id: string };
      this.#noteMade(this.#ofEvents, id, event);
      this.#stage.record.count("events");
    };
    await Promise.all(this.#random() < REPEATED ? [send(), send()] : [send()]);
    this.#stage.record.acknowledged++;
  }

  async #propose(): Promise<void> {
    const call = `call-${this.#made++}`;
    for (let isFirst = true; isFirst || this.#random() < REPEATED; isFirst = false) {
      const { result } = (await this.#callTool("run_proposed", { call })).body as {
        readonly result?: { readonly isError?: boolean; readonly structuredContent?: { readonly id: string } };
      };
      const id = result?.structuredContent?.id;
      if (id === undefined) {
        this.#violation(`THE AGENT WAS REFUSED: ${JSON.stringify(result)}`);
        return;
      }
      this.#stage.record.count("calls of the agent");
      if (this.#noteMade(this.#ofAgent, id, call)) this.#people.approve(STARTED_ENVIRONMENT, id);
    }
    this.#stage.record.acknowledged++;
  }

  /** Whether the run is new. One event or call makes one run, and one run has one of them. */
  #noteMade(made: Map<string, string>, id: string, cause: string): boolean {
    const known = made.get(id);
    if (known !== undefined && known !== cause) this.#violation(`ONE RUN FOR TWO: ${id} is of ${known} and ${cause}`);
    // Nobody knows any more of which call an erased run is, so the same call is a new one.
    for (const [other, its] of made)
      if (its === cause && other !== id && !this.#erased.has(other))
        this.#violation(`TWO RUNS: ${cause} made ${other} and ${id}`);
    made.set(id, cause);
    return known === undefined;
  }

  #callTool(name: string, args: object): Promise<Answer> {
    const meta = "io.modelcontextprotocol/";
    const _meta = {
      [`${meta}protocolVersion`]: REVISION,
      [`${meta}clientInfo`]: { name: "soak", version: "1" },
      [`${meta}clientCapabilities`]: {},
    };
    return this.#until([200], {
      method: "POST",
      url: this.#path("mcp"),
      token: this.#tokens.agent,
      headers: { "mcp-protocol-version": REVISION, "mcp-method": "tools/call", "mcp-name": name },
      body: { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args, _meta } },
    });
  }

  /** The receiver of the webhooks. A request that comes again is of the same job. */
  #take({ run, url, token }: Job): void {
    const known = this.#reported.get(run);
    const status = known ?? (this.#random() < FAILED ? "failed" : "succeeded");
    this.#reported.set(run, status);
    if (this.#ofAgent.has(run) && !this.#people.mayBeApproved(run)) this.#violation(`NOT APPROVED: ${run} has started`);
    if (known === undefined) this.#note(this.#report({ run, url, token }, status));
  }

  async #report({ run, url, token }: Job, status: "succeeded" | "failed"): Promise<void> {
    await delay(this.#random() * JOB_MAX_MS);
    const body = status === "failed" ? { status, error: printed(run) } : { status, output: { log: printed(run) } };
    await this.#until([200, 409], { method: "POST", url, token, body, key: `${run}-report` });
    if (this.#random() < ERASED) this.#note(this.#erase(run));
  }

  async #erase(run: string): Promise<void> {
    await delay(this.#random() * ERASED_AFTER_MAX_MS);
    this.#erased.add(run);
    const url = this.#path(`action-runs/${run}/erase`);
    const body = { reason: "somebody asked for it" };
    await this.#until([200, 202], { method: "POST", url, token: this.#tokens.eraser, body });
    this.#stage.record.acknowledged++;
  }

  /** All runs of the environment. `isolate`: who is asked; at random without it. */
  async #list(isolate?: number): Promise<Started[]> {
    const runs: Started[] = [];
    let url: string | null = this.#path("action-runs?include=details&limit=100", isolate);
    while (url !== null) {
      const { body, next }: Answer = await this.#until([200], { method: "GET", url });
      runs.push(...(body as Started[]));
      url = next;
    }
    return runs;
  }

  async #createToken(token: object): Promise<string> {
    // Each try makes a token, and the last one counts.
    const url = `${this.#stage.site.origins[0]}/${PROJECT}/tokens`;
    const { body } = await this.#until([201], { method: "POST", url, body: token });
    return (body as { readonly token: string }).token;
  }

  async #put(path: string, body: object): Promise<void> {
    await this.#until([200, 201], { method: "PUT", url: this.#path(path), body });
  }

  #note(work: Promise<void>): void {
    const noted = work.finally(() => this.#work.delete(noted));
    this.#work.add(noted);
  }

  #path(path: string, isolate?: number): string {
    const { origins } = this.#stage.site;
    return urlOf(origins[isolate ?? Math.floor(this.#random() * origins.length)] ?? "", STARTED_ENVIRONMENT, path);
  }

  #until(expected: readonly number[], asked: Insisted): Promise<Answer> {
    return insist(this.#stage, expected, [], asked);
  }

  #violation(sentence: string): void {
    this.#stage.record.violation(sentence, [], Date.now());
  }
}

function isOpen({ status }: Started): boolean {
  return status === "pending" || status === "running";
}

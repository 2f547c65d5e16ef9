/**
 * The circle that each product plays with the example in examples/, on the shared server: its action is stored and run,
 * the job begins, reports and is stopped, and the product is down for a while.
 */

import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, type Schemas } from "../../src/client/index.ts";
import { freePort } from "../../src/dev/server.ts";
import { sharedServer } from "../server/installation.ts";
import { until } from "../server/until.ts";
import { type NodeServer, serve } from "../support/node-server.ts";
import { filledIn, OptFolder, type Places, shipped } from "./example.ts";
import { missing, ProductProcesses } from "./product-process.ts";

/** Where a product runs in a test. */
export interface Site {
  readonly folder: string;
  /** Where the product must listen, on 127.0.0.1. */
  readonly port: number;
  readonly opt: OptFolder;
  readonly processes: ProductProcesses;
}

/** What the product, as it was prepared, tells the tests. */
export interface Prepared {
  /** The origin that the service calls. */
  readonly url: string;
  /** Starts the product, and returns when it answers. */
  start(): Promise<void>;
  /** All that the product has logged. */
  logs(): Promise<string>;
  /** Returns when no job is under way or in the queue. */
  untilIdle?(): Promise<void>;
}

export interface Product {
  readonly name: string;
  /** The programs that it needs. */
  readonly programs: readonly string[];
  /** The folder in examples/. */
  readonly example: string;
  /** The host of the example's action, and the values of its other places. */
  readonly host: string;
  readonly places: Places;
  /** Files that examples/README.md has people copy to /opt/action-runs. */
  readonly copies: readonly string[];
  readonly prepare: (site: Site) => Promise<Prepared>;
  /** Requests that it must refuse. Default: one without any credentials. */
  readonly strangers?: readonly RequestInit[];
  /** What the run has in the end. */
  readonly output: (version: string) => unknown;
  readonly error: unknown;
  readonly stoppedError: unknown;
  /** A part of the log of a job that succeeded. */
  readonly logged: string;
  /** Given if the product lets a second job wait. Returns when the product has dropped a job that waited. */
  readonly untilDropped?: (site: Site) => Promise<void>;
}

const CALLBACK_TOKEN = /:\d{13}:[0-9a-f]{64}/;

export function playCircle(product: Product): void {
  const org = `of-${product.example}-test`;
  const lacking = missing(product.name, ...product.programs);
  describe.skipIf(lacking.length > 0)(`${product.name}${lacking.map((one) => `, without ${one}`).join("")}`, () => {
    const { origin, token } = sharedServer(org);
    const { actions, runs } = createClient({ baseUrl: origin, token, org, project: "shop", env: "prod" });
    let processes: ProductProcesses;
    let opt: OptFolder;
    let site: Site;
    let prepared: Prepared;
    let network: NodeServer;
    let early: string;
    let unwanted: string;

    const run = async (version: string, action = "deploy") =>
      (await actions.run(action, { parameters: { version } })).id;
    const timeline = async (id: string) => {
      const events: Schemas["TimelineEvent"][] = [];
      for await (const event of runs.events(id)) events.push(event);
      return events;
    };
    const untilAttempt = (id: string, outcome: string) =>
      until(`an attempt has the outcome ${outcome}`, async () =>
        (await timeline(id)).some((event) => event.type === "attempt_answered" && event.outcome === outcome),
      );
    const action = (url: string): Schemas["ActionDefinition"] =>
      JSON.parse(filledIn(shipped(`${product.example}/action.json`), { ...product.places, [product.host]: url }));
    const begun = (version: string) => opt.versions("begun").filter((one) => one === version).length;

    beforeAll(async () => {
      processes = new ProductProcesses(product.example);
      const { folder } = processes;
      opt = new OptFolder(folder, ...product.copies);
      site = { folder, opt, processes, port: await freePort() };
      prepared = await product.prepare(site);
      network = await twiceDelivering(prepared.url);
      await actions.put("deploy", action(prepared.url));
      await actions.put("deploy-twice", action(network.url));
      early = await run("early");
      unwanted = await run("unwanted");
      for (const id of [early, unwanted]) await untilAttempt(id, "retry");
      await runs.cancel(unwanted);
      await prepared.start();
    });
    afterAll(async () => {
      await processes?.stop();
      await network?.close();
    });

    it("gets a run that began while it was down, does the work when it is back, and reports the output", async () => {
      const { status, error, output } = await runs.wait(early);
      expect({ status, error, output }).toEqual({ status: "succeeded", error: null, output: product.output("early") });
      expect(begun("early")).toBe(1);
      const events = await timeline(early);
      const outcomes = events.flatMap((one) => (one.type === "attempt_answered" ? [one.outcome] : []));
      // The heartbeat of a quick job can come before the product's response.
      const started = events.findIndex(({ type }) => type === "started");
      const answered = events.findLastIndex(({ type }) => type === "attempt_answered");
      const last = started < answered ? "overtaken" : "accepted";
      expect(outcomes).toEqual([...outcomes.slice(1).map(() => "retry"), last]);
      expect(outcomes.length).toBeGreaterThan(1);
    });

    it("reports the error of a job that fails", async () => {
      expect(await runs.wait(await run("fail"))).toMatchObject({ status: "failed", error: product.error });
    });

    it("does the work once if the request comes twice", async () => {
      const id = await run("twice", "deploy-twice");
      expect(await runs.wait(id)).toMatchObject({ status: "succeeded" });
      await prepared.untilIdle?.();
      expect(begun("twice")).toBe(1);
    });

    it("refuses requests that do not come from the service", async () => {
      const { url, cancel } = action(prepared.url).trigger ?? { url: "" };
      for (const to of [url, cancel?.url ?? url])
        for (const stranger of product.strangers ?? [{}]) {
          const refused = await fetch(to.replace(/\{\{.*?\}\}/, "1"), { method: "POST", ...stranger });
          expect([401, 403], await refused.text()).toContain(refused.status);
        }
    });

    const andWaits = product.untilDropped && ", and one that waits behind it,";
    it(`stops a job that runs${andWaits ?? ""} when its run is cancelled`, async () => {
      const running = await run("slow");
      await until("the job runs", () => begun("slow") === 1);
      if (product.untilDropped !== undefined) {
        const queued = await run("queued");
        await untilAttempt(queued, "accepted");
        expect(await runs.cancel(queued)).toMatchObject({ status: "cancelled" });
        await product.untilDropped(site);
      }
      await runs.cancel(running, { reason: "wrong branch" });
      expect(await runs.wait(running)).toMatchObject({ status: "cancelled", error: product.stoppedError });
      expect(opt.versions("stopped")).toEqual(["slow"]);
      expect(begun("queued")).toBe(0);
    });

    it("does no work for a run that was cancelled before it was back, and logs no token", async () => {
      expect(await runs.get(unwanted)).toMatchObject({ status: "cancelled" });
      await prepared.untilIdle?.();
      expect(opt.versions("begun")).toEqual(["early", "fail", "twice", "slow"]);
      const logs = await prepared.logs();
      expect(logs).toContain(product.logged);
      expect(logs).not.toMatch(CALLBACK_TOKEN);
      for (const secret of Object.values(product.places)) if (secret.length > 9) expect(logs).not.toContain(secret);
    });
  });
}

/** A network that delivers each request twice at once, and brings back the second response. */
function twiceDelivering(origin: string): Promise<NodeServer> {
  return serve(async (request, response) => {
    const body = await buffer(request);
    const { host: _, connection: _c, "content-length": _l, "transfer-encoding": _t, ...headers } = request.headers;
    const send = () =>
      fetch(new URL(request.url ?? "", origin), {
        method: request.method ?? "",
        headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
        body,
      });
    const [first, second] = await Promise.all([send(), send()]);
    await first.body?.cancel();
    response.writeHead(second.status, { "Content-Type": second.headers.get("content-type") ?? "" });
    response.end(await second.text());
  });
}

/** `npm run deploy`, interrupted at each step of a first deploy, and repeated. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Call, isWrite, refusal } from "./cloudflare.ts";
import { Site } from "./deploying.ts";

const READY = { status: 200, body: { status: "ready" } };

const SMALL = 'name = "runs"\nworkers_dev = true\narchive = "runs-archive"\ndatabases = { 0 = "runs" }';
const query = (text: string) => (call: Call) =>
  call.path.endsWith("/query") && isWrite(call) && call.body.includes(text);
const at = (method: string, path: RegExp) => (call: Call) => call.method === method && path.test(call.path);
const STEPS: Readonly<Record<string, (call: Call) => boolean>> = {
  "a database is created": at("POST", /d1\/database$/),
  "the bucket is created": at("POST", /buckets$/),
  "migrations begin": query("CREATE TABLE IF NOT EXISTS d1_migrations"),
  "a migration is applied": query("CREATE TABLE runs"),
  "the number is written": query("INSERT INTO database_number"),
  "the Worker is uploaded": at("PUT", /scripts\/runs$/),
};
const AFTER_THE_UPLOAD: typeof STEPS = {
  "its subdomain is set": at("POST", /scripts\/runs\/subdomain$/),
  "the cron is set": at("PUT", /schedules$/),
};
const site = new Site();
const deploy = (started?: Parameters<Site["deploy"]>[1]) =>
  site.deploy(["--yes", "--wait", "20"], { onTerminal: true, ...started });
let secrets: object;
beforeAll(() => site.start(SMALL));
afterAll(() => site.close());

const stops = async (isStep: (call: Call) => boolean) => {
  let refused = 0;
  site.cloudflare.refuse = (call) => {
    if (!isStep(call)) return null;
    refused++;
    return refusal(400, 10013, "Refused by the test");
  };
  const { code, printed } = await deploy();
  site.cloudflare.refuse = () => null;
  expect([code, refused], printed).toEqual([1, 1]);
  expect(printed).toMatch(/[Rr]un the command again/);
  secrets ??= site.secrets("runs");
  expect(site.secrets("runs")).toEqual(secrets);
};

test.each(Object.entries(STEPS))("stops with a sentence if Cloudflare refuses when %s", (_, isStep) => stops(isStep));

test("puts no keys over those of a Worker that somebody else has made meanwhile", async () => {
  site.cloudflare.carriedOut = (call) => {
    if (!STEPS["the number is written"]?.(call)) return;
    const theirs = { type: "secret_text", name: "CALLBACK_SIGNING_KEYS", text: "theirs" };
    const version = { id: "theirs", bindings: [theirs], metadata: {} };
    const worker = { versions: [version], deployments: ["theirs"], migrationTag: "v1", onWorkersDev: true, crons: [] };
    site.cloudflare.workers.set("runs", worker);
  };
  const { code, printed } = await deploy();
  site.cloudflare.carriedOut = () => {};
  expect([code, printed]).toEqual([1, expect.stringContaining("Somebody else has deployed the Worker runs")]);
  expect(site.bound("runs").CALLBACK_SIGNING_KEYS?.text).toBe("theirs");
  site.cloudflare.workers.delete("runs");
});

test("stays whole if kill -9 comes between the upload and its answer", async () => {
  let killed = false;
  const { code } = await deploy({
    started: (child) => {
      site.cloudflare.carriedOut = (call) => {
        if (killed || !STEPS["the Worker is uploaded"]?.(call)) return;
        killed = true;
        process.kill(-(child.pid ?? 0), "SIGKILL");
      };
    },
  });
  expect([code, killed]).toEqual([null, true]);
  expect(site.cloudflare.workers.get("runs")?.crons).toEqual([]);
});

test.each(Object.entries(AFTER_THE_UPLOAD))("stops with a sentence if Cloudflare refuses when %s", (_, isStep) =>
  stops(isStep),
);

test("stops with what /readyz says if the Worker is not ready", async () => {
  site.cloudflare.ready = () => ({ status: 503, body: { error: "PUBLIC_URL is not set." } });
  const { code, printed } = await site.deploy(["--yes", "--wait", "1"]);
  expect([code, printed]).toEqual([1, expect.stringContaining("it is not ready. PUBLIC_URL is not set.")]);
  site.cloudflare.ready = () => READY;
});

test("is complete after one that nobody interrupts, with the secrets of the first try and one of each thing", async () => {
  const { code, printed } = await deploy();
  expect(code, printed).toBe(0);
  const { ROOT_TOKEN, CALLBACK_SIGNING_KEYS } = site.bound("runs");
  expect({ ROOT_TOKEN: ROOT_TOKEN?.text, CALLBACK_SIGNING_KEYS: CALLBACK_SIGNING_KEYS?.text }).toEqual(secrets);
  expect(site.cloudflare.databases.map(({ name }) => name)).toEqual(["runs"]);
  expect(site.cloudflare.workers.get("runs")?.crons).toEqual(["* * * * *"]);
});

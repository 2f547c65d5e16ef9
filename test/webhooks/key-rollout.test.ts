/** While new signing keys roll out, isolates with the old keys get requests that were sealed with the new ones. */

import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import type { Env } from "../../src/settings/env.ts";
import { WebhookSender } from "../../src/webhooks/sender.ts";
import type { Attempt } from "../../src/webhooks/webhook-request.ts";

import { askWith, envWith } from "../support/bindings.ts";
import { MINUTE_MS } from "../support/direct.ts";
import { receiver } from "../support/receiver/client.ts";
import { type CreatedRun, newRunsPath } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";
import { type Fired, fired, ORIGIN } from "./runs.ts";
import { sendWith } from "./stand-in-sender.ts";

await useSettings("development");

const OLD = env.CALLBACK_SIGNING_KEYS ?? "";
const NEW = "the-new-signing-key-of-32-bytes-and-more";

/** The settings of the isolates that send attempts from now on. */
let sendUnder: Partial<Env> = {};

beforeEach(async () => {
  const send = (attempt: Attempt) => new WebhookSender({} as ExecutionContext, envWith(sendUnder)).send(attempt);
  return sendWith(send);
});

async function createUnder(settings: Partial<Env>, url: string, body = {}): Promise<Fired> {
  const path = newRunsPath();
  const trigger = { type: "webhook", url, retry: { maxAttempts: 1 } };
  const answer = await askWith<CreatedRun>(envWith(settings), "POST", ORIGIN + path, {
    body: { actionName: "deploy", trigger, ...body },
  });
  expect(answer.status).toBe(201);
  return fired(path, answer.body);
}

it("a request that this isolate can't open is retried, and an isolate with the key sends it as the same attempt", async () => {
  const to = receiver();
  sendUnder = { CALLBACK_SIGNING_KEYS: OLD };
  const run = await createUnder({ CALLBACK_SIGNING_KEYS: `${NEW},${OLD}` }, to.url);
  const [first] = await run.untilAnswered(1);
  expect(first).toMatchObject({ attempt: 1, outcome: "retry", status: null });
  expect(first?.reason).toMatch(/^was not called: the key that sealed the request is not /);
  const waitedMs = Date.parse(first?.nextAttemptAt ?? "") - Date.now();
  expect(waitedMs).toBeGreaterThan(1000);
  expect(waitedMs).toBeLessThan(MINUTE_MS);
  expect(await run.kept()).toBe(1);
  await run.alarmIn(MINUTE_MS);
  await run.untilAnswered(2);
  expect(await to.inbox()).toEqual([]);

  sendUnder = { CALLBACK_SIGNING_KEYS: `${OLD},${NEW}` };
  await run.alarmIn(2 * MINUTE_MS);
  // The trigger allows one attempt, and this is it.
  await run.untilStatus("running");
  expect(await run.untilAnswered(3)).toMatchObject([
    { attempt: 1, outcome: "retry" },
    { attempt: 1, outcome: "retry" },
    { attempt: 1, outcome: "accepted", status: 200 },
  ]);
  expect(await to.inbox()).toHaveLength(1);
});

it("a request that no isolate can open is given up ten minutes after the run was created", async () => {
  sendUnder = { CALLBACK_SIGNING_KEYS: OLD };
  const to = receiver();
  const run = await createUnder({ CALLBACK_SIGNING_KEYS: NEW }, to.url);
  await run.untilAnswered(1);
  await run.alarmIn(9 * MINUTE_MS);
  expect((await run.untilAnswered(2)).at(-1)).toMatchObject({ outcome: "retry" });
  await run.alarmIn(11 * MINUTE_MS);
  const { error } = await run.untilStatus("failed");
  expect(error).toBe(
    `[delivery] ${new URL(to.url).host} was not called: the key that sealed the request is not in CALLBACK_SIGNING_KEYS.`,
  );
  expect(await run.kept()).toBe(0);
  expect(await to.inbox()).toEqual([]);
});

it("a retry that would come after the deadline fails the run now", async () => {
  sendUnder = { CALLBACK_SIGNING_KEYS: OLD };
  const run = await createUnder({ CALLBACK_SIGNING_KEYS: NEW }, receiver().url, { timeout: 1 });
  await run.untilAnswered(1);
  await run.alarmIn(55_000);
  expect((await run.untilStatus("failed")).error).toMatch(/^\[delivery\] .* was not called/);
});

it.each<[string, Partial<Env>]>([
  ["refuse the URL", { WEBHOOK_HOSTS: "ci.example.com" }],
  ["can't be used", { WEBHOOK_HOSTS: "https://ci.example.com" }],
  ["have no keys", { CALLBACK_SIGNING_KEYS: "" }],
])("an isolate whose settings %s does not end the run", async (_, settings) => {
  const to = receiver();
  sendUnder = settings;
  const run = await createUnder({}, to.url);
  expect((await run.untilAnswered(1))[0]).toMatchObject({ attempt: 1, outcome: "retry", status: null });
  sendUnder = {};
  await run.alarmIn(MINUTE_MS);
  await run.untilStatus("running");
  expect(await to.inbox()).toHaveLength(1);
});

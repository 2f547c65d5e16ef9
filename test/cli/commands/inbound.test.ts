/** `action inbound`, `inbound-try` and `rotate-secret`, and the secret that a put makes: what people and programs see. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Schemas } from "../../../src/client/index.ts";
import { RUN } from "../misbehaving.ts";
import { ENVIRONMENT, saying } from "../service.ts";

const folder = mkdtempSync(join(tmpdir(), "action-runs-inbound-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SECRET = "whsec_bWFkZSBieSB0aGUgc2VydmljZQ==";
const INBOUND = `${ENVIRONMENT}/actions/deploy/inbound`;
const URL = `https://runs.example.com${INBOUND}/q0Vb4Yc0J1kYy0n2m3l4k5j6h7g8f9d0s1a2p3o4i5u`;

test("put shows a secret that the service made for events once, in the place where the API has it", async () => {
  const definition = { inbound: { verify: "github", secret: SECRET } };
  const { run } = await saying(201, definition, { ETag: '"1"' });
  const put = (...more: string[]) =>
    run("action", "put", "deploy", "--body", '{"inbound":{"verify":"github"}}', ...more);
  expect(JSON.parse((await put()).stdout)).toEqual(definition);
  const { stdout } = await put("--no-json");
  expect(stdout.split(SECRET)).toHaveLength(2);
  expect(stdout).toContain('"secret": null');
  expect(stdout).toMatch(/^event secret: +whsec_\S+ \(shown only here\)$/m);
});

test.each<[Schemas["InboundOfAction"]["verify"], RegExp]>([
  ["github", /content type application\/json, and the\s+secret/],
  ["token", /GitLab as the secret token/],
  ["standard-webhooks", /set this URL and the secret/],
])("inbound prints the URL on a line of its own, and how a product that sends %s sets it up", async (verify, how) => {
  const { server, run } = await saying(200, { url: URL, verify, graceEndsAt: RUN.createdAt });
  const { stdout } = await run("action", "inbound", "deploy", "--no-json");
  expect(stdout.split("\n")[0]).toBe(URL);
  expect(stdout).toMatch(how);
  expect(stdout).toMatch(/^old secret: +counts until 2026-11-25T13:21:48Z$/m);
  expect(server.requests[0]?.line).toBe(`GET ${INBOUND}`);
});

const TRIED: Schemas["TriedEvent"] = { matches: true, parameters: { version: "3b1c0f2" }, error: null };

test("inbound-try sends a sample file with its headers, and exits with 0 if a run would start", async () => {
  const file = join(folder, "push.json");
  writeFileSync(file, JSON.stringify({ after: "3b1c0f2" }));
  const { sent, run } = await saying(200, TRIED);
  const tried = (...more: string[]) => run("action", "inbound-try", "deploy", "--event", `@${file}`, ...more);
  const ended = await tried("--header", "X-GitHub-Event: push", "--header", "X-A:b:c");
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(ended.stdout)).toEqual(TRIED);
  const event = { headers: { "X-GitHub-Event": "push", "X-A": "b:c" }, body: { after: "3b1c0f2" } };
  expect(sent()).toEqual([[`POST ${INBOUND}/try`, event]]);
  expect((await tried("--no-json")).stdout).toMatch(/^starts a run: +yes\nparameters: +\{$/m);
  await tried("--body", '{"inbound":{"verify":"token"}}');
  expect(sent().at(-1)?.[1]).toEqual({ headers: {}, body: event.body, inbound: { verify: "token" } });
});

test.each([
  [{ ...TRIED, matches: false }, /^because: +the event does not meet the conditions of when$/m],
  [{ ...TRIED, parameters: null, error: "body.after is missing." }, /^because: +body\.after is missing\.$/m],
])("inbound-try exits with 1 and says why no run would start: %j", async (answer, why) => {
  const { run } = await saying(200, answer);
  const ended = await run("action", "inbound-try", "deploy", "--event", "[1]", "--no-json");
  expect(ended.code).toBe(1);
  expect(ended.stdout).toMatch(/^starts a run: +no$/m);
  expect(ended.stdout).toMatch(why);
});

test.each([
  [["--event", "{"], /--event: give JSON, @file or @- for stdin/],
  [["--event", "{}", "--header", "push"], /--header push: give name:value/],
  [["--event", "{}", "--body", "{}"], /this definition has no member inbound/],
  [[], /--event/],
])("inbound-try with %j is a usage error, and sends nothing", async (args, sentence) => {
  const { server, run } = await saying(200, TRIED);
  const ended = await run("action", "inbound-try", "deploy", ...args);
  expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(sentence) });
  expect(server.requests).toEqual([]);
});

test("rotate-secret shows the new secret once, or says that a lost response had it", async () => {
  const rotated = await saying(200, { secret: SECRET, graceEndsAt: RUN.createdAt });
  const ended = await rotated.run("action", "rotate-secret", "deploy", "--grace-period", "1h", "--no-json");
  expect(rotated.sent()).toEqual([[`POST ${INBOUND}/rotate-secret`, { gracePeriodSeconds: 3600 }]]);
  expect(ended.stdout.split(SECRET)).toHaveLength(2);
  expect(ended.stdout).toMatch(/^old secret: +counts until 2026-11-25T13:21:48Z$/m);
  const lost = await saying(200, { secret: null, graceEndsAt: null });
  const again = await lost.run("action", "rotate-secret", "deploy", "--no-json");
  expect(again.stdout).toMatch(/^old secret: +has ended\nevent secret: +made, but the response that had it got lost;/m);
});

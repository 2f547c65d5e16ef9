/** A create with a trigger, asked again with its key: no plain hash of its secrets is kept to know it by. */

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { Env } from "../../src/env.ts";
import { fingerprint } from "../../src/http/json.ts";
import { newRun } from "../../src/runs/schema.ts";
import { askWith, envWith } from "../bindings.ts";
import { type CreatedRun, newRunsPath } from "../client.ts";
import { journal } from "../direct.ts";
import { receiver } from "../receiver/client.ts";

const OLD = env.CALLBACK_SIGNING_KEYS ?? "";
const NEW = "the-new-signing-key-of-32-bytes-and-more";
const HEADERS = { "Idempotency-Key": "deploy-42" };

function body(url: string, token: string) {
  return {
    actionName: "deploy",
    trigger: { type: "webhook", url, headers: { Authorization: `Bearer ${token}` } },
  };
}

async function create(path: string, ring: string, sent: unknown) {
  const environment: Env = envWith({ CALLBACK_SIGNING_KEYS: ring });
  const url = `http://localhost:8787${path}`;
  return askWith<CreatedRun & { code?: string }>(environment, "POST", url, { body: sent, headers: HEADERS });
}

it("is known again by the same body and no other, also after the signing key was rotated", async () => {
  const path = newRunsPath();
  const to = receiver();
  const first = await create(path, OLD, body(to.url, "hunter2"));
  expect(first.status).toBe(201);
  for (const ring of [OLD, `${NEW},${OLD}`]) {
    const again = await create(path, ring, body(to.url, "hunter2"));
    expect(again.body.id).toBe(first.body.id);
    expect(again.headers.get("Idempotent-Replayed")).toBe("true");
    expect((await create(path, ring, body(to.url, "hunter3"))).body.code).toBe("idempotency_key_reused");
  }
  await to.untilInbox(1);
  expect(await to.inbox()).toHaveLength(1);
});

it("keeps no hash that the secrets could be guessed from without the signing key", async () => {
  const path = newRunsPath();
  const sent = body(receiver().url, "hunter2");
  await create(path, OLD, sent);
  const plain = await fingerprint(newRun.parse(sent));
  const kept: string[] = [];
  for (const n of [0, 1, 2, 3]) {
    for (const row of await journal<Record<string, string>>(path, n, "SELECT * FROM runs"))
      kept.push(JSON.stringify(row));
  }
  expect(kept).toHaveLength(1);
  expect(kept.join()).not.toContain(plain);
});

it("answers with its run also where the settings would refuse its trigger today", async () => {
  const path = newRunsPath();
  const to = receiver();
  const first = await create(path, OLD, body(to.url, "hunter2"));
  const closed: Env = envWith({ WEBHOOK_HOSTS: "ci.example.com" });
  const url = `http://localhost:8787${path}`;
  const ask = (sent: unknown, headers = HEADERS) =>
    askWith<CreatedRun & { code?: string }>(closed, "POST", url, { body: sent, headers });
  const again = await ask(body(to.url, "hunter2"));
  expect(again).toMatchObject({ status: 201, body: { id: first.body.id } });
  expect((await ask(body(to.url, "hunter3"))).status).toBe(422);
  expect((await ask(body(to.url, "hunter2"), { "Idempotency-Key": "deploy-43" })).body.code).toBe(
    "invalid_body",
  );
});

/** A repeated create with a trigger is recognized without a plain hash of its secrets. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { fingerprint } from "../../../src/base/json.ts";
import { newRun } from "../../../src/runs/api/request-schemas.ts";
import type { Env } from "../../../src/settings/env.ts";
import { askWith, envWith } from "../../support/bindings.ts";
import { journal } from "../../support/direct.ts";
import { receiver } from "../../support/receiver/client.ts";
import { type CreatedRun, newRunsPath } from "../../support/requests.ts";
import { useSettings } from "../../support/use-settings.ts";

await useSettings("development");

const OLD = env.CALLBACK_SIGNING_KEYS ?? "";
const NEW = "the-new-signing-key-of-32-bytes-and-more";
const HEADERS = { "Idempotency-Key": "deploy-42" };

function body(url: string, token: string) {
  return { actionName: "deploy", trigger: { type: "webhook", url, headers: { Authorization: `Bearer ${token}` } } };
}

async function create(path: string, ring: string, sent: unknown) {
  const environment: Env = envWith({ CALLBACK_SIGNING_KEYS: ring });
  const url = `http://localhost:8787${path}`;
  return askWith<CreatedRun & { code?: string }>(environment, "POST", url, { body: sent, headers: HEADERS });
}

/** Every run of the environment, as its coordinator keeps it. */
async function kept(path: string): Promise<string[]> {
  const rows = await journal<Record<string, string>>(path, "SELECT * FROM runs");
  return rows.map((row) => JSON.stringify(row));
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

it("is known again if it writes out the defaults of retry, and not if it retries otherwise", async () => {
  const path = newRunsPath();
  const to = receiver();
  const sent = (retry?: unknown) => ({ ...body(to.url, "x"), trigger: { ...body(to.url, "x").trigger, retry } });
  const { id } = (await create(path, OLD, sent())).body;
  for (const retry of [{}, { initialDelayMs: 1000 }]) {
    expect((await create(path, OLD, sent(retry))).body.id).toBe(id);
  }
  for (const retry of [{ maxAttempts: 3 }, { initialDelayMs: 1001 }]) {
    expect((await create(path, OLD, sent(retry))).body.code).toBe("idempotency_key_reused");
  }
});

describe("made under a signing key that is gone from the ring", () => {
  it("is refused as one that can't be compared any more, whatever the body, and nothing is made or sent", async () => {
    const path = newRunsPath();
    const to = receiver();
    const first = await create(path, OLD, body(to.url, "hunter2"));
    await to.untilInbox(1);
    for (const token of ["hunter2", "hunter3"]) {
      const again = await create(path, NEW, body(to.url, token));
      expect([again.status, again.body.code]).toEqual([409, "idempotency_key_unverifiable"]);
    }
    const back = await create(path, `${NEW},${OLD}`, body(to.url, "hunter2"));
    expect([back.body.id, back.headers.get("Idempotent-Replayed")]).toEqual([first.body.id, "true"]);
    expect(await kept(path)).toHaveLength(1);
    expect(await to.inbox()).toHaveLength(1);
  });

  it("is another body still where the body has no trigger, for then nothing secret was compared", async () => {
    const path = newRunsPath();
    await create(path, OLD, body(receiver().url, "hunter2"));
    const again = await create(path, NEW, { actionName: "deploy" });
    expect([again.status, again.body.code]).toEqual([422, "idempotency_key_reused"]);
  });

  it("is refused so also where the settings would refuse the trigger today", async () => {
    const path = newRunsPath();
    const sent = body(receiver().url, "hunter2");
    await create(path, OLD, sent);
    const closed: Env = envWith({ CALLBACK_SIGNING_KEYS: NEW, WEBHOOK_HOSTS: "ci.example.com" });
    const url = `http://localhost:8787${path}`;
    const again = await askWith<{ code: string }>(closed, "POST", url, { body: sent, headers: HEADERS });
    expect([again.status, again.body.code]).toEqual([409, "idempotency_key_unverifiable"]);
  });

  it("is known again by a key in the ring where the journal keeps no id of the key, as before", async () => {
    const path = newRunsPath();
    const to = receiver();
    const first = await create(path, OLD, body(to.url, "hunter2"));
    await journal(path, "UPDATE runs SET fingerprint_key_id = NULL");
    const again = await create(path, `${NEW},${OLD}`, body(to.url, "hunter2"));
    expect([again.body.id, again.headers.get("Idempotent-Replayed")]).toEqual([first.body.id, "true"]);
    expect((await create(path, NEW, body(to.url, "hunter2"))).body.code).toBe("idempotency_key_reused");
  });
});

it("keeps no hash that the secrets could be guessed from without the signing key", async () => {
  const path = newRunsPath();
  const sent = body(receiver().url, "hunter2");
  await create(path, OLD, sent);
  const plain = await fingerprint(newRun.parse(sent));
  const rows = await kept(path);
  expect(rows).toHaveLength(1);
  expect(rows.join()).not.toContain(plain);
  for (const secret of ["hunter2", OLD.slice(0, 8), new TextEncoder().encode(OLD).toHex().slice(0, 16)]) {
    expect(rows.join()).not.toContain(secret);
  }
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
  expect((await ask(body(to.url, "hunter2"), { "Idempotency-Key": "deploy-43" })).body.code).toBe("invalid_body");
});

/** An Idempotency-Key belongs to the API token that sent it. No other token can find its run or claim the key first. */

import { describe, expect, it } from "vitest";
import { askWith, envWith } from "../../support/bindings.ts";
import { journal } from "../../support/direct.ts";
import { type ActionRun, ask, type CreatedRun, replayed } from "../../support/requests.ts";
import { grantToken, newProject } from "../../support/tokens.ts";

const KEY = { "Idempotency-Key": "deploy-42" };
const BODY = { actionName: "deploy", parameters: { version: "1.4.2" } };

/** An environment, and two tokens of its project that bear one name. */
async function shared() {
  const project = newProject();
  const path = `${project}/envs/production/action-runs`;
  const [first, second] = await Promise.all([
    grantToken(project, { role: "member", name: "ci" }),
    grantToken(project, { role: "member", name: "ci" }),
  ]);
  const create = (token: string, body: unknown = BODY, headers: Record<string, string> = KEY) =>
    ask<CreatedRun & { code?: string }>("POST", path, { token, body, headers });
  return { path, first: first.token, second: second.token, create };
}

describe("creating with a key that another token has used", () => {
  it("creates a run of its own and shows nothing of the other one", async () => {
    const { first, second, create } = await shared();
    const mine = await create(first);
    const theirs = await create(second);
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body.id).not.toBe(mine.body.id);
    expect(replayed(theirs)).toBeNull();
    expect(JSON.stringify(theirs.body)).not.toContain(mine.body.callback.token);
    for (const [token, made] of [
      [first, mine],
      [second, theirs],
    ] as const) {
      const again = await create(token);
      expect([replayed(again), again.body]).toEqual(["true", made.body]);
    }
  });

  it("works with any body, so no token can claim a key in advance", async () => {
    const { first, second, create } = await shared();
    expect((await create(second, { actionName: "taken" })).status).toBe(201);
    const answer = await create(first);
    expect(answer).toMatchObject({ status: 201, body: { actionName: "deploy" } });
  });

  it("creates a run of its own even if the key contains the other token's id or is a webhook-id", async () => {
    const { path, first, second, create } = await shared();
    const mine = await create(first);
    const keys = await journal<{ create_key: string }>(path, "SELECT create_key FROM runs");
    expect(keys).toHaveLength(1);
    for (const { create_key } of keys) {
      for (const name of ["Idempotency-Key", "webhook-id"]) {
        const answer = await create(second, BODY, { [name]: create_key });
        expect(answer.status).toBe(201);
        expect(answer.body.id).not.toBe(mine.body.id);
      }
    }
  });
});

it("a cancel with a key that another token has used is a second cancel, which is 409", async () => {
  const { path, first, second, create } = await shared();
  const { id } = (await create(first)).body;
  const cancel = (token: string) =>
    ask<ActionRun & { code?: string }>("DELETE", `${path}/${id}`, { token, headers: KEY });
  expect((await cancel(first)).status).toBe(200);
  expect(await cancel(second)).toMatchObject({ status: 409, body: { code: "run_cancelled" } });
  const again = await cancel(first);
  expect([again.status, replayed(again)]).toEqual([200, "true"]);
});

it("a cancel does not find the callback that had the same key", async () => {
  const { path, first, create } = await shared();
  const { id, callback } = (await create(first)).body;
  const sent = { token: callback.token, body: { status: "succeeded" }, headers: KEY };
  expect((await ask("POST", callback.url, sent)).status).toBe(200);
  expect(replayed(await ask("POST", callback.url, sent))).toBe("true");
  const cancel = await ask<{ code?: string }>("DELETE", `${path}/${id}`, { token: first, headers: KEY });
  expect(cancel).toMatchObject({ status: 409, body: { code: "run_succeeded" } });
});

it("keys sent with ROOT_TOKEN survive its change, and belong to no API token", async () => {
  const { path, first, create } = await shared();
  const mine = await create(first);
  const other = envWith({ ROOT_TOKEN: "another-root-token-for-tests-of-32-characters" });
  const made = await ask<CreatedRun>("POST", path, { body: BODY, headers: KEY });
  const again = await askWith<CreatedRun>(other, "POST", path, { body: BODY, headers: KEY });
  expect(made.body.id).not.toBe(mine.body.id);
  expect([again.body.id, replayed(again)]).toEqual([made.body.id, "true"]);
});

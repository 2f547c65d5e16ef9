import { describe, expect, it } from "vitest";
import { journal } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { type ActionRun, ask, newRunsPath } from "../support/requests.ts";
import { newActionsPath, ORIGIN_A, put, run, runsOf, triggerAt, versionOf } from "./actions.ts";

describe("a run of an action", () => {
  it("takes the action's name and settings, and its own inputs", async () => {
    const actions = newActionsPath();
    const path = `${actions}/Deploy.shop_1-x`;
    const stored = await put(path, { timeout: 7, heartbeatTimeout: 3, labels: ["web"] });
    const entityId = "01890a5d-ac96-774b-bcce-b302099a8057";
    const body = { parameters: { version: "1" }, recommendations: { a: 1 }, entityId, labels: ["mine", "web"] };
    const answer = await run(path, body);
    expect(answer.status).toBe(201);
    const { callback, ...created } = answer.body;
    expect(created).toMatchObject({ actionName: "Deploy.shop_1-x", status: "pending", entityId });
    expect(created).toMatchObject({ parameters: { version: "1" }, recommendations: { a: 1 } });
    expect(answer.headers.get("Location")).toBe(`https://runs.example${runsOf(actions)}/${created.id}`);
    expect((await ask("GET", `${runsOf(actions)}/${created.id}`)).body).toEqual(created);
    const [row] = await journal(
      runsOf(actions),
      "SELECT source, action_version, labels, deadline_at - created_at AS ms, heartbeat_timeout_ms AS beat FROM runs",
    );
    expect(row).toMatchObject({
      action_version: versionOf(stored),
      labels: '["mine","web"]',
      ms: 7 * 60_000,
      beat: 3 * 60_000,
    });
  });

  it("can have its own timeout", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, { timeout: 7 });
    const { body } = await run(path, { timeout: 2 });
    const { expiresAt } = body.callback as { expiresAt: string };
    expect(Date.parse(expiresAt) - Date.parse(body.createdAt)).toBe(2 * 60_000);
  });

  it("gives the callback token to the receiver alone if the action has a trigger", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, { trigger: triggerAt(ORIGIN_A) });
    expect((await run(path)).body).not.toHaveProperty("callback");
    await put(path, {});
    expect((await run(path)).body).toHaveProperty("callback");
  });

  it("has at most 10 labels, and so has the action", async () => {
    const path = `${newActionsPath()}/deploy`;
    const labels = Array.from({ length: 11 }, (_, n) => `l${n}`);
    expect(await put(path, { labels })).toMatchObject({ status: 400, body: { code: "invalid_body" } });
    expect((await put(path, { labels: labels.slice(1) })).status).toBe(201);
    expect((await run(path, { labels: ["l0"] })).body.code).toBe("too_many_labels");
    expect((await run(path, { labels: ["l1"] })).status).toBe(201);
  });

  it("is not found in another environment, project or organization", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    for (const other of [
      path.replace("/production/", "/dev/"),
      path.replace("/acme/", "/umbrella/"),
      `${newRunsPath().replace(/action-runs$/, "actions")}/deploy`,
    ]) {
      expect((await run(other)).body.code).toBe("action_not_found");
      expect((await ask<{ code: string }>("GET", other)).body.code).toBe("action_not_found");
      expect((await ask<{ code: string }>("DELETE", other)).body.code).toBe("action_not_found");
    }
    expect((await run(path)).status).toBe(201);
  });

  it("continues when its action is deleted", async () => {
    const actions = newActionsPath();
    const path = `${actions}/deploy`;
    await put(path, {});
    const { body } = await run(path);
    await ask("DELETE", path);
    expect((await ask("GET", `${runsOf(actions)}/${body.id}`)).body.status).toBe("pending");
  });
});

describe("parametersSchema", () => {
  const SCHEMA = {
    type: "object",
    properties: { replicas: { type: "integer", minimum: 1 }, "a/b": { type: "string" } },
    required: ["replicas"],
    additionalProperties: false,
  };

  it.each([
    [{ replicas: 0 }, /\/replicas .*1/],
    [{ replicas: "2" }, /\/replicas/],
    [{}, /replicas/],
    [{ replicas: 1, other: 1 }, /\/other/],
    [{ replicas: 1, "a/b": 1 }, /\/a~1b/],
  ])("refuses %j with 422, and names the place", async (parameters, place) => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, { parametersSchema: SCHEMA });
    const { status, body } = await run(path, { parameters });
    expect([status, body.code]).toEqual([422, "invalid_parameters"]);
    expect(body.error).toMatch(place);
    expect((await run(path, { parameters: { replicas: 1 } })).status).toBe(201);
  });
});

describe("a repeated run", () => {
  const keyed = { headers: { "Idempotency-Key": "again" } };
  const same = (answer: { readonly status: number; readonly body: ActionRun; readonly headers: Headers }) => [
    answer.status,
    answer.body.id,
    answer.headers.get("Idempotent-Replayed"),
  ];

  it("gets the same run, whatever has become of the action", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    const { id } = (await run(path, { parameters: { a: 1 } }, keyed)).body;
    const again = () => run(path, { parameters: { a: 1 } }, keyed);
    expect(same(await again())).toEqual([201, id, "true"]);
    await put(path, { trigger: triggerAt(ORIGIN_A), timeout: 3 });
    expect(same(await again())).toEqual([201, id, "true"]);
    await put(path, { parametersSchema: { type: "object", maxProperties: 0 } });
    expect(same(await again())).toEqual([201, id, "true"]);
    await ask("DELETE", path);
    expect(same(await again())).toEqual([201, id, "true"]);
    expect((await run(path, { parameters: { a: 2 } }, keyed)).body.code).toBe("idempotency_key_reused");
    expect((await run(path, {})).body.code).toBe("action_not_found");
    faults.reads = "down";
    expect((await run(path, {})).body.code).toBe("database_unavailable");
    expect(same(await again())).toEqual([201, id, "true"]);
  });

  it("of another action, or as a plain create, is another body", async () => {
    const actions = newActionsPath();
    await put(`${actions}/a`, {});
    await put(`${actions}/b`, {});
    await run(`${actions}/a`, {}, keyed);
    expect((await run(`${actions}/b`, {}, keyed)).body.code).toBe("idempotency_key_reused");
    const create = await ask<{ code: string }>("POST", runsOf(actions), { body: { actionName: "a" }, ...keyed });
    expect(create.body.code).toBe("idempotency_key_reused");
  });
});

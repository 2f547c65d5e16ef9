import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { ACTION_KIND, actionMemory } from "../../src/actions/kind.ts";
import type { Hops } from "../../src/http/request-context.ts";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { clockFromOne } from "../support/clock.ts";
import { until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask } from "../support/requests.ts";
import { insertActions, newActionsPath, put, run, scopeOf } from "./actions.ts";

const later = clockFromOne();

function refOf(path: string) {
  return { scope: scopeOf(path), name: "deploy" };
}

/** Looks for an action as a run does. */
function knownAction(db: D1Database, hops: Hops, ref: ReturnType<typeof refOf>) {
  return actionMemory.look(db, hops, ACTION_KIND, ref, () => {}, Date.now());
}

/** Replaces the definition as a PUT in another isolate would. */
async function replaceElsewhere(path: string, definition: object): Promise<void> {
  await env.DB.prepare("UPDATE definitions SET version = version + 1, definition = ?3 WHERE scope = ?1 AND name = ?2")
    .bind(scopeOf(path), path.split("/").at(-1), JSON.stringify(definition))
    .run();
}

const REFUSES_ALL = { parametersSchema: { type: "object", required: ["version"] } };

describe("an isolate", () => {
  it("reads a definition once in 30 s, so that a change elsewhere takes effect within 30 s", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    expect((await run(path)).status).toBe(201);
    await replaceElsewhere(path, REFUSES_ALL);
    later(29_999);
    expect((await run(path)).status).toBe(201);
    later(30_000);
    expect((await run(path)).body.code).toBe("invalid_parameters");
  });

  it("that stored or deleted an action uses the change at once", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    expect((await run(path)).status).toBe(201);
    await put(path, REFUSES_ALL);
    expect((await run(path)).status).toBe(422);
    await put(path, {});
    expect((await run(path)).status).toBe(201);
    await ask("DELETE", path);
    expect((await run(path)).body.code).toBe("action_not_found");
  });

  it("never remembers that there is no such action", async () => {
    const actions = newActionsPath();
    expect((await run(`${actions}/deploy`)).status).toBe(404);
    await insertActions(actions, ["deploy"]);
    expect((await run(`${actions}/deploy`)).status).toBe(201);
  });

  it("does not go on with an old version because the new one can't be used", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    await run(path);
    await replaceElsewhere(path, { parametersSchema: { $ref: "#/$defs/gone" } });
    later(30_000);
    const looking = knownAction(env.DB, { d1: 0, coordinator: 0 }, refOf(path));
    await expect(looking).rejects.toThrow("a stored schema is refused: /$ref");
  });

  it("uses a late answer of D1 as soon as it comes", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    await run(path);
    await replaceElsewhere(path, REFUSES_ALL);
    later(31_000);
    faults.readDelayMs = 1200;
    expect((await run(path)).status).toBe(201);
    faults.readDelayMs = 0;
    await until(async () => (await run(path)).status === 422);
  });
});

it("an isolate remembers at most 16 MB, and forgets what it read longest ago", async () => {
  const actions = newActionsPath();
  const names = Array.from({ length: 90 }, (_, n) => `a-${n}`);
  await insertActions(actions, names, 100_000);
  const hops = { d1: 0, coordinator: 0 };
  const look = async (name: string) => {
    const before = hops.d1;
    await knownAction(env.DB, hops, { scope: scopeOf(actions), name });
    return hops.d1 - before;
  };
  for (const name of names) expect(await look(name)).toBe(1);
  expect(await look("a-89")).toBe(0);
  expect(await look("a-0")).toBe(1);
});

it("a run reads D1 once at most and calls one coordinator", async () => {
  vi.useRealTimers();
  watchHops();
  const path = `${newActionsPath()}/deploy`;
  await put(path, { parametersSchema: { type: "object", maxProperties: 1 } });
  const hops = async (go: () => Promise<unknown>) => (await hopsOf(go)).lines;
  expect(await hops(() => run(path))).toEqual([{ status: 201, d1: 1, coordinator: 1 }]);
  expect(await hops(() => run(path))).toEqual([{ status: 201, d1: 0, coordinator: 1 }]);
  expect(await hops(() => run(path, { parameters: { a: 1, b: 2 } }))).toEqual([{ status: 422, d1: 0, coordinator: 0 }]);
  expect(await hops(() => run(path, { parameters: 1 }))).toEqual([{ status: 400, d1: 0, coordinator: 0 }]);
  expect(await hops(() => run(`${path}-missing`))).toEqual([{ status: 404, d1: 1, coordinator: 0 }]);
});

/** What reads runs besides lists: the outcome before a run's, and the count of a revocation. */

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Home } from "../../src/runs/home.ts";
import { WebhookEndpoints } from "../../src/webhook-endpoints/entrypoint.ts";
import { hurryTimers } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { idAt } from "../support/rows.ts";
import { plantRun, reading, settledIn } from "../support/several-databases.ts";
import { grantToken, newProject } from "../support/tokens.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const [IN_1, IN_2, IN_3] = [env.DB_1, env.DB_2, env.DB_3] as [D1Database, D1Database, D1Database];
const MOVED = { database: 2, generation: 3 };
const moved = reading({ upkeep: { settle: () => settledIn(MOVED) } });

describe("the outcome before a run's", () => {
  it("is looked for in the database that the coordinator names, and not in one that lacks its changes", async () => {
    const path = newRunsPath();
    const endpoint = {
      url: "https://hooks.example.com/x",
      events: ["action_run.failed"],
      includeUnstored: true,
      onlyOnChange: true,
    };
    const put = await ask("PUT", `${path.replace(/action-runs$/, "webhook-endpoints")}/chat`, {
      body: endpoint,
    });
    expect(put.status).toBe(201);
    await plantRun(IN_2, path, { status: "failed" });
    const told = {
      ...({ kind: "ended", type: "action_run.failed", at: Date.now(), id: idAt(Date.now() + 1000) } as const),
      ...({ source: "none", actionName: "deploy", entityId: null, labels: "[]" } as const),
    };
    const match = async (environment: typeof moved) => {
      const endpoints = new WebhookEndpoints(createExecutionContext(), environment);
      return (await endpoints.match(scopeOfPath(path), [told])).matches.length;
    };
    // It failed before too, so the endpoint hears nothing. What is not known counts as a change.
    expect(await match(moved)).toBe(0);
    const saying = (home: Home) => reading({ upkeep: { settle: () => settledIn(home) } });
    expect(await match(saying({ database: 1, generation: 2 }))).toBe(1);
    expect(await match(saying({ database: 1, generation: 9 }))).toBe(1);
  });
});

describe("a revocation", () => {
  /** The answer to the revocation of a token with one waiting run in each of these databases. */
  async function revoked(databases: readonly D1Database[], isMoving = false): Promise<unknown> {
    const project = newProject();
    const { id } = await grantToken(project, { role: "member" });
    for (const [i, db] of databases.entries()) {
      await plantRun(db, `${project}/envs/e${isMoving ? 0 : i}/action-runs`, { waitingCreator: id });
    }
    const { status, body } = await ask<{ waitingRuns: unknown }>("DELETE", `${project}/tokens/${id}`);
    expect(status).toBe(200);
    return body.waitingRuns;
  }

  it("counts the waiting runs in all databases, and those of an environment that moves once", async () => {
    expect(await revoked([env.DB, IN_1, IN_3])).toBe(3);
    expect(await revoked([IN_1, IN_3], true)).toBe(1);
  });

  it.each(["down", "hang"] as const)(
    "succeeds while one of them is %s, and then counts at least",
    async (fault) => {
      hurryTimers();
      faults.only = 3;
      faults.reads = fault;
      expect(await revoked([env.DB, IN_1, IN_3])).toEqual({ atLeast: 2 });
    },
  );
});

/** What the statements on stored definitions cost: their plans, the rows that they write, and the room that these take. */

import { env } from "cloudflare:workers";
import type { Context } from "hono";
import { expect, it } from "vitest";
import { ACTION_KIND } from "../../src/actions/kind.ts";
import { type AuditAction, newAuditEntry } from "../../src/auth/audit.ts";
import { OPERATOR, type Principal } from "../../src/auth/principal.ts";
import { revokeToken, rotateToken } from "../../src/auth/token-store.ts";
import { VERSIONS_MAX_BYTES } from "../../src/base/limits.ts";
import { resealDefinitions } from "../../src/definitions/sealing.ts";
import {
  deleteDefinition,
  deleteVersion,
  disableDefinition,
  listDefinitions,
  listVersions,
  putDefinition,
  selectDefinition,
  selectVersion,
} from "../../src/definitions/store.ts";
import { selectDefinitions } from "../../src/runs/d1/control-database.ts";
import { requireDatabase } from "../../src/service/health-routes.ts";
import { ENDPOINT_KIND, enableEndpoint } from "../../src/webhook-endpoints/kind.ts";

import { newActionsPath, put, scopeOf, triggerAt } from "../actions/actions.ts";
import { explaining } from "../support/databases/plans.ts";
import { faults } from "../support/faults.ts";
import { ask } from "../support/requests.ts";

const ROOT_PRINCIPAL: Principal = {
  ...OPERATOR,
  project: null,
  envName: null,
  expiresAt: null,
  tokenExpiresAt: null,
  secretHash: null,
  isReplaced: false,
};

it("no statement on stored definitions scans a table", async () => {
  const { db, plans } = explaining();
  const path = `${newActionsPath()}/deploy`;
  const ref = { scope: scopeOf(path), name: "deploy" };
  const [o, p, envName = ""] = ref.scope.split("/");
  const c = { get: (name: string) => (name === "principal" ? ROOT_PRINCIPAL : null) } as Context;
  const entry = (action: AuditAction, target = "deploy") =>
    newAuditEntry(c, { project: `${o}/${p}`, envName, action, target, targetName: "deploy" }, Date.now());
  const version = { ref, replaces: 0, version: 1, definition: "{}", filter: null, sealed: null };
  expect(await putDefinition(db, ACTION_KIND, version, entry("action_put"))).toBe("put");
  expect((await selectDefinition(db, ACTION_KIND, ref))?.version).toBe(1);
  expect((await listDefinitions(db, ACTION_KIND, ref.scope, undefined, 3)).rows).toHaveLength(1);
  expect(await putDefinition(db, ACTION_KIND, { ...version, replaces: 1, version: 2 }, entry("action_put"))).toBe(
    "put",
  );
  expect((await listVersions(db, ACTION_KIND, ref, undefined, 3)).rows.map((one) => one.version)).toEqual([2, 1]);
  expect(await selectVersion(db, ACTION_KIND, ref, 1)).toBe("{}");
  const deleting = entry("action_version_deleted", "deploy/versions/1");
  expect(await deleteVersion(db, ACTION_KIND, ref, 1, deleting)).toBe(true);
  expect(await deleteDefinition(db, ACTION_KIND, ref, 2, entry("action_deleted"))).toBe(true);
  const keys = "the-new-signing-key-of-32-bytes-and-more,the-old-signing-key-of-32-bytes-and-more";
  await resealDefinitions(db, keys, Date.now());
  expect(await selectDefinitions(db, ref.scope)).toEqual({ endpoints: [], schedules: [] });
  expect(await disableDefinition(db, ENDPOINT_KIND, { ...ref, version: 1, reason: "", at: Date.now() })).toBe(false);
  expect(await enableEndpoint(db, ref, entry("webhook_endpoint_enabled"))).toBe(false);
  expect(await revokeToken(db, ROOT_PRINCIPAL, entry("token_revoked"))).toBeNull();
  const sealing = { secrets: "a-key", requests: "a-key" };
  await requireDatabase({ db, keys: sealing, withReport: false }, { d1: 0, coordinator: 0 });
  await rotateToken(db, { replaces: "", hash: "", overlapSeconds: 0 }, entry("token_rotated"));
  const steps = await plans();
  expect(steps).toHaveLength(47);
  const byLineage = "USING COVERING INDEX definitions_by_lineage (kind=? AND changed_lineage>? AND changed_lineage<?)";
  // Of endpoints, actions and schedules, by a revocation and by a rotation.
  expect(steps.flat().filter((step) => step.includes(byLineage))).toHaveLength(6);
  expect(steps.flat().filter((step) => step.includes("waiting_runs_by_lineage (waiting_lineage>"))).toHaveLength(1);
  for (const step of steps.flat()) {
    expect(step).not.toMatch(/SCAN (definitions|definition_versions|deleted_definitions|audit|tokens|runs)/);
  }
});

async function rowsOf(go: () => Promise<unknown>): Promise<number> {
  const before = faults.rowsWritten;
  await go();
  return faults.rowsWritten - before;
}

it("a change writes few rows", async () => {
  const actions = newActionsPath();
  const endpoints = actions.replace(/actions$/, "webhook-endpoints");
  const hook = { url: "https://hooks.example.com/x", events: ["action_run.*"] };
  const rows = [
    await rowsOf(() => put(`${actions}/plain`, {})),
    await rowsOf(() => put(`${actions}/plain`, { timeout: 1 })),
    await rowsOf(() => put(`${actions}/secret`, { trigger: triggerAt("https://ci.example.com/") })),
    await rowsOf(() => put(`${endpoints}/a`, hook)),
    await rowsOf(() => put(`${endpoints}/a`, hook)),
  ];
  expect(rows).toEqual([8, 10, 9, 9, 11]);
});

it("old versions of webhook endpoints take no room from those of actions", async () => {
  const actions = newActionsPath();
  const endpoint = `${actions.replace(/actions$/, "webhook-endpoints")}/chat`;
  const stored = async () => {
    const { body } = await ask<readonly { readonly version: number }[]>("GET", `${actions}/deploy/versions`);
    return body.map(({ version }) => version);
  };
  for (let n = 1; n <= 2; n++) {
    await put(`${actions}/deploy`, { timeout: n });
    await put(endpoint, { url: `https://hooks.example.com/${n}`, events: ["action_run.*"] });
  }
  const before = await stored();
  await env.DB.prepare("UPDATE definition_versions SET bytes = ? WHERE kind = 'webhook_endpoint'")
    .bind(VERSIONS_MAX_BYTES)
    .run();
  await put(`${actions}/deploy`, { timeout: 3 });
  expect(await stored()).toEqual([expect.any(Number), ...before]);
  expect(before).toHaveLength(2);
});

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { resealActions } from "../../src/actions/reseal.ts";
import { deleteAction, listActions, putAction, selectAction } from "../../src/actions/store.ts";
import { deleteVersion, listVersions, selectVersion } from "../../src/actions/versions.ts";
import { type AuditAction, newAuditEntry } from "../../src/auth/audit.ts";
import { requireDatabase } from "../../src/health/readiness.ts";
import { newActionsPath, scopeOf } from "./actions.ts";

it("no statement on stored actions scans a table", async () => {
  const explained: D1PreparedStatement[] = [];
  const db = {
    prepare: (sql: string) => {
      const statement = env.DB.prepare(sql);
      const bind = statement.bind.bind(statement);
      return Object.assign(statement, {
        bind: (...values: unknown[]) => {
          explained.push(env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...values));
          return bind(...values);
        },
      });
    },
    batch: (statements: D1PreparedStatement[]) => env.DB.batch(statements),
  } as unknown as D1Database;
  const path = `${newActionsPath()}/deploy`;
  const ref = { scope: scopeOf(path), name: "deploy" };
  const [o, p, envName = ""] = ref.scope.split("/");
  const entry = (action: AuditAction, target = "deploy") =>
    newAuditEntry(
      { id: "root", name: "root" },
      { project: `${o}/${p}`, envName, action, target },
      Date.now(),
    );
  const version = { ref, replaces: 0, version: 1, definition: "{}", sealed: null };
  expect(await putAction(db, version, entry("action_put"))).toBe("put");
  expect((await selectAction(db, ref))?.version).toBe(1);
  expect((await listActions(db, ref.scope, undefined, 3)).actions).toHaveLength(1);
  expect(await putAction(db, { ...version, replaces: 1, version: 2 }, entry("action_put"))).toBe("put");
  expect((await listVersions(db, ref, undefined, 3)).versions.map((one) => one.version)).toEqual([2, 1]);
  expect(await selectVersion(db, ref, 1)).toBe("{}");
  const deleting = entry("action_version_deleted", "deploy/versions/1");
  expect(await deleteVersion(db, ref, 1, deleting)).toBe("deleted");
  expect(await deleteAction(db, ref, 2, entry("action_deleted"))).toBe(true);
  const keys = "the-new-signing-key-of-32-bytes-and-more,the-old-signing-key-of-32-bytes-and-more";
  await resealActions(db, keys, Date.now());
  await requireDatabase(db, { d1: 0, coordinator: 0 }, "the-id-of-a-key");
  const plans = await env.DB.batch<{ detail: string }>(explained);
  expect(plans).toHaveLength(23);
  for (const { detail } of plans.flatMap(({ results }) => results)) {
    expect(detail).not.toMatch(/SCAN (actions|action_versions|deleted_actions|audit)/);
  }
});

/** GET /whoami. */

import { describe, expect, it } from "vitest";
import { HOUR_MS } from "../support/direct.ts";
import { ask, ROOT } from "../support/requests.ts";
import { grantToken, newProject, type Wanted } from "../support/tokens.ts";

const IN_12_HOURS = new Date(Date.now() + 12 * HOUR_MS).toISOString();
const ALL = ["data:read", "data:write", "actions:manage", "webhooks:manage", "tokens:manage"];

describe("GET /whoami", () => {
  it.each<readonly [Wanted, readonly string[]]>([
    [{ role: "owner", name: "ops", expiresAt: IN_12_HOURS }, ALL],
    [{ role: "admin", name: "platform", envName: "prod" }, ALL],
    [{ role: "member", name: "portal", envName: "prod" }, ["data:read", "data:write"]],
    [{ role: "viewer", name: "wall" }, ["data:read"]],
  ])("tells a token its id, name, permissions, scope and expiry: %j", async (wanted, permissions) => {
    const project = newProject();
    const { id, token } = await grantToken(project, wanted);
    const { status, headers, body } = await ask("GET", "/whoami", { token });
    expect([status, headers.get("Cache-Control")]).toEqual([200, "no-store"]);
    const scope = { project: project.slice(1), envName: wanted.envName ?? null };
    const { name, role, expiresAt = null } = wanted;
    expect(body).toEqual({
      id,
      name,
      role,
      permissions,
      ...scope,
      person: null,
      mayApprove: false,
      mayActForOthers: false,
      expiresAt,
      tokenExpiresAt: expiresAt,
      sessionId: null,
    });
  });

  it("tells the operator null for what ROOT_TOKEN has not", async () => {
    const { body } = await ask("GET", "/whoami", { token: ROOT });
    const nothing = {
      id: null,
      project: null,
      envName: null,
      expiresAt: null,
      tokenExpiresAt: null,
      sessionId: null,
      person: null,
    };
    const flags = { mayApprove: true, mayActForOthers: false };
    expect(body).toEqual({ name: "root", role: "owner", permissions: ALL, ...flags, ...nothing });
  });
});

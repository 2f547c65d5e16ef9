import { describe, expect, it } from "vitest";
import { ROLES, type Role } from "../../src/auth/principal.ts";
import { ask } from "../support/requests.ts";
import { grantToken, newProject, type Refusal, type TokenOnWire, type Wanted } from "../support/tokens.ts";

/** DESIGN's rule: within its own scope, at most its own role. Written out, not taken from the code. */
const AT_MOST: Readonly<Record<Role, readonly Role[]>> = {
  owner: ["owner", "admin", "member", "viewer"],
  admin: ["admin", "member", "viewer"],
  member: ["member", "viewer"],
  viewer: ["viewer"],
};

const SCOPES = [null, "prod", "dev"] as const;
const TARGETS: readonly Wanted[] = ROLES.flatMap((role) => SCOPES.map((envName) => ({ role, envName })));
const ASKERS = (["owner", "admin"] as const).flatMap((role) =>
  ([null, "prod"] as const).map((envName) => ({ role, envName })),
);

function within(asker: Wanted, target: Wanted): boolean {
  const inScope = asker.envName === null || asker.envName === target.envName;
  return inScope && AT_MOST[asker.role].includes(target.role);
}

function label({ role, envName }: Wanted): string {
  return `${role} of ${envName ?? "the project"}`;
}

async function names(project: string, token?: string): Promise<string[]> {
  const { status, body } = await ask<TokenOnWire[]>("GET", `${project}/tokens`, token ? { token } : {});
  expect(status).toBe(200);
  return body.map(({ name }) => name).sort();
}

describe.each(ASKERS)("$role of $envName", (asker) => {
  it("creates tokens only within its own scope and role", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { ...asker, name: "asker" });
    const created = ["asker"];
    for (const target of TARGETS) {
      const answer = await ask<Refusal>("POST", `${project}/tokens`, {
        token,
        body: { name: label(target), ...target },
      });
      const allowed = within(asker, target);
      expect([label(target), answer.status]).toEqual([label(target), allowed ? 201 : 403]);
      if (allowed) created.push(label(target));
      else
        expect(answer.body).toEqual({
          error: expect.stringMatching(/\S/),
          code: "forbidden",
          pointer: expect.stringMatching(/^\/(role|envName)$/),
        });
    }
    expect(await names(project)).toEqual(created.sort());
  });

  it("lists exactly the tokens that it could have created", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { ...asker, name: "asker" });
    for (const target of TARGETS) await grantToken(project, { ...target, name: label(target) });
    const visible = TARGETS.filter((target) => within(asker, target)).map(label);
    expect(await names(project, token)).toEqual(["asker", ...visible].sort());
  });

  it("revokes exactly the tokens that it lists; others are 404 and stay", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { ...asker, name: "asker" });
    const left = ["asker"];
    for (const target of TARGETS) {
      const { id } = await grantToken(project, { ...target, name: label(target) });
      const answer = await ask<Refusal | null>("DELETE", `${project}/tokens/${id}`, { token });
      const allowed = within(asker, target);
      expect([label(target), answer.status]).toEqual([label(target), allowed ? 200 : 404]);
      if (!allowed) {
        expect(answer.body?.code).toBe("token_not_found");
        left.push(label(target));
      }
    }
    expect(await names(project)).toEqual(left.sort());
  });
});

it("an owner can't reach another project's token through their own path", async () => {
  const [mine, elsewhere] = [newProject(), newProject()];
  const target = await grantToken(elsewhere, { role: "viewer", name: "target" });
  const { token } = await grantToken(mine, { role: "owner" });
  const answer = await ask<Refusal>("DELETE", `${mine}/tokens/${target.id}`, { token });
  expect([answer.status, answer.body.code]).toEqual([404, "token_not_found"]);
  expect(await names(elsewhere)).toEqual(["target"]);
});

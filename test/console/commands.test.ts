/** The commands and words of the pages for actions, tokens and the audit. */

import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { aboutOf, fieldsIn, formOf } from "../../src/console/actions/schema-form.ts";
import { envOf } from "../../src/console/tokens/audit-page.tsx";
import { expiryChoices, grantableRoles } from "../../src/console/tokens/token-rules.ts";
import { putCommands } from "../../src/console/ui/shell-commands.tsx";
import { laterInstant } from "../../src/words/since.ts";

it("a command of curl hands the definition on unchanged, and has no token in its arguments", () => {
  const definition = { description: `it's "$HOME" \`id\` \\` };
  const here = { origin: "http://localhost:1", scope: { o: "acme", p: "shop", envName: "prod" } };
  const { curl } = putCommands(here, "deploy", definition);
  // A shell runs it, with a curl that prints its arguments.
  const script = `curl() { cat >/dev/null; printf '%s\\n' "$@"; }\n${curl}`;
  const printed = execFileSync("sh", ["-c", script], { env: { ACTION_RUNS_TOKEN: "secret-token" } }).toString();
  const args = printed.trimEnd().split("\n");
  expect(args).toContain("http://localhost:1/acme/shop/envs/prod/actions/deploy");
  expect(args.at(-1)).toBe(JSON.stringify(definition));
  expect(printed).not.toContain("secret-token");
});

it("parameters are listed with the objects around them", () => {
  const form = formOf({
    properties: {
      env: { enum: ["prod", 1], default: "prod" },
      notify: { properties: { to: { type: "string", title: "To", maxLength: 9 } }, required: ["to"] },
    },
  });
  const rows = fieldsIn(form).map(([name, field]) => [
    name,
    field.takes,
    field.isRequired,
    field.limits,
    aboutOf(field),
    field.suggested,
  ]);
  expect(rows).toEqual([
    ["env", "one of prod, 1", false, null, null, "prod"],
    ["notify", "object", false, null, null, undefined],
    ["notify.to", "text", true, "at most 9 characters", "To", undefined],
  ]);
});

it("a new token expires with its parent at the latest, and never only if somebody chose that", () => {
  const now = Date.UTC(2027, 0, 1);
  const hours = (count: number) => now + count * 3_600_000;
  const words = ({ choices }: ReturnType<typeof expiryChoices>) => choices.map(([, one]) => one);
  const free = expiryChoices(null, now);
  expect(words(free).slice(-2)).toEqual(["In 1 year", "Never"]);
  expect(free.first).toBe("90d");
  const expiresAt = (choice: string) => laterInstant(choice, new Date(now))?.toISOString();
  expect([expiresAt("1d"), expiresAt("30d"), expiresAt("")]).toEqual([
    "2027-01-02T00:00:00.000Z",
    "2027-01-31T00:00:00.000Z",
    undefined,
  ]);
  expect(words(expiryChoices(hours(12), now))).toEqual(["In 1 hour", "With your own token"]);
  expect(expiryChoices(hours(0.5), now).first).toBe("");
  // A session by sign-in. The service counts the 90 days, because the clock of the browser can be ahead.
  const bySignIn = expiryChoices(null, now, true);
  expect(bySignIn.choices.slice(-2)).toEqual([
    ["30d", "In 30 days"],
    ["", "In 90 days"],
  ]);
  expect(bySignIn.first).toBe("");
  expect(words(expiryChoices(hours(12), now, true)).at(-1)).toBe("With your own token");
});

it("a token offers only its own role and those below", () => {
  expect(grantableRoles({ id: "x", issuer: null, role: "owner" })).toEqual(["owner", "admin", "member", "viewer"]);
  expect(grantableRoles({ id: "x", issuer: null, role: "admin" })).toEqual(["admin", "member", "viewer"]);
  // A session of ROOT_TOKEN, and two by sign-in.
  expect(grantableRoles({ id: null, issuer: null, role: "owner" })).toEqual(["admin", "member", "viewer"]);
  expect(grantableRoles({ id: "x", issuer: "https://id.example", role: "owner" })).toEqual([
    "admin",
    "member",
    "viewer",
  ]);
  expect(grantableRoles({ id: "x", issuer: "https://id.example", role: "member" })).toEqual(["member", "viewer"]);
});

it("an entry of the audit is of one environment, or of the whole project", () => {
  expect([envOf("acme/shop/prod"), envOf("acme/shop")]).toEqual(["prod", null]);
});

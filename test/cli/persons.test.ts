/** For whom a command acts, and the persons and flags of tokens. */

import { afterEach, expect, test } from "vitest";
import { cli } from "./in-process.ts";
import { type BadServer, badServer, json, RUN } from "./misbehaving.ts";

const TOKEN = {
  id: RUN.id,
  name: "portal",
  role: "member",
  envName: null,
  parentId: null,
  createdBy: "root",
  person: "ada@acme",
  mayApprove: true,
  mayActForOthers: true,
  permissions: [],
  project: "acme/shop",
  createdAt: RUN.createdAt,
  expiresAt: null,
  lastUsedAt: null,
  oldSecretExpiresAt: null,
  token: "terr_y",
};
const open: BadServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

/** A service that answers `body`, what its requests named as the person, and a command that asks it. */
async function service(status: number, body: unknown) {
  const persons: unknown[] = [];
  const server = await badServer(({ headers }, response) => {
    persons.push(headers["on-behalf-of"]);
    return json(response, status, body);
  });
  open.push(server);
  const settings = {
    ACTION_RUNS_URL: server.url,
    ACTION_RUNS_TOKEN: "terr_x",
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
    ACTION_RUNS_RETRIES: "0",
  };
  const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    cli(args, { ...settings, ...more });
  return { persons, run, bodies: () => server.requests.map((one) => one.body) };
}

test("--on-behalf-of and its variable name the person; without them there is no header", async () => {
  const { persons, run } = await service(200, RUN);
  const cancel = ["cancel", RUN.id];
  expect(await run([...cancel, "--on-behalf-of", "ada@acme"])).toMatchObject({ code: 0 });
  expect(await run(cancel, { ACTION_RUNS_ON_BEHALF_OF: "bo" })).toMatchObject({ code: 0 });
  expect(await run(cancel)).toMatchObject({ code: 0 });
  expect(persons).toEqual(["ada@acme", "bo", undefined]);
});

test.each(["", "Ada Lovelace", "a\nb", "\u00e4da", "a".repeat(256)])(
  "%j is no person, and nothing is sent",
  async (person) => {
    const { persons, run } = await service(200, RUN);
    const refused = await run(["cancel", RUN.id, `--on-behalf-of=${person}`]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("visible ASCII characters");
    expect(persons).toEqual([]);
  },
);

test("a refusal of the header names the option", async () => {
  const error = "This token may not act for others. Omit On-Behalf-Of, or use another token.";
  const { run } = await service(403, { error, code: "may_not_act_for_others" });
  const refused = await run(["cancel", RUN.id, "--on-behalf-of", "ada"]);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain("Omit --on-behalf-of, or use another token.");
});

test("token create sends the person and the flags, and shows them", async () => {
  const { bodies, run } = await service(201, TOKEN);
  const create = ["token", "create", "portal", "--role", "member"];
  const flags = ["--person", "ada@acme", "--may-approve", "--may-act-for-others", "--no-json"];
  const { code, stdout } = await run([...create, ...flags]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/person: +ada@acme\nmay also: +approve, act for others/);
  expect((await run([...create, "--json"])).code).toBe(0);
  expect((await run([...create, "--no-person"])).code).toBe(0);
  expect(bodies().map((body) => JSON.parse(body))).toEqual([
    { name: "portal", role: "member", person: "ada@acme", mayApprove: true, mayActForOthers: true },
    { name: "portal", role: "member" },
    { name: "portal", role: "member", person: null },
  ]);
});

test("whoami shows the person and the flags", async () => {
  const { run } = await service(200, TOKEN);
  const { stdout } = await run(["whoami", "--no-json"]);
  expect(stdout).toMatch(/person: +ada@acme\nmay also: +approve, act for others/);
});

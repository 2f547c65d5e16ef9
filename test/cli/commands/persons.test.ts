/** For whom a command acts, and the persons and flags of tokens. */

import { expect, test } from "vitest";
import { API_TOKEN } from "../../support/api/api-objects.ts";
import { cli } from "../in-process.ts";
import { RUN } from "../misbehaving.ts";
import { saying } from "../service.ts";

const TOKEN = { ...API_TOKEN, permissions: [], project: "acme/shop", token: "terr_y" };

test("--on-behalf-of and its variable name the person; without them there is no header", async () => {
  const { server, settings, run } = await saying(200, RUN);
  expect(await run("cancel", RUN.id, "--on-behalf-of", "ada@acme")).toMatchObject({ code: 0 });
  expect(await cli(["cancel", RUN.id], { ...settings, ACTION_RUNS_ON_BEHALF_OF: "bo" })).toMatchObject({ code: 0 });
  expect(await run("cancel", RUN.id)).toMatchObject({ code: 0 });
  expect(server.requests.map(({ headers }) => headers["on-behalf-of"])).toEqual(["ada@acme", "bo", undefined]);
});

test.each(["", "Ada Lovelace", "a\nb", "\u00e4da", "a".repeat(256)])(
  "%j is no person, and nothing is sent",
  async (person) => {
    const { server, run } = await saying(200, RUN);
    const refused = await run("cancel", RUN.id, `--on-behalf-of=${person}`);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("visible ASCII characters");
    expect(server.requests).toEqual([]);
  },
);

test("a refusal of the header names the option", async () => {
  const error = "This token may not act for others. Omit On-Behalf-Of, or use another token.";
  const { run } = await saying(403, { error, code: "may_not_act_for_others" });
  const refused = await run("cancel", RUN.id, "--on-behalf-of", "ada");
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain("Omit --on-behalf-of, or use another token.");
});

test("token create sends the person and the flags, and shows them", async () => {
  const { sent, run } = await saying(201, TOKEN);
  const create = ["token", "create", "portal", "--role", "member"];
  const flags = ["--person", "ada@acme", "--may-approve", "--may-act-for-others", "--no-json"];
  const { code, stdout } = await run(...create, ...flags);
  expect(code).toBe(0);
  expect(stdout).toMatch(/person: +ada@acme\nmay also: +approve, act for others/);
  expect((await run(...create, "--json")).code).toBe(0);
  expect((await run(...create, "--no-person")).code).toBe(0);
  expect(sent().map(([, body]) => body)).toEqual([
    { name: "portal", role: "member", person: "ada@acme", mayApprove: true, mayActForOthers: true },
    { name: "portal", role: "member" },
    { name: "portal", role: "member", person: null },
  ]);
});

test("whoami shows the person and the flags", async () => {
  const { run } = await saying(200, TOKEN);
  const { stdout } = await run("whoami", "--no-json");
  expect(stdout).toMatch(/person: +ada@acme\nmay also: +approve, act for others/);
});

/** Definitions that start runs, as files against the real service: `apply` of schedules and of actions that take events. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createClient } from "../../../src/client/index.ts";
import { cli } from "../../cli/in-process.ts";
import { settingsFor } from "../../cli/service.ts";
import { sharedServer } from "../installation.ts";

const ORG = "of-starts-test";
const shared = sharedServer(ORG);
const root = mkdtempSync(join(tmpdir(), "action-runs-starts-"));
afterAll(() => rmSync(root, { recursive: true }));

/** An environment of its own. `write`: files of its folder by their paths; null removes one. */
function environment(env: string) {
  const folder = join(root, env);
  const settings = settingsFor(shared.origin, {
    ACTION_RUNS_TOKEN: shared.token,
    ACTION_RUNS_ORG: ORG,
    ACTION_RUNS_ENV: env,
  });
  const client = createClient({ baseUrl: shared.origin, token: shared.token, org: ORG, project: "shop", env });
  const write = (files: Readonly<Record<string, object | null>>) => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      if (content === null) rmSync(join(folder, path));
      else writeFileSync(join(folder, path), JSON.stringify(content));
    }
  };
  const apply = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    cli(["apply", "-f", folder, ...args], { ...settings, ...more });
  return { folder, settings, client, write, apply };
}

const changes = (printed: string) =>
  JSON.parse(printed).changes.map(({ kind, name, change }: Readonly<Record<string, string>>) => [kind, name, change]);

const trigger = { type: "webhook", url: "https://ci.example.com/hooks" } as const;
const KEPT = { trigger, labels: ["kept"] };
const NIGHTLY = { action: "backup", cron: "30 2 * * *", timezone: "Europe/Berlin", parameters: { full: true } };

test("an apply stores an action before the schedule that runs it, deletes them the other way round, and export writes both", async () => {
  const { folder, settings, client, write, apply } = environment("ordered");
  write({
    "actions/kept.json": KEPT,
    "schedules/kept.json": { ...NIGHTLY, action: "kept" },
    "actions/backup.json": { trigger },
    "schedules/nightly.json": NIGHTLY,
  });
  expect((await apply(["--dry-run"])).code).toBe(2);
  const made = await apply(["--yes"]);
  expect(changes(made.stdout)).toEqual([
    ["action", "backup", "create"],
    ["action", "kept", "create"],
    ["schedule", "kept", "create"],
    ["schedule", "nightly", "create"],
  ]);
  expect((await client.schedules.get("nightly")).definition).toEqual({ ...NIGHTLY, disabled: false });
  expect(await apply(["--dry-run"])).toMatchObject({ code: 0 });

  expect(await cli(["export", "--definitions", folder], settings)).toMatchObject({ code: 0, stderr: "" });
  const written = JSON.parse(readFileSync(join(folder, "schedules/nightly.json"), "utf8"));
  expect(written).toEqual({ ...NIGHTLY, disabled: false });

  write({ "actions/backup.json": null, "schedules/nightly.json": null });
  const pruned = await apply(["--prune", "--yes"]);
  expect(changes(pruned.stdout)).toEqual([
    ["schedule", "nightly", "delete"],
    ["action", "backup", "delete"],
  ]);
});

test("a schedule of an action that nobody stores is a fault of its file, and nothing is changed", async () => {
  const { client, write, apply } = environment("missing");
  write({ "actions/kept.json": KEPT, "schedules/nightly.json": NIGHTLY });
  const refused = await apply(["--yes"]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain("schedules/nightly.json: No such action.");
  await expect(client.actions.get("kept")).rejects.toMatchObject({ code: "action_not_found" });
});

test("a secret for events comes from its variable, also after verify has changed; without one the service makes it, and no log has it", async () => {
  const { client, write, apply } = environment("events");
  const SECRET = { ACTION_RUNS_SECRET_EVENTS: "a-secret-of-the-test" };
  const send = async () => {
    const { url } = await client.actions.inbound("deploy");
    const headers = { Authorization: `Bearer ${SECRET.ACTION_RUNS_SECRET_EVENTS}`, "Content-Type": "application/json" };
    return (await fetch(url, { method: "POST", headers, body: "{}" })).status;
  };
  const action = (verify: string, secret?: string) => ({
    "actions/deploy.json": { trigger, inbound: { verify, secret } },
  });
  write(action("github"));
  const made = await apply(["--yes"]);
  expect(made.stderr).toContain("The service made the event secret of deploy.");
  expect(made.stderr).toContain("action-runs action rotate-secret deploy");
  expect(made.stdout + made.stderr).not.toContain("whsec_");

  write(action("token", "$env:ACTION_RUNS_SECRET_EVENTS"));
  const changed = await apply(["--yes"], SECRET);
  expect(changed).toMatchObject({ code: 0, stderr: expect.not.stringContaining("The service made") });
  expect(await send()).toBe(201);
  expect(await apply(["--dry-run"], SECRET)).toMatchObject({ code: 0 });
});

/** Definitions as files against the real service: `apply`, and `export` of definitions and of runs. */

import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { request as forward } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { createClient } from "../../../src/client/index.ts";
import { jsonLines, type Settings, start } from "../../cli/command.ts";
import { cli, cliAtTerminal } from "../../cli/in-process.ts";
import { settingsFor } from "../../cli/service.ts";
import { serve } from "../../support/node-server.ts";
import { sharedServer } from "../installation.ts";

const ORG = "of-definitions-test";
const shared = sharedServer(ORG);
const root = mkdtempSync(join(tmpdir(), "action-runs-definitions-"));
afterAll(() => rmSync(root, { recursive: true }));

const SECRET = "s3cret-of-the-test";
const ACTIONS = Array.from({ length: 40 }, (_, at) => `deploy-${at}`);
const URL = "https://ci.example.com/hooks";

/** An environment of its own, as the command line and the client reach it. `folder`: an empty one. */
function environment(env: string, token = shared.token) {
  const folder = join(root, env);
  const more = { ACTION_RUNS_TOKEN: token, ACTION_RUNS_ORG: ORG, ACTION_RUNS_ENV: env };
  const settings: Settings = settingsFor(shared.origin, more);
  const client = createClient({ baseUrl: shared.origin, token, org: ORG, project: "shop", env });
  const apply = (...args: readonly string[]) => cli(["apply", "-f", folder, ...args], settings);
  const listed = async () => (await client.actions.list({ limit: 100 }).page()).entries;
  return { folder, settings, client, apply, listed };
}

/** Files below a folder, by their paths. A text is written as it is. */
function write(folder: string, files: Readonly<Record<string, unknown>>): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  }
}

const trigger = (more: object = {}) => ({ trigger: { type: "webhook", url: URL, ...more } });
const forty = Object.fromEntries(
  ACTIONS.map((name, at) => [`actions/${name}.json`, { ...trigger(), timeout: at + 1 }]),
);
const changed = (printed: string) =>
  JSON.parse(printed).changes.map(({ name, change, outcome }: Readonly<Record<string, string>>) => [
    name,
    change,
    outcome,
  ]);

test("40 actions come from files; two that are changed by hand are found different, and come back", async () => {
  const { folder, client, apply } = environment("forty");
  write(folder, { ...forty, "webhook-endpoints/chat.json": { url: URL, events: ["action_run.failed"] } });
  const first = await apply("--yes");
  expect(first.code).toBe(0);
  expect(first.stderr).toContain("41 to create, 0 to replace, 0 to delete, 0 the same.");
  expect(first.stderr).toContain("action-runs webhook rotate-secret chat");
  expect(first.stdout + first.stderr).not.toContain("whsec_");
  expect(await apply("--dry-run")).toMatchObject({ code: 0, stdout: '{"changes":[],"unchanged":41}\n' });

  await client.actions.put("deploy-7", { timeout: 100 });
  await client.actions.put("deploy-31", {
    ...trigger({ payload: { text: "a\n\u202e\x1b[2J" } }),
    timeout: 32,
  } as object);
  const drift = await apply("--dry-run");
  expect([drift.code, changed(drift.stdout)]).toEqual([
    2,
    [
      ["deploy-31", "replace", "planned"],
      ["deploy-7", "replace", "planned"],
    ],
  ]);
  expect(drift.stderr).toContain('-   "timeout": 100\n');
  expect(drift.stderr).toContain("  -         \\u202e\\u001b[2J\n");
  expect((await client.actions.get("deploy-7")).definition).toEqual({ timeout: 100 });

  expect((await apply("--yes", "--no-json")).stdout).toContain("Made 2 of 2 changes.");
  expect((await apply("--dry-run")).code).toBe(0);

  // Also what a block of lines does not show, and an empty line.
  const text = (payload: string) => ({ "actions/deploy-0.json": { ...trigger({ payload }), timeout: 1 } });
  write(folder, text("a\nb"));
  await apply("--yes");
  write(folder, text("a\nb\n"));
  expect((await apply("--dry-run")).stderr).toContain('  +     "payload": "a\\nb\\n",\n');
  write(folder, text("a\n\nb"));
  expect((await apply("--dry-run")).stderr).toMatch(/^ {2}\+ +$/m);
});

test("what export writes differs in nothing, also without defaults, and it keeps references and your own formatting", async () => {
  const { folder, client, settings, apply } = environment("round-trip");
  const headers = { Authorization: "Bearer {{ secrets.token }}", Accept: "text/plain" };
  write(folder, {
    "actions/ship.json": trigger({ headers, secrets: { token: "$env:ACTION_RUNS_SECRET_TOKEN" } }),
    "actions/plain.json": "{}",
    "webhook-endpoints/chat.json": { url: "$env:ACTION_RUNS_SECRET_URL", events: ["action_run.*"] },
  });
  const given = { ...settings, ACTION_RUNS_SECRET_TOKEN: SECRET, ACTION_RUNS_SECRET_URL: `${URL}/${SECRET}` };
  expect(await cli(["apply", "-f", folder, "--yes"], given)).toMatchObject({ code: 0 });
  const fresh = join(root, "fresh");
  expect(await cli(["export", "--definitions", fresh], settings)).toMatchObject({ code: 0, stderr: "" });
  expect(readdirSync(fresh, { recursive: true }).sort()).toEqual([
    "actions",
    "actions/plain.json",
    "actions/ship.json",
    "webhook-endpoints",
    "webhook-endpoints/chat.json",
  ]);
  expect(await cli(["apply", "-f", fresh, "--dry-run"], settings)).toMatchObject({ code: 0 });

  await client.actions.put("gone", {});
  const exported = () => cli(["export", "--definitions", folder, "--no-json"], settings);
  expect((await exported()).stdout).toContain("Wrote 3 of 4 definitions");
  const ship = JSON.parse(readFileSync(join(folder, "actions/ship.json"), "utf8"));
  expect(ship.trigger).toMatchObject({ headers, secrets: { token: "$env:ACTION_RUNS_SECRET_TOKEN" }, method: "POST" });
  expect(readFileSync(join(folder, "actions/plain.json"), "utf8")).toBe("{}");
  expect((await apply("--dry-run")).code).toBe(0);

  // A file without a definition is told of, and removed only if you ask. An empty environment removes nothing.
  await client.actions.delete("gone");
  expect((await exported()).stderr).toContain("actions/gone.json: nothing with this name is stored.");
  const empty = environment("round-trip-empty").settings;
  await cli(["export", "--definitions", folder, "--prune"], empty);
  expect(existsSync(join(folder, "actions/gone.json"))).toBe(true);
  await cli(["export", "--definitions", folder, "--prune"], settings);
  expect(readdirSync(join(folder, "actions"))).toEqual(["plain.json", "ship.json"]);
});

describe("somebody else", () => {
  const theirs = [
    ["changes", (name: string, { actions }: ReturnType<typeof createClient>) => actions.put(name, { timeout: 99 })],
    ["deletes", (name: string, { actions }: ReturnType<typeof createClient>) => actions.delete(name)],
    ["creates", (_: string, { actions }: ReturnType<typeof createClient>) => actions.put("new", { timeout: 99 })],
  ] as const;

  test.each(theirs)("who %s a definition between the diff and the answer loses nothing", async (what, change) => {
    const { folder, settings, client, listed } = environment(`race-${what}`);
    write(folder, { "actions/a.json": { timeout: 1 }, "actions/b.json": { timeout: 2 }, "actions/new.json": "{}" });
    await client.actions.put("a", {});
    // The question reads it when the diff is shown.
    const answer = Readable.from(
      (async function* () {
        await change("a", client);
        yield Buffer.from("y\n");
      })(),
    );
    const { code, stdout, stderr } = await cliAtTerminal(["apply", "-f", folder, "--no-json"], settings, answer);
    const name = what === "creates" ? "new" : "a";
    expect([code, stdout]).toEqual([5, expect.stringContaining("Made 2 of 3 changes.")]);
    expect(stderr).toContain(`Somebody changed the action ${name} meanwhile, and their change stands.`);
    const now = await listed();
    expect(now.find((one) => one.name === name)?.definition).toEqual(what === "deletes" ? undefined : { timeout: 99 });
    expect(now.find((one) => one.name === "b")?.definition).toEqual({ timeout: 2 });
  });

  test.each(["n\n", "\n"])("who answers %j changes nothing", async (typed) => {
    const { folder, settings, listed } = environment("no");
    write(folder, { "actions/a.json": { timeout: 1 } });
    const ended = await cliAtTerminal(["apply", "-f", folder], settings, typed);
    expect(ended).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(`Make these changes in ${ORG}/shop/`),
    });
    expect(await listed()).toEqual([]);
  });
});

test("an apply that is killed half-way goes on when it is repeated", async () => {
  const { folder, settings, apply, listed } = environment("killed");
  write(folder, forty);
  let kill = () => {};
  let puts = 0;
  const { port } = new globalThis.URL(shared.origin);
  const proxy = await serve((request, response) => {
    const { method, url: path, headers } = request;
    if (method === "PUT" && !path?.includes("dryRun") && ++puts === 20) return kill();
    request.pipe(
      forward({ host: "localhost", port, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      }),
    );
  });
  onTestFinished(proxy.close);
  const killed = start(["apply", "-f", folder, "--yes"], { ...settings, ACTION_RUNS_URL: proxy.url });
  const closed = once(killed.child, "close");
  kill = () => killed.child.kill("SIGKILL");
  await closed;
  const before = await listed();
  expect(before).toHaveLength(19);
  expect((await apply("--yes")).stderr).toContain("21 to create, 0 to replace, 0 to delete, 19 the same.");
  const after = await listed();
  expect(after.map(({ name }) => name).sort()).toEqual([...ACTIONS].sort());
  for (const { name, version } of before) expect(after.find((one) => one.name === name)?.version).toBe(version);
});

test("--prune deletes what this token changed last, and of a kind without files nothing", async () => {
  const operator = environment("prune").client;
  const { token } = await operator.tokens.create({ name: "files", role: "owner" });
  const { folder, client, settings, apply, listed } = environment("prune", token);
  await client.actions.put("mine", {});
  await operator.actions.put("theirs", {});
  await client.actions.put("taken-over", {});
  await operator.actions.put("taken-over", { timeout: 1 });
  await operator.actions.put("taken-back", {});
  await client.actions.put("taken-back", { timeout: 1 });
  await client.webhookEndpoints.put("chat", { url: URL, events: ["action_run.failed"] });
  const names = async () => (await listed()).map(({ name }) => name);
  const all = await names();

  mkdirSync(join(folder, "actions"), { recursive: true });
  const empty = { code: 1, stderr: expect.stringContaining("has no definition") };
  expect(await apply("--prune", "--yes")).toMatchObject(empty);
  write(folder, { "actions/keep.json": "{}" });
  const asked = await cliAtTerminal(["apply", "-f", folder, "--prune"], settings, "n\n");
  expect(asked.stderr).toMatch(
    /^1 to create, 0 to replace, 2 to delete, 0 the same\.$[\s\S]*Make these changes in [^ ]+\? \(y\/N\)/m,
  );
  expect(await names()).toEqual(all);
  expect((await apply("--yes")).stderr).toContain("Without a file: action mine, action taken-back");
  expect(await names()).toEqual(["keep", ...all]);

  expect((await apply("--prune", "--dry-run")).code).toBe(2);
  const pruned = await apply("--prune", "--yes");
  expect(changed(pruned.stdout)).toEqual([
    ["mine", "delete", "done"],
    ["taken-back", "delete", "done"],
  ]);
  for (const name of ["theirs", "taken-over"]) {
    expect(pruned.stderr).toContain(`The action ${name} stays, because root changed it last.`);
  }
  expect(pruned.stderr).toContain("No file is in webhook-endpoints/, so no webhook endpoint is deleted.");
  expect(await names()).toEqual(["keep", "taken-over", "theirs"]);
  expect((await client.webhookEndpoints.get("chat")).name).toBe("chat");
  // What stays is no difference.
  expect((await apply("--prune", "--dry-run")).code).toBe(0);
});

const HOSTILE: readonly (readonly [path: string, content: unknown, sentence: string])[] = [
  ["actions/a.json", `{"${SECRET}`, "the file is not JSON in UTF-8, see line 1 column 21."],
  ["actions/b.json", "[]", "the file must have one JSON object."],
  ["actions/c.json", '{"timeout":9007199254740993}', "The service can't keep all digits of 9007199254740993"],
  ["actions/d d.json", {}, "the file's name must be that of the definition and .json."],
  ["actions/e.yaml", "timeout: 1", "the file's name must be that of the definition and .json."],
  ["actions/f.json", { timeout: 0 }, "timeout: "],
  ["actions/g.json", { name: "other" }, 'Unrecognized key: "name"'],
  [
    "actions/h.json",
    trigger({ headers: { Authorization: "$env:GITHUB_TOKEN" } }),
    "trigger.headers.Authorization: the name of the variable must begin with ACTION_RUNS_SECRET_.",
  ],
  [
    "actions/i.json",
    trigger({ headers: { Authorization: "Bearer $env:ACTION_RUNS_SECRET_SET" } }),
    'Write "$env:ACTION_RUNS_SECRET_NAME" as the whole text',
  ],
  [
    "actions/j.json",
    trigger({ payload: { a: "$env:ACTION_RUNS_SECRET_SET" } }),
    "trigger.payload.a: this text is not a secret",
  ],
  [
    "actions/k.json",
    trigger({ secrets: { a: "$env:ACTION_RUNS_SECRET_UNSET" } }),
    "trigger.secrets.a: the variable ACTION_RUNS_SECRET_UNSET is not set.",
  ],
  [
    "actions/l.json",
    trigger({ headers: { Accept: "$env:ACTION_RUNS_SECRET_SET" } }),
    "trigger.headers.Accept: everybody sees this value, so it can't come from ACTION_RUNS_SECRET_SET.",
  ],
  [
    "actions/u.json",
    trigger({ headers: { A: "$env:ACTION_RUNS_SECRET_BRACES" } }),
    "trigger.headers.A: A secret has a placeholder that is wrong.",
  ],
  [
    "actions/v.json",
    trigger({ headers: { Authorization: "$env:ACTION_RUNS_SECRET_EMPTY" } }),
    "trigger.headers.Authorization: the variable ACTION_RUNS_SECRET_EMPTY is not set.",
  ],
  ["actions/m.json", trigger({ secrets: { a: null } }), "trigger.secrets.a: no secret is stored that null could keep."],
  ["actions/n.json", { concurrency: { group: "x" } }, "concurrency"],
  [
    "webhook-endpoints/o.json",
    { url: null, events: ["action_run.failed"] },
    "url: no secret is stored that null could keep.",
  ],
  ["webhook-endpoints/p.json", { url: URL, events: ["deleted"] }, "events.0: is unknown"],
];

test("one wrong file changes nothing, and each error names the file and the member and quotes no secret", async () => {
  const { folder, settings, listed } = environment("hostile");
  write(folder, { "actions/good.json": "{}", ...Object.fromEntries(HOSTILE) });
  writeFileSync(join(folder, "actions/q.json"), new Uint8Array([0x22, 0xff, 0x22]));
  write(root, { "outside.json": { trigger: { [SECRET]: 1 } } });
  symlinkSync(join(root, "outside.json"), join(folder, "actions/r.json"));
  mkdirSync(join(folder, "actions/s.json"));
  writeFileSync(join(folder, "actions/t.json"), " ".repeat(5_000_000));
  write(folder, { "actions/.gitkeep": "", "README.md": "No definition." });
  const given = {
    ...settings,
    ACTION_RUNS_SECRET_SET: SECRET,
    // So CI products give a secret that does not exist.
    ACTION_RUNS_SECRET_EMPTY: "",
    // The service cuts what it quotes.
    ACTION_RUNS_SECRET_BRACES: `{{${SECRET}${"x".repeat(100)}}}`,
    GITHUB_TOKEN: SECRET,
  };
  const { code, stdout, stderr } = await cli(["apply", "-f", folder, "--yes"], given);
  expect([code, stdout]).toEqual([1, ""]);
  const lines = stderr.split("\n");
  for (const [path, , sentence] of HOSTILE) {
    const line = lines.find((one) => one.includes(`${path}: `));
    expect(line).toContain(sentence);
  }
  expect(stderr).toContain("actions/q.json: the file is not JSON in UTF-8.");
  expect(stderr).toContain("actions/r.json: this is no file. Symbolic links are not followed.");
  expect(stderr).toContain("actions/s.json: this is no file.");
  expect(stderr).toContain("actions/t.json: the file is too large for a definition.");
  expect(stderr).toContain("Nothing was changed. Correct the files first.");
  expect(stderr).not.toContain(SECRET);
  expect(lines.filter((line) => /gitkeep|README|good/.test(line))).toEqual([]);
  expect(await listed()).toEqual([]);

  const linked = join(root, "linked");
  mkdirSync(linked);
  symlinkSync(join(folder, "actions"), join(linked, "actions"));
  for (const [at, sentence] of [
    [linked, "must be a folder, and no symbolic link."],
    [join(root, "nowhere"), "(ENOENT). Check the path."],
  ] as const) {
    const refused = await cli(["apply", "-f", at, "--yes"], settings);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(sentence) });
  }
  expect(await cli(["apply", "-f", folder], settings)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("use --yes"),
  });
});

test("a secret is sent only where none is stored, or with --secrets, and stays with its host", async () => {
  const { folder, settings, client } = environment("secrets");
  const file = (url: string) => ({
    "actions/a.json": { trigger: { type: "webhook", url, secrets: { t: "$env:ACTION_RUNS_SECRET_T" } } },
  });
  write(folder, file(URL));
  const apply = (value: string | null, ...args: readonly string[]) =>
    cli(
      ["apply", "-f", folder, "--yes", ...args],
      value === null ? settings : { ...settings, ACTION_RUNS_SECRET_T: value },
    );
  const version = async () => (await client.actions.get("a")).version;
  const outcomes = async (...given: Parameters<typeof apply>) => {
    const before = await version().catch(() => 0);
    const { code, stdout, stderr } = await apply(...given);
    expect(stdout + stderr).not.toContain(SECRET);
    return [code, stderr.match(/^ {2}secrets that are sent: .*$/m)?.[0], (await version().catch(() => 0)) !== before];
  };
  const sent = "  secrets that are sent: trigger.secrets.t";
  expect(await outcomes(null)).toEqual([1, undefined, false]);
  expect(await outcomes(SECRET)).toEqual([0, sent, true]);
  expect(await outcomes(null)).toEqual([0, undefined, false]);
  expect(await outcomes(`${SECRET}-2`)).toEqual([0, undefined, false]);
  expect(await outcomes(null, "--secrets")).toEqual([1, undefined, false]);
  expect(await outcomes(`${SECRET}-2`, "--secrets")).toEqual([0, sent, true]);
  write(folder, file("https://elsewhere.example.com/hooks"));
  const moved = await apply(SECRET);
  expect(moved).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("With --secrets, the values of the files are sent."),
  });
  expect(await outcomes(SECRET, "--secrets")).toEqual([0, sent, true]);
  // A warning about the words of an example quotes them.
  expect((await apply(`YOUR_S3CRET`, "--secrets")).stderr).not.toContain("YOUR_S3CRET");
});

describe("an export of runs", () => {
  test("continues where the last one ended, also behind half a line, and has timelines if you ask", async () => {
    const { client, settings } = environment("runs");
    const file = join(root, "runs.ndjson");
    const exported = (...args: readonly string[]) => cli(["export", "--output", file, ...args], settings);
    const lines = () => jsonLines(readFileSync(file, "utf8"));
    const [first, second] = [
      await client.runs.create({ actionName: "a" }),
      await client.runs.create({ actionName: "b" }),
    ];
    const stranger = { ...settings, ACTION_RUNS_TOKEN: "terr_nobody" };
    expect((await cli(["export", "--output", file], stranger)).code).toBe(3);
    expect(await exported()).toMatchObject({ code: 0, stdout: expect.stringContaining('{"runs":2,') });
    expect(lines().map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(lines()[0]).toEqual(await client.runs.get(first.id, { include: "details" }));

    await client.runs.cancel(first.id);
    // As a kill leaves it.
    writeFileSync(file, `${readFileSync(file, "utf8")}{"id":"half`);
    expect(await exported("--timeline")).toMatchObject({ code: 0, stdout: expect.stringContaining('{"runs":1,') });
    expect(lines().map(({ id, status }) => [id, status])).toEqual([
      [first.id, "pending"],
      [second.id, "pending"],
      [first.id, "cancelled"],
    ]);
    expect(lines()[2].timeline.map(({ type }: { readonly type: string }) => type)).toEqual(["created", "ended"]);
    expect(await exported()).toMatchObject({ code: 0, stdout: expect.stringContaining('{"runs":0,') });

    const cursor = readFileSync(`${file}.cursor`, "utf8").trim();
    const printed = await cli(["export"], settings);
    expect([printed.code, jsonLines(printed.stdout).length]).toEqual([0, 2]);
    expect(printed.stderr).toContain(`Runs that were printed: 2. To go on from here later: --after ${cursor}`);
    expect((await cli(["export", "--after", cursor], settings)).stdout).toBe("");
    // Otherwise, all runs would be appended to a file that has them.
    rmSync(`${file}.cursor`);
    expect(await exported()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Name another file, or remove this one."),
    });
    expect(await exported("--after", cursor)).toMatchObject({ code: 0 });
    expect(lines()).toHaveLength(3);
    // A file that was moved away is continued by the next one.
    renameSync(file, `${file}.1`);
    await client.runs.cancel(second.id);
    expect(await exported()).toMatchObject({ code: 0 });
    expect(lines().map(({ id, status }) => [id, status])).toEqual([[second.id, "cancelled"]]);
  });

  test("says what to do with the cursor of another environment, and appends nothing", async () => {
    const { client } = environment("runs-a");
    await client.runs.create({ actionName: "a" });
    const file = join(root, "other.ndjson");
    write(root, { "other.ndjson": "{}\n", "other.ndjson.cursor": "1000000000000.1\n" });
    const ended = await cli(["export", "--output", file], environment("runs-a").settings);
    expect(ended).toMatchObject({
      code: 5,
      stdout: "",
      stderr: expect.stringContaining("Export all runs again with --after 0"),
    });
    expect(readFileSync(file, "utf8")).toBe("{}\n");
  });

  test.each(["one line without an end", "one line\nand one without an end"])(
    "touches no file that is no export: %j",
    async (text) => {
      const file = join(root, "notes.txt");
      write(root, { "notes.txt": text, "notes.txt.cursor": "0" });
      const ended = await cli(["export", "--output", file, "--after", "0"], environment("runs-b").settings);
      expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("is no file of an export") });
      expect(readFileSync(file, "utf8")).toBe(text);
    },
  );

  test("says so if the environment has nothing, because its name may be mistyped", async () => {
    const { folder, settings } = environment("mistyped");
    const ofRuns = await cli(["export", "--output", join(root, "none.ndjson")], settings);
    expect(ofRuns.stderr).toContain(`${ORG}/shop/mistyped has no runs. Check its name.`);
    const ofDefinitions = await cli(["export", "--definitions", folder], settings);
    expect(ofDefinitions.stderr).toContain(`${ORG}/shop/mistyped has no definitions. Check its name.`);
  });
});

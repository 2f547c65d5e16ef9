/** `npm run deploy` as an operator runs it, with wrangler, against a stand-in of Cloudflare. */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { API_TOKEN, SECRETS, Site } from "./deploying.ts";

const DEPLOY_TOML = `
name = "runs"
domain = "runs.example.com"
archive = "runs-archive"
jurisdiction = "eu"

[databases]
0 = "runs"
1 = "runs-1"

[settings]
NEW_ENVIRONMENTS = [1]

[limits]
unknown_tokens_per_minute = 30

[logs]
stored = false
logpush = true
tail_worker = "ship-logs"

[environments.staging]
name = "runs-staging"
workers_dev = true
ratelimit_namespace = 7402
databases = { 0 = "runs-staging" }
`;

const MIGRATIONS = readdirSync(join(ROOT, "migrations")).sort();

const site = new Site();
let printedFirst = "";
/** Of all processes, while wrangler uploaded the secrets. */
let commandLines = "";
beforeAll(() => site.start(DEPLOY_TOML));
afterAll(() => site.close());

test("a dry run says what would be made, and changes nothing", async () => {
  const { code, printed } = await site.deploy(["--dry-run"]);
  expect([code, site.cloudflare.writes()]).toEqual([0, []]);
  expect(printed).toContain("DB: create the database runs in the jurisdiction eu");
  expect(printed).toContain("ARCHIVE: create the bucket runs-archive in the jurisdiction eu");
  expect(readdirSync(site.home)).toEqual([]);
  expect(readdirSync(join(site.project.folder, ".wrangler"))).not.toContain("deployments");
});

test("without a terminal it asks nobody, takes no domain and makes no secrets", async () => {
  const unasked = await site.deploy(["--env", "staging"]);
  expect([unasked.code, unasked.printed]).toEqual([1, expect.stringContaining("add --yes")]);
  const domain = await site.deploy(["--yes"]);
  expect([domain.code, domain.printed]).toEqual([1, expect.stringContaining("runs.example.com does not lead to")]);
  const secrets = await site.deploy(["--env", "staging", "--yes"]);
  expect([secrets.code, secrets.printed]).toEqual([1, expect.stringContaining("made only on a terminal")]);
  expect(site.cloudflare.writes()).toEqual([]);
});

test("keeps no secrets inside the repository, also if their folder is named from there", async () => {
  const inside = { onTerminal: true, env: { XDG_CONFIG_HOME: "kept" } };
  const { code, printed } = await site.deploy(["--env", "staging", "--yes"], inside);
  expect([code, printed]).toEqual([1, expect.stringContaining("kept inside the repository")]);
  expect([readdirSync(site.project.folder).includes("kept"), site.cloudflare.writes()]).toEqual([false, []]);
});

test("on a terminal it asks, and changes nothing unless the answer is yes", async () => {
  const { code, printed } = await site.deploy([], { onTerminal: true, typed: "\n" });
  expect([code, printed, site.cloudflare.writes()]).toEqual([1, expect.stringContaining("Go on? [y/N]"), []]);
});

test("the first deploy makes databases, bucket and secrets, migrates, deploys, and waits for /readyz", async () => {
  let asked = 0;
  site.cloudflare.ready = () =>
    asked++ === 0 ? { status: 503, body: { error: "Not yet." } } : { status: 200, body: { status: "ready" } };
  site.cloudflare.carriedOut = ({ method, path }) => {
    if (method === "PUT" && path.endsWith("/scripts/runs"))
      commandLines = spawnSync("ps", ["-A", "-ww", "-o", "args="], { encoding: "utf8" }).stdout;
  };
  // Somebody wants to see everything that wrangler does.
  const env = { WRANGLER_LOG: "debug", WRANGLER_LOG_SANITIZE: "false" };
  const { code, printed } = await site.deploy([], { onTerminal: true, typed: "y\n", env });
  printedFirst = printed;
  expect(code, printed).toBe(0);
  const worker = site.bound("runs");
  expect(worker).toMatchObject({
    DB: { type: "d1", id: site.cloudflare.database("runs").uuid },
    DB_1: { type: "d1", id: site.cloudflare.database("runs-1").uuid },
    ARCHIVE: { bucket_name: "runs-archive", jurisdiction: "eu" },
    PUBLIC_URL: { text: "https://runs.example.com" },
    JURISDICTION: { text: "eu" },
    NEW_ENVIRONMENTS: { text: "1" },
    RETENTION_DAYS: { text: "30" },
    UNKNOWN_TOKEN_LIMIT: { namespace_id: "7401", simple: { limit: 30, period: 60 } },
    CALLBACK_SIGNING_KEYS: { type: "secret_text", text: site.secrets("runs").CALLBACK_SIGNING_KEYS },
    ROOT_TOKEN: { type: "secret_text", text: site.secrets("runs").ROOT_TOKEN },
  });
  expect(site.cloudflare.workers.get("runs")?.versions[0]?.metadata).toMatchObject({
    logpush: true,
    tail_consumers: [{ service: "ship-logs" }],
    observability: { enabled: false, redact_query_string: true, logs: { enabled: false, invocation_logs: false } },
  });
  for (const [number, name] of ["runs", "runs-1"].entries()) {
    expect(site.cloudflare.database(name).jurisdiction).toBe("eu");
    expect(site.rows(name, "SELECT number FROM database_number")).toEqual([{ number }]);
    expect(site.rows(name, "SELECT name FROM d1_migrations").map((row) => row.name)).toEqual(MIGRATIONS);
  }
  expect(site.cloudflare.buckets.get("runs-archive")).toBe("eu");
  expect(site.cloudflare.domains.get("runs.example.com")).toBe("runs");
  expect(site.cloudflare.workers.get("runs")?.crons).toEqual(["* * * * *"]);
  expect(asked).toBeGreaterThan(1);
  expect(printed).toContain("https://runs.example.com/console");
});

test("its secrets are in a private file outside the repository, and nowhere else", async () => {
  expect(statSync(site.keptIn("runs")).mode & 0o777).toBe(0o600);
  const values = [...Object.values(site.secrets("runs")), API_TOKEN];
  const files = [site.project.folder, site.home]
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules") && entry.name !== "runs.env")
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1"));
  expect(commandLines).toContain("--secrets-file");
  for (const secret of values)
    expect([...files, printedFirst, commandLines].filter((text) => text.includes(secret ?? "?"))).toEqual([]);
});

test("a later deploy keeps everything, makes nothing, and deploys what deploy.toml has changed", async () => {
  const before = site.bound("runs");
  const from = site.cloudflare.calls.length;
  site.write(DEPLOY_TOML.replace("[settings]", "[settings]\nRETENTION_DAYS = 7"));
  const { code, printed } = await site.deploy(["--yes"], { env: { CLOUDFLARE_ENV: "staging" } });
  expect(code, printed).toBe(0);
  expect(printed).toContain("RETENTION_DAYS: 30 becomes 7.");
  expect(site.bound("runs")).toEqual({ ...before, RETENTION_DAYS: { type: "plain_text", text: "7" } });
  const made = site.cloudflare.calls
    .slice(from)
    .filter(({ method, path }) => method === "POST" && /database$|buckets$/.test(path));
  expect(made).toEqual([]);
});

test("a staging environment has its own name, databases and secrets, and production is not touched", async () => {
  const production = [site.cloudflare.database("runs").uuid, site.cloudflare.database("runs-1").uuid, "scripts/runs/"];
  const from = site.cloudflare.calls.length;
  const { code, printed } = await site.deploy(["--env", "staging", "--yes"], { env: SECRETS });
  expect(code, printed).toBe(0);
  const touched = site.cloudflare.calls
    .slice(from)
    .filter(({ path }) => production.some((part) => path.includes(part)));
  expect(touched).toEqual([]);
  expect(site.bound("runs-staging")).toMatchObject({
    DB: { id: site.cloudflare.database("runs-staging").uuid },
    PUBLIC_URL: { text: "https://runs-staging.acme.workers.dev" },
    UNKNOWN_TOKEN_LIMIT: { namespace_id: "7402" },
    ROOT_TOKEN: { text: SECRETS.ROOT_TOKEN },
  });
  expect(site.bound("runs-staging")).not.toHaveProperty("ARCHIVE");
  expect(site.rows("runs-staging", "SELECT number FROM database_number")).toEqual([{ number: 0 }]);
  expect(site.cloudflare.workers.get("runs-staging")?.onWorkersDev).toBe(true);
});

test("npm run migrate migrates the databases of one environment", async () => {
  site.cloudflare.database("runs-staging").sql.exec("DELETE FROM d1_migrations; DROP TABLE audit");
  const from = site.cloudflare.calls.length;
  const failed = await site.migrate("--env", "staging");
  // It has the tables but not the note of them, so the first statement fails and the batch is undone.
  expect([failed.code, failed.printed]).toEqual([1, expect.stringContaining("already exists")]);
  const ids = new Set(
    site.cloudflare.calls.slice(from).flatMap(({ path }) => /database\/([^/]+)\/query/.exec(path)?.[1] ?? []),
  );
  expect([...ids]).toEqual([site.cloudflare.database("runs-staging").uuid]);
  const { code, printed } = await site.migrate();
  expect([code, printed]).toEqual([0, expect.stringContaining("runs-1 is number 1. It has all migrations.")]);
});

test("a rollback brings the version before back, with its variables and its secrets, which wrangler names", async () => {
  expect(site.bound("runs").RETENTION_DAYS).toMatchObject({ text: "7" });
  // As `wrangler secret put ROOT_TOKEN` leaves it.
  const worker = site.cloudflare.workers.get("runs");
  const rotated = site.cloudflare
    .bindings("runs")
    .map((one) => (one.name === "ROOT_TOKEN" ? { ...one, text: "rotated" } : one));
  worker?.versions.unshift({ id: ROTATED, bindings: rotated, metadata: {} });
  worker?.deployments.unshift(ROTATED);
  const { code, printed } = await site.wrangler("rollback", "--name", "runs", "--yes");
  expect(code, printed).toBe(0);
  expect(printed).toMatch(/secrets have changed since version .*[\s\S]*ROOT_TOKEN/);
  expect(site.bound("runs").ROOT_TOKEN).toMatchObject({ text: site.secrets("runs").ROOT_TOKEN });
  const [, , before] = worker?.versions ?? [];
  await site.wrangler("rollback", before?.id ?? "", "--name", "runs", "--yes");
  expect(site.bound("runs").RETENTION_DAYS).toMatchObject({ text: "30" });
});

const ROTATED = "00000000-0000-4000-8000-000000000000";

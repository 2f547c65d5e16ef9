/** `npm run deploy` as an operator runs it, with wrangler, against a stand-in of Cloudflare. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACCOUNT, type Call, isWrite, refusal } from "./cloudflare.ts";
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

[environments.staging]
name = "runs-staging"
workers_dev = true
ratelimit_namespace = 7402
databases = { 0 = "runs-staging" }
`;

const sites: Site[] = [];
afterAll(async () => {
  for (const site of sites) await site.close();
});
async function newSite(deployToml: string): Promise<Site> {
  const site = new Site();
  sites.push(site);
  return site.start(deployToml);
}

const keptIn = (site: Site, worker: string) => join(site.home, ".config", "action-runs", ACCOUNT.id, `${worker}.env`);
const secretsIn = (site: Site, worker: string) => parseEnv(readFileSync(keptIn(site, worker), "utf8"));

/** Bindings by their names. */
function bound(site: Site, worker: string) {
  return Object.fromEntries(site.cloudflare.bindings(worker).map(({ name, ...binding }) => [name, binding]));
}

const rows = (site: Site, database: string, sql: string) => site.cloudflare.database(database).sql.prepare(sql).all();

describe("one operator's deployments", () => {
  let site: Site;
  let printedFirst = "";
  beforeAll(async () => {
    site = await newSite(DEPLOY_TOML);
  });

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

  test("the first deploy makes databases, bucket and secrets, migrates, deploys, and waits for /readyz", async () => {
    let asked = 0;
    site.cloudflare.ready = () => (asked++ === 0 ? { status: 503, body: { error: "Not yet." } } : READY);
    const { code, printed } = await site.deploy(["--yes"], { onTerminal: true });
    printedFirst = printed;
    expect(code, printed).toBe(0);
    const worker = bound(site, "runs");
    expect(worker).toMatchObject({
      DB: { type: "d1", id: site.cloudflare.database("runs").uuid },
      DB_1: { type: "d1", id: site.cloudflare.database("runs-1").uuid },
      ARCHIVE: { bucket_name: "runs-archive", jurisdiction: "eu" },
      PUBLIC_URL: { text: "https://runs.example.com" },
      JURISDICTION: { text: "eu" },
      NEW_ENVIRONMENTS: { text: "1" },
      RETENTION_DAYS: { text: "30" },
      UNKNOWN_TOKEN_LIMIT: { namespace_id: "7401", simple: { limit: 30, period: 60 } },
      CALLBACK_SIGNING_KEYS: { type: "secret_text", text: secretsIn(site, "runs").CALLBACK_SIGNING_KEYS },
      ROOT_TOKEN: { type: "secret_text", text: secretsIn(site, "runs").ROOT_TOKEN },
    });
    for (const [number, name] of ["runs", "runs-1"].entries()) {
      expect(site.cloudflare.database(name).jurisdiction).toBe("eu");
      expect(rows(site, name, "SELECT number FROM database_number")).toEqual([{ number }]);
      expect(rows(site, name, "SELECT name FROM d1_migrations")).toEqual([{ name: "0001_tables.sql" }]);
    }
    expect(site.cloudflare.buckets.get("runs-archive")).toBe("eu");
    expect(site.cloudflare.domains.get("runs.example.com")).toBe("runs");
    expect(site.cloudflare.workers.get("runs")?.crons).toEqual(["* * * * *"]);
    expect(asked).toBeGreaterThan(1);
    expect(printed).toContain("https://runs.example.com/console");
  });

  test("its secrets are in a private file outside the repository, and nowhere else", async () => {
    expect(statSync(keptIn(site, "runs")).mode & 0o777).toBe(0o600);
    const values = [...Object.values(secretsIn(site, "runs")), API_TOKEN];
    const files = readdirSync(site.project.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1"));
    for (const secret of values)
      expect([...files, printedFirst].filter((text) => text.includes(secret ?? "?"))).toEqual([]);
  });

  test("a later deploy keeps everything, makes nothing, and deploys what deploy.toml has changed", async () => {
    const before = bound(site, "runs");
    const from = site.cloudflare.calls.length;
    site.write(DEPLOY_TOML.replace("[settings]", "[settings]\nRETENTION_DAYS = 7"));
    const { code, printed } = await site.deploy(["--yes"]);
    expect(code, printed).toBe(0);
    expect(printed).toContain("RETENTION_DAYS: 30 becomes 7.");
    expect(bound(site, "runs")).toEqual({ ...before, RETENTION_DAYS: { type: "plain_text", text: "7" } });
    const made = site.cloudflare.calls
      .slice(from)
      .filter(({ method, path }) => method === "POST" && /database$|buckets$/.test(path));
    expect(made).toEqual([]);
  });

  test("a staging environment has its own name, databases and secrets, and production is not touched", async () => {
    const production = [
      site.cloudflare.database("runs").uuid,
      site.cloudflare.database("runs-1").uuid,
      "scripts/runs/",
    ];
    const from = site.cloudflare.calls.length;
    const { code, printed } = await site.deploy(["--env", "staging", "--yes"], { env: SECRETS });
    expect(code, printed).toBe(0);
    const touched = site.cloudflare.calls
      .slice(from)
      .filter(({ path }) => production.some((part) => path.includes(part)));
    expect(touched).toEqual([]);
    expect(bound(site, "runs-staging")).toMatchObject({
      DB: { id: site.cloudflare.database("runs-staging").uuid },
      PUBLIC_URL: { text: "https://runs-staging.acme.workers.dev" },
      UNKNOWN_TOKEN_LIMIT: { namespace_id: "7402" },
      ROOT_TOKEN: { text: SECRETS.ROOT_TOKEN },
    });
    expect(bound(site, "runs-staging")).not.toHaveProperty("ARCHIVE");
    expect(rows(site, "runs-staging", "SELECT number FROM database_number")).toEqual([{ number: 0 }]);
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

  test("a rollback brings the version before back, with the variables and secrets that it had", async () => {
    expect(bound(site, "runs").RETENTION_DAYS).toMatchObject({ text: "7" });
    const { code, printed } = await site.wrangler("rollback", "--name", "runs", "--yes");
    expect(code, printed).toBe(0);
    expect(bound(site, "runs").RETENTION_DAYS).toMatchObject({ text: "30" });
    expect(bound(site, "runs").ROOT_TOKEN).toMatchObject({ text: secretsIn(site, "runs").ROOT_TOKEN });
  });
});

const READY = { status: 200, body: { status: "ready" } };

describe("an interrupted first deploy", () => {
  const SMALL = 'name = "runs"\nworkers_dev = true\narchive = "runs-archive"\ndatabases = { 0 = "runs" }';
  const query = (text: string) => (call: Call) =>
    call.path.endsWith("/query") && isWrite(call) && call.body.includes(text);
  const at = (method: string, path: RegExp) => (call: Call) => call.method === method && path.test(call.path);
  const STEPS: Readonly<Record<string, (call: Call) => boolean>> = {
    "a database is created": at("POST", /d1\/database$/),
    "the bucket is created": at("POST", /buckets$/),
    "migrations begin": query("CREATE TABLE IF NOT EXISTS d1_migrations"),
    "a migration is applied": query("CREATE TABLE runs"),
    "the number is written": query("INSERT INTO database_number"),
    "the Worker is uploaded": at("PUT", /scripts\/runs$/),
  };
  const AFTER_THE_UPLOAD: typeof STEPS = {
    "its subdomain is set": at("POST", /scripts\/runs\/subdomain$/),
    "the cron is set": at("PUT", /schedules$/),
  };
  let site: Site;
  const deploy = (started?: Parameters<Site["deploy"]>[1]) =>
    site.deploy(["--yes", "--wait", "20"], { onTerminal: true, ...started });
  let secrets: object;
  beforeAll(async () => {
    site = await newSite(SMALL);
  });

  const stops = async (isStep: (call: Call) => boolean) => {
    let refused = 0;
    site.cloudflare.refuse = (call) => {
      if (!isStep(call)) return null;
      refused++;
      return refusal(400, 10013, "Refused by the test");
    };
    const { code, printed } = await deploy();
    site.cloudflare.refuse = () => null;
    expect([code, refused], printed).toEqual([1, 1]);
    expect(printed).toMatch(/[Rr]un the command again/);
    secrets ??= secretsIn(site, "runs");
    expect(secretsIn(site, "runs")).toEqual(secrets);
  };

  test.each(Object.entries(STEPS))("stops with a sentence if Cloudflare refuses when %s", (_, isStep) => stops(isStep));

  test("stays whole if kill -9 comes between the upload and its answer", async () => {
    let killed = false;
    const { code } = await deploy({
      started: (child) => {
        site.cloudflare.carriedOut = (call) => {
          if (killed || !STEPS["the Worker is uploaded"]?.(call)) return;
          killed = true;
          process.kill(-(child.pid ?? 0), "SIGKILL");
        };
      },
    });
    expect([code, killed]).toEqual([null, true]);
    expect(site.cloudflare.workers.get("runs")?.crons).toEqual([]);
  });

  test.each(Object.entries(AFTER_THE_UPLOAD))("stops with a sentence if Cloudflare refuses when %s", (_, isStep) =>
    stops(isStep),
  );

  test("stops with what /readyz says if the Worker is not ready", async () => {
    site.cloudflare.ready = () => ({ status: 503, body: { error: "PUBLIC_URL is not set." } });
    const { code, printed } = await site.deploy(["--yes", "--wait", "1"]);
    expect([code, printed]).toEqual([1, expect.stringContaining("it is not ready. PUBLIC_URL is not set.")]);
    site.cloudflare.ready = () => READY;
  });

  test("is complete after one that nobody interrupts, with the secrets of the first try and one of each thing", async () => {
    const { code, printed } = await deploy();
    expect(code, printed).toBe(0);
    const { ROOT_TOKEN, CALLBACK_SIGNING_KEYS } = bound(site, "runs");
    expect({ ROOT_TOKEN: ROOT_TOKEN?.text, CALLBACK_SIGNING_KEYS: CALLBACK_SIGNING_KEYS?.text }).toEqual(secrets);
    expect(site.cloudflare.databases.map(({ name }) => name)).toEqual(["runs"]);
    expect(site.cloudflare.workers.get("runs")?.crons).toEqual(["* * * * *"]);
  });
});

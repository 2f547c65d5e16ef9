/** What a deploy makes and what stops it, compared with what is deployed. Nothing here starts wrangler. */

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CloudflareApi } from "../../../src/dev/deploy/cloudflare-api.ts";
import { batchOf, inspect } from "../../../src/dev/deploy/inspection.ts";
import type { Deployment } from "../../../src/dev/deploy/operator-file.ts";
import { migrate } from "../../../src/dev/migrations.ts";
import { ACCOUNT, type Binding, Cloudflare, refusal } from "./cloudflare.ts";

let cloudflare: Cloudflare;
const before = { ...process.env };
beforeAll(() => {
  process.env.CLOUDFLARE_API_TOKEN = "an-api-token";
});
const opened: Cloudflare[] = [];
beforeEach(async () => {
  cloudflare = new Cloudflare();
  opened.push(cloudflare);
  process.env.CLOUDFLARE_API_BASE_URL = await cloudflare.listen();
});
afterAll(async () => {
  process.env = before;
  for (const one of opened) await one.close();
});

const DEPLOYMENT: Deployment = {
  name: "runs",
  domain: "runs.example.com",
  workers_dev: false,
  databases: { 0: "runs", 1: "runs-1" },
  archive: "runs-archive",
  root_token: true,
  ratelimit_namespace: 7401,
  settings: {},
  limits: {},
  logs: {},
};

async function inspected(changed: Partial<Deployment> = {}) {
  const api = await CloudflareApi.connect();
  return inspect(api, { ...DEPLOYMENT, ...changed }, await api.account());
}

/** A database that was deployed under this number. */
async function migrated(name: string, number: number) {
  const database = cloudflare.createDatabase(name);
  const batch = batchOf(await CloudflareApi.connect(), ACCOUNT.id, database.uuid);
  await migrate(batch, { binding: "DB", number });
  return database;
}

/** As DEPLOYMENT says. `change`: the bindings that are deployed instead. */
async function deployed(change: (bindings: readonly Binding[]) => readonly Binding[] = (same) => same) {
  const [control, other] = [await migrated("runs", 0), await migrated("runs-1", 1)];
  cloudflare.buckets.set("runs-archive", "default");
  cloudflare.domains.set("runs.example.com", "runs");
  const bindings: readonly Binding[] = [
    { type: "durable_object_namespace", name: "COORDINATORS", class_name: "RunCoordinator" },
    { type: "d1", name: "DB", id: control.uuid },
    { type: "d1", name: "DB_1", id: other.uuid },
    { type: "r2_bucket", name: "ARCHIVE", bucket_name: "runs-archive" },
    { type: "secret_text", name: "CALLBACK_SIGNING_KEYS", text: "hidden" },
    { type: "secret_text", name: "ROOT_TOKEN", text: "hidden" },
  ];
  const id = randomUUID();
  cloudflare.workers.set("runs", {
    versions: [{ id, bindings: change(bindings), metadata: {} }],
    deployments: [id],
    migrationTag: "v1",
    onWorkersDev: false,
    crons: [],
  });
  return { control, other };
}
const without = (name: string) => deployed((all) => all.filter((binding) => binding.name !== name));

test("a Worker that is deployed as deploy.toml says needs nothing", async () => {
  await deployed();
  const { exists, databases, newBucket, hasDomain } = await inspected();
  expect({ exists, newBucket, hasDomain }).toEqual({ exists: true, newBucket: null, hasDomain: true });
  expect(databases.map(({ id, state }) => [id !== null, state?.number, state?.missing])).toEqual([
    [true, 0, []],
    [true, 1, []],
  ]);
});

test("for a Worker that does not exist, databases and the bucket are made, and empty ones of these names are taken", async () => {
  cloudflare.createDatabase("runs");
  await migrated("runs-1", 1);
  cloudflare.createDatabase("runs-10");
  const { exists, databases, newBucket } = await inspected({ databases: { ...DEPLOYMENT.databases, 2: "runs-2" } });
  expect({ exists, newBucket }).toEqual({ exists: false, newBucket: "runs-archive" });
  expect(databases.map(({ id }) => cloudflare.databases.find(({ uuid }) => uuid === id)?.name ?? null)).toEqual([
    "runs",
    "runs-1",
    null,
  ]);
});

test("an existing database may be added to a Worker", async () => {
  await without("DB_1");
  expect((await inspected()).databases).toHaveLength(2);
});

test("a database where no environment lives may be removed, and the plan says so", async () => {
  const { control } = await deployed();
  control.sql.exec("INSERT INTO environments VALUES ('acme/shop/production', 0, 1)");
  const { databases, notes } = await inspected({ databases: { 0: "runs" } });
  expect(databases).toHaveLength(1);
  expect(notes).toContain("DB_1: it is not bound any more.");
});

test("an archive is removed only by the word false", async () => {
  await deployed();
  const { newBucket, notes } = await inspected({ archive: false });
  expect(newBucket).toBeNull();
  expect(notes).toContain("ARCHIVE: it is removed. Runs are deleted when their retention is over.");
  expect((await inspected()).notes.filter((note) => /ARCHIVE|DB/.test(note))).toEqual([]);
});

test("a Worker without ROOT_TOKEN may be deployed if the operator says so", async () => {
  await without("ROOT_TOKEN");
  expect((await inspected({ root_token: false })).exists).toBe(true);
});

test("a change of a variable is named", async () => {
  await deployed((all) => [...all, { type: "plain_text", name: "PUBLIC_URL", text: "https://old.example.com" }]);
  expect((await inspected()).notes).toContain(
    "PUBLIC_URL: https://old.example.com becomes https://runs.example.com. Jobs of open runs call the old URL, which ends.",
  );
});

type Stopped = readonly [arrange: () => Promise<unknown>, changed: Partial<Deployment>, sentence: string];
const STOPS: Readonly<Record<string, Stopped>> = {
  "a mistyped database of an existing Worker": [
    () => deployed(),
    { databases: { 0: "rusn", 1: "runs-1" } },
    "binds the database runs as DB, and deploy.toml names rusn as databases.0.",
  ],
  "another database under a number": [
    async () => {
      await deployed();
      cloudflare.createDatabase("runs-2");
    },
    { databases: { 0: "runs", 1: "runs-2" } },
    "binds the database runs-1 as DB_1",
  ],
  "a database that was deleted": [
    async () => {
      const { control } = await deployed();
      cloudflare.databases.splice(cloudflare.databases.indexOf(control), 1);
    },
    {},
    "The database that the Worker binds as DB does not exist any more",
  ],
  "a new database that does not exist, of an existing Worker": [
    () => deployed(),
    { databases: { ...DEPLOYMENT.databases, 2: "runs-2" } },
    "There is no database runs-2, which deploy.toml names as databases.2. Correct the name.",
  ],
  "a new database that has rows": [
    async () => {
      await deployed();
      (await migrated("runs-2", 2)).sql.exec("INSERT INTO environments VALUES ('acme/shop/production', 0, 1)");
    },
    { databases: { ...DEPLOYMENT.databases, 2: "runs-2" } },
    "The database runs-2 has rows, but the Worker runs does not bind it.",
  ],
  "a database of a first deploy that has rows": [
    async () => (await migrated("runs", 0)).sql.exec("INSERT INTO environments VALUES ('acme/shop/production', 0, 1)"),
    {},
    "The database runs has rows",
  ],
  "a database of a first deploy that belongs to another program": [
    async () =>
      cloudflare.createDatabase("runs").sql.exec("CREATE TABLE invoices (id); INSERT INTO invoices VALUES (1)"),
    {},
    "The database runs has rows",
  ],
  "a database of a first deploy with another number": [
    () => migrated("runs", 1),
    {},
    "bound as DB says that it is number 1",
  ],
  "two databases that changed places": [
    () =>
      deployed((all) =>
        all.map((one) => (one.type === "d1" ? { ...one, name: one.name === "DB" ? "DB_1" : "DB" } : one)),
      ),
    { databases: { 0: "runs-1", 1: "runs" } },
    "The database that is bound as DB says that it is number 1",
  ],
  "environments in a database that is not named": [
    async () => (await deployed()).control.sql.exec("INSERT INTO environments VALUES ('acme/shop/production', 1, 1)"),
    { databases: { 0: "runs" } },
    "Environments live in database 1, which is not bound.",
  ],
  "another jurisdiction of a database of a first deploy": [
    () => migrated("runs", 0),
    { jurisdiction: "eu" },
    "has the jurisdiction none",
  ],
  "another jurisdiction than the Worker has": [() => deployed(), { jurisdiction: "eu" }, "It can't change"],
  "another bucket": [
    () => deployed(),
    { archive: "other" },
    "archives to the bucket runs-archive, and deploy.toml names other.",
  ],
  "a bucket that deploy.toml lacks": [() => deployed(), { archive: undefined }, "write archive = false"],
  "a mistyped bucket that is new": [
    () => without("ARCHIVE"),
    { archive: "runs-archiv" },
    "There is no bucket runs-archiv.",
  ],
  "a lost signing key": [
    () => without("CALLBACK_SIGNING_KEYS"),
    {},
    "has no secret CALLBACK_SIGNING_KEYS. Set the keys that it had",
  ],
  "a lost ROOT_TOKEN": [() => without("ROOT_TOKEN"), {}, "write root_token = false"],
  "a Worker that is another program": [
    () => without("COORDINATORS"),
    {},
    "There is a Worker runs, but it is not this service",
  ],
  "a domain of another Worker": [
    async () => cloudflare.domains.set("runs.example.com", "shop"),
    {},
    "The domain runs.example.com belongs to the Worker shop.",
  ],
  "no subdomain of workers.dev": [
    async () => {
      cloudflare.subdomain = null;
    },
    { domain: undefined },
    "The account has no subdomain of workers.dev yet.",
  ],
  "a setting that is not valid": [
    async () => {},
    { settings: { RETENTION_DAYS: "x" } },
    "RETENTION_DAYS must be a whole number",
  ],
};

test.each(Object.entries(STOPS))("%s stops it, and it has changed nothing", async (_, [arrange, changed, sentence]) => {
  await arrange();
  cloudflare.calls.length = 0;
  await expect(inspected(changed)).rejects.toThrow(sentence);
  expect(cloudflare.writes()).toEqual([]);
});

test.each([
  ["/accounts", "Account Settings: Read"],
  ["/d1/", "D1: Edit"],
  ["/r2/", "Workers R2 Storage: Edit"],
  ["/workers/domains", "Workers Routes: Edit"],
  ["/workers/scripts", "Workers Scripts: Edit"],
])("an API token that may not use %s is told the permission", async (part, permission) => {
  cloudflare.refuse = ({ path }) => (path.includes(part) ? refusal(403, 10000, "Authentication error") : null);
  await expect(inspected()).rejects.toThrow(`Give the API token the permission ${permission}`);
});

test("an API token that is not valid is told so", async () => {
  cloudflare.refuse = () => refusal(400, 6003, "Invalid request headers");
  await expect(inspected()).rejects.toThrow("The API token is not valid.");
});

test("several accounts are listed, and none is chosen", async () => {
  const api = await CloudflareApi.connect();
  api.call = async <T>() => [ACCOUNT, { id: "f".repeat(32), name: "Other" }] as T;
  await expect(api.account()).rejects.toThrow(
    `Write account_id of one of them into deploy.toml.\n  ${ACCOUNT.id}  Acme`,
  );
  await expect((await CloudflareApi.connect()).account("f".repeat(32))).rejects.toThrow("Account Settings: Read");
});

/** What `npm run deploy` makes of a `deploy.toml`, before it asks Cloudflare anything. */

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { requireSettings, variablesOf } from "../../../src/dev/deploy/configuration.ts";
import { readDeployment } from "../../../src/dev/deploy/operator-file.ts";
import { ROOT } from "../../../src/dev/wrangler.ts";

const folder = mkdtempSync(join(tmpdir(), "action-runs-deploy-toml-"));
afterAll(() => rmSync(folder, { recursive: true }));

function read(content: string, environment: string | null = null) {
  writeFileSync(join(folder, "deploy.toml"), content);
  return readDeployment(environment, folder);
}

/** Valid. Each hostile file differs in one thing. */
const VALID = {
  name: 'name = "runs"',
  where: 'domain = "runs.example.com"',
  databases: 'databases = { 0 = "runs", 1 = "runs-1" }',
  more: "",
  tables: "",
};
const made = (changed: Partial<typeof VALID>) => Object.values({ ...VALID, ...changed }).join("\n");
const staging = (members: string) => made({ tables: `[environments.staging]\n${members}` });
const STAGING =
  'name = "runs-staging"\nworkers_dev = true\nratelimit_namespace = 7402\ndatabases = { 0 = "runs-staging" }\n';

test("the example is valid, and says what it explains", () => {
  copyFileSync(join(ROOT, "deploy.example.toml"), join(folder, "deploy.toml"));
  expect(readDeployment(null, folder)).toMatchObject({ name: "action-runs", domain: "runs.example.com" });
  expect(readDeployment("staging", folder)).toMatchObject({ name: "action-runs-staging" });
});

test("an environment has the account and the jurisdiction of the top, and says all else itself", () => {
  const more = `account_id = "${"0a".repeat(16)}"\njurisdiction = "eu"\narchive = "runs-archive"`;
  const read2 = read(
    made({ more, tables: `[settings]\nNEW_ENVIRONMENTS = [1]\n[environments.staging]\n${STAGING}` }),
    "staging",
  );
  expect(read2).toMatchObject({ account_id: "0a".repeat(16), jurisdiction: "eu", settings: {} });
  expect(read2).not.toHaveProperty("archive");
});

const HOSTILE: Readonly<Record<string, readonly [content: string, sentence: string]>> = {
  "is not TOML": [made({ name: "name = runs" }), "deploy.toml is not valid TOML."],
  "lacks the name": [made({ name: "" }), "deploy.toml: name is missing."],
  "lacks the databases": [made({ databases: "" }), "deploy.toml: databases is missing."],
  "has an unknown member": [made({ more: "archiv = 'runs-archive'" }), "archiv is not known. Did you mean archive?"],
  "has an unknown member that is like no other": [
    made({ more: "pony = 1" }),
    "pony is not known. See deploy.example.toml.",
  ],
  "has an unknown setting": [
    made({ tables: "[settings]\nRETENTION_DAY = 7" }),
    "settings.RETENTION_DAY is not known. Did you mean RETENTION_DAYS?",
  ],
  "has an unknown member of logs": [
    made({ tables: "[logs]\ntail_consumer = 'x'" }),
    "logs.tail_consumer is not known. See",
  ],
  "has an unknown limit": [made({ tables: "[limits]\ncpu = 1" }), "limits.cpu is not known."],
  "has an unknown member of an environment": [
    staging(`${STAGING}domian = "a.example"`),
    "environments.staging.domian is not known. Did you mean domain?",
  ],
  "has PUBLIC_URL": [
    made({ tables: '[settings]\nPUBLIC_URL = "https://x.example"' }),
    "settings.PUBLIC_URL is not known. It follows from domain.",
  ],
  "has a secret": [
    made({ tables: '[settings]\nROOT_TOKEN = "root"' }),
    "It is a secret: never write it into a file of the project.",
  ],
  "has an environment in an environment": [
    staging(`${STAGING}[environments.staging.environments.x]\nname = "x"`),
    "environments.staging.environments is not known.",
  ],
  "names no place": [made({ where: "" }), "domain is missing. Name the domain, or write workers_dev = true."],
  "denies workers.dev and names no domain": [made({ where: "workers_dev = false" }), "domain is missing."],
  "names two places": [made({ more: "workers_dev = true" }), "domain and workers_dev contradict each other"],
  "has a URL as its domain": [
    made({ where: 'domain = "https://runs.example.com"' }),
    "domain must be a name like runs.example.com",
  ],
  "has a domain with a path": [made({ where: 'domain = "runs.example.com/x"' }), "domain must be a name like"],
  "has a name that Cloudflare refuses": [made({ name: 'name = "Runs_1"' }), "name must be 1 to 63 lower-case letters"],
  "has a number as its name": [made({ name: "name = 7" }), "name must be 1 to 63 lower-case letters"],
  "lacks the control database": [made({ databases: 'databases = { 1 = "runs-1" }' }), "databases.0 is missing."],
  "has a database without a number": [
    made({ databases: 'databases = { 0 = "runs", DB_1 = "x" }' }),
    "databases.DB_1 must have a number from 0 to 63",
  ],
  "has a database with a number that is too high": [
    made({ databases: 'databases = { 0 = "runs", 64 = "x" }' }),
    "databases.64 must have a number",
  ],
  "has a database with a padded number": [
    made({ databases: 'databases = { 0 = "runs", 01 = "x" }' }),
    "databases.01 must have a number",
  ],
  "has one database under two numbers": [
    made({ databases: 'databases = { 0 = "runs", 1 = "runs" }' }),
    "both have the database runs",
  ],
  "has a list of databases": [
    made({ databases: 'databases = ["runs"]' }),
    "databases must have a line for each database",
  ],
  "has an archive that is true": [made({ more: "archive = true" }), "archive must be a bucket's name"],
  "has an unknown jurisdiction": [made({ more: 'jurisdiction = "de"' }), 'jurisdiction must be "eu".'],
  "has half an account id": [made({ more: 'account_id = "0a0a"' }), "account_id must be the account's id"],
  "has a limit of 0": [
    made({ tables: "[limits]\nunknown_tokens_per_minute = 0" }),
    "limits.unknown_tokens_per_minute must be a whole number",
  ],
  "has a setting that is a table": [
    made({ tables: "[settings]\nWEBHOOK_PORTS = { a = 1 }" }),
    "settings.WEBHOOK_PORTS must be a text, a number, or a list",
  ],
  "has an environment with the same name": [
    staging(STAGING.replace("runs-staging", "runs")),
    "the top of the file and environments.staging both have the name runs.",
  ],
  "has an environment with the same database": [
    staging(STAGING.replace('0 = "runs-staging"', '0 = "runs"')),
    "both have the database runs.",
  ],
  "has an environment with the same ratelimit": [
    staging(STAGING.replace("7402", "7401")),
    "both have the ratelimit_namespace 7401.",
  ],
  "has an environment with the same domain": [
    staging(STAGING.replace("workers_dev = true", 'domain = "runs.example.com"')),
    "both have the domain runs.example.com.",
  ],
};

test.each(Object.entries(HOSTILE))("a deploy.toml that %s is refused with a sentence", (_, [content, sentence]) => {
  expect(() => read(content)).toThrow(sentence);
});

test("every fault has a sentence", () => {
  const refused = () => read(made({ name: "nam = 'runs'", more: "workers_dev = 1" }));
  expect(refused).toThrow(/name is missing\..*\n.*workers_dev must be.*\n.*nam is not known/);
});

test.each([
  [
    "an environment that the file lacks",
    VALID,
    "stagin",
    "deploy.toml has no [environments.stagin]. It names no environment.",
  ],
  ["a name of JavaScript's", VALID, "constructor", "deploy.toml has no [environments.constructor]."],
])("--env with %s is refused", (_, content, environment, sentence) => {
  expect(() => read(made(content), environment)).toThrow(sentence);
});

test("a missing deploy.toml says where the example is", () => {
  expect(() => readDeployment(null, join(folder, "nowhere"))).toThrow("Copy deploy.example.toml to deploy.toml");
});

test.each([
  ["RETENTION_DAYS = 0", "RETENTION_DAYS must be a whole number of days"],
  ["WEBHOOK_PORTS = [443, 99999]", "Entry 2 of WEBHOOK_PORTS is not a port."],
  ['WEBHOOK_HOSTS = "https://ci.example.com"', "Entry 1 of WEBHOOK_HOSTS is not a public host."],
  ["NEW_ENVIRONMENTS = [2]", "NEW_ENVIRONMENTS names database 2, which is not bound."],
  [`OIDC_ISSUERS = '[{ "issuer": "https://a.example" }]'`, "OIDC_ISSUERS is not valid: entry 1: kind must be one of"],
])("the setting %s is refused as /readyz would refuse it", async (line, sentence) => {
  const deployment = read(made({ tables: `[settings]\n${line}` }));
  await expect(requireSettings(deployment, "https://runs.example.com")).rejects.toThrow(sentence);
});

test("the issuers are a text of JSON, over several lines", async () => {
  const tables = `[settings]\nOIDC_ISSUERS = '''[\n{ "issuer": "https://a.example", "kind": "other" }]'''`;
  const deployment = read(made({ tables }));
  await requireSettings(deployment, "https://runs.example.com");
  expect(JSON.parse(variablesOf(deployment, "https://runs.example.com").OIDC_ISSUERS ?? "")).toHaveLength(1);
});

test("a setting can be a list, and a variable of wrangler.toml stays unless deploy.toml has it", () => {
  const deployment = read(made({ tables: "[settings]\nWEBHOOK_PORTS = [8443, 9443]\nRETENTION_DAYS = 7" }));
  expect(variablesOf(deployment, "https://runs.example.com")).toEqual({
    ...{ WEBHOOK_PORTS: "8443,9443", RETENTION_DAYS: "7", AUDIT_RETENTION_DAYS: "400" },
    PUBLIC_URL: "https://runs.example.com",
  });
});

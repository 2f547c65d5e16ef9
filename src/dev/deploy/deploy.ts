/**
 * `npm run deploy`: one program for the first deploy and for every later one. Each step can be repeated, so after an
 * interruption you run it again. It stops before it does something that can't be undone.
 */

import { once } from "node:events";
import { relative } from "node:path";
import { createInterface } from "node:readline/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { runToEnd, spawnChild } from "../children.ts";
import { readiness } from "../server.ts";
import { ROOT, WRANGLER } from "../wrangler.ts";
import { type Account, ALL_PERMISSIONS, type CloudflareApi } from "./cloudflare-api.ts";
import { ROOT_TOKEN, SIGNING_KEYS, writeConfiguration } from "./configuration.ts";
import {
  findTarget,
  type Inspection,
  inJurisdiction,
  type MadeDatabase,
  migrateAll,
  requireNoWorker,
  step,
} from "./inspection.ts";
import type { Deployment } from "./operator-file.ts";
import { fileForWrangler, isOnTerminal, type NewSecrets, obtainSecrets, secretsFile } from "./secrets.ts";

const USAGE = `npm run deploy                     what deploy.toml says
npm run deploy -- --env NAME       its [environments.NAME]
                  --dry-run        says what would be done, and changes nothing
                  --yes            does not ask before it changes something
                  --wait SECONDS   how long it waits for /readyz, 300 by default. 0: it does not ask`;

const COPY_THEM = "  A Worker's secret can't be read back. Copy this file now to where your company keeps its secrets.";

const POLL_MS = 2_000;

function flagsOf(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h" },
        env: { type: "string" },
        "dry-run": { type: "boolean" },
        yes: { type: "boolean" },
        wait: { type: "string", default: "300" },
      },
    });
    if (!/^\d{1,5}$/.test(values.wait)) throw new Error("--wait must be a whole number of seconds.");
    return values;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

async function main(): Promise<number> {
  const flags = flagsOf(process.argv.slice(2));
  if (flags.help) {
    console.log(USAGE);
    return 0;
  }
  const { api, account, deployment, inspection } = await findTarget(flags.env ?? null);
  const { exists, publicUrl } = inspection;
  for (const line of planOf(deployment, inspection)) console.log(`  ${line}`);
  if (flags["dry-run"]) {
    console.log("Nothing was changed, because of --dry-run.");
    return 0;
  }
  if (!inspection.hasDomain && !isOnTerminal()) {
    throw new Error(
      `Nothing was changed. The domain ${deployment.domain} does not lead to the Worker yet, and without a terminal wrangler ` +
        "would replace a DNS record of this name without a question. Run the command once on a terminal.",
    );
  }
  if (!flags.yes) await confirm();

  const secrets = exists ? null : await obtainSecrets(deployment, account.id);
  if (secrets !== null) step("Secrets", secrets.file === null ? "from the environment" : `they are in ${secrets.file}`);
  if (secrets?.file) console.log(COPY_THEM);
  const databases = await makeWhatIsMissing(api, account, deployment, inspection);
  const databaseIds = new Map(databases.map(({ number, id }) => [number, id]));
  const file = writeConfiguration(deployment, account.id, publicUrl, databaseIds);
  await migrateAll(api, account, databases);
  if (secrets !== null) await requireNoWorker(api, account, deployment);
  step("Deploy", `wrangler deploy --config ${relative(ROOT, file)}`);
  await deployWith(file, secrets);
  await untilReady(publicUrl, Number(flags.wait));
  if (secrets !== null) console.log(nextSteps(publicUrl, secretsFile(account.id, deployment.name)));
  return 0;
}

function planOf(
  { name, archive, ...deployment }: Deployment,
  { databases, newBucket, exists, hasDomain, notes }: Inspection,
): readonly string[] {
  const jurisdiction = deployment.jurisdiction ? ` in the jurisdiction ${deployment.jurisdiction}` : "";
  return [
    ...databases.map(({ binding, name: database, id, state }) => {
      const missing = state?.missing ?? [];
      const what = missing.length === 0 ? "it has all migrations" : `migrate: ${missing.join(", ")}`;
      return id === null
        ? `${binding}: create the database ${database}${jurisdiction}, and migrate it`
        : `${binding}: ${database}, ${what}`;
    }),
    ...(deployment.domain
      ? [`Domain: ${hasDomain ? "it leads" : "make the DNS record by which it leads"} to the Worker`]
      : []),
    ...(archive ? [`ARCHIVE: ${newBucket === null ? archive : `create the bucket ${archive}${jurisdiction}`}`] : []),
    `Secrets: ${exists ? "they are set" : "make them, or use those of an interrupted deploy"}`,
    ...notes,
    `Worker: ${exists ? "deploy" : "create"} ${name}`,
  ];
}

async function confirm(): Promise<void> {
  if (!isOnTerminal()) {
    throw new Error("Nothing was changed. Nobody can be asked here, so add --yes, or run the command on a terminal.");
  }
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await lines.question("Go on? [y/N] ");
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Error("Nothing was changed.");
}

async function makeWhatIsMissing(
  api: CloudflareApi,
  { id }: Account,
  deployment: Deployment,
  { databases, newBucket }: Inspection,
): Promise<readonly MadeDatabase[]> {
  const at = `/accounts/${id}`;
  const made: MadeDatabase[] = [];
  for (const database of databases) {
    if (database.id !== null) {
      made.push({ ...database, id: database.id });
      continue;
    }
    const body = { name: database.name, jurisdiction: deployment.jurisdiction };
    const { uuid } = await api.call<{ readonly uuid: string }>("POST", `${at}/d1/database`, body);
    made.push({ ...database, id: uuid });
    step("Database", `created ${database.name}`);
  }
  if (newBucket !== null) {
    await api.call("POST", `${at}/r2/buckets`, { name: newBucket }, inJurisdiction(deployment));
    step("Bucket", `created ${newBucket}`);
  }
  return made;
}

/** With the account and the questions of the person who runs this. */
async function deployWith(file: string, secrets: NewSecrets | null): Promise<void> {
  const secretsFlag = secrets === null ? [] : ["--secrets-file", fileForWrangler(secrets.values)];
  // An empty --env, because otherwise CLOUDFLARE_ENV would count.
  const args = ["deploy", "--config", file, "--env", "", ...secretsFlag];
  const child = spawnChild(process.execPath, ["--no-warnings", WRANGLER, ...args], {
    cwd: ROOT,
    stdio: "inherit",
    env: wranglerEnvironment(),
  });
  const [code] = await once(child, "close");
  if (code === 0) return;
  throw new Error(
    "wrangler did not deploy. The databases are ready, so run the command again when the cause is gone. If it names the " +
      `code 10000, the API token lacks one of these permissions: ${ALL_PERMISSIONS}.`,
  );
}

/** Without what would make wrangler deploy something else than the configuration says, or log what it uploads. */
function wranglerEnvironment(): NodeJS.ProcessEnv {
  const { WRANGLER_CI_OVERRIDE_NAME, [SIGNING_KEYS]: _, [ROOT_TOKEN]: __, ...rest } = process.env;
  return { ...rest, WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_SANITIZE: "true" };
}

async function untilReady(publicUrl: string, seconds: number): Promise<void> {
  if (seconds === 0) return;
  step("Ready", `asking ${publicUrl}/readyz for up to ${seconds} s. A new domain takes some minutes`);
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const { fault, degraded } = await readiness(publicUrl).catch(silence);
    if (degraded.length > 0) console.log(`  Degraded: ${JSON.stringify(degraded)}`);
    if (fault === null) return console.log("  The service is ready.");
    if (Date.now() > until) {
      throw new Error(
        `The Worker is deployed, but it is not ready. ${fault} Ask ${publicUrl}/readyz again later. "Health checks and ` +
          'logs" in docs/operations.md says what to look at.',
      );
    }
    await delay(POLL_MS);
  }
}

function silence(error: Error) {
  const { message } = error.cause instanceof Error ? error.cause : error;
  return { fault: `It does not answer: ${message}.`, degraded: [] };
}

/** After the first deploy. `file`: where it has left the secrets, unless they came from elsewhere. */
function nextSteps(publicUrl: string, file: string): string {
  return `
Next:
1. The console is ${publicUrl}/console. Sign in with ROOT_TOKEN, which is in ${file} unless you keep it elsewhere.
2. Create the first token of a project, for example for Prometheus:
   (umask 077 && sed -n 's/^ROOT_TOKEN=/Authorization: Bearer /p' ${file} >.wrangler/root)
   curl -s -X POST ${publicUrl}/acme/shop/tokens -H @.wrangler/root -H 'Content-Type: application/json' \\
     -d '{"name":"prometheus","role":"viewer"}'
3. Let Prometheus scrape ${publicUrl}/acme/shop/envs/production/metrics: docs/operations.md, "Metrics and alerts".`;
}

runToEnd(main);

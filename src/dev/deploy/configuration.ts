/**
 * Makes wrangler's configuration of `wrangler.toml`, which belongs to the project, and of what `deploy.toml` says. It is a
 * file below `.wrangler/` that each deploy writes anew, so a pull never meets a change of the operator. It has one
 * deployment and no `[env]` section: a command that gets this file can't touch another environment.
 */

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parse } from "smol-toml";
import { writePrivateFile } from "../files.ts";
import { CONFIG, ROOT } from "../wrangler.ts";
import { type Deployment, OPERATOR_FILE } from "./operator-file.ts";

export const SIGNING_KEYS = "CALLBACK_SIGNING_KEYS";
export const ROOT_TOKEN = "ROOT_TOKEN";

export function secretsOf({ root_token }: Deployment): readonly string[] {
  return root_token ? [SIGNING_KEYS, ROOT_TOKEN] : [SIGNING_KEYS];
}

interface Project {
  readonly main: string;
  readonly assets: object;
  readonly build: object;
  readonly vars: Readonly<Record<string, string>>;
  readonly d1_databases: readonly { readonly binding: string }[];
  readonly observability: { readonly logs: object };
  readonly ratelimits: readonly { readonly simple: { readonly limit: number } }[];
}

export const bindingOf = (number: number) => (number === 0 ? "DB" : `DB_${number}`);

export function variablesOf(deployment: Deployment, publicUrl: string): Readonly<Record<string, string>> {
  return {
    ...project().vars,
    // A list becomes a text with commas.
    ...Object.fromEntries(Object.entries(deployment.settings).map(([name, value]) => [name, String(value)])),
    PUBLIC_URL: publicUrl,
    ...(deployment.jurisdiction !== undefined && { JURISDICTION: deployment.jurisdiction }),
  };
}

export function writeConfiguration(
  deployment: Deployment,
  accountId: string,
  publicUrl: string,
  databaseIds: ReadonlyMap<number, string>,
): string {
  const file = join(ROOT, ".wrangler", "deployments", `${deployment.name}.json`);
  const from = (path: string) => relative(dirname(file), join(ROOT, path)).replaceAll("\\", "/");
  const { main, assets, build, observability, ratelimits, ...rest } = project();
  const { name, domain, archive, jurisdiction, limits, logs, ratelimit_namespace } = deployment;
  const { stored = true, logpush = false, tail_worker } = logs;
  const configuration = {
    ...rest,
    name,
    account_id: accountId,
    main: from(main),
    assets: { ...assets, directory: from(".wrangler/assets") },
    build: { ...build, cwd: ROOT },
    ...(domain === undefined
      ? { workers_dev: true }
      : { workers_dev: false, routes: [{ pattern: domain, custom_domain: true }] }),
    // A preview has the deployment's databases and secrets, under a name that nobody watches.
    preview_urls: false,
    vars: variablesOf(deployment, publicUrl),
    // wrangler refuses to deploy a Worker that lacks one of them.
    secrets: { required: secretsOf(deployment) },
    d1_databases: Object.entries(deployment.databases).map(([number, database_name]) => ({
      binding: bindingOf(Number(number)),
      database_name,
      database_id: databaseIds.get(Number(number)),
      migrations_dir: from("migrations"),
    })),
    ...(archive && {
      r2_buckets: [{ binding: "ARCHIVE", bucket_name: archive, ...(jurisdiction && { jurisdiction }) }],
    }),
    observability: { ...observability, enabled: stored, logs: { ...observability.logs, enabled: stored } },
    logpush,
    ...(tail_worker && { tail_consumers: [{ service: tail_worker }] }),
    ratelimits: ratelimits.map((limit) => ({
      ...limit,
      namespace_id: String(ratelimit_namespace),
      simple: { ...limit.simple, limit: limits.unknown_tokens_per_minute ?? limit.simple.limit },
    })),
    ...(limits.cpu_ms && { limits: { cpu_ms: limits.cpu_ms } }),
  };
  writePrivateFile(file, `${JSON.stringify(configuration, null, 2)}\n`);
  return file;
}

function project(): Project {
  return parse(readFileSync(CONFIG, "utf8")) as unknown as Project;
}

interface Config {
  settingFaults(env: Readonly<Record<string, unknown>>, origin: string): readonly string[];
}
interface KeyRings {
  keyRing(secret: string): { readonly ok: true } | { readonly ok: false; readonly error: string };
}

/** By URL, so that the compiler does not follow it: settings have the types of Workers, and this folder those of Node. */
const load = async <T>(file: string) => (await import(new URL(`../../settings/${file}`, import.meta.url).href)) as T;

/** Asks the service's own code whether the settings are valid. Throws what `/readyz` would say. `publicUrl`: where the service will be. */
export async function requireSettings(deployment: Deployment, publicUrl: string): Promise<void> {
  const { settingFaults } = await load<Config>("config.ts");
  const bound = Object.fromEntries(Object.keys(deployment.databases).map((number) => [bindingOf(Number(number)), {}]));
  const faults = settingFaults({ ...variablesOf(deployment, publicUrl), ...bound }, publicUrl);
  if (faults.length > 0) throw new Error(faults.map((fault) => `${OPERATOR_FILE}, settings: ${fault}`).join("\n"));
}

/** A sentence about each secret that is not valid, without its value. */
export async function secretFaults({ CALLBACK_SIGNING_KEYS = "", ROOT_TOKEN }: Secrets): Promise<readonly string[]> {
  const { settingFaults } = await load<Config>("config.ts");
  const ring = (await load<KeyRings>("key-ring.ts")).keyRing(CALLBACK_SIGNING_KEYS);
  const url = "https://runs.example";
  return [...(ring.ok ? [] : [ring.error]), ...settingFaults({ ROOT_TOKEN, PUBLIC_URL: url }, url)];
}

export type Secrets = Readonly<Record<string, string | undefined>>;

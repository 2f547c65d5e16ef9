/** What a command of the account works on: the account, the deployment that was asked for, and what is deployed of it. */

import { migrate } from "../migrations.ts";
import { type Account, CloudflareApi } from "./cloudflare-api.ts";
import { batchOf, type FoundDatabase, type Inspection, inspect } from "./inspection.ts";
import { type Deployment, OPERATOR_FILE, readDeployment } from "./operator-file.ts";

export interface Target {
  readonly api: CloudflareApi;
  readonly account: Account;
  readonly deployment: Deployment;
  readonly inspection: Inspection;
}

/** Says what a command does. */
export function step(name: string, text: string): void {
  console.log(`${name}: ${text}`);
}

/** `environment`: null for the deployment at the top of `deploy.toml`. Throws a sentence. */
export async function findTarget(environment: string | null): Promise<Target> {
  const deployment = readDeployment(environment);
  const { CLOUDFLARE_ACCOUNT_ID: chosen } = process.env;
  if (deployment.account_id && chosen && chosen !== deployment.account_id) {
    throw new Error(`CLOUDFLARE_ACCOUNT_ID and account_id in ${OPERATOR_FILE} name different accounts. Remove one.`);
  }
  const api = await CloudflareApi.connect();
  const account = await api.account(chosen || deployment.account_id);
  step("Account", `${account.name} (${account.id})`);
  const inspection = await inspect(api, deployment, account);
  const { exists, publicUrl } = inspection;
  step("Worker", `${deployment.name} at ${publicUrl}, ${exists ? "which exists" : "which does not exist yet"}`);
  return { api, account, deployment, inspection };
}

export type MadeDatabase = FoundDatabase & { readonly id: string };

/** Migrates each database, and writes its number. */
export async function migrateAll(
  api: CloudflareApi,
  account: Account,
  databases: readonly MadeDatabase[],
): Promise<void> {
  for (const { id, name, binding, number } of databases) {
    const applied = await migrate(batchOf(api, account.id, id), { binding, number });
    const what = applied.length === 0 ? "It has all migrations." : `Applied ${applied.join(", ")}.`;
    step("Database", `${name} is number ${number}. ${what}`);
  }
}

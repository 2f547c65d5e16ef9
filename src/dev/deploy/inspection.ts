/**
 * Compares what `deploy.toml` says with what is deployed, and says what a deploy would make. Reads only.
 *
 * Databases, buckets and secrets are made only for a Worker that does not exist yet. For one that exists, a name that
 * leads nowhere is a mistake: a new database under a mistyped name would serve empty lists, and a new signing key in
 * place of a lost one would make every stored secret unreadable.
 */

import {
  type Batch,
  type DatabaseState,
  lookAt,
  migrate,
  type Row,
  requireAllBound,
  requireNumber,
} from "../migrations.ts";
import { type Account, CloudflareApi } from "./cloudflare-api.ts";
import { bindingOf, ROOT_TOKEN, requireSettings, SIGNING_KEYS, secretsOf, variablesOf } from "./configuration.ts";
import { type Deployment, OPERATOR_FILE, readDeployment } from "./operator-file.ts";

interface Binding {
  readonly type: string;
  readonly name: string;
  readonly id?: string;
  readonly bucket_name?: string;
  readonly jurisdiction?: string;
  readonly class_name?: string;
  readonly text?: string;
}

interface Database {
  readonly uuid: string;
  readonly name: string;
  readonly jurisdiction?: string | null;
}

interface FoundDatabase {
  readonly number: number;
  readonly name: string;
  readonly binding: string;
  readonly id: string | null;
  readonly state: DatabaseState | null;
}

export type Inspection = Awaited<ReturnType<typeof inspect>>;

export async function inspect(api: CloudflareApi, deployment: Deployment, account: Account) {
  const at = `/accounts/${account.id}`;
  const { name, databases } = deployment;
  const publicUrl = await publicUrlOf(api, deployment, at);
  await requireSettings(deployment, publicUrl);
  const deployed = await deployedBindings(api, account, name);
  if (deployed !== null) requireOurs(deployment, deployed);
  // Whether its domain leads to it already. True on workers.dev.
  const hasDomain = await ownsDomain(api, deployment, at);
  const seen: Seen = { api, at, deployment, deployed };
  const found = await Promise.all(
    Object.entries(databases).map(([number, name]) => findDatabase(seen, Number(number), name)),
  );
  const control = found.find(({ number }) => number === 0);
  requireAllBound(found, control?.state?.inUse ?? []);
  const newBucket = await findBucket(seen);
  return {
    publicUrl,
    exists: deployed !== null,
    hasDomain,
    databases: found,
    newBucket,
    notes: notesOn(deployment, deployed, publicUrl),
  };
}

interface Seen {
  readonly api: CloudflareApi;
  readonly at: string;
  readonly deployment: Deployment;
  /** Null if the Worker does not exist. */
  readonly deployed: readonly Binding[] | null;
}

async function deployedBindings(api: CloudflareApi, { id }: Account, workerName: string): Promise<Seen["deployed"]> {
  const path = `/accounts/${id}/workers/scripts/${workerName}/settings`;
  return (await api.find<{ readonly bindings: readonly Binding[] }>(path))?.bindings ?? null;
}

/** Throws if the Worker exists by now. An inspection can be old, because it is shown and waits for an answer. */
export async function requireNoWorker(api: CloudflareApi, account: Account, { name }: Deployment): Promise<void> {
  if ((await deployedBindings(api, account, name)) === null) return;
  throw new Error(
    `Somebody else has deployed the Worker ${name} since this command began. Its secrets are not those of this command, ` +
      "so nothing was deployed. Run the command again.",
  );
}

export function inJurisdiction({ jurisdiction }: Deployment): Readonly<Record<string, string>> {
  return jurisdiction ? { "cf-r2-jurisdiction": jurisdiction } : {};
}

/** D1's own API runs the statements of one request as one transaction. */
export function batchOf(api: CloudflareApi, accountId: string, databaseId: string): Batch {
  return async (statements) => {
    const sql = statements.join(";\n");
    const path = `/accounts/${accountId}/d1/database/${databaseId}/query`;
    const answers = await api.call<readonly { readonly results?: readonly Row[] }[]>("POST", path, { sql });
    return answers.map(({ results = [] }) => results);
  };
}

async function publicUrlOf(api: CloudflareApi, { name, domain }: Deployment, at: string): Promise<string> {
  if (domain !== undefined) return `https://${domain}`;
  const own = await api.find<{ readonly subdomain?: string }>(`${at}/workers/subdomain`);
  if (own?.subdomain) return `https://${name}.${own.subdomain}.workers.dev`;
  throw new Error(
    `The account has no subdomain of workers.dev yet. Open https://dash.cloudflare.com${at.slice("/accounts".length)}/workers/` +
      `onboarding and choose one, or write a domain into ${OPERATOR_FILE}. Then run the command again.`,
  );
}

/** The name may belong to another program, or to a Worker that somebody began in another way. */
function requireOurs({ name, jurisdiction }: Deployment, deployed: readonly Binding[]): void {
  const isOurs = deployed.some(
    ({ type, class_name }) => type === "durable_object_namespace" && class_name === "RunCoordinator",
  );
  if (!isOurs) {
    throw new Error(
      `There is a Worker ${name}, but it is not this service: it has no coordinators. Write another name into ` +
        `${OPERATOR_FILE}. If \`wrangler secret put\` created the Worker, delete it with \`npx wrangler delete --name ${name}\`.`,
    );
  }
  const before = deployed.find(({ name }) => name === "JURISDICTION")?.text;
  if (before === jurisdiction) return;
  throw new Error(
    `The Worker ${name} has the jurisdiction ${before ?? "none"}, and ${OPERATOR_FILE} says ${jurisdiction ?? "none"}. It ` +
      "can't change, because the runs would stay in objects that nobody reaches any more. Correct the member jurisdiction.",
  );
}

async function ownsDomain(api: CloudflareApi, { name, domain }: Deployment, at: string): Promise<boolean> {
  if (domain === undefined) return true;
  const query = new URLSearchParams({ hostname: domain });
  const [owner] = (await api.find<readonly { readonly service: string }[]>(`${at}/workers/domains?${query}`)) ?? [];
  if (owner === undefined || owner.service === name) return owner !== undefined;
  throw new Error(
    `The domain ${domain} belongs to the Worker ${owner.service}. Remove it there first, or correct domain in ${OPERATOR_FILE}.`,
  );
}

async function findDatabase(seen: Seen, number: number, name: string): Promise<FoundDatabase> {
  const { api, at, deployment, deployed } = seen;
  const binding = bindingOf(number);
  const bound = deployed?.find((one) => one.type === "d1" && one.name === binding);
  const database =
    bound?.id === undefined ? await databaseNamed(api, at, name) : await boundDatabase(api, at, binding, bound.id);
  const member = `databases.${number}`;
  if (database === null) {
    if (deployed === null) return { number, name, binding, id: null, state: null };
    throw new Error(
      `There is no database ${name}, which ${OPERATOR_FILE} names as ${member}. Correct the name. For a new database, run ` +
        `\`npx wrangler d1 create ${name}${deployment.jurisdiction ? ` --jurisdiction ${deployment.jurisdiction}` : ""}\` first.`,
    );
  }
  if (database.name !== name) {
    throw new Error(
      `The Worker ${deployment.name} binds the database ${database.name} as ${binding}, and ${OPERATOR_FILE} names ${name} ` +
        `as ${member}. A deploy would leave the runs behind. Correct the name.`,
    );
  }
  const state = await lookAt(batchOf(api, at.slice("/accounts/".length), database.uuid));
  if (state.number !== null) requireNumber({ binding, number }, state.number);
  if (bound === undefined) requireUnused(deployment, database, state, member);
  return { number, name, binding, id: database.uuid, state };
}

/**
 * A database that the Worker does not bind yet is taken only if no table has a row: an interrupted deploy or `wrangler
 * d1 create` left it. Rows would be those of another Worker, or of a deleted one whose signing keys and objects are
 * gone. This can't tell apart an empty database that another Worker binds.
 */
function requireUnused(deployment: Deployment, database: Database, state: DatabaseState, member: string): void {
  const jurisdiction = database.jurisdiction ?? undefined;
  if (jurisdiction !== deployment.jurisdiction) {
    throw new Error(
      `The database ${database.name} has the jurisdiction ${jurisdiction ?? "none"}, and ${OPERATOR_FILE} says ` +
        `${deployment.jurisdiction ?? "none"}. Write another name as ${member}, or delete the database if nobody needs it.`,
    );
  }
  if (state.isEmpty) return;
  throw new Error(
    `The database ${database.name} has rows, but the Worker ${deployment.name} does not bind it. They belong to another ` +
      `Worker, or to one that was deleted. Write another name as ${member}.`,
  );
}

async function boundDatabase(api: CloudflareApi, at: string, binding: string, id: string): Promise<Database> {
  const database = await api.find<Database>(`${at}/d1/database/${id}`);
  if (database !== null) return database;
  throw new Error(
    `The database that the Worker binds as ${binding} does not exist any more (${id}). A new one would be empty. See ` +
      '"Restore D1" in docs/operations.md before you bind another.',
  );
}

const PER_PAGE = 10;

/** The API searches for a part of the name, page by page. */
async function databaseNamed(api: CloudflareApi, at: string, name: string): Promise<Database | null> {
  for (let page = 1; ; page++) {
    const query = new URLSearchParams({ name, page: String(page), per_page: String(PER_PAGE) });
    const some = await api.call<readonly Database[]>("GET", `${at}/d1/database?${query}`);
    const found = some.find((database) => database.name === name);
    if (found !== undefined) return found;
    if (some.length < PER_PAGE) return null;
  }
}

/** Null if there is none to make. A first deploy takes one that exists: the archive overwrites no object. */
async function findBucket({ api, at, deployment, deployed }: Seen): Promise<string | null> {
  const { name, archive, jurisdiction } = deployment;
  const bound = deployed?.find(({ name }) => name === "ARCHIVE")?.bucket_name;
  if (bound !== undefined && archive !== bound && archive !== false) {
    throw new Error(
      `The Worker ${name} archives to the bucket ${bound}, and ${OPERATOR_FILE} names ${archive ?? "none"}. Correct archive. ` +
        "To end the archive, write archive = false: then runs are deleted when their retention is over.",
    );
  }
  if (!archive) return null;
  const found = await api.find(`${at}/r2/buckets/${archive}`, inJurisdiction(deployment));
  if (found !== null) return null;
  if (deployed === null) return archive;
  throw new Error(
    `There is no bucket ${archive}${jurisdiction ? ` in the jurisdiction ${jurisdiction}` : ""}. Correct archive in ` +
      `${OPERATOR_FILE}. For a new bucket, run \`npx wrangler r2 bucket create ${archive}\` first.`,
  );
}

/** Throws if the Worker lacks a secret. A lost signing key is never made anew. */
function requireSecrets(deployment: Deployment, deployed: readonly Binding[]): void {
  const names = deployed.filter(({ type }) => type === "secret_text").map(({ name }) => name);
  const [missing] = secretsOf(deployment).filter((name) => !names.includes(name));
  if (missing === undefined) return;
  const put = `npx wrangler secret put ${missing} --name ${deployment.name}`;
  throw new Error(
    missing === SIGNING_KEYS
      ? `The Worker ${deployment.name} has no secret ${missing}. Set the keys that it had with \`${put}\`: what they sealed ` +
          'can be opened with no others. If they are lost, see "Rotate the signing key" in docs/operations.md first.'
      : `The Worker ${deployment.name} has no secret ${ROOT_TOKEN}. Set it with \`${put}\`. If you removed it on purpose, ` +
          `write root_token = false into ${OPERATOR_FILE}.`,
  );
}

const NO_ARCHIVE = "Runs are deleted when their retention is over.";

function notesOn(deployment: Deployment, deployed: readonly Binding[] | null, publicUrl: string): readonly string[] {
  if (deployed === null) return deployment.archive ? [] : [`There is no archive. ${NO_ARCHIVE}`];
  requireSecrets(deployment, deployed);
  const variables = variablesOf(deployment, publicUrl);
  const before = new Map(deployed.filter(({ type }) => type === "plain_text").map(({ name, text }) => [name, text]));
  const names = [...new Set([...before.keys(), ...Object.keys(variables)])].sort();
  const changes = names
    .filter((name) => before.get(name) !== variables[name])
    .map((name) => {
      const hurts = name === "PUBLIC_URL" && before.has(name) ? " Jobs of open runs call the old URL, which ends." : "";
      return `${name}: ${before.get(name) ?? "(not set)"} becomes ${variables[name] ?? "(not set)"}.${hurts}`;
    });
  const bound = Object.keys(deployment.databases).map((number) => bindingOf(Number(number)));
  const removed = deployed
    .filter(({ type, name }) => type === "d1" && !bound.includes(name))
    .map(({ name }) => `${name}: it is not bound any more.`);
  const hadArchive = deployed.some(({ name }) => name === "ARCHIVE");
  const endsArchive = hadArchive && !deployment.archive ? [`ARCHIVE: it is removed. ${NO_ARCHIVE}`] : [];
  return [...changes, ...removed, ...endsArchive];
}

export function step(name: string, text: string): void {
  console.log(`${name}: ${text}`);
}

/** `environment`: null for the deployment at the top of `deploy.toml`. Throws a sentence. */
export async function findTarget(environment: string | null) {
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

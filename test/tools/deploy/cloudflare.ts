/**
 * A stand-in for Cloudflare's API, on this machine: what wrangler 4.156 and `npm run deploy` call, with the paths and
 * the answers of Cloudflare's documentation and of wrangler's source. Its databases are SQLite, so migrations, numbers
 * and rows are real.
 *
 * It can't show whether Cloudflare accepts what it gets: it runs no Worker, checks no permission but the ones that a test
 * takes away, makes no certificate and no DNS record, knows no plan and no limit, and keeps a secret where a test reads
 * it. An error of the API that is not in its documentation is unknown here, too.
 */

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { buffer } from "node:stream/consumers";

export const ACCOUNT = { id: "0123456789abcdef0123456789abcdef", name: "Acme" } as const;

export interface Binding {
  readonly type: string;
  readonly name: string;
  readonly [member: string]: unknown;
}

interface Version {
  readonly id: string;
  readonly bindings: readonly Binding[];
  /** What the upload says besides its bindings. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

interface Worker {
  /** The newest first. */
  readonly versions: Version[];
  /** Ids of versions, the newest deployment first. */
  readonly deployments: string[];
  migrationTag: string | null;
  onWorkersDev: boolean;
  crons: readonly string[];
}

interface Database {
  readonly uuid: string;
  readonly name: string;
  readonly jurisdiction: string | null;
  readonly sql: DatabaseSync;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** An error as the API has it. */
class Refusal extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const notFound = (code: number, what: string) => new Refusal(404, code, `${what} does not exist.`);
const INHERITED = ["secret_text", "secret_key"];

export class Cloudflare {
  readonly workers = new Map<string, Worker>();
  readonly databases: Database[] = [];
  /** The jurisdiction of each bucket, by name. */
  readonly buckets = new Map<string, string>();
  /** The Worker that a custom domain leads to. */
  readonly domains = new Map<string, string>();
  readonly calls: Call[] = [];
  /** Part of `https://<subdomain>.workers.dev`; null if the account has none yet. */
  subdomain: string | null = "acme";
  /** Answers `GET https://<host>/readyz` of the Workers. */
  ready: () => { readonly status: number; readonly body: object } = () => ({ status: 200, body: { status: "ready" } });
  /** What this returns is the answer to a call. For faults and for missing permissions. Null: the API's own answer. */
  refuse: (call: Call) => Refusal | null = () => null;
  /** Sees each call that was carried out, before its answer leaves. */
  carriedOut: (call: Call) => void = () => {};
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** The bindings that requests get now. */
  bindings(worker: string): readonly Binding[] {
    const found = this.#worker(worker);
    return found.versions.find(({ id }) => id === found.deployments[0])?.bindings ?? [];
  }

  database(name: string): Database {
    const found = this.databases.find((database) => database.name === name);
    if (found === undefined) throw new Error(`There is no database ${name}.`);
    return found;
  }

  createDatabase(name: string, jurisdiction: string | null = null): Database {
    const database = { uuid: randomUUID(), name, jurisdiction, sql: new DatabaseSync(":memory:") };
    this.databases.push(database);
    return database;
  }

  /** The calls that change something. A query can, too, if it is not only a SELECT. */
  writes(): readonly Call[] {
    return this.calls.filter(isWrite);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "http://localhost");
    const body = await buffer(request);
    const json = (status: number, value: object) =>
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    if (url.pathname.startsWith("/hosts/")) {
      const { status, body } = this.ready();
      return void json(status, body);
    }
    const call: Call = { method: request.method ?? "", path: url.pathname, body: body.toString("latin1") };
    this.calls.push(call);
    try {
      const refusal = this.refuse(call);
      if (refusal !== null) throw refusal;
      const form = request.headers["content-type"]?.startsWith("multipart/")
        ? await new Response(body, { headers: { "Content-Type": request.headers["content-type"] } }).formData()
        : null;
      const result = this.#route(call, url.searchParams, form, request);
      this.carriedOut(call);
      json(200, { success: true, errors: [], messages: [], result });
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(call.method, call.path, error);
      const { status, code, message } = error instanceof Refusal ? error : new Refusal(500, 10013, String(error));
      json(status, { success: false, errors: [{ code, message }], messages: [], result: null });
    }
  }

  #route(
    { method, path, body }: Call,
    query: URLSearchParams,
    form: FormData | null,
    request: IncomingMessage,
  ): unknown {
    const inAccount = `/accounts/${ACCOUNT.id}`;
    if (path === "/accounts") return [ACCOUNT];
    if (path === "/memberships") return [{ account: ACCOUNT }];
    if (path === inAccount) return ACCOUNT;
    if (!path.startsWith(`${inAccount}/`)) throw new Refusal(403, 10000, "Authentication error");
    const [service, kind, name = "", what, id] = path.slice(inAccount.length + 1).split("/");
    const sent = () => JSON.parse(Buffer.from(body, "latin1").toString()) as Record<string, unknown>;
    if (service === "d1") return this.#d1(method, name, what, query, sent);
    if (service === "r2")
      return this.#r2(method, name, sent, String(request.headers["cf-r2-jurisdiction"] ?? "default"));
    switch (`${method} ${kind}`) {
      case "GET subdomain":
        if (this.subdomain === null) throw new Refusal(404, 10007, "You do not have a workers.dev subdomain.");
        return { subdomain: this.subdomain };
      case "GET domains":
        return [...this.domains]
          .map(([hostname, service]) => ({ id: hostname, hostname, service }))
          .filter(({ hostname }) => hostname === query.get("hostname"));
      case "GET services": {
        const { migrationTag } = this.#worker(name);
        const script = { id: name, tag: name, tags: [], migration_tag: migrationTag, last_deployed_from: "wrangler" };
        return { id: name, default_environment: { environment: "production", script } };
      }
      case "GET workers":
        return { id: name, subdomain: { enabled: this.#worker(name).onWorkersDev, previews_enabled: false } };
      case "POST assets":
        return { jwt: "all-uploaded" };
    }
    if (kind === "scripts") return this.#script(method, name, what, id, sent, form, query.get("force") === "true");
    throw notFound(7003, path);
  }

  #d1(method: string, uuid: string, what: string | undefined, query: URLSearchParams, sent: () => Sent): unknown {
    const described = ({ uuid, name, jurisdiction }: Database) => ({ uuid, name, jurisdiction, version: "production" });
    if (uuid === "" && method === "POST") {
      const { name, jurisdiction } = sent();
      if (this.databases.some((database) => database.name === name))
        throw new Refusal(400, 7502, "A database with that name already exists");
      return described(this.createDatabase(String(name), (jurisdiction as string | undefined) ?? null));
    }
    if (uuid === "") {
      const page = Number(query.get("page") ?? 1);
      // As documented, the name is searched for: it need not be the whole name.
      const matching = this.databases.filter(({ name }) => name.includes(query.get("name") ?? ""));
      return matching.slice((page - 1) * 10, page * 10).map(described);
    }
    const database = this.databases.find((one) => one.uuid === uuid);
    if (database === undefined) throw notFound(7404, `The database ${uuid}`);
    if (what !== "query") return described(database);
    return runAsBatch(database.sql, String(sent().sql));
  }

  #r2(method: string, name: string, sent: () => Sent, jurisdiction: string): unknown {
    if (method === "POST") {
      const bucket = String(sent().name);
      this.buckets.set(bucket, jurisdiction);
      return { name: bucket };
    }
    if (this.buckets.get(name) !== jurisdiction) throw new Refusal(404, 10006, "The specified bucket does not exist.");
    return { name, jurisdiction };
  }

  #worker(name: string): Worker {
    const worker = this.workers.get(name);
    if (worker === undefined) throw notFound(10007, "This Worker");
    return worker;
  }

  #script(
    method: string,
    name: string,
    what: string | undefined,
    id: string | undefined,
    sent: () => Sent,
    form: FormData | null,
    isForced: boolean,
  ): unknown {
    if (what === "assets-upload-session") return { jwt: "all-uploaded", buckets: [] };
    if (what === undefined && method === "PUT") {
      const worker = this.workers.get(name) ?? newWorker();
      const version = this.#upload(worker, form);
      this.workers.set(name, worker);
      worker.deployments.unshift(version.id);
      return { id: name, etag: "etag", deployment_id: version.id, startup_time_ms: 1 };
    }
    const worker = this.#worker(name);
    const [newest] = worker.versions;
    switch (`${method} ${what}`) {
      case "GET settings":
        return { bindings: (newest?.bindings ?? []).map(withoutText), tags: [], migration_tag: worker.migrationTag };
      case "GET secrets":
        return this.bindings(name)
          .filter(({ type }) => INHERITED.includes(type))
          .map(withoutText);
      case "POST versions": {
        const { id } = this.#upload(worker, form);
        return { id, startup_time_ms: 1, resources: { script: { etag: "etag" } } };
      }
      case "GET versions": {
        const shown = (version: Version) => ({
          id: version.id,
          number: 1,
          metadata: { created_on: new Date(0).toISOString() },
        });
        const found = worker.versions.find((version) => version.id === id);
        if (id === undefined) return { items: worker.versions.map(shown) };
        if (found === undefined) throw notFound(10007, "This version");
        return { ...shown(found), resources: { bindings: found.bindings.map(withoutText) } };
      }
      case "GET deployments":
        return {
          deployments: worker.deployments.map((id) => ({
            id,
            source: "wrangler",
            created_on: new Date(0).toISOString(),
            versions: [{ version_id: id, percentage: 100 }],
          })),
        };
      case "POST deployments": {
        const [deployed] = sent().versions as readonly { readonly version_id: string }[];
        const version = worker.versions.find((one) => one.id === deployed?.version_id);
        if (version === undefined) throw notFound(10007, "This version");
        const secrets = (bindings: readonly Binding[]) => bindings.filter(({ type }) => INHERITED.includes(type));
        const now = secrets(this.bindings(name));
        const changed = secrets(version.bindings).filter((one) =>
          now.some((is) => is.name === one.name && is.text !== one.text),
        );
        if (changed.length > 0 && !isForced)
          throw new Refusal(
            400,
            10220,
            `The following secrets have changed: ${changed.map((one) => one.name).join(", ")}`,
          );
        worker.deployments.unshift(version.id);
        return { id: randomUUID() };
      }
      case "PATCH script-settings":
        return {};
      case "POST subdomain":
        worker.onWorkersDev = sent().enabled === true;
        return { enabled: worker.onWorkersDev, previews_enabled: sent().previews_enabled === true };
      case "PUT schedules":
        worker.crons = (sent() as unknown as readonly { readonly cron: string }[]).map(({ cron }) => cron);
        return { schedules: worker.crons.map((cron) => ({ cron })) };
      case "POST domains":
        return { added: [], removed: [], updated: [], conflicting: [] };
      case "PUT domains":
        for (const { hostname } of sent().origins as readonly { readonly hostname: string }[])
          this.domains.set(hostname, name);
        return [];
    }
    throw notFound(7003, `${method} ${what}`);
  }

  /** Secrets of the version before are kept, and a binding of the type `inherit` must exist there. */
  #upload(worker: Worker, form: FormData | null): Version {
    const { bindings = [], ...metadata } = JSON.parse(String(form?.get("metadata"))) as {
      readonly bindings?: readonly Binding[];
      readonly migrations?: { readonly new_tag?: string };
    };
    const before = worker.versions[0]?.bindings ?? [];
    const named = bindings.map((binding) => {
      if (binding.type !== "inherit") return binding;
      const inherited = before.find(({ name }) => name === binding.name);
      if (inherited === undefined) throw new Refusal(400, 10057, `inherit binding '${binding.name}' is invalid`);
      return inherited;
    });
    const kept = before.filter(({ type, name }) => INHERITED.includes(type) && !named.some((one) => one.name === name));
    const version = { id: randomUUID(), bindings: [...named, ...kept], metadata };
    worker.versions.unshift(version);
    worker.migrationTag = metadata.migrations?.new_tag ?? worker.migrationTag;
    return version;
  }
}

type Sent = Record<string, unknown>;

export const refusal = (status: number, code: number, message: string) => new Refusal(status, code, message);

export function isWrite({ method, path, body }: Call): boolean {
  if (path.endsWith("/query")) return !/^\{"sql":"SELECT [^;]*"\}$/.test(body);
  // wrangler asks with it what a change of the domains would change.
  return method !== "GET" && !path.endsWith("/domains/changeset");
}

const newWorker = (): Worker => ({ versions: [], deployments: [], migrationTag: null, onWorkersDev: false, crons: [] });

/** Nobody can read a secret again. */
function withoutText({ text, ...binding }: Binding): object {
  return INHERITED.includes(binding.type) || text === undefined ? binding : { ...binding, text };
}

/** D1 runs several statements as one transaction, and answers with the rows of each. */
function runAsBatch(database: DatabaseSync, sql: string): unknown {
  database.exec("BEGIN");
  try {
    const results = sql
      .split(/;\s*(?:\n|$)/)
      .filter((statement) => statement.replaceAll(/--.*/g, "").trim() !== "")
      .map((statement) => ({ success: true, results: database.prepare(statement).all(), meta: {} }));
    database.exec("COMMIT");
    return results;
  } catch (error) {
    database.exec("ROLLBACK");
    throw new Refusal(400, 7500, `${error instanceof Error ? error.message : error}: SQLITE_ERROR`);
  }
}

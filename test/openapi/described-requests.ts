/** Requests made of the document: of its examples, and of values that its schemas allow or don't. */

import { env } from "cloudflare:workers";
import type { Schema } from "@cfworker/json-schema";
import * as z from "zod/mini";
import { createApp } from "../../src/app.ts";
import { meaningOf } from "../../src/http/operation.ts";
import { document, judge } from "../support/api/conformance.ts";
import { direct } from "../support/direct.ts";
import { replicated } from "../support/replicated.ts";
import { type Ask, ask, type CreatedRun, createRun, ROOT, report } from "../support/requests.ts";
import { startBulk } from "../support/runs/bulk.ts";
import { gatedRun, LATER } from "../support/runs/gated.ts";
import { beginSession, OWN_PAGE } from "../support/sessions.ts";
import { grantToken, newProject } from "../support/tokens.ts";

export interface Parameter {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** The schema of the JSON body, undefined if the operation has no body. */
  readonly body: Schema | undefined;
  /** The example beside that schema. */
  readonly bodyExample: unknown;
  readonly isBodyRequired: boolean;
  readonly security: readonly Record<string, unknown>[];
  /** The statuses of successes. The first one is that of its first example. */
  readonly successes: readonly number[];
  /** Whether it can answer 304. */
  readonly isCached: boolean;
}

interface OnPaper {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>;
  };
  readonly security: readonly Record<string, unknown>[];
  readonly responses: Record<string, unknown>;
}

/**
 * What another product sends, and proves itself: test/starts/ and test/identity/ send it. So do those who sign in with an
 * issuer. Agents follow another document: test/mcp/ has their messages.
 */
const OF_PRODUCTS =
  /\/(inbound\/\{inboundId\}|exchange|callback\/token|mcp)$|^\/session\/(sign-in|callback|login|login-codes)$/;

export const OPERATIONS: readonly Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(OF_PRODUCTS.test(path) ? {} : methods).map(([method, described]) => {
    const { parameters = [], requestBody, security, responses } = described as unknown as OnPaper;
    return {
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content["application/json"]?.schema,
      bodyExample: requestBody?.content["application/json"]?.example,
      isBodyRequired: requestBody?.required === true,
      security,
      successes: Object.keys(responses)
        .map(Number)
        .filter((status) => status < 300),
      isCached: "304" in responses,
    };
  }),
);

/** Where an operation can succeed: names for its path, and a token that opens it. */
export interface Access {
  readonly names: Readonly<Record<string, string>>;
  readonly token: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The example of a pause that is deleted. */
const PLANNED = Date.UTC(2099, 0, 30, 18);

/** A parameter that this does not know makes the test of its operation fail: say here what it can be. */
export async function accessFor(operation: Operation): Promise<Access> {
  const project = newProject();
  const [, o = "", p = ""] = project.split("/");
  const names: Record<string, string> = {};
  let run: CreatedRun | null = null;
  let version = "";
  for (const { name } of operation.parameters.filter((one) => one.in === "path")) {
    if (name === "o") names[name] = o;
    else if (name === "p") names[name] = p;
    else if (name === "envName" && operation.path.endsWith("/purge")) {
      names[name] = "production";
      const runs = `${project}/envs/production/action-runs`;
      await createRun(runs);
      await replicated(runs);
      await direct(runs).purges.begin(1);
    } else if (name === "envName") names[name] = "production";
    else if (name === "database") names[name] = "0";
    else if (name === "tokenId") names[name] = (await grantToken(project, { role: "viewer" })).id;
    else if (name === "sessionId")
      names[name] = (await beginSession((await grantToken(project, { role: "viewer" })).token)).id;
    else if (name === "name") {
      names[name] = "deploy";
      version = await storeDefinition(project, kindOf(operation));
    } else if (name === "version") {
      names[name] = version;
      // Only a version that another one replaced can be deleted.
      await storeDefinition(project, kindOf(operation), 200);
    } else if (name === "group") {
      names[name] = "deploy";
      const pause = { group: "deploy", reason: "freeze", until: null, by: "ann", via: null, at: Date.now() };
      // Only a pause that is there can be deleted: with the example's `from`, or without one.
      for (const from of operation.method === "DELETE" ? [null, PLANNED] : []) {
        await direct(`${project}/envs/production/action-runs`).gates.pause({ ...pause, from });
      }
    } else if (name === "id" && operation.path.includes("/bulk-operations/")) {
      const runs = `${project}/envs/production/action-runs`;
      const { status, body } = await startBulk(runs, { operation: "cancel", runIds: [crypto.randomUUID()] });
      if (status !== 202) throw new Error(`no bulk operation was begun: ${status}`);
      names[name] = body.id;
    } else if (name === "id" && /\/(approve|reject|release|approval)$/.test(operation.path)) {
      const isRelease = operation.path.endsWith("/release");
      const later = isRelease ? { notBefore: LATER } : {};
      const pauses = `${project}/envs/production/pauses/-environment`;
      if (isRelease) await ask("PUT", pauses, { body: { reason: "freeze" } });
      // The operator approves, and created the run.
      const gates = { approval: { allowSelf: true } };
      names[name] = (await gatedRun(`${project}/envs/production/action-runs`, gates, later)).id;
    } else if (name === "id") {
      run = await createRun(`${project}/envs/production/action-runs`);
      names[name] = run.id;
      // Or a wait would wait, a stream would not end, and a retry or a delivery would be refused.
      const needsEnd = operation.method === "GET" || /\/(retry|resend)$/.test(operation.path);
      if (needsEnd) await report(run, { status: "succeeded" });
      // Nobody erases a run that they have created.
      if (operation.path.endsWith("/erase")) {
        const { id, token } = await grantToken(project, { role: "owner" });
        const by = { tokenId: id, tokenName: "owner", parents: [], person: null };
        if (operation.method === "GET") await direct(`${project}/envs/production/action-runs`).runs.erase(run.id, by);
        return { names, token };
      }
    } else throw new Error(`there is no value for {${name}}`);
  }
  if (/(p|envName)\}\/erase$/.test(operation.path)) {
    await createRun(`${project}/envs/production/action-runs`);
    const erased = "INSERT INTO erasures (scope, asked_at, completed_at) VALUES (?, 1, 2)";
    if (operation.method === "GET") await env.DB.prepare(erased).bind(Object.values(names).join("/")).run();
  }
  const [scheme] = operation.security.flatMap((one) => Object.keys(one));
  if (scheme === undefined) return { names, token: null };
  if (scheme === "apiToken") return { names, token: ROOT, headers: OWN_PAGE };
  if (scheme === "sessionCookie") {
    const { headers } = await beginSession((await grantToken(project, { role: "viewer" })).token);
    return { names, token: null, headers: { ...headers, "Content-Type": "application/json" } };
  }
  if (scheme === "callbackToken" && run !== null) return { names, token: run.callback.token };
  throw new Error(`there is no token of the scheme ${scheme}`);
}

/** Definitions whose secrets a PUT with null can keep. */
const DEFINITIONS = {
  actions: {
    trigger: { type: "webhook", url: "https://ci.example.com/hooks/x", signingSecret: `whsec_${"A".repeat(32)}` },
    inbound: { verify: "github", secret: `whsec_${"B".repeat(32)}` },
  },
  "webhook-endpoints": { url: "https://hooks.example.com/x", events: ["action_run.*"] },
  schedules: { action: "deploy", cron: "@daily", timezone: "UTC" },
};

function kindOf({ path }: Operation): keyof typeof DEFINITIONS {
  if (path.includes("/schedules/")) return "schedules";
  return path.includes("/webhook-endpoints/") ? "webhook-endpoints" : "actions";
}

async function storeDefinition(project: string, kind: keyof typeof DEFINITIONS, expected = 201): Promise<string> {
  if (kind === "schedules" && expected === 201) await storeDefinition(project, "actions");
  const path = `${project}/envs/production/${kind}/deploy`;
  // Two PUTs of one schedule would be one version.
  const body = kind === "schedules" ? { ...DEFINITIONS[kind], labels: [crypto.randomUUID()] } : DEFINITIONS[kind];
  const { status, headers } = await ask("PUT", path, { body });
  if (status !== expected) throw new Error(`${path} was not stored: ${status}`);
  return headers.get("ETag")?.slice(1, -1) ?? "";
}

/** What a request has besides its access. */
export interface Sent extends Ask {
  readonly names?: Readonly<Record<string, string>>;
  readonly query?: readonly (readonly [string, string])[];
  readonly method?: string;
}

/**
 * The status and the code of the answer, which was held against the document. A required query parameter that is not
 * sent has the value of its example.
 */
export async function send(
  { method, path, parameters }: Operation,
  access: Access,
  sent: Sent = {},
): Promise<{ readonly status: number; readonly code: string | undefined; readonly headers: Headers }> {
  const names: Record<string, string> = { ...access.names, ...sent.names };
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? "");
  const given = (sent.query ?? []).map(([name, value]) => [name, value]);
  const missing = parameters.filter(
    (one) => one.in === "query" && one.required === true && !given.some(([name]) => name === one.name),
  );
  const needed = missing.map((one) => [one.name, examplesOf(one)[0] ?? ""]);
  const query = new URLSearchParams([...given, ...needed]).toString();
  const { status, headers, body } = await ask<{ readonly code?: string } | string | null>(
    sent.method ?? method,
    query === "" ? filled : `${filled}?${query}`,
    { token: access.token, ...confirming(sent, names), headers: { ...access.headers, ...sent.headers } },
  );
  return { status, headers, code: status >= 400 && typeof body === "object" ? body?.code : undefined };
}

/** An erasure is confirmed by the name that the path has, and not by that of the example. */
function confirming({ body, raw, ...others }: Sent, names: Readonly<Record<string, string>>): Ask {
  const own = JSON.stringify(Object.values(names).join("/"));
  const confirmed = (text: string) => text.replace(/(?<="confirm":)"acme\/shop(\/production)?"/, own);
  return {
    ...others,
    ...(body !== undefined && { body: JSON.parse(confirmed(JSON.stringify(body))) }),
    ...(raw !== undefined && { raw: typeof raw === "string" ? confirmed(raw) : raw }),
  };
}

const routes = createApp().routes.map(({ method, path, handler }) => ({
  operation: `${method} ${path.replaceAll(/:(\w+)(\{[^/]*\})?/g, "{$1}")}`,
  validates: meaningOf(handler) ?? {},
}));

/** Whether the validator of the service accepts this body, or this query. */
export function isAccepted({ method, path }: Operation, target: "body" | "query", value: unknown): boolean {
  const [schema, ...others] = routes
    .filter(({ operation }) => operation === `${method} ${path}`)
    .flatMap(({ validates }) => validates[target] ?? []);
  if (schema === undefined || others.length > 0) throw new Error(`${method} ${path} has not one validator`);
  return z.safeParse(schema, value).success;
}

export function isValid(schema: Schema, value: unknown): boolean {
  return judge(schema, value).valid;
}

/** A parameter's text as the value that its schema speaks of. */
export function parameterValue(schema: Schema, text: string): unknown {
  if (schema.type === "array") return [text];
  return schema.type === "integer" && /^-?[0-9]+$/.test(text) ? Number(text) : text;
}

export function resolve(schema: Schema): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (document.components.schemas[name] ?? {});
}

/** A parameter's example as it is sent: a list is several parameters. */
export function examplesOf({ example }: Parameter): string[] {
  return [example].flat().map(String);
}

type Json = Record<string, unknown>;

export interface Member {
  readonly path: readonly string[];
  readonly description: string | undefined;
}

/** Every member that a body may have, at any depth. */
export function membersOf(body: Schema, path: readonly string[] = []): Member[] {
  const { properties = {}, oneOf = [] } = resolve(body);
  const own = Object.entries(properties as Record<string, Schema>).flatMap(([name, schema]) => [
    { path: [...path, name], description: descriptionOf(schema) },
    ...membersOf(schema, [...path, name]),
  ]);
  // The schema's own members have the descriptions.
  return [...oneOf.flatMap((one: Schema) => membersOf(one, path)), ...own];
}

function descriptionOf(schema: Schema): string | undefined {
  const { description, anyOf = [] } = resolve(schema);
  return description ?? anyOf.map(descriptionOf).find((one: string | undefined) => one !== undefined);
}

/**
 * The body with another value at `path`, undefined for none; objects on the way there are made as their examples are.
 */
export function withMember(schema: Schema, body: Json, path: readonly string[], value: unknown): Json {
  const [name = "", ...rest] = path;
  if (rest.length === 0) return { ...body, [name]: value };
  const member = resolve((resolve(schema).properties?.[name] ?? {}) as Schema);
  // A member that may be null.
  const inner = resolve((member.anyOf?.[0] ?? member) as Schema);
  const before = (body[name] ?? inner.examples?.[0] ?? {}) as Json;
  return { ...body, [name]: withMember(inner, before, rest, value) };
}

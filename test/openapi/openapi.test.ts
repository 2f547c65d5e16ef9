/** The document and the service: one describes the other, whole and as it is. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { createApp } from "../../src/app.ts";
import { ERRORS } from "../../src/http/errors.ts";
import { routesOf } from "../../src/openapi/document.ts";
import { document, expectDescribed } from "../support/api/conformance.ts";
import { askWith } from "../support/bindings.ts";
import { ask } from "../support/requests.ts";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly security: readonly Record<string, unknown>[];
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly requestBody?: { readonly required: boolean };
  readonly responses: Record<string, Response>;
}

interface Response {
  readonly headers?: Record<string, unknown>;
  readonly content?: Record<
    string,
    { readonly schema: object; readonly examples?: object; readonly example?: unknown }
  >;
}

interface Made {
  readonly paths: Record<string, Record<string, { readonly requestBody?: unknown; readonly responses: unknown }>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

interface Variants {
  readonly oneOf: readonly { readonly $ref: string }[];
  readonly discriminator: { readonly mapping: Record<string, string> };
}

type Json = Readonly<Record<string, unknown>>;

/** The parts of a schema, but for its examples. */
function partsOf(part: unknown): [string, unknown][] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).filter(([name]) => !["example", "examples"].includes(name));
}

/** Each object with members that is named or is inside of `part`, and whether it refuses other members. */
function objectsIn(made: Made, part: unknown, path: string, seen = new Set<string>()): [string, boolean][] {
  const { $ref, type, properties, additionalProperties } = (part ?? {}) as Json;
  if (typeof $ref === "string") {
    const name = $ref.split("/").at(-1) ?? "";
    if (seen.has(name)) return [];
    seen.add(name);
    return objectsIn(made, made.components.schemas[name], name, seen);
  }
  const own: [string, boolean][] =
    type === "object" && properties !== undefined ? [[path, additionalProperties === false]] : [];
  return [...own, ...partsOf(part).flatMap(([name, one]) => objectsIn(made, one, `${path}/${name}`, seen))];
}

/** Each entry of a oneOf or anyOf. */
function variantsIn(part: unknown, path: string): { readonly path: string; readonly variant: Json }[] {
  return partsOf(part).flatMap(([name, one]) => [
    ...(name === "oneOf" || name === "anyOf" ? (one as Json[]).map((variant) => ({ path, variant })) : []),
    ...variantsIn(one, `${path}/${name}`),
  ]);
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(
    ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation as unknown as Operation] as const,
  ),
);

describe("the OpenAPI document", () => {
  it("describes exactly the routes of the app", () => {
    const routes = routesOf(createApp()).sort();
    expect(operations.map(([name]) => name).sort()).toEqual(routes);
  });

  it("has the schema names of the contract", () => {
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(["ActionRun", "ActionRunList", "Error"]),
    );
  });

  it("has every error code under its status, with an example", () => {
    const told = new Map<string, Set<string>>();
    for (const [, { responses }] of operations) {
      for (const [status, { content }] of Object.entries(responses)) {
        for (const code of Object.keys(content?.["application/json"]?.examples ?? {})) {
          told.set(code, (told.get(code) ?? new Set()).add(status));
        }
      }
    }
    // No response has these codes, only an item of a bulk operation, and the address after a sign-in.
    const { already_retried: _, sign_in_refused: __, person_unknown: ___, ...inResponses } = ERRORS;
    const expected = Object.entries(inResponses).map(([code, [status]]) => [code, [String(status)]]);
    const found = [...told].map(([code, statuses]) => [code, [...statuses]]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
  });

  it.each(operations)("gives %s its security, its path parameters and X-Request-Id", (name, operation) => {
    const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const described = (operation.parameters ?? []).filter((one) => one.in === "path").map((one) => one.name);
    expect(described).toEqual(inPath);
    const schemes = operation.security.flatMap((one) => Object.keys(one));
    const callback = /(callback|heartbeat)$/.test(name);
    const ofSession = ["sessionCookie", "sessionPageKey"];
    const fixed: Record<string, readonly string[]> = {
      "GET /whoami": ["apiToken"],
      "GET /places": ["apiToken"],
      "GET /databases": ["apiToken"],
      "POST /{o}/{p}/envs/{envName}/mcp": ["apiToken"],
      "POST /session": ["apiToken"],
      "POST /session/renew": ofSession,
      "DELETE /session": ofSession,
      "POST /session/login-codes": ofSession,
      "GET /{o}/{p}/envs/{envName}/action-runs/{id}": ["apiToken", "callbackToken"],
      "POST /{o}/{p}/envs/{envName}/actions/{name}/inbound/{inboundId}": ["eventSecret"],
      "POST /{o}/{p}/tokens/{tokenId}/exchange": [],
      "POST /{o}/{p}/envs/{envName}/action-runs/{id}/callback/token": [],
    };
    const isRoots = /(resync|purge|sign-in-codes|\/database|(p|envName)\}\/erase)$/.test(name);
    const isRead = name.startsWith("GET ") && !name.endsWith("/approval");
    const forOthers = isRead || callback || isRoots || inPath.length === 0 ? [] : ["apiToken", "onBehalfOf"];
    const expected = inPath.length === 0 ? [] : [callback ? "callbackToken" : "apiToken", ...forOthers];
    expect(schemes).toEqual(fixed[name] ?? expected);
    for (const { headers } of Object.values(operation.responses)) expect(headers).toHaveProperty("X-Request-Id");
  });

  it.each(operations)("has a summary and a description of %s in sentences", (_name, operation) => {
    const { summary, description } = operation;
    expect(summary).toMatch(/^[A-Z][^.]+$/);
    const sentences = description.split(/(?<=[.;]) /);
    for (const sentence of sentences) {
      expect(sentence).toMatch(/^.+[.;]$/);
      expect(sentence.split(" ").length, sentence).toBeLessThanOrEqual(25);
    }
    expect(description).not.toContain(summary);
  });

  it("names a contact without a URL", () => {
    const { contact } = (document as unknown as { info: { contact: object } }).info;
    expect(contact).toEqual({ name: expect.stringContaining("operator") });
  });

  it("says what to enter where a tool asks for the URL of the service", () => {
    const { servers } = document as unknown as { servers: object[] };
    expect(servers).toEqual([{ url: "/", description: expect.stringContaining("base URL") }]);
  });

  it("has no default in a body, because generators make such a member required", () => {
    const bodies = operations.flatMap(([, { requestBody }]) => (requestBody === undefined ? [] : [requestBody]));
    const text = JSON.stringify([bodies, document.components.schemas]);
    expect(text).not.toContain('"default":');
    expect(text).toContain("Default: `60`.");
  });

  it("leaves responses open for the members of later versions, and requests closed", () => {
    const made = document as unknown as Made;
    const ofResponses = new Map<string, boolean>();
    const ofRequests = new Map<string, boolean>();
    for (const [path, methods] of Object.entries(made.paths)) {
      for (const [method, { requestBody, responses }] of Object.entries(methods)) {
        const name = `${method} ${path}`;
        for (const one of objectsIn(made, responses, name)) ofResponses.set(...one);
        for (const one of objectsIn(made, requestBody, name)) ofRequests.set(...one);
      }
    }
    expect([...ofResponses].filter(([, isClosed]) => isClosed)).toEqual([]);
    // JSON-RPC is not ours to close.
    expect([...ofRequests].filter(([, isClosed]) => !isClosed)).toEqual([["McpRequest", false]]);
    expect(ofResponses.size).toBeGreaterThan(50);
    expect(ofRequests.size).toBeGreaterThan(20);
  });

  it("names each variant that has members, because generators number those without a name", () => {
    const made = document as unknown as Made;
    const unnamed = variantsIn(made, "").filter(({ variant }) => variant.properties !== undefined);
    expect(unnamed).toEqual([]);
    expect(Object.keys(made.components.schemas).filter((name) => /[0-9]/.test(name))).toEqual([]);
    const { oneOf, discriminator } = made.components.schemas.TimelineEvent as Variants;
    expect(Object.values(discriminator.mapping)).toEqual(oneOf.map(({ $ref }) => $ref));
    expect(discriminator.mapping.attempt_started).toBe("#/components/schemas/RunAttemptStartedEvent");
  });

  it("says which requests accept a key, and which bodies are required", () => {
    const keyed = operations.filter(([, { parameters }]) => parameters?.some((one) => one.name === "Idempotency-Key"));
    expect(keyed.map(([, { operationId }]) => operationId).sort()).toEqual([
      "approveActionRun",
      "cancelActionRun",
      "completeActionRun",
      "createActionRun",
      "createBulkOperation",
      "rejectActionRun",
      "releaseActionRun",
      "requestActionRunCancel",
      "retryActionRun",
      "rotateInboundSecret",
      "rotateSigningSecret",
      "runAction",
    ]);
    const required = operations.flatMap(([, { operationId, requestBody }]) =>
      requestBody?.required === true ? [operationId] : [],
    );
    expect(required.sort()).toEqual([
      "beginSession",
      "callMcp",
      "completeActionRun",
      "createActionRun",
      "createApiToken",
      "createBulkOperation",
      "createLoginCode",
      "createSignInCode",
      "eraseActionRun",
      "eraseEnvironment",
      "eraseProject",
      "exchangeProof",
      "issueCallbackToken",
      "logIn",
      "moveEnvironment",
      "purgeActionRuns",
      "putAction",
      "putPause",
      "putSchedule",
      "putWebhookEndpoint",
      "recoverMessages",
      "showSignIn",
      "tryInbound",
    ]);
  });
});

describe("the conformance check", () => {
  const url = "https://runs.example/acme/shop/envs/prod/action-runs/01a212de-9b55-8003-a8a9-dd2c148ea617";
  const run = (document.components.schemas.ActionRun as { examples: Record<string, unknown>[] }).examples[0] ?? {};
  const judge = (body: unknown, init: ResponseInit = {}) => {
    const text = JSON.stringify(body);
    const headers = new Headers({ "Content-Type": "application/json", ...init.headers });
    return () => expectDescribed("GET", url, new Response(text, { ...init, headers }), text);
  };

  it("passes a response as described", () => {
    expect(judge(run)).not.toThrow();
  });

  it.each<[string, unknown]>([
    ["a field is missing", { ...run, output: undefined }],
    ["a field is too many", { ...run, extra: 1 }],
    ["a field is of another type", { ...run, createdAt: 1 }],
    ["a status is none of the five", { ...run, status: "done" }],
  ])("where %s", (_what, body) => {
    expect(judge(body)).toThrow(/otherwise than described/);
  });

  it("fails on a status that is not described", () => {
    expect(judge({ error: "x", code: "forbidden" }, { status: 418 })).toThrow(/does not describe/);
  });

  it("fails on a header that is not described", () => {
    expect(judge(run, { headers: { "X-Secret": "1" } })).toThrow(/x-secret/);
  });

  it("fails on an unknown error code", () => {
    expect(judge({ error: "x", code: "made_up" }, { status: 404 })).toThrow(/otherwise than described/);
  });

  it("judges every response that a test gets", async () => {
    const path = "/conformance/shop/envs/prod/action-runs";
    await ask("POST", path, { body: { actionName: "deploy" } });
    await ask("GET", path);
    // A list prints rows as they are.
    await env.DB.prepare("UPDATE runs SET body = json_set(body, '$.triggeredBy', 1) WHERE scope = ?")
      .bind("conformance/shop/prod")
      .run();
    await expect(ask("GET", path)).rejects.toThrow(/otherwise than described/);
    await expect(askWith(env, "GET", path)).rejects.toThrow(/otherwise than described/);
  });
});

// test/openapi/first-send.test.ts has those of requests.
describe("the document has an example", () => {
  const schemas = document.components.schemas as Record<string, { readonly examples?: readonly unknown[] }>;

  interface Part {
    readonly $ref?: string;
    readonly example?: unknown;
    readonly examples?: object;
    readonly schema?: { readonly $ref?: string; readonly examples?: readonly unknown[]; readonly default?: unknown };
  }

  function hasExample({ $ref, example, examples, schema }: Part): boolean {
    if (example !== undefined || examples !== undefined || $ref !== undefined) return true;
    const named = schema?.$ref?.split("/").at(-1);
    return ((named === undefined ? schema : schemas[named])?.examples?.length ?? 0) > 0;
  }

  it.each(operations)("in the responses of %s", (_name, { responses }) => {
    const described = Object.entries(responses).flatMap(([status, { content = {} }]) =>
      Object.entries(content).map(([type, media]) => [`${status} as ${type}`, hasExample(media as Part)] as const),
    );
    expect(described.filter(([, has]) => !has)).toEqual([]);
  });

  it("of each header", () => {
    const headers = Object.entries(
      (document as unknown as { components: { headers: Record<string, Part> } }).components.headers,
    );
    expect(headers.filter(([, header]) => !hasExample(header)).map(([name]) => name)).toEqual([]);
  });
});

it("the service returns the document of this source", async () => {
  const { status, body } = await ask("GET", "/openapi.json", { token: null });
  expect(status).toBe(200);
  expect(body).toEqual(document);
});

it("the document has the package's version", () => {
  expect((document as unknown as { info: { version: string } }).info.version).toBe(packageJson.version);
});

/** Makes the OpenAPI document of the app's routes (src/http/operation.ts). The Worker's bundle must not contain it. */

import type { Hono } from "hono";
import type { RouterRoute } from "hono/types";
import { type DescribeRouteOptions, generateSpecs, resolver, uniqueSymbol } from "hono-openapi";
import * as z from "zod";
import packageJson from "../../package.json" with { type: "json" };
import { createApp } from "../app.ts";
import { ERRORS, type ErrorCode } from "../http/errors.ts";
import { type Meaning, meaningOf, type Operation, type Success } from "../http/operation.ts";
import type { AppEnv } from "../http/request-context.ts";
import { errorBody } from "../http/response-schemas.ts";
import { HEADERS, headersOf, IN_HEADER, idempotencyKey, pathParametersOf } from "./parameters.ts";

type Responses = NonNullable<DescribeRouteOptions["responses"]>;

/** OpenAPI 3.1, as plain JSON. `DESCRIBE` must be true before the routes are imported. */
export async function makeDocument() {
  const app = createApp();
  const bodiless = new Set<string>();
  for (const [name, routes] of Map.groupBy(apiRoutes(app), nameOf)) {
    const { operationId, mayBeEmpty } = tellLibrary(name, routes);
    if (mayBeEmpty) bodiless.add(operationId);
  }
  const document = await generateSpecs(app, {
    defaultValidationErrorResponse: false,
    excludeStaticFile: false,
    documentation: {
      info: INFO,
      // Relative, so that the document is the same at every deployment.
      servers: [
        {
          url: "/",
          description:
            "The deployment that served this document. If your tool asks for a base URL, enter that deployment's, such as https://runs.example.com, without a path.",
        },
      ],
      tags: TAGS.map(([name, , description]) => ({ name, description })),
      components: { headers: HEADERS, securitySchemes: SECURITY_SCHEMES },
    },
  });
  addExamples(document as unknown as Document, bodiless);
  return document;
}

/** `METHOD /path/{parameter}` of each route of the app. */
export function routesOf(app: Hono<AppEnv>): string[] {
  return [...new Set(apiRoutes(app).map(nameOf))];
}

/** What leads a browser to and from an issuer. */
const OF_BROWSERS = /^\/session\/(?:sign-in|callback)$/;

/** Neither these nor the pages below `/console` are part of the API. */
function apiRoutes(app: Hono<AppEnv>): RouterRoute[] {
  return app.routes.filter(
    ({ method, path }) =>
      method !== "ALL" && !path.startsWith("/console/") && !(method === "GET" && OF_BROWSERS.test(path)),
  );
}

function nameOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path.replaceAll(/:(\w+)(\{[^/]*\})?/g, "{$1}")}`;
}

/** Puts what the library needs on the handlers of a route. Throws for a route that nobody has described. */
function tellLibrary(name: string, routes: readonly RouterRoute[]) {
  const meanings = routes.flatMap(({ handler }) => meaningOf(handler) ?? []);
  const operation = meanings.map((one) => one.operation).find((one) => one);
  if (!operation) throw new Error(`${name} has no description`);
  for (const { handler } of routes) {
    const { query, body, operation } = meaningOf(handler) ?? {};
    if (operation) Object.assign(handler, { [uniqueSymbol]: { spec: specOf(name, operation, meanings) } });
    if (query !== undefined) {
      Object.assign(handler, { [uniqueSymbol]: { target: "query", ...resolved(query, "query") } });
    }
    if (body !== undefined) Object.assign(handler, { [uniqueSymbol]: { target: "json", ...resolved(body, "body") } });
  }
  return { operationId: operation.operationId, mayBeEmpty: meanings.some((one) => one.mayBeEmpty) };
}

function specOf(name: string, operation: Operation, meanings: readonly Meaning[]): DescribeRouteOptions {
  const { operationId, summary, headers = [], headersOfAll = [] } = operation;
  const [method = "", path = ""] = name.split(" ");
  const inPath = pathParametersOf(path, method);
  const person = method === "GET" ? undefined : meanings.find((one) => one.person !== undefined)?.person;
  const errors = [
    ...inPath.errors,
    ...meanings.flatMap((one) => one.errors ?? []),
    ...(operation.errors ?? []),
    ...(operation.idempotencyKey === undefined ? [] : (["invalid_idempotency_key"] as const)),
    ...(person === undefined ? [] : OF_PERSON),
  ];
  const parameters = [
    ...inPath.parameters,
    ...(operation.idempotencyKey === undefined ? [] : [idempotencyKey(operation.idempotencyKey)]),
    ...headers.map((header) => IN_HEADER[header]),
  ];
  const successes = Object.entries(operation.responses).map(([status, success]) => [
    status,
    successResponse(success, headersOfAll),
  ]);
  return {
    operationId,
    summary,
    description: descriptionOf(operation, meanings),
    tags: TAGS.filter(([, fits]) => fits.test(path))
      .map(([tag]) => tag)
      .slice(-1),
    security: securityOf(operation, meanings, person === "taken"),
    ...(parameters.length > 0 && { parameters }),
    // A protocol can have responses of its own with the status of an error.
    responses: { ...errorResponses(errors, headersOfAll), ...Object.fromEntries(successes) },
  };
}

function descriptionOf({ description }: Operation, meanings: readonly Meaning[]): string {
  const who = meanings.flatMap((one) => one.who ?? []).join(" ");
  if (who === "") return description;
  return description.includes("{who}") ? description.replace("{who}", who.slice(0, -1)) : `${description} ${who}`;
}

/** No parameter, because tools such as Postman send each with its example, and few tokens may send `On-Behalf-Of`. */
function securityOf(operation: Operation, meanings: readonly Meaning[], takesPerson: boolean) {
  const security = meanings.flatMap((one) => one.security ?? []);
  const isOffered = takesPerson || operation.dependsOnPerson === true;
  return isOffered ? [...security, { apiToken: [], onBehalfOf: [] }] : security;
}

const OF_PERSON: readonly ErrorCode[] = ["invalid_on_behalf_of", "may_not_act_for_others"];

function successResponse(
  { description, json, text = {}, headers = [], location }: Success,
  headersOfAll: readonly string[],
): Responses[string] {
  const content = {
    ...(json !== undefined && { "application/json": { schema: resolved(json, "response") } }),
    ...Object.fromEntries(
      Object.entries(text).map(([type, example]) => [type, { schema: { type: "string" as const }, example }]),
    ),
  };
  return {
    description,
    headers: {
      ...headersOf([...headers, ...headersOfAll]),
      ...(location !== undefined && { Location: { schema: { type: "string" as const, enum: [location] } } }),
    },
    ...(Object.keys(content).length > 0 && { content }),
  };
}

const ANYWHERE: readonly ErrorCode[] = ["method_not_allowed", "internal_error", "loop_detected"];
const HEADERS_WITH: Readonly<Record<number, readonly string[]>> = {
  401: ["WWW-Authenticate"],
  405: ["Allow"],
  429: ["Retry-After"],
  503: ["Retry-After"],
};

/** An error response for each status, with its codes in the order of their table, and an example for each. */
function errorResponses(errors: readonly ErrorCode[], headersOfAll: readonly string[]): Responses {
  const codes = new Set([...errors, ...ANYWHERE]);
  const inOrder = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => codes.has(code));
  const responses: Responses = {};
  for (const [status, those] of Map.groupBy(inOrder, (code) => ERRORS[code][0])) {
    responses[status] = {
      description: those.join(", "),
      headers: headersOf([...(HEADERS_WITH[status] ?? []), ...headersOfAll]),
      content: { "application/json": errorMedia(those) },
    };
  }
  return responses;
}

const OPTIONAL_BODY = "Optional. A body of zero bytes counts as no body, whatever its `Content-Type` is.";

const INFO = {
  title: "Action runs",
  version: packageJson.version,
  summary: "Records action runs. A platform creates a run, and an external workflow reports its end.",
  description: packageJson.description,
  // Each deployment has its own operator. OpenAPI requires an absolute URL, and the project has none.
  contact: { name: "The operator of this deployment" },
  license: { name: packageJson.license, identifier: packageJson.license },
};

/** An operation stands under the last one that its path fits. */
const TAGS: readonly (readonly [name: string, path: RegExp, description: string])[] = [
  ["Action runs", /action-runs/, "Create, read, cancel and retry action runs with an API token."],
  [
    "Gates",
    /pauses|concurrency-groups|approval$|approve$|reject$|release$/,
    "What holds back a run's webhook: approve, reject or release a run, pause runs, and see who waits for a slot.",
  ],
  ["Bulk operations", /bulk-operations/, "Cancel or retry many action runs with one request."],
  [
    "Callback",
    /callback|heartbeat$/,
    "Report to a run with its callback token. A workflow needs only the URL and the token.",
  ],
  ["Actions", /actions/, "Store what a run starts, with its secrets, and run it with a token that holds none."],
  ["Schedules", /schedules/, "Start runs of a stored action by time."],
  ["Agents", /mcp$/, "Let agents run stored actions as tools. People keep the last word."],
  [
    "Webhook endpoints",
    /webhook-endpoints/,
    "Say where the service sends a message when a run ends or asks for approval.",
  ],
  ["API tokens", /whoami|places|tokens|audit/, "Manage API tokens and see who changed them."],
  ["Sessions", /session|sign-in-codes/, "Sign people in to the console, and see who is signed in."],
  [
    "Databases",
    /databases|database$|(envName|p)\}\/erase$/,
    "See and change in which database an environment lives. Only the operator can.",
  ],
  [
    "Service",
    /^\/(docs|console|healthz|readyz|openapi\.json)?$|envName\}\/(metrics|purge|resync)$/,
    "Check and describe the service itself.",
  ],
];

const SECURITY_SCHEMES = {
  apiToken: {
    type: "http",
    scheme: "bearer",
    description:
      "An API token (`terr_…`), what a proof was changed into (`tera_…`, `ters_…`), or the operator's ROOT_TOKEN.",
  },
  sessionCookie: {
    type: "apiKey",
    in: "cookie",
    name: "__Host-action-runs-session",
    description:
      "The cookie of a session. On loopback its name is `action-runs-session-` and the port. It counts only " +
      "together with `sessionPageKey`, without `Authorization`, and from the service's own pages. A session " +
      "then opens everything that `apiToken` opens.",
  },
  sessionPageKey: {
    type: "apiKey",
    in: "header",
    name: "Action-Runs-Page-Key",
    description: "The page key of a session.",
  },
  onBehalfOf: {
    type: "apiKey" as const,
    in: "header" as const,
    name: "On-Behalf-Of",
    description:
      "Not a secret: the person for whom you act, as 1 to 255 visible ASCII characters without spaces. The run shows this " +
      "name, in lower case, instead of the token's. Only a token that was minted with `mayActForOthers` can send it. It grants " +
      "nothing: the permissions stay the token's.",
  },
  eventSecret: {
    type: "http",
    scheme: "bearer",
    description:
      "The secret of the action's `inbound`. With `verify: token`, it is the Bearer token, the password of Basic, or " +
      "`X-Gitlab-Token`. Otherwise it signs the event, as GitHub or Standard Webhooks do.",
  },
  callbackToken: {
    type: "http",
    scheme: "bearer",
    description:
      "The token in the response that created the run, or in the request to its receiver. It opens only that run: GET of the run, its callback and its heartbeat.",
  },
} as const;

/**
 * Requests are closed, and responses open: a later version may add members to them, and generated clients must not refuse
 * those. `wire` of a schema's metadata replaces zod's result, because some checks can't be expressed in JSON Schema.
 */
function resolved(schema: z.core.$ZodType, part: "response" | "body" | "query") {
  const override: z.core.ToJSONSchemaParams["override"] = ({ zodSchema, jsonSchema }) => {
    const { wire, examples, description } = z.globalRegistry.get(zodSchema) ?? {};
    // zod omits examples from a schema with a transform.
    if (examples !== undefined) jsonSchema.examples = examples as unknown[];
    if (wire !== undefined) {
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, wire, description === undefined ? {} : { description });
    }
    if (part !== "query") sayDefault(jsonSchema);
    const discriminator = discriminatorOf(zodSchema);
    if (discriminator !== undefined) jsonSchema.discriminator = discriminator;
    if (part === "response" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  };
  const io = part === "response" ? "output" : "input";
  return resolver(schema, { options: { unrepresentable: "any", override, io } });
}

/** Moves the default into the description, because openapi-typescript makes a member with a `default` required. */
function sayDefault(jsonSchema: Record<string, unknown>): void {
  if (jsonSchema.default === undefined) return;
  const said = `Default: \`${JSON.stringify(jsonSchema.default)}\`.`;
  jsonSchema.description = [jsonSchema.description, said].filter((text) => text !== undefined).join(" ");
  delete jsonSchema.default;
}

/** Which variant a value is, for generators that ignore a `const`. Each variant has a name. */
function discriminatorOf(schema: z.core.$ZodType): object | undefined {
  if (!(schema instanceof z.core.$ZodDiscriminatedUnion)) return undefined;
  const propertyName = schema._zod.def.discriminator;
  const mapping = schema._zod.def.options.flatMap((option) =>
    [...(option._zod.propValues?.[propertyName] ?? [])].map((value) => [
      value,
      `#/components/schemas/${z.globalRegistry.get(option)?.id}`,
    ]),
  );
  return { propertyName, mapping: Object.fromEntries(mapping) };
}

/** Where the examples of these errors point to. */
const POINTERS: Partial<Record<ErrorCode, { readonly pointer: string }>> = {
  invalid_body: { pointer: "/timeout" },
  invalid_query: { pointer: "/limit" },
  invalid_parameters: { pointer: "/parameters/replicas" },
  empty_filter: { pointer: "/filter" },
  secret_required: { pointer: "/trigger/headers/Authorization" },
  too_many_labels: { pointer: "/labels" },
};

/** With an example for each code. */
function errorMedia(codes: readonly ErrorCode[]) {
  const examples = codes.map((code) => [code, { value: { error: ERRORS[code][1], code, ...POINTERS[code] } }]);
  return { schema: resolved(errorBody, "response"), examples: Object.fromEntries(examples) };
}

interface Schema {
  readonly $ref?: string;
  examples?: readonly unknown[];
}

interface Exemplified {
  readonly schema?: Schema;
  example?: unknown;
}

interface Described {
  readonly operationId: string;
  readonly parameters?: readonly Exemplified[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Exemplified>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/**
 * Puts an `example` beside each schema of a request: the first of its examples. Tools that send requests, such as Postman,
 * ignore the `examples` inside a schema and make values up. A parameter's moves, because nothing else has that schema.
 * `bodiless`: the operations whose body is optional. The library makes every body required.
 */
function addExamples({ paths, components }: Document, bodiless: ReadonlySet<string>): void {
  const operations = Object.values(paths).flatMap((one) => Object.values(one));
  for (const { operationId, parameters = [], requestBody } of operations) {
    for (const parameter of parameters) {
      if (parameter.schema?.examples === undefined) continue;
      parameter.example = parameter.schema.examples[0];
      delete parameter.schema.examples;
    }
    if (requestBody === undefined) continue;
    for (const media of Object.values(requestBody.content)) {
      const name = media.schema?.$ref?.split("/").at(-1);
      media.example = (name === undefined ? media.schema : components.schemas[name])?.examples?.[0];
    }
    if (bodiless.has(operationId)) Object.assign(requestBody, { required: false, description: OPTIONAL_BODY });
  }
}

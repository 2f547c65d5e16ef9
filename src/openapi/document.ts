/**
 * Makes the OpenAPI document from the schemas that the routes validate with, and from the tables of operations. This
 * runs in Node, and the Worker's bundle must not contain it.
 */

import type { Hono } from "hono";
import type { RouterRoute } from "hono/types";
import { generateSpecs, uniqueSymbol } from "hono-openapi";
import packageJson from "../../package.json" with { type: "json" };
import type { AppEnv } from "../http/request-context.ts";
import { VALIDATES, type Validated } from "../http/validate.ts";

import { ON_BEHALF_OF, withPersons } from "./acting.ts";
import { ACTION_OPERATIONS } from "./action-operations.ts";
import { BULK_OPERATIONS } from "./bulk-operations.ts";
import { CALLBACK_OPERATIONS } from "./callback-operations.ts";
import { DATABASE_OPERATIONS } from "./database-operations.ts";
import { DELIVERY_OPERATIONS } from "./delivery-operations.ts";
import { type Operation, resolved } from "./describe.ts";
import { ENDPOINT_OPERATIONS } from "./endpoint-operations.ts";
import { ENVIRONMENT_OPERATIONS } from "./environment-operations.ts";
import { GATE_OPERATIONS } from "./gate-operations.ts";
import { HEADERS } from "./parameters.ts";
import { addExamples } from "./request-examples.ts";
import { RUN_LIST_OPERATIONS } from "./run-list-operations.ts";
import { RUN_OPERATIONS } from "./run-operations.ts";
import { SERVICE_OPERATIONS } from "./service-operations.ts";
import { SESSION_OPERATIONS } from "./session-operations.ts";
import { TOKEN_OPERATIONS } from "./token-operations.ts";

/** The description of each route, by `METHOD /path/{parameter}`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = withPersons({
  ...RUN_LIST_OPERATIONS,
  ...RUN_OPERATIONS,
  ...GATE_OPERATIONS,
  ...BULK_OPERATIONS,
  ...CALLBACK_OPERATIONS,
  ...ACTION_OPERATIONS,
  ...ENDPOINT_OPERATIONS,
  ...DELIVERY_OPERATIONS,
  ...TOKEN_OPERATIONS,
  ...SESSION_OPERATIONS,
  ...ENVIRONMENT_OPERATIONS,
  ...DATABASE_OPERATIONS,
  ...SERVICE_OPERATIONS,
});

/**
 * `METHOD /path/{parameter}` of each route of the app. A folder of pages, such as `/console/-/*`, is no part of the
 * API.
 */
export function routesOf(app: Hono<AppEnv>): string[] {
  const routes = app.routes.filter(({ method, path }) => method !== "ALL" && !path.endsWith("*")).map(nameOf);
  return [...new Set(routes)];
}

function nameOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path.replaceAll(/:(\w+)(\{[^/]*\})?/g, "{$1}")}`;
}

/** OpenAPI 3.1, as plain JSON. */
export async function openApiDocument(app: Hono<AppEnv>) {
  const told = new Set<string>();
  for (const route of app.routes) tellLibrary(route, told);
  const document = await generateSpecs(app, {
    defaultValidationErrorResponse: false,
    excludeStaticFile: false,
    documentation: {
      info: {
        title: "Action runs",
        version: packageJson.version,
        summary: "Records action runs. A platform creates a run, and an external workflow reports its end.",
        description: packageJson.description,
        // Each deployment has its own operator. OpenAPI requires an absolute URL, and the project has none.
        contact: { name: "The operator of this deployment" },
        license: { name: packageJson.license, identifier: packageJson.license },
      },
      // Relative, so that the document is the same at every deployment.
      servers: [
        {
          url: "/",
          description:
            "The deployment that served this document. If your tool asks for a base URL, enter that deployment's, such as https://runs.example.com, without a path.",
        },
      ],
      tags: [
        { name: "Action runs", description: "Create, read, cancel and retry action runs with an API token." },
        {
          name: "Gates",
          description:
            "What holds back a run's webhook: approve, reject or release a run, pause runs, and see who waits for a slot.",
        },
        { name: "Bulk operations", description: "Cancel or retry many action runs with one request." },
        {
          name: "Callback",
          description: "Report to a run with its callback token. A workflow needs only the URL and the token.",
        },
        {
          name: "Actions",
          description: "Store what a run starts, with its secrets, and run it with a token that holds none.",
        },
        {
          name: "Webhook endpoints",
          description: "Say where the service sends a message when a run ends or asks for approval.",
        },
        { name: "API tokens", description: "Manage API tokens and see who changed them." },
        { name: "Sessions", description: "Sign people in to the console, and see who is signed in." },
        {
          name: "Databases",
          description: "See and change in which database an environment lives. Only the operator can.",
        },
        { name: "Service", description: "Check and describe the service itself." },
      ],
      components: {
        headers: HEADERS,
        securitySchemes: {
          apiToken: {
            type: "http",
            scheme: "bearer",
            description: "An API token (`terr_…`) or the operator's ROOT_TOKEN.",
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
          ...ON_BEHALF_OF,
          callbackToken: {
            type: "http",
            scheme: "bearer",
            description:
              "The token in the response that created the run, or in the request to its receiver. It opens only that run: GET of the run, its callback and its heartbeat.",
          },
        },
      },
    },
  });
  addExamples(document);
  for (const { post } of Object.values(document.paths)) {
    // The library makes every body required.
    if (post?.requestBody !== undefined && BODILESS.has(post.operationId ?? "")) {
      post.requestBody = { ...post.requestBody, required: false, description: OPTIONAL_BODY };
    }
  }
  return document;
}

const OPTIONAL_BODY = "Optional. A body of zero bytes counts as no body, whatever its `Content-Type` is.";

/** Operations with an optional body. */
const BODILESS = new Set([
  "approveActionRun",
  "heartbeatActionRun",
  "rejectActionRun",
  "requestActionRunCancel",
  "resendMessage",
  "retryActionRun",
  "rotateApiToken",
  "rotateSigningSecret",
  "runAction",
  "testWebhookEndpoint",
]);

/**
 * Puts what the library needs on the route's handlers: the schema on each validator, and the description on one
 * handler.
 */
function tellLibrary(route: RouterRoute, told: Set<string>): void {
  const validated = (route.handler as { readonly [VALIDATES]?: Validated })[VALIDATES];
  const name = nameOf(route);
  const spec = OPERATIONS[name];
  if (validated !== undefined) {
    const { target, schema } = validated;
    Object.assign(route.handler, {
      [uniqueSymbol]: { target, ...resolved(schema, target === "json" ? "body" : "query") },
    });
  } else if (spec !== undefined && !told.has(name)) {
    told.add(name);
    Object.assign(route.handler, { [uniqueSymbol]: { spec } });
  }
}

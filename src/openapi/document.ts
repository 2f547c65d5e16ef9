/**
 * The OpenAPI document of the app, made from the schemas that its routes validate with and a table of what else there is
 * to say. Made in Node, for a file: none of it is in the Worker.
 */

import type { Hono } from "hono";
import type { RouterRoute } from "hono/types";
import { generateSpecs, uniqueSymbol } from "hono-openapi";
import packageJson from "../../package.json" with { type: "json" };
import type { AppEnv } from "../app-env.ts";
import { VALIDATES, type Validated } from "../http/validate.ts";
import { type Operation, resolved } from "./describe.ts";
import { HEADERS } from "./parameters.ts";
import { RUN_OPERATIONS } from "./run-operations.ts";
import { SERVICE_OPERATIONS } from "./service-operations.ts";
import { TOKEN_OPERATIONS } from "./token-operations.ts";

/** What every route is described by: `METHOD /path/{parameter}`. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...RUN_OPERATIONS,
  ...TOKEN_OPERATIONS,
  ...SERVICE_OPERATIONS,
};

/** `METHOD /path/{parameter}` of each route there is. */
export function routesOf(app: Hono<AppEnv>): string[] {
  const routes = app.routes.filter(({ method }) => method !== "ALL").map(nameOf);
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
        summary: "Records action runs: a platform creates one, an external workflow reports its end.",
        description: packageJson.description,
        // Each deployment has its own operator. No URL: the project has no home, and OpenAPI wants an absolute one.
        contact: { name: "The operator of this deployment" },
        license: { name: packageJson.license, identifier: packageJson.license },
      },
      // Relative: the document is the same wherever it is served.
      servers: [{ url: "/", description: "Where this document came from." }],
      tags: [
        { name: "Action runs", description: "For API callers." },
        { name: "Callback", description: "For workflows, which know only a URL and a token." },
        { name: "API tokens", description: "Manage API tokens and see who changed them." },
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
          callbackToken: {
            type: "http",
            scheme: "bearer",
            description:
              "The token that the run's creation answered. It opens that run's callback and heartbeat, nothing else.",
          },
        },
      },
    },
  });
  for (const { post } of Object.values(document.paths)) {
    // The library takes every body for required.
    if (post?.requestBody !== undefined && BODILESS.has(post.operationId ?? "")) {
      post.requestBody = { ...post.requestBody, required: false };
    }
  }
  return document;
}

/** Operations whose body may be left out. */
const BODILESS = new Set(["heartbeatActionRun"]);

/** The library looks for what it needs at a route's handlers: each validator's schema, and once all the rest. */
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

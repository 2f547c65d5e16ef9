/** The OpenAPI operations of the service itself, by method and path. */

import * as z from "zod";
import { degraded } from "../runs/api/responses/databases.ts";
import { headersOf, type Operation, refuses, responds } from "./describe.ts";

const service = { tags: ["Service"], security: [] };
const status = (said: string) => z.object({ status: z.literal(said) }).meta({ examples: [{ status: said }] });
const anyObject = (example: Record<string, unknown>) => z.record(z.string(), z.unknown()).meta({ examples: [example] });

const PAGE_HEADERS = ["ETag", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Referrer-Policy"];

const notModified = (headers: readonly string[]) => ({
  304: { description: "Not modified", headers: headersOf(headers) },
});

const PAGE = {
  ...service,
  responses: {
    200: {
      description: "The page",
      headers: headersOf(PAGE_HEADERS),
      content: { "text/html": { schema: { type: "string" }, example: "<!doctype html>…" } },
    },
    ...notModified(PAGE_HEADERS),
    ...refuses(),
  },
} satisfies Partial<Operation>;

export const SERVICE_OPERATIONS: Readonly<Record<string, Operation>> = {
  "GET /": {
    ...service,
    operationId: "describeService",
    summary: "Describe the service",
    description:
      "Returns the service's name and the paths of its endpoints. Requires no token. If `Accept` prefers " +
      "`text/html`, as in a browser, the response redirects to the console.",
    responses: {
      302: {
        description: "The console, for a browser",
        headers: { ...headersOf([]), Location: { schema: { type: "string", enum: ["/console"] } } },
      },
      ...responds(200, "The service's name and endpoints", anyObject({ name: "action-runs", explorer: "/docs" })),
      ...refuses(),
    },
  },
  "GET /healthz": {
    ...service,
    operationId: "isAlive",
    summary: "Health check",
    description: "Returns 200 whenever the service runs. It checks neither the settings nor the database.",
    responses: { ...responds(200, "The service runs", status("alive")), ...refuses() },
  },
  "GET /readyz": {
    ...service,
    operationId: "isReady",
    summary: "Readiness check",
    description:
      "Checks the settings, the database and its migrations. The service asks the database at most once in " +
      "5 seconds and caches the result. `secretsUnderOlderKeys` counts the actions and webhook endpoints, up to 10000, " +
      "whose secrets the first signing key has not sealed yet. `waitingRunsUnderOlderKeys` counts the runs that wait with a " +
      "request which an older key sealed, up to 10000. Keep the older keys until both are 0. With several databases, the second " +
      "count is null while it is not known. `degraded` lists other databases that are not ready, and the archive if it " +
      "does not answer. It also lists a database that is not bound although an environment lives there. The service looks at " +
      "them every minute. They affect only the environments that live there.",
    responses: {
      ...responds(
        200,
        "The service is ready",
        z
          .object({
            status: z.literal("ready"),
            secretsUnderOlderKeys: z.int().meta({ wire: { type: "integer", minimum: 0 } }),
            waitingRunsUnderOlderKeys: z.nullable(z.int()).meta({ wire: { type: ["integer", "null"], minimum: 0 } }),
            degraded: z.optional(z.array(degraded)),
          })
          .meta({ examples: [{ status: "ready", secretsUnderOlderKeys: 0, waitingRunsUnderOlderKeys: 0 }] }),
      ),
      ...refuses("not_ready", "storage_full"),
    },
  },
  "GET /openapi.json": {
    ...service,
    operationId: "getOpenApi",
    summary: "Get the OpenAPI document",
    description: "Returns the OpenAPI 3.1 document of this version of the service. Requires no token.",
    responses: {
      ...responds(200, "The OpenAPI document", anyObject({ openapi: "3.1.0" }), ["ETag"]),
      ...notModified(["ETag"]),
      ...refuses(),
    },
  },
  "GET /docs": {
    ...PAGE,
    operationId: "exploreApi",
    summary: "Open the API explorer",
    description:
      "Returns a web page where you can read about each endpoint and try it. The page loads nothing from other hosts.",
  },
  "GET /console": {
    ...PAGE,
    operationId: "openConsole",
    summary: "Open the console",
    description:
      "Returns a web page where people watch, start, cancel and retry runs. People sign in there with an API token or `ROOT_TOKEN`. Each view has an address below `/console/-/`.",
  },
};

/** What the document says of the service's own routes, by method and path. */

import * as z from "zod";
import { answers, headersOf, type Operation, refuses } from "./describe.ts";

const service = { tags: ["Service"], security: [] };
const status = (said: string) => z.object({ status: z.literal(said) }).meta({ examples: [{ status: said }] });
const anyObject = (example: Record<string, unknown>) =>
  z.record(z.string(), z.unknown()).meta({ examples: [example] });

const notModified = { 304: { description: "As it was", headers: headersOf(["ETag"]) } };

export const SERVICE_OPERATIONS: Readonly<Record<string, Operation>> = {
  "GET /": {
    ...service,
    operationId: "describeService",
    summary: "What this is",
    responses: {
      ...answers(200, "Where to go on", anyObject({ name: "action-runs", explorer: "/docs" })),
      ...refuses(),
    },
  },
  "GET /healthz": {
    ...service,
    operationId: "isAlive",
    summary: "Whether it lives",
    responses: { ...answers(200, "It does", status("alive")), ...refuses() },
  },
  "GET /readyz": {
    ...service,
    operationId: "isReady",
    summary: "Whether it can work",
    description:
      "Looks at the settings and at the database. The service asks the database at most once in 5 seconds and remembers the answer.",
    responses: { ...answers(200, "It can", status("ready")), ...refuses("not_ready", "storage_full") },
  },
  "GET /openapi.json": {
    ...service,
    operationId: "getOpenApi",
    summary: "The OpenAPI document",
    responses: {
      ...answers(200, "OpenAPI 3.1", anyObject({ openapi: "3.1.0" }), ["ETag"]),
      ...notModified,
      ...refuses(),
    },
  },
  "GET /docs": {
    ...service,
    operationId: "exploreApi",
    summary: "The API explorer",
    responses: {
      200: {
        description: "A page",
        headers: headersOf([
          "ETag",
          "Content-Security-Policy",
          "Cross-Origin-Opener-Policy",
          "Referrer-Policy",
        ]),
        content: { "text/html": { schema: { type: "string" }, example: "<!doctype html>…" } },
      },
      ...notModified,
      ...refuses(),
    },
  },
};

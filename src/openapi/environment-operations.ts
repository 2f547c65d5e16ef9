/** The OpenAPI operations of a whole environment: its metrics, and rebuilding its rows in D1. */

import * as z from "zod";
import { headersOf, type Operation, READS, refuses, responds, TOKEN } from "./describe.ts";
import { IN_ENVIRONMENT } from "./parameters.ts";

const security = [{ apiToken: [] }];

const METRICS: Operation = {
  operationId: "getMetrics",
  summary: "Get the metrics of an environment",
  description:
    "Returns counts and durations of the environment's runs in Prometheus's text format. The response can be " +
    "10 seconds old. If a part of the runs can't be counted, the response is 503, so that no counter falls. " +
    "Requires the permission `data:read`.",
  tags: ["Service"],
  security,
  parameters: IN_ENVIRONMENT,
  responses: {
    200: {
      description: "The metrics",
      headers: headersOf([]),
      content: {
        "text/plain": {
          schema: { type: "string" },
          example:
            "# HELP cicd_pipeline_run_active Runs that are open, by status.\n" +
            "# TYPE cicd_pipeline_run_active gauge\n" +
            'cicd_pipeline_run_active{status="pending"} 2\n',
        },
      },
    },
    ...refuses(...TOKEN, "forbidden", "not_found", ...READS),
  },
};

const RESYNC: Operation = {
  operationId: "resyncActionRuns",
  summary: "Rebuild the database from the journals",
  description:
    "Writes every run of an environment to the database again. Use it after you restore a database. It " +
    "also removes the rows of runs that are no longer kept. The work continues after the response. Send " +
    "the request again to see how many runs remain. Requires ROOT_TOKEN.",
  tags: ["Service"],
  security,
  parameters: IN_ENVIRONMENT,
  responses: {
    ...responds(
      202,
      "The rebuild started",
      z.object({ remaining: z.int().min(0) }).meta({ id: "Resync", examples: [{ remaining: 0 }] }),
    ),
    ...refuses(...TOKEN, "forbidden", "not_found", "database_unavailable", "storage_full", "coordinator_unavailable"),
  },
};

const ENVIRONMENT = "/{o}/{p}/envs/{envName}";

export const ENVIRONMENT_OPERATIONS: Readonly<Record<string, Operation>> = {
  [`GET ${ENVIRONMENT}/metrics`]: METRICS,
  [`POST ${ENVIRONMENT}/resync`]: RESYNC,
};

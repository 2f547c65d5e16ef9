/** The tools of an environment as `tools/list` shows them: one for each offered action, and five about runs. PURE. */

import { may, type Permission, type Principal } from "../auth/principal.ts";
import type { JsonObject } from "../base/json.ts";
import type { ActionTool } from "./action-tools.ts";
import { BY_OTHERS, FACE_SCHEMA, RUN_SCHEMA } from "./run-result.ts";

export const STATUSES = ["pending", "running", "succeeded", "failed", "cancelled"] as const;
export const WAIT_MAX_SECONDS = 50;
export const WAIT_DEFAULT_SECONDS = 10;
export const LIST_MAX = 50;
export const LIST_DEFAULT = 10;

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema: JsonObject;
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
}

const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const CHANGES = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true };

const id = { type: "string", format: "uuid", description: "The id of the run." };
const inputs = (properties: JsonObject, required: readonly string[]) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

const LINES_SCHEMA = {
  type: "object",
  properties: {
    id: { type: "string" },
    at: { type: "string" },
    from: { type: "integer" },
    lines: { type: "array", items: { type: "string" }, description: BY_OTHERS },
    total: { type: "integer" },
    next: {
      type: ["integer", "null"],
      description: "The line with which the next page begins. Null: this is the last one.",
    },
  },
  required: ["id", "at", "from", "lines", "total", "next"],
};

const LIST_SCHEMA = {
  type: "object",
  properties: {
    runs: { type: "array", items: FACE_SCHEMA },
    isComplete: { type: "boolean", description: "False if there are older runs that match." },
  },
  required: ["runs", "isComplete"],
};

export type RunToolName = "get_run" | "list_runs" | "read_run_text" | "retry_run" | "cancel_run";

/** The tools about runs, with what a token needs to call them. */
export const RUN_TOOLS: readonly (Tool & { readonly name: RunToolName; readonly permission: Permission })[] = [
  {
    name: "get_run",
    title: "Get a run",
    description: "Waits until the run has ended, at most waitSeconds, and returns the run.",
    inputSchema: inputs(
      {
        id,
        waitSeconds: {
          type: "integer",
          minimum: 0,
          maximum: WAIT_MAX_SECONDS,
          default: WAIT_DEFAULT_SECONDS,
          description: "0 returns the run at once.",
        },
      },
      ["id"],
    ),
    outputSchema: RUN_SCHEMA,
    annotations: READS,
    permission: "data:read",
  },
  {
    name: "list_runs",
    title: "List runs",
    description: "Returns the newest runs of this environment, without their outputs and errors.",
    inputSchema: inputs(
      {
        action: { type: "string", description: "Only runs of this action, such as deploy for the tool run_deploy." },
        status: { type: "string", enum: STATUSES },
        limit: { type: "integer", minimum: 1, maximum: LIST_MAX, default: LIST_DEFAULT },
      },
      [],
    ),
    outputSchema: LIST_SCHEMA,
    annotations: READS,
    permission: "data:read",
  },
  {
    name: "read_run_text",
    title: "Read a long output or error",
    description:
      "Returns lines of the output or the error of a run, as many as fit. A line of more than 1000 characters comes in parts. For the rest, call again with from set to next.",
    inputSchema: inputs(
      {
        id,
        at: {
          type: "string",
          pattern: "^/(error|output(/.*)?)$",
          description: "A JSON Pointer: /error, /output, or a part of it such as /output/log.",
        },
        from: { type: "integer", minimum: 1, default: 1, description: "The first line." },
      },
      ["id", "at"],
    ),
    outputSchema: LINES_SCHEMA,
    annotations: READS,
    permission: "data:read",
  },
  {
    name: "retry_run",
    title: "Run again",
    description: "Makes a new run with the inputs of a run that has ended. Its action must be one of your tools.",
    inputSchema: inputs({ id }, ["id"]),
    outputSchema: RUN_SCHEMA,
    annotations: CHANGES,
    permission: "data:write",
  },
  {
    name: "cancel_run",
    title: "Cancel a run",
    description: "Cancels a run that has not ended. Its action must be one of your tools.",
    inputSchema: inputs({ id, reason: { type: "string", maxLength: 500 } }, ["id"]),
    outputSchema: RUN_SCHEMA,
    annotations: { ...CHANGES, idempotentHint: true },
    permission: "data:write",
  },
];

/** What the principal may call, in an order that never changes by itself. */
export function toolsFor(principal: Principal, offered: readonly ActionTool[]): readonly Tool[] {
  const ofActions = may(principal, "data:write") ? offered.map(toolOfAction) : [];
  const ofRuns = RUN_TOOLS.filter(({ permission }) => may(principal, permission));
  return [...ofActions, ...ofRuns.map(({ permission: _, ...tool }) => tool)];
}

function toolOfAction({ name, action, description, inputSchema }: ActionTool): Tool {
  return { name, title: action, description, inputSchema, outputSchema: RUN_SCHEMA, annotations: CHANGES };
}

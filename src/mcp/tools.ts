/** The tools of an environment as `tools/list` shows them: one for each offered action, and five about runs. PURE. */

import type { ActionDefinition } from "../actions/definition.ts";
import { may, type Permission, type Principal } from "../auth/principal.ts";
import { isJsonObject, type JsonObject, sha256Hex } from "../base/json.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/request-context.ts";
import { STATUSES } from "../runs/run.ts";
import { BY_OTHERS, FACE_SCHEMA, objectOf, RUN_SCHEMA } from "./run-result.ts";

const WAIT_MAX_SECONDS = 50;
export const WAIT_DEFAULT_SECONDS = 10;
const LIST_MAX = 50;
export const LIST_DEFAULT = 10;

const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const CHANGES = { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true };

interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema: JsonObject;
  readonly annotations: typeof READS;
}

const id = { type: "string", format: "uuid", description: "The id of the run." };
const inputs = (required: readonly string[], properties: JsonObject) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

const LINES_SCHEMA = objectOf({
  id: { type: "string" },
  at: { type: "string" },
  from: { type: "integer" },
  lines: { type: "array", items: { type: "string" }, description: BY_OTHERS },
  total: { type: "integer" },
  next: {
    type: ["integer", "null"],
    description: "The line with which the next page begins. Null: this is the last one.",
  },
});

const LIST_SCHEMA = objectOf({
  runs: { type: "array", items: FACE_SCHEMA },
  isComplete: { type: "boolean", description: "False if there are older runs that match." },
});

export type RunToolName = "get_run" | "list_runs" | "read_run_text" | "retry_run" | "cancel_run";

export const RUN_TOOLS: readonly (Tool & { readonly name: RunToolName; readonly permission: Permission })[] = [
  {
    name: "get_run",
    title: "Get a run",
    description: "Waits until the run has ended, at most waitSeconds, and returns the run.",
    inputSchema: inputs(["id"], {
      id,
      waitSeconds: {
        type: "integer",
        minimum: 0,
        maximum: WAIT_MAX_SECONDS,
        default: WAIT_DEFAULT_SECONDS,
        description: "0 returns the run at once.",
      },
    }),
    outputSchema: RUN_SCHEMA,
    annotations: READS,
    permission: "data:read",
  },
  {
    name: "list_runs",
    title: "List runs",
    description: "Returns the newest runs of this environment, without their outputs and errors.",
    inputSchema: inputs([], {
      action: { type: "string", description: "Only runs of this action, such as deploy for the tool run_deploy." },
      status: { type: "string", enum: STATUSES },
      limit: { type: "integer", minimum: 1, maximum: LIST_MAX, default: LIST_DEFAULT },
    }),
    outputSchema: LIST_SCHEMA,
    annotations: READS,
    permission: "data:read",
  },
  {
    name: "read_run_text",
    title: "Read a long output or error",
    description:
      "Returns lines of the output or the error of a run, as many as fit. A line of more than 1000 characters comes in parts. For the rest, call again with from set to next.",
    inputSchema: inputs(["id", "at"], {
      id,
      at: {
        type: "string",
        pattern: "^/(error|output(/.*)?)$",
        description: "A JSON Pointer: /error, /output, or a part of it such as /output/log.",
      },
      from: { type: "integer", minimum: 1, default: 1, description: "The first line." },
    }),
    outputSchema: LINES_SCHEMA,
    annotations: READS,
    permission: "data:read",
  },
  {
    name: "retry_run",
    title: "Run again",
    description: "Makes a new run with the inputs of a run that has ended. Its action must be one of your tools.",
    inputSchema: inputs(["id"], { id }),
    outputSchema: RUN_SCHEMA,
    annotations: CHANGES,
    permission: "data:write",
  },
  {
    name: "cancel_run",
    title: "Cancel a run",
    description: "Cancels a run that has not ended. Its action must be one of your tools.",
    inputSchema: inputs(["id"], { id, reason: { type: "string", maxLength: 500 } }),
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

type OfferedDefinition = Pick<
  ActionDefinition,
  "description" | "agents" | "parametersSchema" | "approval" | "concurrency"
>;

export interface ActionTool extends Pick<Tool, "name" | "description" | "inputSchema"> {
  readonly action: string;
}

const NAME_MAX_CHARACTERS = 40;
const HASH_CHARACTERS = 6;
const PREFIX = "run_";

/** A name with a hash, or one that looks like it. Such a name gets a hash, too, so two actions are never the same tool. */
const HASHED = /_[0-9a-f]{6}$/;

/** The same for as long as the action has its name, whatever other actions there are. */
async function toolNameOf(action: string): Promise<string> {
  const plain = PREFIX + action;
  const name = plain.replaceAll(/[^A-Za-z0-9_-]/g, "_");
  if (name === plain && name.length <= NAME_MAX_CHARACTERS && !HASHED.test(name)) return name;
  const hash = (await sha256Hex(action)).slice(0, HASH_CHARACTERS);
  return `${name.slice(0, NAME_MAX_CHARACTERS - HASH_CHARACTERS - 1)}_${hash}`;
}

/** The name of the action whose tool this is, if the environment has it. Only a name with a hash costs a list. */
export async function actionOf(tool: string, list: () => Promise<readonly ActionTool[]>): Promise<string | null> {
  const plain = tool.slice(PREFIX.length);
  if ((await toolNameOf(plain)) === tool) return plain;
  if (!HASHED.test(tool)) return null;
  return (await list()).find(({ name }) => name === tool)?.action ?? null;
}

async function toolOf(scope: string, action: string, definition: OfferedDefinition): Promise<ActionTool> {
  return {
    name: await toolNameOf(action),
    action,
    description: descriptionOf(scope, action, definition),
    inputSchema: inputSchemaOf(definition.parametersSchema),
  };
}

function descriptionOf(
  scope: string,
  action: string,
  { description, agents, approval, concurrency }: OfferedDefinition,
) {
  const what = agents?.description ?? description ?? `Runs the action ${action}.`;
  const gates = [approval && approvalText(approval), concurrency && concurrencyText(concurrency)];
  return [`${scope}: ${what}`, ...gates.filter((text) => text !== undefined)].join(" ");
}

function approvalText({ required }: NonNullable<OfferedDefinition["approval"]>): string {
  const approvers = required === 1 ? "a person approves" : `${required} people approve`;
  return `Each run waits until ${approvers} it. You can't approve it.`;
}

function concurrencyText({ group, key, limit, onConflict }: NonNullable<OfferedDefinition["concurrency"]>): string {
  const of = `of the group ${group}${key === undefined ? "" : " with the same key"}`;
  return `At most ${limit === 1 ? "one run" : `${limit} runs`} ${of} can be under way at a time. ${CONFLICTS[onConflict]}`;
}

const CONFLICTS = {
  queue: "Another run waits its turn.",
  cancel_running: "If there is no room, a new run cancels those of this action.",
  reject: "Another run is refused.",
};

/** What models can't have at the root of a tool's schema. */
const NOT_AT_ROOT = ["anyOf", "oneOf", "allOf", "not", "if", "then", "else", "$ref", "enum", "const"];

/** Whether the arguments have the parameters in their member `parameters`, and are not the parameters themselves. */
export function isWrapped(schema: JsonObject | undefined): boolean {
  return schema !== undefined && NOT_AT_ROOT.some((keyword) => Object.hasOwn(schema, keyword));
}

function inputSchemaOf(schema: JsonObject | undefined): JsonObject {
  if (schema === undefined) return { type: "object" };
  if (!isWrapped(schema)) return { ...withRefsAt(schema, ""), type: "object" };
  const { $schema, $id: _, ...inner } = schema;
  return {
    ...($schema !== undefined && { $schema }),
    type: "object",
    properties: { parameters: withRefsAt(inner, "/properties/parameters") },
    required: ["parameters"],
    additionalProperties: false,
  };
}

const SCHEMAS_BY_NAME = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
const SCHEMAS_IN_LIST = ["allOf", "anyOf", "oneOf", "prefixItems"];
/** Data, which may look like schemas. */
const NO_SCHEMAS = ["enum", "const", "default", "examples", "dependentRequired"];

/**
 * The schema for a place below the root: references into it lead there. Without `x-mcp-header`, by which clients would
 * copy a parameter into a header.
 */
function withRefsAt(schema: unknown, pointer: string): JsonObject {
  const inner = (value: unknown): unknown => (isJsonObject(value) ? withRefsAt(value, pointer) : value);
  const members = Object.entries(isJsonObject(schema) ? schema : {}).filter(([keyword]) => keyword !== "x-mcp-header");
  const mapped = members.map(([keyword, value]): [string, unknown] => {
    if (NO_SCHEMAS.includes(keyword)) return [keyword, value];
    if (keyword === "$ref" && typeof value === "string" && /^#(\/|%2f|$)/i.test(value)) {
      return [keyword, `#${pointer}${value.slice(1)}`];
    }
    if (SCHEMAS_BY_NAME.includes(keyword) && isJsonObject(value)) {
      return [keyword, Object.fromEntries(Object.entries(value).map(([name, one]) => [name, inner(one)]))];
    }
    if (SCHEMAS_IN_LIST.includes(keyword) && Array.isArray(value)) return [keyword, value.map(inner)];
    return [keyword, inner(value)];
  });
  return Object.fromEntries(mapped);
}

/** Where the offered actions are read. The index `actions_for_agents` has them. */
const SELECT_OFFERED = `
  SELECT name, json_object('description', definition ->> '$.description', 'agents', definition -> '$.agents',
           'parametersSchema', definition -> '$.parametersSchema', 'approval', definition -> '$.approval',
           'concurrency', definition -> '$.concurrency') AS definition
  FROM definitions INDEXED BY actions_for_agents
  WHERE scope = ?1 AND kind = 'action' AND json_type(definition, '$.agents') IS NOT NULL
  ORDER BY name`;

export async function readTools(
  { db, hops }: { readonly db: D1Database; readonly hops: AppEnv["Variables"]["hops"] },
  scope: string,
): Promise<readonly ActionTool[]> {
  const { results } = await readD1(hops, () =>
    db.withSession("first-primary").prepare(SELECT_OFFERED).bind(scope).all<{ name: string; definition: string }>(),
  );
  return Promise.all(
    results.map(({ name, definition }) => toolOf(scope, name, withoutNulls(JSON.parse(definition) as object))),
  );
}

function withoutNulls(definition: object): OfferedDefinition {
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== null)) as OfferedDefinition;
}

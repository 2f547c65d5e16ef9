/**
 * Calls of tools. Each does what a route does, by the same functions. A refusal is thrown as an `ApiError`, and becomes a
 * result by which the model can correct itself.
 */
import type { Context } from "hono";
import type { ActionDefinition } from "../actions/definition.ts";
import { knownAction } from "../actions/resolve.ts";
import { may } from "../auth/principal.ts";
import { parseUuid } from "../base/ids.ts";
import { fingerprint, isJsonObject, type JsonObject } from "../base/json.ts";
import { checkSchema } from "../base/json-schema/check-schema.ts";
import { validate } from "../base/json-schema/validate.ts";
import { ApiError, type ErrorCode, refusalOf } from "../http/errors.ts";
import { type AppEnv, environmentOf } from "../http/request-context.ts";
import { type CreatedRun, createRunOfAction, creationOf, retryRun } from "../runs/api/create-run.ts";
import { listRunsOf, readRun } from "../runs/api/read-runs.ts";
import { cancel, newRunOfAction } from "../runs/api/request-schemas.ts";
import { actorOf, refusalError, runJson } from "../runs/api/run-request.ts";
import { cancelRunOf } from "../runs/api/run-routes.ts";
import { STATUSES } from "../runs/run.ts";
import type { ChangeKey } from "../runs/run-calls.ts";
import { baseUrl } from "../settings/config.ts";
import { BY_OTHERS, faceOf, linesOf, parsedRun, runResult, type ToolResult } from "./run-result.ts";
import {
  type ActionTool,
  actionOf,
  isWrapped,
  LIST_DEFAULT,
  RUN_TOOLS,
  type RunToolName,
  readTools,
  WAIT_DEFAULT_SECONDS,
} from "./tools.ts";

/** Clients don't send their time limits. The shortest that is known is 30 s. */
const CALL_WAIT_MS = 10_000;

/** The coordinator makes the key of each call, so an Idempotency-Key of the request means nothing. */
const BY_CALL = "agent";

interface Call {
  readonly tool: string;
  readonly args: JsonObject;
  readonly client: string;
}

/** Null: there is no such tool for this token. */
export async function callTool(c: Context<AppEnv>, call: Call): Promise<ToolResult | null> {
  const principal = c.get("principal");
  const ofRuns = RUN_TOOLS.find(({ name }) => name === call.tool);
  if (ofRuns === undefined) return may(principal, "data:write") ? runOffered(c, call) : null;
  if (!may(principal, ofRuns.permission)) return null;
  requireArguments(ofRuns.inputSchema, call.args);
  return CALLS[ofRuns.name](c, call);
}

function requireArguments(inputSchema: JsonObject, args: JsonObject): void {
  const schema = checkSchema(inputSchema);
  const checked = schema.ok ? validate(schema.value, args) : schema;
  if (!checked.ok) throw new ApiError("invalid_parameters", checked.error.sentence, { pointer: checked.error.pointer });
}

const CALLS: Readonly<Record<RunToolName, (c: Context<AppEnv>, call: Call) => Promise<ToolResult>>> = {
  get_run: async (c, { args }) => {
    const { waitSeconds = WAIT_DEFAULT_SECONDS } = args;
    return runResult(await runAfter(c, idOf(args), Number(waitSeconds) * 1000), { runsUrl: runsUrlOf(c) });
  },

  list_runs: async (c, { args }) => {
    const { limit = LIST_DEFAULT } = args;
    const status = STATUSES.filter((one) => one === args.status);
    const page = await listRunsOf(environmentOf(c), {
      limit: Number(limit),
      include: "details",
      ...(args.action !== undefined && { actionName: String(args.action) }),
      ...(status.length > 0 && { status }),
    });
    const runs = page.actionRuns.map((text) => faceOf(parsedRun(text), runsUrlOf(c)));
    const lines = runs.length === 0 ? ["No runs."] : runs.map((run) => JSON.stringify(run));
    if (page.isStale) lines.push("The newest changes can be missing. Try again later.");
    return {
      content: [{ type: "text", text: lines.join("\n") }],
      structuredContent: { runs, isComplete: page.nextAfter === null },
    };
  },

  read_run_text: async (c, { args }) => {
    const { at, from = 1 } = args;
    const lines = linesOf(await runAfter(c, idOf(args), 0), String(at), Number(from));
    if (lines === null) throw new ApiError("invalid_parameters", `The run has nothing at ${at}.`, { pointer: "/at" });
    return { content: [{ type: "text", text: `${BY_OTHERS}\n${JSON.stringify(lines)}` }], structuredContent: lines };
  },

  retry_run: async (c, call) => {
    const id = idOf(call.args);
    const action = await requireOffered(c, id);
    const creation = creationOf(c, { include: "details" }, BY_CALL);
    const changeKey = await keyOf(c, call, action, ["retry", id]);
    return created(c, await retryRun(creation, changeKey, id, {}));
  },

  cancel_run: async (c, { args }) => {
    const id = idOf(args);
    await requireOffered(c, id);
    const body = cancel.safeParse(args.reason === undefined ? {} : { reason: args.reason });
    if (!body.success) throw refusalOf("invalid_body", body.error.issues);
    const answer = await cancelRunOf(c, id, body.data, null, { include: "details" });
    if (!answer.ok) throw refusalError(answer.reason);
    return runResult(parsedRun(runJson(answer)), { runsUrl: runsUrlOf(c) });
  },
};

async function runOffered(c: Context<AppEnv>, call: Call): Promise<ToolResult | null> {
  const action = await actionOf(call.tool, () => offeredTools(c));
  const definition = action && (await offered(c, action));
  if (!action || !definition) return null;
  const wrapped = isWrapped(definition.parametersSchema);
  try {
    const changeKey = await keyOf(c, call, action, ["run", call.args]);
    const creation = creationOf(c, { include: "details" }, BY_CALL);
    const made = await createRunOfAction(creation, changeKey, action, () => {
      const body = newRunOfAction.safeParse({ parameters: parametersOf(call.args, wrapped) });
      if (!body.success) throw refusalOf("invalid_body", body.error.issues);
      return body.data;
    });
    return await created(c, made);
  } catch (error) {
    throw wrapped ? error : aboutArguments(error);
  }
}

/** The arguments are the parameters, so a pointer to a parameter leads into the arguments. */
function aboutArguments(error: unknown): unknown {
  const [, pointer] = /^\/parameters(.*)$/s.exec((error instanceof ApiError && error.pointer) || "") ?? [];
  return error instanceof ApiError && pointer !== undefined
    ? new ApiError(error.code, error.message, { pointer })
    : error;
}

/** The arguments of a tool whose schema is not an object's can't be the parameters themselves. */
function parametersOf(args: JsonObject, isInside: boolean): JsonObject {
  if (!isInside) return args;
  const { parameters, ...others } = args;
  const [other] = Object.keys(others);
  if (other !== undefined) {
    const message = `${other} is unknown; send parameters alone.`;
    throw refusalOf("invalid_body", [{ path: [], keys: [other], message }]);
  }
  if (!isJsonObject(parameters)) {
    throw refusalOf("invalid_body", [{ path: ["parameters"], message: "send an object." }]);
  }
  return parameters;
}

async function offered(c: Context<AppEnv>, action: string): Promise<ActionDefinition | null> {
  const known = await knownAction(environmentOf(c), action).catch(nullFor("action_not_found"));
  return known?.definition.agents === undefined ? null : known.definition;
}

function nullFor(code: ErrorCode) {
  return (error: unknown): null => {
    if (error instanceof ApiError && error.code === code) return null;
    throw error;
  };
}

export function offeredTools(c: Context<AppEnv>): Promise<readonly ActionTool[]> {
  return readTools({ db: c.env.DB, hops: c.get("hops") }, environmentOf(c).scope);
}

/** The action of the run. Throws `run_not_found`, and `forbidden` for a run that no tool could have made. */
async function requireOffered(c: Context<AppEnv>, id: string): Promise<string> {
  const { details } = await runAfter(c, id, 0);
  if (details.action !== null && (await offered(c, details.action.name))) return details.action.name;
  throw new ApiError("forbidden", "The action of this run is not offered to agents. Ask a person to do this.");
}

function idOf(args: JsonObject): string {
  const id = parseUuid(String(args.id));
  if (id === null) throw new ApiError("run_not_found");
  return id;
}

/**
 * A repeated call finds its run, if it is the caller's last call for this action. After "deploy 1, deploy 2", another
 * "deploy 1" is a new run, and so is a retry of the first one.
 */
async function keyOf(c: Context<AppEnv>, { client }: Call, action: string, wanted: unknown): Promise<ChangeKey> {
  const { tokenId, person, proven } = actorOf(c);
  const caller = await fingerprint([tokenId, person, proven?.subject ?? proven?.identity ?? null, action]);
  return { key: BY_CALL, fingerprint: await fingerprint(wanted), agent: { caller, client } };
}

/** The run that a call has made, or found, when it has ended or waits for people or a time, or after the wait. */
async function created(c: Context<AppEnv>, { answer, isRepeated }: CreatedRun): Promise<ToolResult> {
  c.set("runId", answer.id);
  const run = parsedRun(runJson(answer));
  const { waiting } = run.details;
  const isLeft = answer.isOver || (waiting !== null && waiting.for !== "concurrency");
  const shown = { runsUrl: runsUrlOf(c), replayed: isRepeated };
  return runResult(isLeft ? run : await runAfter(c, answer.id, CALL_WAIT_MS), shown);
}

async function runAfter(c: Context<AppEnv>, id: string, waitMs: number) {
  const inclusion = { include: "details" } as const;
  const waiting = waitMs === 0 ? null : readRun(c, id, inclusion, waitMs);
  // If too many clients wait, show the run as it is. An error would hide the run that the call has just made.
  const waited = await waiting?.catch(nullFor("too_many_watchers"));
  return parsedRun(runJson(waited ?? (await readRun(c, id, inclusion))));
}

function runsUrlOf(c: Context<AppEnv>): string {
  return `${baseUrl(c.env, c.req.url)}/console/-/${environmentOf(c).scope}/runs`;
}

/** Commands that make a run: `create`, `retry`, and what they share with those of actions and schedules. */

import { present } from "../../client/api.ts";
import { ActionRunsError, type Client, type Schemas } from "../../client/index.ts";
import { parseExact, typeOfProperty } from "../../words/typed-json.ts";
import { calling } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { untilEnded, WAITING } from "../follow.ts";
import { readMembers, readObject, type TypeOf } from "../input.ts";
import {
  argument,
  type FlagsOf,
  grouped,
  option,
  readLater,
  repeated,
  textOption,
  wholeNumberFrom,
} from "../options.ts";
import { complain, instantText, type Output, plain, wrap } from "../output.ts";
import { wholeRunIdForChange } from "../run-selection.ts";
import { runText } from "../run-text.ts";
import { BULK_HELP, changeMany, isAboutMany, MANY_RUNS, RUNS } from "./change-runs.ts";

export const CREATING = [
  option("--idempotency-key <key>", "a repeated request with the same key, body and token returns the same run"),
  ...WAITING,
] as const;
interface CreatingFlags extends Omit<FlagsOf<typeof CREATING>, "wait"> {
  /** False for --no-wait of `retry`. */
  readonly wait: boolean | undefined;
}

/** What a header can carry. The service decides whether it is valid. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?$/;

/** The client's options for a call that makes a run. Programs that trace commands set TRACEPARENT. */
export function creatingOptions({ idempotencyKey }: CreatingFlags) {
  const { TRACEPARENT: text = "" } = process.env;
  return present({ idempotencyKey, traceparent: TRACEPARENT.test(text) ? text : undefined });
}

/** Returns the exit code. `hasTrigger`: whether a webhook starts the job. */
export async function showCreated(
  { client, output, flags }: { readonly client: Client; readonly output: Output; readonly flags: CreatingFlags },
  created: Schemas["StartedActionRun"],
  hasTrigger = created.callback === undefined,
): Promise<number> {
  const toText = () => createdText(created, output, hasTrigger);
  if (!flags.wait) {
    const follow = `To follow the run: action-runs watch ${plain(created.id)}`;
    await output.show(created, () => (hasTrigger ? `${toText()}\n\n${follow}` : toText()));
    return EXIT.succeeded;
  }
  // With JSON, stdout holds one value: the run after its end. So the callback's token is printed nowhere.
  if (!output.isJson) await output.line(`${toText()}\n`);
  else if (!hasTrigger) {
    complain(
      `${NOTHING_STARTS_IT} --wait with --json does not print the callback's token, so no job can report. ` +
        "Leave out --wait, or use --no-json.",
    );
  }
  return untilEnded(client, created.id, output, { seconds: flags.waitTimeout, hasAnswered: true });
}

const NOTHING_STARTS_IT = "Nothing starts this run's job, because there is no trigger.";
const START_IT = "Start the job yourself, with the callback as CALLBACK_URL and the token as CALLBACK_TOKEN.";

function createdText(created: Schemas["StartedActionRun"], output: Output, hasTrigger: boolean): string {
  const { callback } = created;
  if (callback === undefined) return runText(created, output);
  const { url, token, expiresAt } = callback;
  const shown = output.fields([
    ["callback", plain(url)],
    ["token", `${plain(token)} (shown only here)`],
    ["expires", instantText(expiresAt)],
  ]);
  const text = `${runText(created, output)}\n${shown}`;
  if (hasTrigger) return text;
  return `${text}\n\n${wrap(`${NOTHING_STARTS_IT}\n${START_IT}`, output.columns)}`;
}

type Json = Record<string, unknown>;

export const JSON_HELP = "\nGive JSON as text, as @file, or as @- for stdin.\n";

export const PARAM = option(
  "-p, --param <name=value>",
  "one parameter, of the type that the action's schema names, otherwise text; or name:=json; repeatable",
  { read: repeated },
);
export const PARAMETERS = [PARAM, textOption("-f, --parameters <json>", "all parameters, as a JSON object")] as const;
type ParameterFlags = Partial<FlagsOf<typeof PARAMETERS>>;

export const readMinutes = wholeNumberFrom(1, 43_200);

export const GATES = [
  option(
    "--not-before <when>",
    'start the job no earlier: 30m, 2h, tomorrow, "friday 18:00", a date or a time, at most 30 days ahead',
    { read: readLater },
  ),
  // Not --wait-timeout, which says how long the command waits. The API calls this one waitTimeout.
  option(
    "--gate-timeout <minutes>",
    "fail the run if it still waits so long after its creation, or after --not-before",
    { read: readMinutes },
  ),
] as const;

export function gatesOf({ notBefore, gateTimeout }: FlagsOf<typeof GATES>) {
  return present({ notBefore, waitTimeout: gateTimeout });
}

export const INPUTS = [
  textOption("--body <json>", "the whole request as JSON; other options override its members"),
  option("--entity-id <uuid>", "the entity that the run is about"),
  ...PARAMETERS,
  textOption("--recommendations <json>", "recommendations, as a JSON object"),
  option("--label <text>", "a label that lists can filter by; repeatable", { offers: "labels", read: repeated }),
  option("--timeout <minutes>", "fail the run if no report comes in time", { read: readMinutes }),
  ...GATES,
] as const;

type ReadTypes = () => Promise<TypeOf>;

const NO_TYPES: TypeOf = () => null;

/** The types that the schema of a stored action names. `nameOf`: of the action; null if there is none. */
export async function typesOfAction({ actions }: Client, nameOf: () => Promise<string | null>): Promise<TypeOf> {
  try {
    const name = await nameOf();
    if (name === null) return NO_TYPES;
    const { definition } = await actions.get(name);
    return (parameter) => typeOfProperty(definition.parametersSchema, parameter);
  } catch (error) {
    // Then all are texts, and the service refuses those that must be something else.
    if (error instanceof ActionRunsError) return NO_TYPES;
    throw error;
  }
}

/** Undefined if no option gives one. `base`: what --param adds to. `readTypes`: asked only if one is given as text. */
export async function readParameterFlags(
  { parameters, param }: ParameterFlags,
  base?: unknown,
  readTypes: ReadTypes = async () => NO_TYPES,
): Promise<Json | undefined> {
  const whole = parameters === undefined ? undefined : await readObject(parameters, "--parameters", { isExact: true });
  if (param === undefined) return whole;
  // First without the types, because nothing is asked for a mistake.
  const asText = readMembers(param, "--param");
  const hasText = param.some((pair) => !pair.split("=")[0]?.endsWith(":"));
  const members = hasText ? readMembers(param, "--param", await readTypes()) : asText;
  return { ...(whole ?? (base as object | undefined)), ...members };
}

export async function readInputs(flags: FlagsOf<typeof INPUTS>, readTypes?: ReadTypes): Promise<Json> {
  const { entityId, recommendations, label, timeout } = flags;
  const base = flags.body === undefined ? {} : await readObject(flags.body, "--body");
  return {
    ...base,
    ...present({
      entityId,
      parameters: await readParameterFlags(flags, base.parameters, readTypes),
      recommendations:
        recommendations === undefined ? undefined : await readObject(recommendations, "--recommendations"),
      labels: label && [...label],
      timeout,
    }),
    ...gatesOf(flags),
  };
}

export const createCommand = calling("create", {
  about:
    "Create a run. Only this response shows the callback URL and token. With --wait the command waits until the run " +
    "ends, and then prints it. The exit code tells how the run ended, or is 7 after --wait-timeout. If stderr is a " +
    "terminal, or with --no-json, stderr shows the events meanwhile.",
  arguments: [argument("[action-name]", "what to do; optional if --body names it", { offers: "action names" })],
  options: [
    ...INPUTS,
    option("--title <text>", "what the run does, in one line"),
    option("--subject <text>", "what it works on, such as a service", { offers: "subjects" }),
    option("--heartbeat-timeout <minutes>", "fail the run if no heartbeat comes for this long", { read: readMinutes }),
    textOption("--trigger <json>", "the webhook that starts the work, as a JSON object"),
    ...CREATING,
  ],
  help: JSON_HELP,
  examples: [
    "action-runs create deploy -p version=1.4.2 -p replicas:=3",
    "action-runs create deploy --parameters @parameters.json --timeout 30",
    "action-runs create --body @run.json --wait",
    "action-runs create deploy --body @run.json --not-before +2h",
    "action-runs create deploy --label team:shop --idempotency-key deploy-42 --json",
  ],
  async run(call, actionName) {
    const { client, flags } = call;
    const { title, subject, heartbeatTimeout } = flags;
    const inputs = await readInputs(flags);
    const trigger = flags.trigger === undefined ? undefined : await readObject(flags.trigger, "--trigger");
    const body = { ...inputs, ...present({ actionName, title, subject, heartbeatTimeout, trigger }) };
    if (body.actionName === undefined) throw new UsageError("Name the action: action-runs create <action-name>");
    // The service validates the body.
    const created = await client.runs.create(body as unknown as Schemas["NewActionRun"], creatingOptions(flags));
    return showCreated(call, created, body.trigger !== undefined);
  },
});

export const retryCommand = calling("retry", {
  about:
    "Run an ended run again, or many. The new run has its name, title, subject, inputs, labels and timeouts. -p and -f " +
    "change single parameters, and all others stay as they were. With --replace-parameters the run gets only the " +
    "parameters that you give. A run of a stored action goes through the action as it is now. A run with a trigger of " +
    "its own can't be retried (exit code 5), because the service does not keep triggers: store the trigger as an " +
    "action. --wait works as for `create`.",
  arguments: [RUNS],
  options: [
    PARAM,
    textOption("-f, --parameters <json>", "parameters to change, as a JSON object"),
    ...GATES,
    option("--replace-parameters", "drop the run's parameters, and use only those of -p and -f"),
    ...CREATING,
    ...MANY_RUNS,
    ...grouped("Many runs:", [
      option("--include-retried", "also those that were retried since they ended; otherwise they are skipped"),
    ]),
  ],
  help: JSON_HELP + BULK_HELP,
  examples: [
    "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait",
    "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 -p version=1.4.3",
    "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --replace-parameters -f @parameters.json",
    "action-runs retry --status failed --since yesterday",
    "action-runs retry --status failed --label nightly --yes --max 100 --json | jq .counts",
  ],
  async run(call, runs) {
    const { client, flags } = call;
    const { param, parameters: whole, replaceParameters, notBefore, gateTimeout, wait, waitTimeout } = flags;
    if (isAboutMany(runs, flags)) {
      const change = { operation: "retry", ...present({ includeRetried: flags.includeRetried }) } as const;
      return changeMany(call, runs, change, {
        "--param": param,
        "--parameters": whole,
        "--replace-parameters": replaceParameters,
        "--not-before": notBefore,
        "--gate-timeout": gateTimeout,
        // It would wait for the bulk operation, which ends before the new runs do.
        "--wait": wait,
        "--wait-timeout": waitTimeout,
      });
    }
    if (replaceParameters && param === undefined && whole === undefined) {
      throw new UsageError(
        "--replace-parameters: give the new parameters with -p or -f. For a run without parameters, use -f '{}'.",
      );
    }
    const id = await wholeRunIdForChange(client, runs[0] ?? "");
    // Of the run's action as it is now, because a retry goes through that one.
    const nameOfAction = async () => (await client.runs.get(id, { include: "details" })).details?.action?.name ?? null;
    const changes = await readParameterFlags(flags, undefined, () => typesOfAction(client, nameOfAction));
    const isWhole = replaceParameters || changes === undefined;
    const parameters = isWhole ? changes : { ...(await parametersOf(client, id)), ...changes };
    const options = { ...creatingOptions(flags), ...gatesOf(flags), ...present({ parameters }) };
    const created = await client.runs.retry(id, options);
    return showCreated(call, created);
  },
});

/** The run's own parameters, which never change. Throws UsageError if a number in them would change on its way. */
async function parametersOf(client: Client, id: string): Promise<Record<string, unknown>> {
  const text = await client.runs.getText(id);
  const parsed = parseExact(text);
  if ("value" in parsed) return (parsed.value as Schemas["ActionRun"]).parameters;
  throw new UsageError(
    `The run's own parameters can't be sent again. ${parsed.problem} ` +
      "Or use --replace-parameters, and give all parameters.",
  );
}

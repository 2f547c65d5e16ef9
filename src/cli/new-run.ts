/**
 * What the commands that make a run share: the options for its inputs and gates, and how they show the new run. With
 * --wait they wait for its end. The service validates the values.
 */

import { present } from "../client/api.ts";
import { ActionRunsError, type Client, type Schemas } from "../client/index.ts";
import { typeOfProperty } from "../words/typed-json.ts";
import { EXIT } from "./exit.ts";
import { untilEnded, WAITING } from "./follow.ts";
import { readMembers, readObject, type TypeOf } from "./input.ts";
import { type FlagsOf, option, readLater, repeated, textOption, wholeNumberFrom } from "./options.ts";
import { complain, instantText, type Output, plain, wrap } from "./output.ts";
import { runText } from "./run-text.ts";

/** Of a command that makes a run. */
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
  const rows = [
    ["callback", plain(url)],
    ["token", `${plain(token)} (shown only here)`],
    ["expires", instantText(expiresAt)],
  ];
  const text = `${runText(created, output)}\n${output.fields(rows)}`;
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

/**
 * The parameters; undefined if no option gives one. `base`: the parameters that --param adds to if there is no
 * --parameters. `readTypes`: asked only if a parameter is given as text.
 */
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

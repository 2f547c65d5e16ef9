/**
 * What the commands of webhook endpoints share: they read a definition, and show endpoints and deliveries to
 * people. Every text from the service passes through `plain`.
 */

import type { Command } from "commander";
import type { Schemas, Stored } from "../../client/index.ts";
import { formatAge, formatDuration, shortAge } from "../../words/durations.ts";
import { UsageError } from "../exit.ts";
import { fields, fittedValue, idShortener, instantText, words } from "../fields.ts";
import { readObject } from "../input.ts";
import { type Colour, type Column, logLines, type Output, plain } from "../output.ts";
import { nameArgument as nameArgumentOf, type Told } from "./commands.ts";
import { ENDPOINTS, secretsIn } from "./files.ts";

/** Behind the help of a command with --body. */
export const BODY_HELP = "\nGive JSON as @file, or as @- for stdin. JSON on the command line must have no secrets.\n";

/** The definition in --body. Throws UsageError if it is no object, or if the command line itself has its secrets. */
export async function readDefinition(body: string, command: Command): Promise<Schemas["WebhookEndpoint"]> {
  const definition = await readObject(body, "--body");
  const isTyped = command.getOptionValueSource("body") === "cli" && !body.startsWith("@");
  const [member] = (isTyped && [...secretsIn(ENDPOINTS, definition)].find(([, text]) => text !== null)) || [];
  if (member === undefined) return definition as Schemas["WebhookEndpoint"];
  const option = command.options.find((one) => one.attributeName() === "body");
  throw new UsageError(
    `--body: ${member} is a secret, and other users can read command lines. Use @file, @- for stdin, or the variable ` +
      `${option?.envVar}.`,
  );
}

// A column without text takes no room.
const endpointColumns = (hasLabels: boolean): readonly Column[] => [
  // Commands need the whole name.
  { heading: "ENDPOINT" },
  { heading: "SENDS" },
  { heading: "EVENTS", least: 28 },
  { heading: "ACTIONS", least: 12, dispensable: 1 },
  { heading: hasLabels ? "LABELS" : "", least: 12, dispensable: 2 },
  { heading: "VERSION", dispensable: 4 },
  { heading: "CHANGED", dispensable: 3 },
];
const DELIVERY_COLUMNS: readonly Column[] = [
  // Never cut at its end, because `webhook resend` finds a run by the end of its id.
  { heading: "RUN" },
  { heading: "ACTION", least: 16, dispensable: 1 },
  { heading: "EVENT" },
  { heading: "STATE" },
  { heading: "ATTEMPTS", dispensable: 2 },
  { heading: "LAST", dispensable: 3 },
  { heading: "NEXT", dispensable: 4 },
  { heading: "REASON", least: 20, dispensable: 1 },
];
const STATE_COLOUR: Readonly<Record<string, Colour>> = {
  waiting: "yellow",
  delivered: "green",
  failed: "red",
  refused: "red",
};

export const ENDPOINT: Told<Schemas["ListedWebhookEndpoint"]> = {
  kind: ENDPOINTS,
  noun: "endpoint",
  example: "chat",
  suggested: "webhook endpoints",
  about: {
    put:
      "The url, header values and the texts of secrets are write-only. To keep the stored url, send null in its place. " +
      "Null then keeps the others, too. A new endpoint gets a signing secret, which only this response shows; with " +
      "--json it is the member signingSecret. Secrets must not stand on the command line, because other users can read it.",
    get: ", with null in the place of its url and of each other secret",
    list:
      ", without their secrets. SENDS is no if a person disabled the endpoint. `webhook status` says whether the service " +
      "did.",
    delete: ", its secrets, its versions and its messages that wait. A message can still be sent for up to 30 seconds.",
  },
  putExamples: ["action-runs webhook put chat --body @slack.json"],
  getExample: "action-runs webhook get chat --json | jq .events",
  bodyHelp: BODY_HELP,
  table: endpointTable,
  orElse: "no message can arrive",
  read: ({ body = "" }, command) => readDefinition(body, command),
};

export const nameArgument = () => nameArgumentOf(ENDPOINT);

export function endpointTable(endpoints: readonly Schemas["ListedWebhookEndpoint"][], output: Output): string {
  const rows = endpoints.map(({ name, version, changedAt, definition }) => {
    const { disabled, events, onlyOnChange, actionNames, labels } = definition;
    return [
      name,
      disabled ? "no" : "yes",
      words(events.map(eventName).join(", "), onlyOnChange ? "if changed" : ""),
      actionNames?.join(", ") ?? "all",
      labels?.join(", ") ?? "",
      String(version),
      instantText(changedAt),
    ];
  });
  const hasLabels = endpoints.some(({ definition }) => definition.labels !== undefined);
  return output.table(endpointColumns(hasLabels), rows, (column, cell) =>
    column === 1 && cell === "no" ? "yellow" : null,
  );
}

/** `failed` of `action_run.failed`. */
function eventName(type: string): string {
  const name = type.replace(/^action_run\./, "");
  return name === "*" ? "all" : name;
}

/** `now`: in ms, for the ages. */
export function deliveryTable(deliveries: readonly Schemas["Delivery"][], output: Output, now = Date.now()): string {
  const shown = idShortener(
    deliveries.map(({ runId }) => runId),
    output,
  );
  const rows = deliveries.map(({ runId, actionName, title, type, state, attempts, nextAttemptAt }) => {
    const last = attempts.at(-1);
    return [
      shown(runId),
      title ?? actionName ?? "",
      eventName(type),
      state,
      String(attempts.length),
      last === undefined ? "" : shortAge(now - Date.parse(last.at)),
      nextAttemptAt === null ? "" : formatAge(Math.min(now - Date.parse(nextAttemptAt), 0)),
      last?.reason ?? "",
    ];
  });
  return output.table(DELIVERY_COLUMNS, rows, (column, cell) => (column === 3 ? (STATE_COLOUR[cell] ?? null) : null));
}

/** `endpoint`: the definition says whether a person disabled it. */
export function statusText(
  status: Schemas["EndpointStatus"],
  endpoint: Stored<Schemas["StoredWebhookEndpoint"]>,
  output: Output,
): string {
  const { origin, disabledReason, disabledAt, recover, newestDelivery, incomplete } = status;
  const at = disabledAt === null ? "" : ` at ${instantText(disabledAt)}`;
  const off =
    disabledReason === null
      ? endpoint.definition.disabled && "by its definition"
      : `by the service${at}: ${plain(disabledReason)}`;
  const rows = [
    ["endpoint", `${plain(endpoint.name)}, version ${plain(String(endpoint.version))}`],
    ["sends to", origin === null ? "unknown, because no key opens its secrets" : plain(origin)],
    ["disabled", off ? output.paint("yellow", off) : "no"],
    ["health", healthText(status.health, output)],
    ["recovery", recover && recoveryText(recover)],
    ["newest delivery", newestDelivery && deliveryText(newestDelivery, output)],
    ["changed", `${instantText(status.changedAt)} by ${plain(status.changedBy)}`],
    ["created", `by ${plain(status.createdBy)}`],
    [
      "incomplete",
      incomplete && "The environment's runs can't be reached, so its deliveries are missing here. Try again.",
    ],
  ];
  return fields(
    rows.map(([name, value]) => [name || "", value || null]),
    output,
  );
}

function healthText(
  { state, failingSince, lastSuccessAt, isProbed }: Schemas["EndpointStatus"]["health"],
  output: Output,
): string {
  const colour = state === "failing" ? "red" : state === "working" ? "green" : "dim";
  return words(
    output.paint(colour, plain(state)),
    failingSince === null ? "" : `since ${instantText(failingSince)}`,
    lastSuccessAt === null ? "" : `· last success at ${instantText(lastSuccessAt)}`,
    isProbed ? "· tried once a minute" : "",
  );
}

/** What a recovery sends again and how far it is. */
export function recoveryText({ since, until, include, messages, isOver }: Schemas["Recovery"]): string {
  return words(
    `${plain(include)} messages of runs that ended since ${instantText(since)}`,
    until === null ? "" : `and before ${instantText(until)}`,
    `· ${plain(String(messages))} so far ·`,
    isOver ? "over" : "under way",
  );
}

function deliveryText({ runId, type, state, attempts }: Schemas["Delivery"], output: Output): string {
  const last = attempts.at(-1);
  return words(
    output.paint(STATE_COLOUR[state] ?? "dim", plain(state)),
    `· run ${plain(runId)} ${eventName(plain(type))}`,
    last === undefined ? "" : `· ${plain(last.reason)} at ${instantText(last.at)}`,
  );
}

export function testText(result: Schemas["WebhookTestResult"], output: Output): string {
  const { status, durationMs, outcome, reason, excerpt } = result;
  const rows = [
    ["outcome", output.paint(STATE_COLOUR[outcome] ?? "yellow", plain(outcome.replaceAll("_", " ")))],
    ["status", status === null ? null : plain(String(status))],
    ["took", formatDuration(durationMs)],
    ["reason", plain(reason)],
    ["answer", excerpt && fittedValue(logLines(excerpt), output)],
  ];
  return fields(rows, output);
}

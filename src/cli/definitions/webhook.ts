/** `webhook`: stores, shows, lists, deletes and tests webhook endpoints, and repeats their deliveries. */

import { present } from "../../client/api.ts";
import type { Schemas, Stored } from "../../client/index.ts";
import { formatAge, formatDuration, shortAge } from "../../words/durations.ts";
import { type CliCommand, calling, group, listing, showing } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { readObject } from "../input.ts";
import { allOf, limitOption, option, readSince, readUntil, textOption } from "../options.ts";
import { type Colour, fittedValue, instantText, logLines, type Output, plain, words, wrap } from "../output.ts";
import { RUN, wholeRunId, wholeRunIdForChange } from "../run-selection.ts";
import { actionText, idShortener } from "../run-text.ts";
import { definitionCommands, nameArgument, rotatingCommand, type Told } from "./commands.ts";
import { ENDPOINTS, secretsIn } from "./files.ts";

type Delivery = Schemas["Delivery"];

const STATES = allOf<Delivery["state"]>({ waiting: true, delivered: true, failed: true });
const INCLUDED = allOf<Schemas["RecoveryRequest"]["include"]>({ failed: true, missing: true });
const EVENTS = allOf<Delivery["type"]>({
  "action_run.succeeded": true,
  "action_run.failed": true,
  "action_run.cancelled": true,
  "action_run.approval_requested": true,
});

const BODY_HELP = "\nGive JSON as @file, or as @- for stdin. JSON on the command line must have no secrets.\n";

/** The definition in --body. Throws UsageError if it is no object, or if the command line itself has its secrets. */
async function readDefinition(body: string, command: CliCommand): Promise<Schemas["WebhookEndpoint"]> {
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

const ENDPOINT: Told = {
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

const NAME = nameArgument(ENDPOINT);

const test = showing("webhook test", {
  about:
    "Send one message now, and show what the receiver answered. The exit code is 0 only if it was delivered. The " +
    "message is about a made-up run, or with --run about one that has ended or waits for approval. It counts for " +
    "nothing. With --body you try a definition before you store it.",
  arguments: [NAME],
  options: [
    option("--type <event>", "the event of the made-up run", { choices: EVENTS }),
    option("--run <run>", "a run that has ended or waits for approval: its id, or its last 6 or more characters", {
      conflicts: ["type"],
    }),
    textOption("--body <json>", "a definition that is not stored, as a JSON object"),
  ],
  help: BODY_HELP,
  examples: ["action-runs webhook test chat", "action-runs webhook test chat --body @slack.json"],
  async ask({ client, flags: { body, run, type }, command }, name) {
    const definition = body === undefined ? undefined : await readDefinition(body, command);
    const runId = run === undefined ? undefined : await wholeRunId(client, run);
    return client.webhookEndpoints.test(name, present({ type, runId, definition }));
  },
  text: testText,
  exitCode: ({ outcome }) => (outcome === "delivered" ? EXIT.succeeded : EXIT.failed),
});

const status = calling("webhook status", {
  about:
    "Show the health of a webhook endpoint. Also shows why the service disabled it, how far its recovery is, and who " +
    "changed it.",
  arguments: [NAME],
  examples: ["action-runs webhook status chat", "action-runs webhook status chat --json | jq -r .health.state"],
  async run({ client: { webhookEndpoints }, output }, name) {
    const status = await webhookEndpoints.status(name);
    await output.show(status, async () => statusText(status, await webhookEndpoints.get(name), output));
  },
});

const deliveries = listing("webhook deliveries", {
  about:
    "List the messages of a webhook endpoint, newest run first. Each says how often and when it was tried. A message is " +
    "kept for 7 days. With --json each has its newest 10 attempts and what the receiver answered.",
  arguments: [NAME],
  options: [option("--state <state>", "only messages in this state", { choices: STATES }), limitOption(50)],
  examples: [
    "action-runs webhook deliveries chat",
    "action-runs webhook deliveries chat --state failed --json | jq -r '.[].runId'",
  ],
  list: ({ client, flags: { state } }, name) => client.webhookEndpoints.deliveries(name, { state }),
  none: "No messages match.",
  table: deliveryTable,
});

const resend = showing("webhook resend", {
  about:
    "Send the message about a run again, with the same webhook-id as before. It needs no earlier message. A script " +
    "must give the run's whole id.",
  arguments: [NAME, RUN],
  options: [option("--type <event>", "which event of the run (default: its newest one)", { choices: EVENTS })],
  examples: ["action-runs webhook resend chat 019ab3de-9b55-8003-a8a9-dd2c148ea617"],
  async ask({ client, flags: { type } }, name, run) {
    const resent = await wholeRunIdForChange(client, run);
    await client.webhookEndpoints.resend(name, resent, { type });
    return { resent };
  },
  text: ({ resent }, output) => wrap(`The message about ${plain(resent)} is sent again.`, output.columns),
});

/** Whole seconds, so that the same instant can be typed again from the output. */
function inSeconds(read: (text: string) => string) {
  return (text: string) => read(text).replace(/\.\d+Z$/, ".000Z");
}

const recover = calling("webhook recover", {
  about:
    "Send lost messages again, newest run first and at most 10000. With failed, the command sends the messages that " +
    "the service gave up. With missing, it sends those of runs that the endpoint never heard of, for example because " +
    "it was disabled. They ended at most 7 days ago, or wait for approval. With the same instants, the command goes on " +
    "where it stopped. `webhook status` shows how far it is.",
  arguments: [NAME],
  options: [
    option("--since <when>", "runs that ended since then: 30m, 24h, 7d, yesterday, a date or a time", {
      suggests: ["1h", "24h", "today", "yesterday"],
      read: inSeconds(readSince),
      isMandatory: true,
    }),
    option("--until <when>", "runs that ended until then, the day that you name included (default: all later ones)", {
      read: inSeconds(readUntil),
    }),
    option("--include <which>", "which messages to send", { choices: INCLUDED, isMandatory: true }),
  ],
  examples: ["action-runs webhook recover chat --since 24h --include failed"],
  async run({ client, output, flags: { since, until, include } }, name) {
    const recovery = await client.webhookEndpoints.recover(name, { since, include, ...present({ until }) });
    const more = `To see how far it is: action-runs webhook status ${plain(name)}`;
    await output.show(recovery, () => `${output.fields([["recovery", recoveryText(recovery)]])}\n\n${more}`);
  },
});

const enable = showing("webhook enable", {
  about:
    "Enable a webhook endpoint that the service disabled. It does so if no message is delivered for days, or the receiver " +
    "answers 410. The member disabled of its definition is your own switch, and stays.",
  arguments: [NAME],
  examples: ["action-runs webhook enable chat"],
  async ask({ client }, name) {
    await client.webhookEndpoints.enable(name);
    return { enabled: name };
  },
  text: ({ enabled }) => `The service no longer disables ${plain(enabled)}.`,
});

const rotateSecret = rotatingCommand(
  ENDPOINT,
  "Give a webhook endpoint a new signing secret. Only this response shows it; with --json it is the member " +
    "signingSecret. The old secret signs beside it for --grace-period more, so that the receiver can change over. At " +
    "most 3 secrets sign at a time.",
  ({ webhookEndpoints }, name, options) => webhookEndpoints.rotateSecret(name, options),
);

export const webhookCommand = group("webhook", {
  about:
    "Store, show, list, test and delete webhook endpoints, and see and repeat their messages. A webhook endpoint " +
    "tells a program or a chat when a run ends or waits for approval. Requires a token with the role owner or admin.",
  examples: ["action-runs webhook put chat --body @slack.json", "action-runs webhook test chat"],
  commands: [...definitionCommands(ENDPOINT), test, status, deliveries, resend, recover, enable, rotateSecret],
});

const STATE_COLOUR: Readonly<Record<string, Colour>> = {
  waiting: "yellow",
  delivered: "green",
  failed: "red",
  refused: "red",
};

export function endpointTable(endpoints: readonly Schemas["ListedWebhookEndpoint"][], output: Output): string {
  return output.table(endpoints, [
    // Commands need the whole name.
    ["ENDPOINT", ({ name }) => name],
    [
      "SENDS",
      ({ definition }) => (definition.disabled ? "no" : "yes"),
      { colour: (cell) => cell === "no" && "yellow" },
    ],
    [
      "EVENTS",
      ({ definition: { events, onlyOnChange } }) =>
        words(events.map(eventName).join(", "), onlyOnChange ? "if changed" : ""),
      { least: 28 },
    ],
    ["ACTIONS", ({ definition }) => definition.actionNames?.join(", ") ?? "all", { least: 12, dispensable: 1 }],
    ["LABELS", ({ definition }) => definition.labels?.join(", "), { least: 12, dispensable: 2, isOptional: true }],
    ["VERSION", ({ version }) => version, { dispensable: 4 }],
    ["CHANGED", ({ changedAt }) => instantText(changedAt), { dispensable: 3 }],
  ]);
}

function eventName(type: string): string {
  const name = type.replace(/^action_run\./, "");
  return name === "*" ? "all" : name;
}

export function deliveryTable(deliveries: readonly Delivery[], output: Output): string {
  const now = Date.now();
  const lastAge = (last: Delivery["attempts"][number] | undefined) => last && shortAge(now - Date.parse(last.at));
  const ids = deliveries.map(({ runId }) => runId);
  const shown = idShortener(ids, output);
  return output.table(deliveries, [
    // Never cut at its end, because `webhook resend` finds a run by the end of its id.
    ["RUN", ({ runId }) => shown(runId)],
    ["ACTION", ({ title, actionName }) => actionText(title, actionName), { least: 16, dispensable: 1 }],
    ["EVENT", ({ type }) => eventName(type)],
    ["STATE", ({ state }) => state, { colour: (cell) => STATE_COLOUR[cell] }],
    ["ATTEMPTS", ({ attempts }) => attempts.length, { dispensable: 2 }],
    ["LAST", ({ attempts }) => lastAge(attempts.at(-1)), { dispensable: 3 }],
    ["NEXT", ({ nextAttemptAt: at }) => at && formatAge(Math.min(now - Date.parse(at), 0)), { dispensable: 4 }],
    ["REASON", ({ attempts }) => attempts.at(-1)?.reason, { least: 20, dispensable: 1 }],
  ]);
}

/** `endpoint`: the definition says whether a person disabled it. */
function statusText(
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
  return output.fields([
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
  ]);
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

function recoveryText({ since, until, include, messages, isOver }: Schemas["Recovery"]): string {
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
  return output.fields([
    ["outcome", output.paint(STATE_COLOUR[outcome] ?? "yellow", plain(outcome.replaceAll("_", " ")))],
    ["status", status === null ? null : plain(String(status))],
    ["took", formatDuration(durationMs)],
    ["reason", plain(reason)],
    ["answer", excerpt && fittedValue(logLines(excerpt), output)],
  ]);
}

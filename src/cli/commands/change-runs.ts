/** `create`, `retry`, `cancel` and `erase`. A retry or a cancel of several runs is a bulk operation. */

import { present } from "../../client/api.ts";
import type { Client, Schemas } from "../../client/index.ts";
import { parseExact } from "../../words/typed-json.ts";
import { calling, showing } from "../command.ts";
import { UsageError } from "../exit.ts";
import { readObject, requireTerminal, requireYes, type TypeOf } from "../input.ts";
import {
  CREATING,
  creatingOptions,
  GATES,
  gatesOf,
  INPUTS,
  JSON_HELP,
  PARAM,
  readInputs,
  readMinutes,
  readParameterFlags,
  showCreated,
  typesOfAction,
} from "../new-run.ts";
import { argument, grouped, option, textOption, wholeNumberFrom } from "../options.ts";
import { instantText, type Output, people, plain } from "../output.ts";
import { RUN, wholeRunIdForChange } from "../run-selection.ts";
import { runText } from "../run-text.ts";
import { BULK_HELP, changeMany, isAboutMany, MANY_RUNS, RUNS } from "./bulk-change.ts";

export const createCommand = calling("create", {
  summary: "create a run",
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
  summary: "run an ended run again, or many",
  about:
    "Create a new run with the name, title, subject, inputs, labels and timeouts of a run that has ended. -p and -f " +
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
    const changes = await readParameterFlags(flags, undefined, () => typesOfRun(client, id));
    const isWhole = replaceParameters || changes === undefined;
    const parameters = isWhole ? changes : { ...(await parametersOf(client, id)), ...changes };
    const options = { ...creatingOptions(flags), ...gatesOf(flags), ...present({ parameters }) };
    const created = await client.runs.retry(id, options);
    return showCreated(call, created);
  },
});

/** Of the run's action as it is now, because a retry goes through that one. */
function typesOfRun(client: Client, id: string): Promise<TypeOf> {
  return typesOfAction(client, async () => {
    const { details } = await client.runs.get(id, { include: "details" });
    return details?.action?.name ?? null;
  });
}

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

export const eraseCommand = showing("erase", {
  summary: "erase the texts of a run",
  about:
    "Erase what a run says of people and things: inputs, output, error, title, subject, labels, entity, link, reasons " +
    "and messages. An open run is cancelled first. Status, times, action, and who acted stay. You can't undo this. " +
    "The token needs the role owner, and you can't erase a run that you created. On a terminal, the command asks " +
    "first. In a script, use --yes. If a database still has texts, the command says so: repeat it later.",
  arguments: [RUN],
  options: [
    option("--reason <text>", "why, in one line; the audit keeps it", { isMandatory: true }),
    option("-y, --yes", "erase without a question"),
  ],
  examples: ["action-runs erase 148ea617 --reason 'the customer asked, ticket 4711'"],
  async ask({ client, flags: { yes, reason } }, text) {
    if (!yes) requireTerminal("erase", "--yes to erase without a question");
    const id = await wholeRunIdForChange(client, text);
    if (!yes) {
      const asking = people();
      await asking.line(`${runText(await client.runs.get(id, { include: "details" }), asking)}\n`);
      await requireYes("Erase the texts of this run for ever?", "Nothing was erased.");
    }
    return client.runs.erase(id, reason);
  },
  text: erasureText,
});

function erasureText(erasure: Schemas["RunErasure"], output: Output): string {
  const archived = erasure.archived.map(({ id, prefix }) => `${id} from ${prefix} on`);
  return output.fields([
    ["run", erasure.id],
    ["erased", instantText(erasure.erasedAt)],
    ["complete", erasure.complete ? "yes" : "no: something still has texts. Repeat the command later"],
    ["shown elsewhere", `until ${instantText(erasure.forgottenAt)} at the latest`],
    ["same inputs", plain(erasure.retries.join(", "))],
    ["in the archive", plain(archived.join(", "))],
  ]);
}

export const cancelCommand = calling("cancel", {
  summary: "cancel a run, or many",
  about:
    "Cancel a run. A pending run is cancelled at once. The job of a running run is asked to stop: the responses to " +
    "its heartbeats say so. If the run's trigger has a stop request, the service sends that too. The run stays " +
    "open for at most --grace seconds, and then ends as cancelled. If the job reports success in time, the run " +
    "succeeds. To wait for the end, use `get --wait`. If the run already ended, that is a conflict (exit code 5).",
  arguments: [RUNS],
  options: [
    option("--reason <text>", "why, in one line; the job and all readers of the run see it"),
    option("--grace <seconds>", "how long the job may still work; 0 ends the run at once (default: 60)", {
      read: wholeNumberFrom(0, 3600),
    }),
    option("--pending-only", "leave a running run alone (exit code 5); allowed for every role", {
      conflicts: ["reason", "grace"],
    }),
    option("--idempotency-key <key>", "a repeated cancel with the same key succeeds again"),
    ...MANY_RUNS,
  ],
  help: BULK_HELP,
  examples: [
    "action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617",
    "action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617 --reason 'wrong branch' --grace 30",
    "action-runs cancel --status pending --status running --label nightly",
    "action-runs cancel --status running --action-name deploy --yes --max 50 --reason 'bad release'",
  ],
  async run(call, runs) {
    const { client, output, flags } = call;
    const { reason, grace: graceSeconds, pendingOnly, idempotencyKey } = flags;
    if (isAboutMany(runs, flags)) {
      const change = { operation: "cancel", ...present({ reason, graceSeconds }) } as const;
      return changeMany(call, runs, change, { "--pending-only": pendingOnly });
    }
    const id = await wholeRunIdForChange(client, runs[0] ?? "");
    // The details have the time at which a running run ends at the latest.
    const run = pendingOnly
      ? await client.runs.cancelPending(id, { idempotencyKey })
      : await client.runs.cancel(id, { include: "details", reason, graceSeconds, idempotencyKey });
    await output.show(run, () => runText(run, output));
  },
});

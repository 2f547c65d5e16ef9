/** `create`, `retry`, `cancel` and `erase`. A retry or a cancel of several runs is a bulk operation. */

import { Option } from "commander";
import { present } from "../../client/api.ts";
import type { Client, Schemas } from "../../client/index.ts";
import { parseExact } from "../../words/typed-json.ts";
import { type Call, calling, type Flags, withCall } from "../call.ts";
import { CliCommand, examples, OfferingArgument, OfferingOption, textOption, wholeNumberFrom } from "../command.ts";
import { UsageError } from "../exit.ts";
import { fields, instantText } from "../fields.ts";
import { readObject, requireTerminal, requireYes, type TypeOf } from "../input.ts";
import {
  type CreatingFlags,
  creatingOptions,
  type GateFlags,
  gatesOf,
  type InputFlags,
  JSON_HELP,
  MINUTES,
  type ParameterFlags,
  readInputs,
  readParameterFlags,
  showCreated,
  typesOfAction,
  withCreating,
  withGates,
  withInputs,
  withParameters,
} from "../new-run.ts";
import { type Output, people, plain } from "../output.ts";
import { runArgument, wholeRunIdForChange } from "../run-selection.ts";
import { runText } from "../run-text.ts";
import {
  BULK_HELP,
  type BulkFlags,
  changeMany,
  checkConsent,
  isAboutMany,
  manyRuns,
  refuseForMany,
  runsArgument,
  withBulk,
} from "./bulk-change.ts";

interface CreateFlags extends Flags, InputFlags, CreatingFlags {
  readonly heartbeatTimeout?: number;
  readonly title?: string;
  readonly subject?: string;
  readonly trigger?: string;
}

export function createCommand(): CliCommand {
  const command = new CliCommand("create")
    .summary("create a run")
    .description(
      "Create a run. Only this response shows the callback URL and token. " +
        "With --wait the command waits until the run ends, and then prints it. The exit code tells how the run " +
        "ended, or is 7 after --wait-timeout. If stderr is a terminal, or with --no-json, stderr shows the events " +
        "meanwhile.",
    )
    .addArgument(new OfferingArgument("[action-name]", "what to do; optional if --body names it", "action names"));
  withInputs(command)
    .addOption(new Option("--title <text>", "what the run does, in one line"))
    .addOption(new OfferingOption("--subject <text>", "what it works on, such as a service", "subjects"))
    .addOption(
      new Option("--heartbeat-timeout <minutes>", "fail the run if no heartbeat comes for this long").argParser(
        MINUTES,
      ),
    )
    .addOption(textOption("--trigger <json>", "the webhook that starts the work, as a JSON object"))
    .addHelpText(
      "after",
      JSON_HELP +
        examples(
          "action-runs create deploy -p version=1.4.2 -p replicas:=3",
          "action-runs create deploy --parameters @parameters.json --timeout 30",
          "action-runs create --body @run.json --wait",
          "action-runs create deploy --body @run.json --not-before +2h",
          "action-runs create deploy --label team:shop --idempotency-key deploy-42 --json",
        ),
    )
    .action(calling(create));
  return withCall(withCreating(command));
}

async function create({ client, output, flags }: Call<CreateFlags>, actionName?: string): Promise<number> {
  const body = await readBody(actionName, flags);
  const created = await client.runs.create(body, creatingOptions(flags));
  return showCreated(client, created, flags, output, { hasTrigger: body.trigger !== undefined });
}

async function readBody(actionName: string | undefined, flags: CreateFlags): Promise<Schemas["NewActionRun"]> {
  const { title, subject, heartbeatTimeout } = flags;
  const inputs = await readInputs(flags);
  const trigger = flags.trigger === undefined ? undefined : await readObject(flags.trigger, "--trigger");
  const body: Record<string, unknown> = {
    ...inputs,
    ...present({ actionName, title, subject, heartbeatTimeout, trigger }),
  };
  if (body.actionName === undefined) throw new UsageError("Name the action: action-runs create <action-name>");
  // The service validates the body.
  return body as unknown as Schemas["NewActionRun"];
}

interface RetryFlags extends Flags, ParameterFlags, GateFlags, CreatingFlags, Omit<BulkFlags, keyof CreatingFlags> {
  readonly replaceParameters?: boolean;
  readonly includeRetried?: boolean;
}

export function retryCommand(): CliCommand {
  const command = new CliCommand("retry")
    .summary("run an ended run again, or many")
    .description(
      "Create a new run with the name, title, subject, inputs, labels and timeouts of a run that has ended. -p and -f change single " +
        "parameters, and all others stay as they were. With --replace-parameters the run gets only the parameters that " +
        "you give. A run of a stored action goes through the action as it is now. A run with a trigger of its own " +
        "can't be retried (exit code 5), because the service does not keep triggers: store the trigger as an action. " +
        "--wait works as for `create`.",
    )
    .addArgument(runsArgument());
  withGates(withParameters(command, "parameters to change, as a JSON object")).addOption(
    new Option("--replace-parameters", "drop the run's parameters, and use only those of -p and -f"),
  );
  withBulk(withCreating(command))
    .addOption(
      new Option("--include-retried", "also those that were retried since they ended; otherwise they are skipped"),
    )
    .addHelpText(
      "after",
      JSON_HELP +
        BULK_HELP +
        examples(
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait",
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 -p version=1.4.3",
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --replace-parameters -f @parameters.json",
          "action-runs retry --status failed --since yesterday",
          "action-runs retry --status failed --label nightly --yes --max 100 --json | jq .counts",
        ),
    )
    .action(calling(retry));
  return withCall(command);
}

async function retry(call: Call<RetryFlags>, runs: readonly string[]): Promise<number> {
  const { client, output, flags } = call;
  if (isAboutMany(runs, flags)) return retryMany(call, runs);
  const [only = ""] = runs;
  if (flags.replaceParameters && flags.param === undefined && flags.parameters === undefined) {
    throw new UsageError(
      "--replace-parameters: give the new parameters with -p or -f. For a run without parameters, use -f '{}'.",
    );
  }
  const id = await wholeRunIdForChange(client, only);
  const changes = await readParameterFlags(flags, undefined, () => typesOfRun(client, id));
  const isWhole = flags.replaceParameters || changes === undefined;
  const parameters = isWhole ? changes : { ...(await parametersOf(client, id)), ...changes };
  const options = { ...creatingOptions(flags), ...gatesOf(flags), ...present({ parameters }) };
  const created = await client.runs.retry(id, options);
  return showCreated(client, created, flags, output, { hasTrigger: created.callback === undefined });
}

/** Of the run's action as it is now, because a retry goes through that one. */
function typesOfRun(client: Client, id: string): Promise<TypeOf> {
  return typesOfAction(client, async () => {
    const { details } = await client.runs.get(id, { include: "details" });
    return details?.action?.name ?? null;
  });
}

async function retryMany(call: Call<RetryFlags>, runs: readonly string[]): Promise<number> {
  const { client, flags } = call;
  refuseForMany({
    "--param": flags.param,
    "--parameters": flags.parameters,
    "--replace-parameters": flags.replaceParameters,
    "--not-before": flags.notBefore,
    "--gate-timeout": flags.gateTimeout,
    // It would wait for the bulk operation, which ends before the new runs do.
    "--wait": flags.wait,
    "--wait-timeout": flags.waitTimeout,
  });
  checkConsent(flags, runs);
  const { includeRetried } = flags;
  const those = await manyRuns(client, runs, flags);
  return changeMany(call, { operation: "retry", ...present({ includeRetried }), ...those });
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

interface EraseFlags extends Flags {
  readonly reason: string;
  readonly yes?: boolean;
}

export function eraseCommand(): CliCommand {
  const command = new CliCommand("erase")
    .summary("erase the texts of a run")
    .description(
      "Erase what a run says of people and things: inputs, output, error, title, subject, labels, entity, link, reasons " +
        "and messages. An open run is cancelled first. Status, times, action, and who acted stay. You can't undo this. " +
        "The token needs the role owner, and you can't erase a run that you created. On a terminal, the command asks " +
        "first. In a script, use --yes. If a database still has texts, the command says so: repeat it later.",
    )
    .addArgument(runArgument())
    .addOption(new Option("--reason <text>", "why, in one line; the audit keeps it").makeOptionMandatory())
    .addOption(new Option("-y, --yes", "erase without a question"))
    .addHelpText("after", examples("action-runs erase 148ea617 --reason 'the customer asked, ticket 4711'"))
    .action(calling(erase));
  return withCall(command);
}

async function erase({ client, output, flags }: Call<EraseFlags>, text: string): Promise<undefined> {
  if (!flags.yes) requireTerminal("erase", "--yes to erase without a question");
  const id = await wholeRunIdForChange(client, text);
  if (!flags.yes) {
    const asking = people();
    await asking.line(`${runText(await client.runs.get(id, { include: "details" }), asking)}\n`);
    await requireYes("Erase the texts of this run for ever?", "Nothing was erased.");
  }
  const erasure = await client.runs.erase(id, flags.reason);
  await output.show(erasure, () => erasureText(erasure, output));
}

function erasureText(erasure: Schemas["RunErasure"], output: Output): string {
  const archived = erasure.archived.map(({ id, prefix }) => `${id} from ${prefix} on`);
  return fields(
    [
      ["run", erasure.id],
      ["erased", instantText(erasure.erasedAt)],
      ["complete", erasure.complete ? "yes" : "no: something still has texts. Repeat the command later"],
      ["shown elsewhere", `until ${instantText(erasure.forgottenAt)} at the latest`],
      ["same inputs", plain(erasure.retries.join(", "))],
      ["in the archive", plain(archived.join(", "))],
    ],
    output,
  );
}

interface CancelFlags extends Flags, BulkFlags {
  readonly reason?: string;
  readonly grace?: number;
  readonly pendingOnly?: boolean;
}

export function cancelCommand(): CliCommand {
  const command = new CliCommand("cancel")
    .summary("cancel a run, or many")
    .description(
      "Cancel a run. A pending run is cancelled at once. The job of a running run is asked to stop: the responses to " +
        "its heartbeats say so. If the run's trigger has a stop request, the service sends that too. The run stays " +
        "open for at most --grace seconds, and then ends as cancelled. If the job reports success in time, the run " +
        "succeeds. To wait for the end, use `get --wait`. If the run already ended, that is a conflict (exit code 5).",
    )
    .addArgument(runsArgument())
    .addOption(new Option("--reason <text>", "why, in one line; the job and all readers of the run see it"))
    .addOption(
      new Option(
        "--grace <seconds>",
        "how long the job may still work; 0 ends the run at once (default: 60)",
      ).argParser(wholeNumberFrom(0, 3600)),
    )
    .addOption(
      new Option("--pending-only", "leave a running run alone (exit code 5); allowed for every role").conflicts([
        "reason",
        "grace",
      ]),
    )
    .addOption(new Option("--idempotency-key <key>", "a repeated cancel with the same key succeeds again"));
  withBulk(command)
    .addHelpText(
      "after",
      BULK_HELP +
        examples(
          "action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617",
          "action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617 --reason 'wrong branch' --grace 30",
          "action-runs cancel --status pending --status running --label nightly",
          "action-runs cancel --status running --action-name deploy --yes --max 50 --reason 'bad release'",
        ),
    )
    .action(calling(cancel));
  return withCall(command);
}

async function cancel(call: Call<CancelFlags>, runs: readonly string[]): Promise<number | undefined> {
  const { client, output, flags } = call;
  const { reason, grace: graceSeconds } = flags;
  if (isAboutMany(runs, flags)) {
    refuseForMany({ "--pending-only": flags.pendingOnly });
    checkConsent(flags, runs);
    const those = await manyRuns(client, runs, flags);
    return changeMany(call, { operation: "cancel", ...present({ reason, graceSeconds }), ...those });
  }
  const id = await wholeRunIdForChange(client, runs[0] ?? "");
  const { idempotencyKey } = flags;
  // The details have the time at which a running run ends at the latest.
  const run = flags.pendingOnly
    ? await client.runs.cancelPending(id, { idempotencyKey })
    : await client.runs.cancel(id, { include: "details", reason, graceSeconds, idempotencyKey });
  await output.show(run, () => runText(run, output));
}

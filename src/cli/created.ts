/** Shows the new run of a command. With --wait, waits for the run's end. */

import { Option } from "commander";
import type { Client, StartedActionRun } from "../client/index.ts";
import type { CliCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { given } from "./options.ts";
import { complain, type Output, plain } from "./output.ts";
import { runText } from "./run-text.ts";
import { fields, instantText } from "./telling.ts";
import { untilEnded, withWaiting } from "./waiting.ts";
import { wrap } from "./wrap.ts";

export interface CreatingFlags {
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
  readonly waitTimeout?: number;
}

/** Adds the options of a command that makes a run. */
export function withCreating(command: CliCommand): CliCommand {
  const key = new Option(
    "--idempotency-key <key>",
    "a repeated request with the same key, body and token returns the same run",
  );
  return withWaiting(command.addOption(key));
}

/** What a header can carry. The service decides whether it is valid. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?$/;

/** The client's options for a call that makes a run. Programs that trace commands set TRACEPARENT. */
export function creatingOptions({ idempotencyKey }: CreatingFlags) {
  const { TRACEPARENT: text = "" } = process.env;
  return given({ idempotencyKey, traceparent: TRACEPARENT.test(text) ? text : undefined });
}

/** Returns the exit code. `hasTrigger`: whether a webhook starts the job. */
export async function showCreated(
  client: Client,
  created: StartedActionRun,
  flags: CreatingFlags,
  output: Output,
  { hasTrigger }: { readonly hasTrigger: boolean },
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

function createdText(created: StartedActionRun, output: Output, hasTrigger: boolean): string {
  const { callback } = created;
  if (callback === undefined) return runText(created, output);
  const { url, token, expiresAt } = callback;
  const rows = [
    ["callback", plain(url)],
    ["token", `${plain(token)} (shown only here)`],
    ["expires", instantText(expiresAt)],
  ];
  const text = `${runText(created, output)}\n${fields(rows, output)}`;
  if (hasTrigger) return text;
  return `${text}\n\n${wrap(`${NOTHING_STARTS_IT}\n${START_IT}`, output.columns)}`;
}

/** Shows the new run of a command. With --wait, waits for the run's end. */

import { Option } from "commander";
import type { Client, StartedActionRun } from "../client/index.ts";
import type { CliCommand } from "./command.ts";
import { EXIT } from "./exit.ts";
import { type Output, plain } from "./output.ts";
import { fields, instantText, runText } from "./telling.ts";
import { untilEnded, withWaiting } from "./waiting.ts";

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

/** Returns the exit code. */
export async function showCreated(
  client: Client,
  created: StartedActionRun,
  flags: CreatingFlags,
  output: Output,
): Promise<number> {
  if (!flags.wait) {
    await output.show(created, () => createdText(created, output));
    return EXIT.succeeded;
  }
  // With JSON, stdout holds one value: the run after its end.
  if (!output.isJson) await output.line(`${createdText(created, output)}\n`);
  return untilEnded(client, created.id, output, { seconds: flags.waitTimeout });
}

function createdText(created: StartedActionRun, output: Output): string {
  const { callback } = created;
  if (callback === undefined) return runText(created, output);
  const { url, token, expiresAt } = callback;
  const rows = [
    ["callback", plain(url)],
    ["token", `${plain(token)} (shown only here)`],
    ["expires", instantText(expiresAt)],
  ];
  return `${runText(created, output)}\n${fields(rows, output)}`;
}

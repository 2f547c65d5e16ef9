/** What nearly all commands do: they make the output and the client that their options name, and end with an exit code. */

import { type Command, Option } from "commander";
import type { Client } from "../client/index.ts";
import { type CliCommand, exiting, take, withConnection } from "./command.ts";
import { Output, type OutputFlags } from "./output.ts";
import { type ConnectionFlags, connect, type Needs } from "./settings.ts";

/** The options of a command that calls the API. */
export interface Flags extends ConnectionFlags, OutputFlags {}

export interface Call<F extends Flags> {
  readonly client: Client;
  readonly output: Output;
  readonly flags: F;
  /** Knows where an option comes from. */
  readonly command: Command;
}

/**
 * An action for commander: `work` gets the command's arguments, and resolves with the exit code, or with undefined for
 * success.
 */
export function calling<F extends Flags, A extends readonly unknown[] = readonly []>(
  work: (call: Call<F>, ...args: A) => Promise<number | undefined>,
  needs?: Needs | ((flags: F) => Needs),
) {
  // commander gives the arguments, the options, and then the command.
  return exiting(async (...given: readonly unknown[]) => {
    const flags = given.at(-2) as F;
    const command = given.at(-1) as Command;
    const output = new Output(flags);
    // A command without --env is about a project.
    const needsEnv = command.options.some(({ long }) => long === "--env");
    const client = await connect(flags, { needsEnv, ...(typeof needs === "function" ? needs(flags) : needs) });
    return work({ client, output, flags, command }, ...(given.slice(0, -2) as unknown as A));
  });
}

export interface ListFlags extends Flags {
  readonly limit?: number;
}

/** Prints a list: see `Output.list`. */
export function listing<F extends ListFlags, T, A extends readonly unknown[]>(
  list: (call: Call<F>, ...args: A) => AsyncIterable<T>,
  none: string,
  table: (things: readonly T[], output: Output) => string,
) {
  return calling<F, A>(async (call, ...args) => {
    await call.output.list(take(list(call, ...args), call.flags.limit), none, table);
  });
}

/** Shows what a request about one thing answers with. */
export function showing<T>(
  request: (client: Client, id: string) => Promise<T>,
  text: (answered: T, output: Output) => string,
) {
  return calling<Flags, [string]>(async ({ client, output }, id) => {
    const answered = await request(client, id);
    await output.show(answered, () => text(answered, output));
  });
}

/** Adds the options of a command that calls the API and prints the result. */
export function withCall(command: CliCommand, needs?: Needs): CliCommand {
  return withOutput(withConnection(command, needs));
}

/** Adds commands that call the API to the command that groups them. */
export function withCommands(group: CliCommand, commands: readonly CliCommand[], needs?: Needs): CliCommand {
  for (const command of commands) group.addCommand(withCall(command, needs));
  return group;
}

/** Adds the choice between text for people and JSON. */
export function withOutput(command: CliCommand): CliCommand {
  return command
    .optionsGroup("Output:")
    .addOption(new Option("--json", "print JSON; the default if stdout is not a terminal"))
    .addOption(new Option("--no-json", "print text, even if stdout is not a terminal"));
}

/** What nearly all commands do: they make the output and the client that their options name, and end with an exit code. */

import { type Command, Option } from "commander";
import type { Client } from "../client/index.ts";
import { type CliCommand, exiting, take, textOption, wholeNumberFrom, withConnection } from "./command.ts";
import { Output, type OutputFlags, plain } from "./output.ts";
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

/** The condition of a delete of a definition. */
interface ConditionFlags extends Flags {
  readonly ifVersion?: number;
}

export interface PutFlags extends ConditionFlags {
  readonly body: string;
  readonly ifNew?: boolean;
}

/** Adds the options of a command that stores a definition. `of`: what is stored, such as "action". */
export function withPut(command: CliCommand, of: string): CliCommand {
  return command
    .addOption(textOption("--body <json>", "the definition, as a JSON object").makeOptionMandatory())
    .addOption(ifVersionOption(of))
    .addOption(new Option("--if-new", `only if there is no such ${of}`).conflicts("ifVersion"));
}

/** The condition of a put. */
export const conditionOf = ({ ifNew, ifVersion }: PutFlags) => ({ ifVersion: ifNew ? null : ifVersion });

/** `of`: what has the version, such as "action". */
export function ifVersionOption(of: string): Option {
  const option = new Option("--if-version <version>", `only if the ${of} has this version`);
  return option.argParser(wholeNumberFrom(1, 2 ** 53 - 1));
}

/** Deletes a definition. `of`: the definitions of its kind. */
export function deletingOne(of: (client: Client) => Pick<Client["actions"], "delete">) {
  return calling<ConditionFlags, [string]>(async ({ client, output, flags: { ifVersion } }, name) => {
    await of(client).delete(name, { ifVersion });
    await output.show({ deleted: name }, () => `Deleted ${plain(name)}.`);
  });
}

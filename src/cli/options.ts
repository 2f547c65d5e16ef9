/** The options that several commands share, and how their values are read. */

import { InvalidArgumentError, Option } from "commander";
import type { CliCommand } from "./command.ts";

/** What completion looks up when it is asked. */
export type Offer = "profiles" | "files after @";

/** An option with values that are not known before. */
export class OfferingOption extends Option {
  readonly offers: Offer;

  constructor(flags: string, description: string, offers: Offer) {
    super(flags, description);
    this.offers = offers;
  }
}

/** One whose value is given as it is, as `@file`, or as `@-`: see `readText`. */
export function textOption(flags: string, description: string): OfferingOption {
  return new OfferingOption(flags, description, "files after @");
}

/** Adds what a command needs that speaks to the API. */
export function withConnection(command: CliCommand, { env = true } = {}): CliCommand {
  command
    .optionsGroup("Connection:")
    .addOption(new Option("--url <url>", "the server").env("ACTION_RUNS_URL"))
    .addOption(new Option("--org <name>", "the organisation").env("ACTION_RUNS_ORG"))
    .addOption(new Option("--project <name>", "the project").env("ACTION_RUNS_PROJECT"));
  if (env) command.addOption(new Option("--env <name>", "the environment").env("ACTION_RUNS_ENV"));
  command
    .addOption(
      new OfferingOption(
        "--profile <name>",
        "what `login` kept under this name; `default` unless named",
        "profiles",
      ).env("ACTION_RUNS_PROFILE"),
    )
    .addOption(
      new Option("--token-stdin", "read the token from stdin; otherwise ACTION_RUNS_TOKEN or the profile"),
    );
  return withCalling(command);
}

/** Adds what a command needs that speaks to a run's callback. stdin may belong to somebody else. */
export function withCallback(command: CliCommand, { tokenStdin = true } = {}): CliCommand {
  command
    .optionsGroup("Connection:")
    .addOption(
      new Option("--callback-url <url>", "the run's callback; its token is CALLBACK_TOKEN").env(
        "CALLBACK_URL",
      ),
    );
  if (tokenStdin) {
    command.addOption(
      new Option("--token-stdin", "read the callback's token from stdin, not from CALLBACK_TOKEN"),
    );
  }
  return withCalling(command);
}

function withCalling(command: CliCommand): CliCommand {
  return command
    .addOption(
      new Option("--retries <count>", "how often to try again when the server stumbles")
        .env("ACTION_RUNS_RETRIES")
        .argParser(wholeNumber(0, 100)),
    )
    .addOption(
      new Option("--request-timeout <seconds>", "when to take a server's silence for no answer")
        .env("ACTION_RUNS_REQUEST_TIMEOUT")
        .default(30)
        .argParser(wholeNumber(1, 3600)),
    );
}

/** Adds the choice between tables and JSON. */
export function withOutput(command: CliCommand): CliCommand {
  return command
    .optionsGroup("Output:")
    .addOption(new Option("--json", "print JSON; the default where stdout is no terminal"))
    .addOption(new Option("--no-json", "print for people, wherever it goes"));
}

/** A reader of whole numbers within bounds, both included. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return function wholeNumber(text) {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
  };
}

/** A reader for options that may come more than once. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** The same, of certain words. */
export function repeatedOf(words: readonly string[]): typeof repeated {
  return function repeatedOf(text, before) {
    if (words.includes(text)) return repeated(text, before);
    throw new InvalidArgumentError(`Give any of ${words.join(", ")}.`);
  };
}

/** A reader of ids. What one looks like is the service's to say, but an empty one or `..` would lead elsewhere. */
export function readId(text: string): string {
  if (!/^\.{0,2}$/.test(text)) return text;
  throw new InvalidArgumentError("Give the id as it was shown.");
}

/** An action for commander, of a function that resolves with the exit code. */
export function exiting<A extends readonly unknown[]>(
  run: (...args: A) => Promise<number>,
): (...args: A) => Promise<void> {
  return async function exiting(...args) {
    process.exitCode = await run(...args);
  };
}

/** Text for the end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/** The members of `options` that were given. Clients tell a missing member from one that is undefined. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The options that several commands share, and the readers of their values. */

import { Argument, Command, InvalidArgumentError, Option } from "commander";
import type { CliCommand } from "./command.ts";
import { withFlagNames } from "./flag-names.ts";

/** What completion looks up when the user presses tab. */
export type Offer = "profiles" | "files after @" | Suggested;

/** What completion asks the service for. */
export const SUGGESTED = [
  "stored actions",
  "webhook endpoints",
  "action names",
  "labels",
  "creators",
  "concurrency groups",
] as const;
export type Suggested = (typeof SUGGESTED)[number];

/** An option whose values completion must look up. */
export class OfferingOption extends Option {
  readonly offers: Offer;

  constructor(flags: string, description: string, offers: Offer) {
    super(flags, description);
    this.offers = offers;
  }
}

/** An option for which completion offers some of the values that it accepts. */
export class SuggestingOption extends Option {
  readonly suggestions: readonly string[];

  constructor(flags: string, description: string, suggestions: readonly string[]) {
    super(flags, description);
    this.suggestions = suggestions;
  }
}

/** An argument whose values completion must look up. */
export class OfferingArgument extends Argument {
  readonly offers: Suggested;

  constructor(name: string, description: string, offers: Suggested) {
    super(name, description);
    this.offers = offers;
  }
}

/** An option whose value is text, `@file`, or `@-`: see `readText`. */
export function textOption(flags: string, description: string): OfferingOption {
  return new OfferingOption(flags, description, "files after @");
}

/** Adds the options of a command that calls the API. */
export function withConnection(command: CliCommand, { env = true } = {}): CliCommand {
  command
    .optionsGroup("Connection:")
    .addOption(new Option("--url <url>", "the server's address").env("ACTION_RUNS_URL"))
    .addOption(new Option("--org <name>", "the organization").env("ACTION_RUNS_ORG"))
    .addOption(new Option("--project <name>", "the project").env("ACTION_RUNS_PROJECT"));
  if (env) command.addOption(new Option("--env <name>", "the environment").env("ACTION_RUNS_ENV"));
  command
    .addOption(
      new OfferingOption("--profile <name>", "a profile that `login` saved, instead of `default`", "profiles").env(
        "ACTION_RUNS_PROFILE",
      ),
    )
    .addOption(new Option("--token-stdin", "read the token from stdin, not from ACTION_RUNS_TOKEN or the profile"))
    .addOption(
      new Option("--on-behalf-of <person>", "the person for whom you act, if your token may act for others")
        .env("ACTION_RUNS_ON_BEHALF_OF")
        .argParser(readPerson),
    );
  return withCalling(command);
}

/** Adds the options of a command that uses a run's callback. `tokenStdin`: false if another program owns stdin. */
export function withCallbackOptions(command: CliCommand, { tokenStdin = true } = {}): CliCommand {
  command
    .optionsGroup("Connection:")
    .addOption(
      new Option("--callback-url <url>", "the run's callback URL; its token is in CALLBACK_TOKEN").env("CALLBACK_URL"),
    );
  if (tokenStdin) {
    command.addOption(new Option("--token-stdin", "read the callback token from stdin, not from CALLBACK_TOKEN"));
  }
  return withCalling(command);
}

function withCalling(command: CliCommand): CliCommand {
  return command
    .addOption(
      new Option("--retries <count>", "how often to retry a failed request")
        .env("ACTION_RUNS_RETRIES")
        .argParser(wholeNumberFrom(0, 100)),
    )
    .addOption(
      new Option("--request-timeout <seconds>", "how long to wait for a response")
        .env("ACTION_RUNS_REQUEST_TIMEOUT")
        .default(30)
        .argParser(wholeNumberFrom(1, 3600)),
    );
}

/** Adds the choice between text for people and JSON. */
export function withOutput(command: CliCommand): CliCommand {
  return command
    .optionsGroup("Output:")
    .addOption(new Option("--json", "print JSON; the default if stdout is not a terminal"))
    .addOption(new Option("--no-json", "print text, even if stdout is not a terminal"));
}

/** A reader of whole numbers from `least` to `most`. */
export function wholeNumberFrom(least: number, most: number): (text: string) => number {
  return function wholeNumberFrom(text) {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Use a whole number from ${least} to ${most}.`);
  };
}

/** A reader for options that can be repeated. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A reader for options that can be repeated, with a fixed set of values. */
export function repeatedOf(words: readonly string[]): typeof repeated {
  return function repeatedOf(text, before) {
    if (words.includes(text)) return repeated(text, before);
    throw new InvalidArgumentError(`Use one of ${words.join(", ")}.`);
  };
}

/** A reader of ids. The service checks the format, but an empty id or `..` would address another resource. */
export function readId(text: string): string {
  if (!/^\.{0,2}$/.test(text)) return text;
  throw new InvalidArgumentError("Use the id as it was shown.");
}

/** A reader of a person's name. The service also refuses what looks like root. */
export function readPerson(text: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw new InvalidArgumentError("Use 1 to 255 visible ASCII characters without spaces.");
}

/** A reader of the names of actions and webhook endpoints. */
export function readName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError(
    "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit.",
  );
}

/**
 * Turns a function that resolves with an exit code into an action for commander. In its errors, the options of the
 * command have the names that the user typed.
 */
export function exiting<A extends readonly unknown[]>(
  run: (...args: A) => Promise<number>,
): (...args: A) => Promise<void> {
  return async function exiting(this: unknown, ...args) {
    try {
      process.exitCode = await run(...args);
    } catch (fault) {
      throw this instanceof Command ? withFlagNames(fault, givenOptions(this)) : fault;
    }
  };
}

/** The options that the user gave. Another member of a request comes from --body, and has its own name there. */
function givenOptions(command: Command): readonly Option[] {
  const sourceOf = (option: Option) => command.getOptionValueSource(option.attributeName()) ?? "default";
  return command.options.filter((option) => sourceOf(option) !== "default");
}

/** Text for the end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/** `options` without undefined members, because the client's types don't allow undefined. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

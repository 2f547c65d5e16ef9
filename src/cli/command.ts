/** A command that throws instead of exiting. Each of its options that takes a value has an environment variable. */
import {
  type AddHelpTextContext,
  type AddHelpTextPosition,
  Argument,
  Command,
  InvalidArgumentError,
  Option,
} from "commander";
import { ActionRunsError } from "../client/index.ts";
import { fitted, reflow } from "./output.ts";

type HelpText = (context: AddHelpTextContext) => string;

const PROGRAM = "action-runs";
/** The width of the help without a terminal. */
const HELP_CELLS = 80;
/** The fewest cells in which the help breaks a text between words. */
const WRAP_FROM_CELLS = 20;

export class CliCommand extends Command {
  readonly #route: readonly string[];
  /** Options whose variable is derived from their name. The help explains the rule once instead of naming each. */
  readonly #derived = new Set<Option>();

  /** `route`: the words that lead to the command, for example `token create`. */
  constructor(route: string) {
    const words = route === "" ? [] : route.split(" ");
    super(words.at(-1) ?? PROGRAM);
    this.#route = words;
    this.exitOverride().showHelpAfterError(`(for help: ${[PROGRAM, ...words, "--help"].join(" ")})`);
    this.configureOutput({ outputError: (text, write) => write(fitted(text)) });
    const help = this.createHelp();
    this.configureHelp({
      minWidthToWrap: WRAP_FROM_CELLS,
      // Otherwise a command whose only option is --help has it below the options of the connection.
      groupItems: (items, visible, groupOf) =>
        help.groupItems([...visible.filter((item) => groupOf(item) === "Options:"), ...items], visible, groupOf),
      optionDescription: (option) => help.optionDescription(this.#derived.has(option) ? unnamed(option) : option),
    });
  }

  /** Adds text whose paragraphs fit the terminal. See `reflow`. */
  override addHelpText(position: AddHelpTextPosition, text: string | HelpText): this {
    return super.addHelpText(position, (context) => {
      const { getOutHelpWidth, getErrHelpWidth } = this.configureOutput();
      const cells = (context.error ? getErrHelpWidth : getOutHelpWidth)?.() ?? HELP_CELLS;
      return reflow(typeof text === "string" ? text : text(context), cells);
    });
  }

  override addOption(option: Option): this {
    if (option.required && option.envVar === undefined) {
      option.env(variableOf(this.#route, option.name()));
      this.#derived.add(option);
    }
    return super.addOption(option);
  }
}

function variableOf(route: readonly string[], option: string): string {
  return [PROGRAM, ...route, option].join("_").replaceAll("-", "_").toUpperCase();
}

function unnamed(option: Option): Option {
  return Object.assign(Object.create(option) as Option, { envVar: undefined });
}

/** What completion looks up when the user presses tab. */
export type Offer = "profiles" | "files after @" | Suggested;

/** What completion asks the service for. */
export const SUGGESTED = [
  "stored actions",
  "schedules",
  "webhook endpoints",
  "action names",
  "labels",
  "subjects",
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

/** Adds the options that say which environment is meant and who asks. `needsEnv`: false for what belongs to a project. */
export function withConnection(command: CliCommand, { needsEnv = true } = {}): CliCommand {
  command
    .optionsGroup("Connection:")
    .addOption(new Option("--url <url>", "the server's address").env("ACTION_RUNS_URL"))
    .addOption(new Option("--org <name>", "the organization").env("ACTION_RUNS_ORG"))
    .addOption(new Option("--project <name>", "the project").env("ACTION_RUNS_PROJECT"));
  if (needsEnv) command.addOption(new Option("--env <name>", "the environment").env("ACTION_RUNS_ENV"));
  command
    .addOption(
      new OfferingOption("--profile <name>", "a profile that `login` saved, instead of `default`", "profiles").env(
        "ACTION_RUNS_PROFILE",
      ),
    )
    .addOption(new Option("--token-stdin", "read the token from stdin, not from ACTION_RUNS_TOKEN or the profile"))
    .addOption(
      new Option("--token-id <id>", "in a CI job: a token that the job's proof opens, in place of a token")
        .env("ACTION_RUNS_TOKEN_ID")
        .argParser(readId),
    )
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
      new Option(
        "--callback-url <url>",
        "the run's callback URL; its token is in CALLBACK_TOKEN, or comes for a proof of the job",
      ).env("CALLBACK_URL"),
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

/** A reader of the names of definitions. */
export function readName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError(
    "Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit.",
  );
}

/**
 * Turns a function that resolves with an exit code, or with undefined for 0, into an action for commander. In its errors, the options of the
 * command have the names that the user typed.
 */
export function exiting<A extends readonly unknown[]>(
  run: (...args: A) => Promise<number | undefined>,
): (...args: A) => Promise<void> {
  return async function exiting(this: unknown, ...args) {
    try {
      process.exitCode = (await run(...args)) ?? 0;
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

/** The members of requests whose option has another name. */
const OPTIONS: ReadonlyMap<string, string> = new Map([
  ["labels", "label"],
  ["maxRuns", "max"],
  ["graceSeconds", "grace"],
  ["gracePeriodSeconds", "gracePeriod"],
  // --wait-timeout says how long the command waits, and not the run.
  ["waitTimeout", "gateTimeout"],
]);

/** What the service says about HTTP, and what users of commands do instead. */
const WORDS: readonly (readonly [string, string])[] = [
  ["GET …/tokens lists", "`action-runs token list` lists"],
  ["GET …/actions lists", "`action-runs action list` lists"],
  ["GET …/schedules lists", "`action-runs schedule list` lists"],
  ["GET …/bulk-operations lists", "`action-runs bulk list` lists"],
  ["GET …/webhook-endpoints lists", "`action-runs webhook list` lists"],
  ["GET …/status shows", "`action-runs webhook status` shows"],
  ["GET …/pauses lists", "`action-runs group pauses` lists"],
  ["GET …/action-runs/{id}?include=details", "`action-runs get --details`"],
  ["GET …/action-runs/{id} shows", "`action-runs get --details` shows"],
  ["notBefore, approval and concurrency hold back", "--not-before and the gates of an action hold back"],
  ["minted with mayApprove", "created with --may-approve"],
  ["session ended. Sign in again.", "session ended. Run `action-runs login` again."],
  ["minted with mayActForOthers", "created with --may-act-for-others"],
  ["Send the header On-Behalf-Of with", "Use --on-behalf-of with"],
  ["send gracePeriodSeconds 0", "use --grace-period 0"],
  ["Omit If-Match.", "Omit --if-version."],
  ["Send If-Match with its ETag to replace it", "Omit --if-new to replace it"],
  ["the one in your If-Match", "the one in --if-version"],
  ["Idempotency-Key", "--idempotency-key"],
  ["On-Behalf-Of", "--on-behalf-of"],
  [" (in a query, write + as %2B)", ""],
];

/** The error in the words of the command line: `--created-after` instead of `createdAfter`. `options`: those in use. */
export function withFlagNames(fault: unknown, options: readonly Option[]): unknown {
  if (!(fault instanceof ActionRunsError)) return fault;
  const { message, cause, ...details } = fault;
  // The service names a member at the beginning of a sentence.
  const named =
    fault.status !== 400
      ? message
      : message.replace(/(^|\. )(?:filter\.)?([A-Za-z]+)(?:\.\d+)?: /g, (whole, before: string, member: string) => {
          const name = OPTIONS.get(member) ?? member;
          const flag = options.find((option) => option.attributeName() === name)?.long;
          return flag ? `${before}${flag}: ` : whole;
        });
  const told = WORDS.reduce((text, [http, ours]) => text.replaceAll(http, ours), named);
  return new ActionRunsError(told, { ...details, cause });
}

/** `usual`: the limit without the option; undefined shows all. */
export function limitOption(usual?: number): Option {
  const option = new Option("-n, --limit <count>", "show at most this many").argParser(wholeNumberFrom(1, 1e9));
  return usual === undefined ? option : option.default(usual);
}

/** The first `count` things. The rest is not requested. */
export async function* take<T>(things: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): AsyncGenerator<T> {
  let left = count;
  for await (const thing of things) {
    yield thing;
    if (--left <= 0) return;
  }
}

/** How many requests are under way at a time. */
const AT_ONCE = 8;

/** Does `work` with all things, a few at a time. The results are in the order of the things. */
export async function inTurns<T, R>(things: readonly T[], work: (thing: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < things.length; at += AT_ONCE) {
    results.push(...(await Promise.all(things.slice(at, at + AT_ONCE).map(work))));
  }
  return results;
}

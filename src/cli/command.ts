/** A command as data: its words, its options and what it does. Most commands make a client and call the API. */
import { type AddHelpTextContext, type AddHelpTextPosition, Command, type Option } from "commander";
import type { Client } from "../client/index.ts";
import { CommandFailed, EXIT, errorSentence, exitCodeOf, withFlagNames } from "./exit.ts";
import {
  type Arguments,
  CONNECTION,
  type FlagsOf,
  type Options,
  OUTPUT,
  type ValuesOf,
  withoutEnv,
} from "./options.ts";
import { fitted, Output, reflow } from "./output.ts";
import { type ConnectionFlags, connect, type Subject } from "./settings.ts";

type HelpText = (context: AddHelpTextContext) => string;

const PROGRAM = "action-runs";
const HELP_CELLS = 80;
const WRAP_FROM_CELLS = 20;

/** A command that throws instead of exiting. Each of its options that takes a value has an environment variable. */
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
      optionDescription: (option) =>
        help.optionDescription(this.#derived.has(option) ? withVariable(option, undefined) : option),
    });
  }

  override addHelpText(position: AddHelpTextPosition, text: string | HelpText): this {
    return super.addHelpText(position, (context) => {
      const { getOutHelpWidth, getErrHelpWidth } = this.configureOutput();
      const cells = (context.error ? getErrHelpWidth : getOutHelpWidth)?.() ?? HELP_CELLS;
      return reflow(typeof text === "string" ? text : text(context), cells);
    });
  }

  override addOption(option: Option): this {
    if (!option.required || option.envVar !== undefined) return super.addOption(option);
    const variable = [PROGRAM, ...this.#route, option.name()].join("_").replaceAll("-", "_").toUpperCase();
    const named = withVariable(option, variable);
    this.#derived.add(named);
    return super.addOption(named);
  }
}

/** A copy, because commands share options. */
function withVariable(option: Option, envVar: string | undefined): Option {
  return Object.assign(Object.create(option) as Option, { envVar });
}

/** Makes the command. A new one each time, because commander stores parsed values in it. */
export type Build = () => CliCommand;

interface Words {
  /** Its first sentence also stands behind the command's name, in the help of what is above it. */
  readonly about: string;
  /** Text of the help between options and examples. */
  readonly help?: string;
  readonly examples: readonly string[];
}

interface Spec<O extends Options, A extends Arguments> extends Words {
  readonly arguments?: A;
  readonly options?: O;
  /** Whether a usage error is another failure, because the exit code of usage errors has another meaning. */
  readonly isUsageFailure?: boolean;
}

export interface Call<O extends Options = []> {
  readonly flags: FlagsOf<O>;
  readonly output: Output;
  readonly command: CliCommand;
}

/** Returns the exit code, or undefined for 0. */
type Run<C, A extends Arguments> = (call: C, ...values: ValuesOf<A>) => Promise<number | undefined>;

/** A command. Its options are all that it names. In its errors, options have the names that the user typed. */
export function command<const O extends Options = [], const A extends Arguments = []>(
  route: string,
  { arguments: values, options, isUsageFailure, run, ...words }: Spec<O, A> & { readonly run: Run<Call<O>, A> },
): Build {
  return () => {
    const built = described(route, words);
    for (const one of values ?? []) built.addArgument(one);
    for (const one of options ?? []) built.addOption(one);
    // commander gives the arguments, the options, and then the command.
    return built.action(async (...given) => {
      const flags = built.opts<FlagsOf<O>>();
      try {
        const call = { flags, output: new Output(flags), command: built };
        process.exitCode = (await run(call, ...(given.slice(0, -2) as unknown as ValuesOf<A>))) ?? 0;
      } catch (fault) {
        const named = withFlagNames(fault, givenOptions(built));
        throw isUsageFailure && exitCodeOf(named) === EXIT.usage
          ? new CommandFailed(errorSentence(named) ?? "")
          : named;
      }
    });
  };
}

export function group(route: string, { commands, ...words }: Words & { readonly commands: readonly Build[] }): Build {
  return () => {
    const built = described(route, words);
    for (const build of commands) built.addCommand(build());
    return built;
  };
}

function described(route: string, { about, help = "", examples }: Words): CliCommand {
  const shown = `${help}\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}`;
  return new CliCommand(route).summary(firstSentence(about)).description(about).addHelpText("after", shown);
}

/** Without its full stop and its capital. */
function firstSentence(text: string): string {
  const [sentence = ""] = text.split(/\.(?: |$)/, 1);
  return sentence.slice(0, 1).toLowerCase() + sentence.slice(1);
}

/** The options that the user gave. Another member of a request comes from --body, and has its own name there. */
function givenOptions(command: Command): readonly Option[] {
  const sourceOf = (option: Option) => command.getOptionValueSource(option.attributeName()) ?? "default";
  return command.options.filter((option) => sourceOf(option) !== "default");
}

type Connected<O extends Options> = readonly [...O, ...typeof CONNECTION, ...typeof OUTPUT];

export interface ApiCall<O extends Options = []> extends Call<Connected<O>> {
  readonly client: Client;
}

interface ApiSpec<O extends Options, A extends Arguments> extends Spec<O, A> {
  /** What the command is about. Default: an environment. */
  readonly subject?: Subject | ((flags: FlagsOf<O>) => Subject);
}

export function calling<const O extends Options = [], const A extends Arguments = []>(
  route: string,
  { subject = "environment", run, options, ...spec }: ApiSpec<O, A> & { readonly run: Run<ApiCall<O>, A> },
): Build {
  const connection = subject === "project" || subject === "service" ? withoutEnv(CONNECTION) : CONNECTION;
  return command<Connected<O>, A>(route, {
    ...spec,
    options: [...(options ?? []), ...connection, ...OUTPUT] as unknown as Connected<O>,
    async run(call, ...values) {
      const about = typeof subject === "function" ? subject(call.flags as FlagsOf<O>) : subject;
      const client = await connect(call.flags as unknown as ConnectionFlags, about);
      return run({ ...call, client }, ...values);
    },
  });
}

export function listing<T, const O extends Options = [], const A extends Arguments = []>(
  route: string,
  spec: ApiSpec<O, A> & {
    readonly list: (call: ApiCall<O>, ...values: ValuesOf<A>) => AsyncIterable<T>;
    readonly none: string;
    readonly table: (things: readonly T[], output: Output) => string;
  },
): Build {
  return calling<O, A>(route, {
    ...spec,
    async run(call, ...values) {
      const { limit } = call.flags as { readonly limit?: number };
      await call.output.list(take(spec.list(call, ...values), limit), spec.none, spec.table);
    },
  });
}

export function showing<T, const O extends Options = [], const A extends Arguments = []>(
  route: string,
  spec: ApiSpec<O, A> & {
    readonly ask: (call: ApiCall<O>, ...values: ValuesOf<A>) => Promise<T>;
    readonly text: (answer: T, output: Output) => string;
    readonly exitCode?: (answer: T) => number;
  },
): Build {
  return calling<O, A>(route, {
    ...spec,
    async run(call, ...values) {
      const answer = await spec.ask(call, ...values);
      await call.output.show(answer, () => spec.text(answer, call.output));
      return spec.exitCode?.(answer);
    },
  });
}

/** The first `count` things. The rest is not requested. */
export async function* take<T>(things: AsyncIterable<T>, count = Number.POSITIVE_INFINITY): AsyncGenerator<T> {
  let left = count;
  for await (const thing of things) {
    yield thing;
    if (--left <= 0) return;
  }
}

const AT_ONCE = 8;

/** Does `work` with all things, a few at a time. The results are in the order of the things. */
export async function inTurns<T, R>(things: readonly T[], work: (thing: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < things.length; at += AT_ONCE) {
    results.push(...(await Promise.all(things.slice(at, at + AT_ONCE).map(work))));
  }
  return results;
}

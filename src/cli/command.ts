/** A command that throws instead of exiting. Each of its options that takes a value has an environment variable. */

import { type AddHelpTextContext, type AddHelpTextPosition, Command, type Option } from "commander";
import { fitted } from "./output.ts";
import { reflow } from "./wrap.ts";

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

/** What holds for every command: it throws instead of exiting, and each of its options with a value has a variable. */

import { Command, type Option } from "commander";

const PROGRAM = "action-runs";

export class CliCommand extends Command {
  readonly #route: readonly string[];
  /** Those whose variable follows from their name. The help says so once, at the top: a line of it is long enough. */
  readonly #derived = new Set<Option>();

  /** `route`: the words that lead to it, `token create` for one. */
  constructor(route: string) {
    const words = route === "" ? [] : route.split(" ");
    super(words.at(-1) ?? PROGRAM);
    this.#route = words;
    this.exitOverride().showHelpAfterError(`(${[PROGRAM, ...words, "--help"].join(" ")} says more)`);
    const help = this.createHelp();
    this.configureHelp({
      optionDescription: (option) =>
        help.optionDescription(this.#derived.has(option) ? unnamed(option) : option),
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

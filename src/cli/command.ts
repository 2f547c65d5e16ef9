/** A command that throws instead of exiting. Each of its options that takes a value has an environment variable. */

import { Command, type Option } from "commander";

const PROGRAM = "action-runs";

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

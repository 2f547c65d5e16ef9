/**
 * Completion scripts, made from commander's own tree of commands, so that they know what the parser knows and nothing
 * else. PURE. They ask no server.
 */

import type { Command, Option } from "commander";

export const SHELLS = ["bash", "zsh"] as const;
export type Shell = (typeof SHELLS)[number];

/** A place on the command line: what may come there. `route` is the words that lead to it, each after a space. */
interface Place {
  readonly route: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
  readonly options: readonly Option[];
}

export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program, "");
  return shell === "bash" ? bash(program.name(), places) : zsh(program.name(), places);
}

function placesOf(command: Command, route: string): readonly Place[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const options = help.visibleOptions(command);
  const words = [
    ...subcommands.map((one) => ({ word: one.name(), about: one.summary() || one.description() })),
    ...argumentChoices(command).map((word) => ({ word, about: "" })),
    ...options.map(({ long, short, description }) => ({ word: long ?? short ?? "", about: description })),
  ];
  const below = command.commands.flatMap((one) => placesOf(one, `${route} ${one.name()}`));
  return [{ route, words, options }, ...below];
}

function argumentChoices(command: Command): readonly string[] {
  return command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
}

/** Patterns of `route:option` for options with certain values, and for those with any. */
function valuePatterns({ route, options }: Place) {
  const patterns = ({ long, short }: Option) =>
    [long, short].flatMap((flag) => (flag === undefined ? [] : [quote(`${route}:${flag}`)])).join("|");
  const taking = options.filter((option) => option.required);
  return {
    certain: taking
      .filter((option) => option.argChoices !== undefined)
      .map((option) => ({ pattern: patterns(option), choices: option.argChoices ?? [] })),
    any: taking.filter((option) => option.argChoices === undefined).map(patterns),
  };
}

function bash(name: string, places: readonly Place[]): string {
  const values = places.map(valuePatterns);
  return `# bash completion for ${name}. Once: source <(${name} completion bash)
_${identifier(name)}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} route='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    # What follows is another command's: files are offered.
    if [[ \${COMP_WORDS[i]} == -- ]]; then return; fi
    case "$route \${COMP_WORDS[i]}" in
      ${routes(places)}) route="$route \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$route:$prev" in
${values
  .flatMap(({ certain }) => certain)
  .map(
    ({ pattern, choices }) =>
      `    ${pattern}) COMPREPLY=($(compgen -W ${quote(choices.join(" "))} -- "$cur")); return ;;\n`,
  )
  .join("")}    ${values.flatMap(({ any }) => any).join("|")}) return ;;
  esac
  case "$route" in
${places
  .map(
    ({ route, words }) =>
      `    ${quote(route)}) COMPREPLY=($(compgen -W ${quote(words.map(({ word }) => word).join(" "))} -- "$cur")) ;;\n`,
  )
  .join("")}  esac
}
complete -o default -F _${identifier(name)} ${name}`;
}

function zsh(name: string, places: readonly Place[]): string {
  const values = places.map(valuePatterns);
  return `#compdef ${name}
# zsh completion for ${name}. Once: source <(${name} completion zsh), after compinit; or a file _${name} on the fpath.
_${identifier(name)}() {
  local -a items
  local route='' i
  for ((i = 2; i < CURRENT; i++)); do
    if [[ \${words[i]} == -- ]]; then _files; return; fi
    case "$route \${words[i]}" in
      ${routes(places)}) route="$route \${words[i]}" ;;
    esac
  done
  case "$route:\${words[CURRENT-1]}" in
${values
  .flatMap(({ certain }) => certain)
  .map(({ pattern, choices }) => `    ${pattern}) compadd -- ${choices.map(quote).join(" ")}; return ;;\n`)
  .join("")}    ${values.flatMap(({ any }) => any).join("|")}) _files; return ;;
  esac
  case "$route" in
${places
  .map(
    ({ route, words }) =>
      `    ${quote(route)}) items=(${words.map(({ word, about }) => quote(`${word}:${about.replaceAll(":", "\\:")}`)).join(" ")}) ;;\n`,
  )
  .join("")}  esac
  _describe ${quote(name)} items
}
if [[ "\${funcstack[1]}" == _${name} ]]; then _${identifier(name)} "$@"; else compdef _${identifier(name)} ${name}; fi`;
}

function routes(places: readonly Place[]): string {
  return places
    .filter(({ route }) => route !== "")
    .map(({ route }) => quote(route))
    .join("|");
}

function identifier(name: string): string {
  return name.replaceAll(/[^a-z0-9]/gi, "_");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''").replaceAll("\n", " ")}'`;
}

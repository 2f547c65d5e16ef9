/**
 * `completion`: prints a script for bash or zsh, made from commander's tree of commands, so that it matches the parser.
 * For what exists in an environment, the script calls `suggest`, which is hidden.
 */
import type { Command, Option } from "commander";
import type { Client } from "../../client/index.ts";
import { command } from "../command.ts";
import { argument, CliArgument, CliOption, CONNECTION, type Offer, SUGGESTED, type Suggested } from "../options.ts";
import { plain } from "../output.ts";
import { connect } from "../settings.ts";

type Shell = "bash" | "zsh";

export const completionCommand = command("completion", {
  about: "Print a completion script for bash or zsh.",
  arguments: [argument("<shell>", "the shell", { choices: ["bash", "zsh"] as const })],
  examples: ["source <(action-runs completion bash)", "action-runs completion zsh > ~/.zfunc/_action-runs"],
  async run({ output, command }, shell) {
    if (command.parent !== null) await output.line(completionScript(shell, command.parent));
  },
});

/** What may come next on the command line. `route`: the words that lead there, each after a space. */
interface Position {
  readonly route: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
  readonly options: readonly Option[];
  readonly offers: Offer | undefined;
}

const NAME = "action-runs";
const OWN = "_action_runs";
/** Tab must not take long, also if the server does not answer. */
const QUICKLY = "--retries 0 --request-timeout 2";
/** Not --url, because tab must send a token only where the user's settings say. */
const HANDED_ON = ["--profile", "--org", "--project", "--env"] as const;

export function completionScript(shell: Shell, program: Command): string {
  const positions = positionsOf(program, "");
  return shell === "bash" ? bash(positions) : zsh(positions);
}

function positionsOf(command: Command, route: string): readonly Position[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const options = help.visibleOptions(command);
  const words = [
    ...subcommands.map((one) => ({ word: one.name(), about: one.summary() || one.description() })),
    ...command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices.map((word) => ({ word, about: "" }))),
    ...options.map(({ long, short, description }) => ({ word: long ?? short ?? "", about: description })),
  ];
  const below = command.commands.flatMap((one) => positionsOf(one, `${route} ${one.name()}`));
  const offers = command.registeredArguments.map((one) => (one instanceof CliArgument ? one.offers : undefined));
  return [{ route, words, options, offers: offers.find(Boolean) }, ...below];
}

/** The code of a shell that completes each kind of value. */
interface Completers {
  readonly profiles: string;
  readonly files: string;
  readonly anything: string;
  readonly words: (words: readonly string[]) => string;
  readonly suggested: (what: Suggested) => string;
}

/** The branches of a `case` on `route:option`, for the options that take a value. */
function branches(positions: readonly Position[], completers: Completers): string {
  return positions
    .flatMap(({ route, options }) =>
      options
        .filter(({ required }) => required)
        .map((option) => {
          const flags = [option.long, option.short].filter((flag) => flag !== undefined);
          const pattern = flags.map((flag) => quote(`${route}:${flag}`)).join("|");
          return `    ${pattern}) ${completerOf(option, completers)} ;;\n`;
        }),
    )
    .join("");
}

function completerOf(option: Option, completers: Completers): string {
  const { offers, suggests } = option instanceof CliOption ? option : {};
  const words = suggests ?? option.argChoices;
  if (words !== undefined) return completers.words(words);
  if (offers === "profiles") return completers.profiles;
  if (offers === "files after @") return completers.files;
  return offers === undefined ? completers.anything : completers.suggested(offers);
}

/** Prints the profiles' names. It must look in the same folder as settings.ts and skip other files. */
function profileLister(prelude: string): string {
  return `${OWN}_profiles() {
  ${prelude}
  local folder=\${HOME-}/.config file
  if [[ \${XDG_CONFIG_HOME-} == /* ]]; then folder=$XDG_CONFIG_HOME; fi
  if [[ \${OS-} == Windows_NT && -n \${APPDATA-} ]]; then folder=$APPDATA; fi
  for file in "$folder"/${NAME}/*.json; do
    file=\${file##*/}
    if [[ $file =~ ^[A-Za-z0-9][A-Za-z0-9._-]*[.]json$ ]]; then echo "\${file%.json}"; fi
  done
}`;
}

function bash(positions: readonly Position[]): string {
  return `# bash completion for ${NAME}. To use it: source <(${NAME} completion bash)
${profileLister(":")}
# Offers the arguments that begin with \`value\`, without the part that bash keeps before the cursor.
${OWN}_offer() {
  local one
  for one in "$@"; do
    if [[ $one == "$value"* ]]; then one=\${whole%"$value"}$one; COMPREPLY+=("\${one#"$standing"}"); fi
  done
}
# Offers what the service has. A value may contain anything, so it is quoted.
${OWN}_suggest() {
  local one i typed=\${value//\\\\/}
  local -a said asked=(${QUICKLY})
  if ((\${#typed} < 2)); then return; fi
  read -ra said <<< "$before"
  for ((i = 0; i < \${#said[@]}; i++)); do
    case "\${said[i]}" in
      ${HANDED_ON.join("|")}) asked+=("\${said[i]}" "\${said[i + 1]-}") ;;
      ${HANDED_ON.map((flag) => `${flag}=*`).join("|")}) asked+=("\${said[i]}") ;;
    esac
  done
  while IFS= read -r one; do
    if [[ $one != "$typed"* ]]; then continue; fi
    printf -v one %q "$one"
    one=\${whole%"$value"}$one
    COMPREPLY+=("\${one#"$standing"}")
  done < <(${NAME} suggest "$1" "$typed" "\${asked[@]}" 2>/dev/null)
}
${OWN}_files() {
  local one typed=\${value#@}
  if [[ $value != @* ]]; then
    if [[ -z $value ]]; then ${OWN}_offer @; compopt -o nospace 2>/dev/null; fi
    return
  fi
  while IFS= read -r one; do
    if [[ -d $one ]]; then one=$one/; compopt -o nospace 2>/dev/null; fi
    printf -v one %q "$one"
    one=\${whole%"$value"}@$one
    COMPREPLY+=("\${one#"$standing"}")
  done < <(compgen -f -- "\${typed//\\\\/}")
}
${OWN}() {
  local line=\${COMP_LINE:0:COMP_POINT} route='' i
  local whole=\${line##*[[:space:]]}
  local before=\${line%"$whole"}
  before=\${before%"\${before##*[![:space:]]}"}
  local option=\${before##*[[:space:]]} value=$whole
  # bash splits --name=value and @file into words, and replaces only the last word.
  local standing=\${whole%"\${2-}"}
  if [[ $whole == --*=* ]]; then option=\${whole%%=*} value=\${whole#*=}; fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    # The rest is another command. bash then offers files.
    if [[ \${COMP_WORDS[i]} == -- ]]; then return; fi
    case "$route \${COMP_WORDS[i]}" in
      ${routes(positions)}) route="$route \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$route:$option" in
${branches(positions, {
  words: (words) => `${OWN}_offer ${words.map(quote).join(" ")}; return`,
  profiles: `${OWN}_offer $(${OWN}_profiles); return`,
  suggested: (what) => `${OWN}_suggest ${quote(what)}; return`,
  files: `${OWN}_files; return`,
  anything: "return",
})}  esac
  case "$route" in
${positions
  .map(
    ({ route, words, offers }) =>
      `    ${quote(route)}) ${OWN}_offer ${words.map(({ word }) => quote(word)).join(" ")}${offers === undefined ? "" : `; ${OWN}_suggest ${quote(offers)}`} ;;\n`,
  )
  .join("")}  esac
}
complete -o default -F ${OWN} ${NAME}`;
}

function zsh(positions: readonly Position[]): string {
  return `#compdef ${NAME}
# zsh completion for ${NAME}. To use it, after compinit: source <(${NAME} completion zsh)
# Or save it as _${NAME} in a folder of your fpath.
${profileLister("setopt localoptions nullglob")}
${OWN}_suggest() {
  local -a asked=(${QUICKLY})
  local i
  if (( \${#PREFIX} < 2 )); then return 1; fi
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      ${HANDED_ON.join("|")}) asked+=("\${words[i]}" "\${words[i + 1]}") ;;
      ${HANDED_ON.map((flag) => `${flag}=*`).join("|")}) asked+=("\${words[i]}") ;;
    esac
  done
  compadd -- \${(f)"$(${NAME} suggest "$1" "\${(Q)PREFIX}" $asked 2>/dev/null)"}
}
${OWN}() {
  local -a items
  local route='' i option=\${words[CURRENT-1]}
  for ((i = 2; i < CURRENT; i++)); do
    if [[ \${words[i]} == -- ]]; then _files; return; fi
    case "$route \${words[i]}" in
      ${routes(positions)}) route="$route \${words[i]}" ;;
    esac
  done
  if [[ \${words[CURRENT]} == --*=* ]]; then option=\${words[CURRENT]%%=*}; compset -P 1 '*='; fi
  case "$route:$option" in
${branches(positions, {
  words: (words) => `compadd -- ${words.map(quote).join(" ")}; return`,
  profiles: `compadd -- \${(f)"$(${OWN}_profiles)"}; return`,
  suggested: (what) => `${OWN}_suggest ${quote(what)}; return`,
  files: "if compset -P @; then _files; else compadd -S '' -- @; fi; return",
  anything: "_files; return",
})}  esac
  case "$route" in
${positions
  .map(
    ({ route, words, offers }) =>
      `    ${quote(route)}) items=(${zshItems(words)})${offers === undefined ? "" : `; ${OWN}_suggest ${quote(offers)}`} ;;\n`,
  )
  .join("")}  esac
  _describe ${quote(NAME)} items
}
if [[ "\${funcstack[1]}" == _${NAME} ]]; then ${OWN} "$@"; else compdef ${OWN} ${NAME}; fi`;
}

function zshItems(words: Position["words"]): string {
  return words.map(({ word, about }) => quote(`${word}:${about.replaceAll(":", "\\:")}`)).join(" ");
}

function routes(positions: readonly Position[]): string {
  return positions
    .filter(({ route }) => route !== "")
    .map(({ route }) => quote(route))
    .join("|");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''").replaceAll("\n", " ")}'`;
}

export const suggestCommand = command("suggest", {
  about: "Print the values that begin with a text, for completion. Prints nothing if there is a problem.",
  arguments: [
    argument("<what>", "what to suggest", { choices: SUGGESTED }),
    argument("<begin>", "how the value begins"),
  ],
  options: CONNECTION,
  examples: ["action-runs suggest 'action names' de"],
  async run({ flags, output }, what, begin) {
    try {
      const values = await suggestionsFor(await connect(flags, "environment"), what, begin);
      if (values.length > 0) await output.line(values.join("\n"));
    } catch {
      // A message would appear in the middle of the line that the user types.
    }
  },
});

const LEAST_CHARACTERS = 2;
const MOST = 20;

/** At most 20 values, sorted. None before the second character. Throws as the client does. */
async function suggestionsFor(client: Client, what: Suggested, begin: string): Promise<readonly string[]> {
  if (begin.length < LEAST_CHARACTERS) return [];
  const values = await suggestedValues(client, what, begin);
  return (
    [...new Set(values)]
      // A shell must show the value, and read it as one line.
      .filter((value) => value.startsWith(begin) && plain(value) === value)
      .sort()
      .slice(0, MOST)
  );
}

async function namesOf(list: AsyncIterable<{ readonly name: string }>): Promise<readonly string[]> {
  return (await Array.fromAsync(list)).map(({ name }) => name);
}

const FIELDS = { "action names": "actionName", labels: "label", subjects: "subject", creators: "triggeredBy" } as const;

/** Values, of filters those that contain a text. The only function that knows where values come from. */
async function suggestedValues(client: Client, what: Suggested, contains: string): Promise<readonly string[]> {
  if (what === "stored actions") return namesOf(client.actions.list());
  if (what === "schedules") return namesOf(client.schedules.list());
  if (what === "webhook endpoints") return namesOf(client.webhookEndpoints.list());
  if (what === "concurrency groups") return groupsOf(client);
  const { values } = await client.runs.facets({ field: FIELDS[what], contains });
  // An action that never ran has no run that says its name.
  return what === "action names" ? [...(await namesOf(client.actions.list())), ...values] : values;
}

async function groupsOf(client: Client): Promise<readonly string[]> {
  const open = await Array.fromAsync(client.concurrencyGroups.list());
  return [...(await client.pauses.list()), ...open].map(({ group }) => group);
}

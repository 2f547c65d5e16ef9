/**
 * `completion`: prints a script for bash or zsh, made from commander's tree of commands, so that it always matches the
 * parser. The shell itself looks up profiles and files. For what exists in an environment, such as labels, the script
 * calls `suggest`, which is hidden because only such scripts call it.
 */
import { Argument, type Command, type Option } from "commander";
import type { Client } from "../../client/index.ts";
import {
  CliCommand,
  examples,
  exiting,
  type Offer,
  OfferingArgument,
  OfferingOption,
  SUGGESTED,
  type Suggested,
  SuggestingOption,
  withConnection,
} from "../command.ts";
import { EXIT } from "../exit.ts";
import { Output, plain } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

export function completionCommand(program: CliCommand): CliCommand {
  return new CliCommand("completion")
    .summary("print a completion script for bash or zsh")
    .description("Print a completion script for bash or zsh.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      examples("source <(action-runs completion bash)", "action-runs completion zsh > ~/.zfunc/_action-runs"),
    )
    .action(
      exiting(async (shell: Shell) => {
        await new Output({ json: false }).line(completionScript(shell, program));
        return EXIT.succeeded;
      }),
    );
}

const SHELLS = ["bash", "zsh"] as const;
type Shell = (typeof SHELLS)[number];

/** What may come next on the command line. `route`: the words that lead there, each after a space. */
interface Position {
  readonly route: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
  readonly options: readonly Option[];
  /** What to suggest for an argument; null for nothing. */
  readonly suggested: Suggested | null;
}

/** Tab must not take long, also if the server does not answer. */
const QUICKLY = "--retries 0 --request-timeout 2";
/** Not --url, because tab must send a token only where the user's settings say. */
const CONNECTION = ["--profile", "--org", "--project", "--env"] as const;

export function completionScript(shell: Shell, program: Command): string {
  const positions = positionsOf(program, "");
  return shell === "bash" ? bash(program.name(), positions) : zsh(program.name(), positions);
}

function positionsOf(command: Command, route: string): readonly Position[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const options = help.visibleOptions(command);
  const words = [
    ...subcommands.map((one) => ({ word: one.name(), about: one.summary() || one.description() })),
    ...argumentChoices(command).map((word) => ({ word, about: "" })),
    ...options.map(({ long, short, description }) => ({ word: long ?? short ?? "", about: description })),
  ];
  const below = command.commands.flatMap((one) => positionsOf(one, `${route} ${one.name()}`));
  const argument = command.registeredArguments.find((one) => one instanceof OfferingArgument);
  return [{ route, words, options, suggested: argument?.offers ?? null }, ...below];
}

function argumentChoices(command: Command): readonly string[] {
  return command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
}

/** An option that takes a value. `pattern` matches `route:option` in a script. */
interface Values {
  readonly pattern: string;
  readonly option: Option;
}

function valuesOf(positions: readonly Position[]): readonly Values[] {
  return positions.flatMap(({ route, options }) =>
    options
      .filter(({ required }) => required)
      .map((option) => ({
        option,
        pattern: [option.long, option.short].flatMap((flag) => (flag ? [quote(`${route}:${flag}`)] : [])).join("|"),
      })),
  );
}

/** The branches of a `case` on `route:option`. `completedBy`: the code that completes each kind of value. */
function branches(
  values: readonly Values[],
  completedBy: Readonly<Record<Exclude<Offer, Suggested> | "anything", string>> & {
    readonly choices: (words: readonly string[]) => string;
    readonly suggested: (what: Suggested) => string;
  },
): string {
  return values
    .map(({ pattern, option }) => {
      const offer = option instanceof OfferingOption ? option.offers : "anything";
      const words = option instanceof SuggestingOption ? option.suggestions : option.argChoices;
      const by = words
        ? completedBy.choices(words)
        : isSuggested(offer)
          ? completedBy.suggested(offer)
          : completedBy[offer];
      return `    ${pattern}) ${by} ;;\n`;
    })
    .join("");
}

function isSuggested(offer: string): offer is Suggested {
  return (SUGGESTED as readonly string[]).includes(offer);
}

/**
 * A shell function that prints the profiles' names. It must look in the same folder as profile.ts and skip other files.
 */
function profileLister(name: string, prelude: string): string {
  return `_${identifier(name)}_profiles() {
  ${prelude}
  local folder=\${HOME-}/.config file
  if [[ \${XDG_CONFIG_HOME-} == /* ]]; then folder=$XDG_CONFIG_HOME; fi
  if [[ \${OS-} == Windows_NT && -n \${APPDATA-} ]]; then folder=$APPDATA; fi
  for file in "$folder"/${name}/*.json; do
    file=\${file##*/}
    if [[ $file =~ ^[A-Za-z0-9][A-Za-z0-9._-]*[.]json$ ]]; then echo "\${file%.json}"; fi
  done
}`;
}

function bash(name: string, positions: readonly Position[]): string {
  const own = `_${identifier(name)}`;
  return `# bash completion for ${name}. To use it: source <(${name} completion bash)
${profileLister(name, ":")}
# Offers the arguments that begin with \`value\`, without the part that bash keeps before the cursor.
${own}_offer() {
  local one
  for one in "$@"; do
    if [[ $one == "$value"* ]]; then one=\${whole%"$value"}$one; COMPREPLY+=("\${one#"$standing"}"); fi
  done
}
# Offers what the service has. A value may contain anything, so it is quoted.
${own}_suggest() {
  local one i typed=\${value//\\\\/}
  local -a said asked=(${QUICKLY})
  if ((\${#typed} < 2)); then return; fi
  read -ra said <<< "$before"
  for ((i = 0; i < \${#said[@]}; i++)); do
    case "\${said[i]}" in
      ${CONNECTION.join("|")}) asked+=("\${said[i]}" "\${said[i + 1]-}") ;;
      ${CONNECTION.map((flag) => `${flag}=*`).join("|")}) asked+=("\${said[i]}") ;;
    esac
  done
  while IFS= read -r one; do
    if [[ $one != "$typed"* ]]; then continue; fi
    printf -v one %q "$one"
    one=\${whole%"$value"}$one
    COMPREPLY+=("\${one#"$standing"}")
  done < <(${name} suggest "$1" "$typed" "\${asked[@]}" 2>/dev/null)
}
${own}_files() {
  local one typed=\${value#@}
  if [[ $value != @* ]]; then
    if [[ -z $value ]]; then ${own}_offer @; compopt -o nospace 2>/dev/null; fi
    return
  fi
  while IFS= read -r one; do
    if [[ -d $one ]]; then one=$one/; compopt -o nospace 2>/dev/null; fi
    printf -v one %q "$one"
    one=\${whole%"$value"}@$one
    COMPREPLY+=("\${one#"$standing"}")
  done < <(compgen -f -- "\${typed//\\\\/}")
}
${own}() {
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
${branches(valuesOf(positions), {
  choices: (words) => `${own}_offer ${words.map(quote).join(" ")}; return`,
  profiles: `${own}_offer $(${own}_profiles); return`,
  suggested: (what) => `${own}_suggest ${quote(what)}; return`,
  "files after @": `${own}_files; return`,
  anything: "return",
})}  esac
  case "$route" in
${positions
  .map(
    ({ route, words, suggested }) =>
      `    ${quote(route)}) ${own}_offer ${words.map(({ word }) => quote(word)).join(" ")}${suggested === null ? "" : `; ${own}_suggest ${quote(suggested)}`} ;;\n`,
  )
  .join("")}  esac
}
complete -o default -F ${own} ${name}`;
}

function zsh(name: string, positions: readonly Position[]): string {
  const own = `_${identifier(name)}`;
  return `#compdef ${name}
# zsh completion for ${name}. To use it, after compinit: source <(${name} completion zsh)
# Or save it as _${name} in a folder of your fpath.
${profileLister(name, "setopt localoptions nullglob")}
${own}_suggest() {
  local -a asked=(${QUICKLY})
  local i
  if (( \${#PREFIX} < 2 )); then return 1; fi
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      ${CONNECTION.join("|")}) asked+=("\${words[i]}" "\${words[i + 1]}") ;;
      ${CONNECTION.map((flag) => `${flag}=*`).join("|")}) asked+=("\${words[i]}") ;;
    esac
  done
  compadd -- \${(f)"$(${name} suggest "$1" "\${(Q)PREFIX}" $asked 2>/dev/null)"}
}
${own}() {
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
${branches(valuesOf(positions), {
  choices: (words) => `compadd -- ${words.map(quote).join(" ")}; return`,
  profiles: `compadd -- \${(f)"$(${own}_profiles)"}; return`,
  suggested: (what) => `${own}_suggest ${quote(what)}; return`,
  "files after @": "if compset -P @; then _files; else compadd -S '' -- @; fi; return",
  anything: "_files; return",
})}  esac
  case "$route" in
${positions
  .map(
    ({ route, words, suggested }) =>
      `    ${quote(route)}) items=(${zshItems(words)})${suggested === null ? "" : `; ${own}_suggest ${quote(suggested)}`} ;;\n`,
  )
  .join("")}  esac
  _describe ${quote(name)} items
}
if [[ "\${funcstack[1]}" == _${name} ]]; then ${own} "$@"; else compdef ${own} ${name}; fi`;
}

/** The words with what they do, as zsh's `_describe` reads them. */
function zshItems(words: Position["words"]): string {
  return words.map(({ word, about }) => quote(`${word}:${about.replaceAll(":", "\\:")}`)).join(" ");
}

function routes(positions: readonly Position[]): string {
  return positions
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

export function suggestCommand(): CliCommand {
  const command = new CliCommand("suggest")
    .description("Print the values that begin with a text, for completion. Prints nothing if there is a problem.")
    .addArgument(new Argument("<what>", "what to suggest").choices(SUGGESTED))
    .argument("<begin>", "how the value begins")
    .addHelpText("after", examples("action-runs suggest 'action names' de"))
    .action(
      exiting(async (what: Suggested, begin: string, flags: ConnectionFlags) => {
        const output = new Output({ json: false });
        try {
          const values = await suggestionsFor(await connect(flags), what, begin);
          if (values.length > 0) await output.line(values.join("\n"));
        } catch {
          // A message would appear in the middle of the line that the user types.
        }
        return EXIT.succeeded;
      }),
    );
  return withConnection(command);
}

const LEAST_CHARACTERS = 2;
const MOST = 20;

/** At most 20 values, sorted. None before the second character. Throws as the client does. */
async function suggestionsFor(client: Client, what: Suggested, begin: string): Promise<readonly string[]> {
  if (begin.length < LEAST_CHARACTERS) return [];
  const values = await suggestedValues(client, what, begin);
  return [...new Set(values)]
    .filter((value) => value.startsWith(begin) && isOneWord(value))
    .sort()
    .slice(0, MOST);
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

/** Groups of runs and actions, and paused ones. */
async function groupsOf(client: Client): Promise<readonly string[]> {
  const open = await Array.fromAsync(client.concurrencyGroups.list());
  return [...(await client.pauses.list()), ...open].map(({ group }) => group);
}

/** Whether a shell can show the value, and read it as one line. */
function isOneWord(value: string): boolean {
  return plain(value) === value;
}

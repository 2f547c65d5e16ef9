/** Commands for a terminal that do the same: with `curl`, and with the project's command line. */

import { Command } from "../ui/empty.tsx";
import type { Commands } from "./commands.ts";

interface CommandPairProps {
  readonly commands: Commands;
  /** For the names of the copy buttons: "to cancel the run". */
  readonly what: string;
}

export function CommandPair({ commands: { cli, curl }, what }: CommandPairProps) {
  return (
    <div class="command-pair">
      <Command what={`command ${what}`} text={cli} />
      <Command what={`curl ${what}`} text={curl} />
    </div>
  );
}

/** For dialogs. It is closed at first. */
export function CommandDetails(props: CommandPairProps) {
  return (
    <details class="disclosure">
      <summary>As a command</summary>
      <p class="hint">
        Both read your token from <code>$ACTION_RUNS_TOKEN</code>.
      </p>
      <CommandPair {...props} />
    </details>
  );
}

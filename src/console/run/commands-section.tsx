/** Commands for a terminal that do the same: with `curl`, and with the project's command line. */

import type { ComponentChildren } from "preact";
import { Command } from "../ui/empty.tsx";
import type { Commands } from "../ui/shell-commands.ts";

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

interface CommandDetailsProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

/** It is closed at first. */
export function CommandDetails({ title, children }: CommandDetailsProps) {
  return (
    <details class="disclosure">
      <summary>{title}</summary>
      <p class="hint">
        Both read your token from <code>$ACTION_RUNS_TOKEN</code>.
      </p>
      {children}
    </details>
  );
}

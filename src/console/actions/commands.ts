/** What the pages of actions do, as commands for a terminal. PURE. */

import { type Commands, cli, curl, sending, type Target } from "../ui/shell-commands.ts";

/** Something small to begin with. It calls a webhook, because most actions do. */
export const FIRST_DEFINITION = {
  description: "Deploys a version of the shop.",
  trigger: { type: "webhook", url: "https://ci.example.com/hooks/deploy" },
  parametersSchema: {
    type: "object",
    properties: { version: { type: "string", description: "Such as 1.4.2" } },
    required: ["version"],
  },
};

/** The command line reads the definition from a file. */
export function putCommands(target: Target, name: string, definition: object): Commands {
  return {
    curl: curl(target, `actions/${name}`, sending("PUT", JSON.stringify(definition))),
    cli: cli(target, ["action", "put", name, "--body", `@${name}.json`]),
  };
}

export function runCommands(target: Target, name: string): Commands {
  return {
    curl: curl(target, `actions/${name}/runs`, sending("POST", '{"parameters":{}}')),
    cli: cli(target, ["action", "run", name]),
  };
}

/** `whoami`: shows what the token is and opens. */

import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { examples, exiting, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags, plain } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { fields, flagsText, instantText } from "../telling.ts";

interface Flags extends ConnectionFlags, OutputFlags {}

export function whoamiCommand(): CliCommand {
  const command = new CliCommand("whoami")
    .summary("show what your token is and opens")
    .description("Show the name, role, scope, person, expiry and permissions of your token.")
    .addHelpText("after", examples("action-runs whoami", "action-runs whoami --json | jq -r .role"))
    .action(
      exiting(async (flags: Flags) => {
        const output = new Output(flags);
        const client = await connect(flags, { needsEnv: false, needsProject: false });
        const me = await client.whoami();
        const rows = [
          ["name", plain(me.name)],
          ["id", me.id && plain(me.id)],
          ["role", plain(me.role)],
          ["project", me.project === null ? "all" : plain(me.project)],
          ["environment", me.envName === null ? "all" : plain(me.envName)],
          ["person", me.person && plain(me.person)],
          ["may also", flagsText(me)],
          ["expires", me.expiresAt === null ? "never" : instantText(me.expiresAt)],
          ["permissions", me.permissions.map(plain).join(", ")],
        ];
        await output.show(me, () => fields(rows, output));
        return EXIT.succeeded;
      }),
    );
  return withOutput(withConnection(command));
}

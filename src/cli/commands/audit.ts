/** `audit`: lists who created and revoked tokens of a project, and who requested a resync. */

import { Option } from "commander";
import type { AuditEntry } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { examples, exiting, wholeNumberFrom, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { auditTable } from "../telling.ts";
import { take } from "./list.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly limit: number;
}

export function auditCommand(): CliCommand {
  const command = new CliCommand("audit")
    .summary("list who changed tokens")
    .description("List who created, rotated and revoked tokens, and who requested a resync, newest first.")
    .addOption(
      new Option("-n, --limit <count>", "show at most this many")
        .default(50)
        .argParser(wholeNumberFrom(1, 1e9)),
    )
    .addHelpText("after", examples("action-runs audit", "action-runs audit --limit 500 --json"))
    .action(
      exiting(async (flags: Flags) => {
        const output = new Output(flags);
        const client = await connect(flags, { needsEnv: false });
        const entries = take(client.audit.list(), flags.limit);
        if (output.isJson) {
          await output.array(entries);
          return EXIT.succeeded;
        }
        const shown: AuditEntry[] = [];
        for await (const entry of entries) shown.push(entry);
        await output.line(shown.length === 0 ? "There are no entries." : auditTable(shown, output));
        return EXIT.succeeded;
      }),
    );
  return withOutput(withConnection(command, { env: false }));
}
